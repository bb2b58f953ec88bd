"""What an export says on the terminal: where it is, what it answers, and how to ask."""

import json
import pathlib
import shlex

import tensorflow as tf

from export import examples, server_files, warmup
from export.onnx import FOLDER
from export.saved_model import DEFAULT
from export.signatures import Signature, signatures
from zoo import FlowModel

SAMPLES, SEED = 4, 0


def lines(model: FlowModel, path: pathlib.Path, seconds: float) -> list[tuple[str, str]]:
    """Returns pairs of a heading and its text.

    Args:
        model: the model that was saved.
        path: of the SavedModel, in the folder of its versions.
        seconds: that it took.
    """
    found = signatures(model)
    answers = [f"{DEFAULT} is {found[0].name}", *map(_call, found)]
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return [
        ("SavedModel", f"{path} ({size / 1e6:.1f} MB, {seconds:.0f} s)"),
        *zip(("signatures", *[""] * (len(answers) - 1)), answers, strict=True),
        *(("ONNX", str(file)) for file in sorted((path / FOLDER).glob("*.onnx"))),
        ("warm-up", _warm_up(path)),
        *(("kept", f"{file}, which was there") for file in server_files.kept(path.parent)),
        ("server", shlex.join(server_files.command(path.parent))),
        ("request", _request(model, found, path.parent)),
        ("query", query(model, path)),
    ]


def query(model: FlowModel, path: pathlib.Path) -> str:
    """Returns a command of the shell, one line of Python that draws samples of the SavedModel."""
    inputs = f"num=tf.constant({SAMPLES}), seed=tf.constant({SEED})"
    if model.form.conditional:
        shape, dtype = [1, *model.form.shapes["condition"]], model.form.dtypes["condition"]
        inputs += f", condition=tf.zeros({shape}, tf.{dtype})"
    # JSON's strings are Python's, in the double quotes that a shell's single ones leave alone.
    loaded = f"tf.saved_model.load({json.dumps(str(path), ensure_ascii=False)})"
    asked = f'{loaded}.signatures["sample"]({inputs})["x"]'
    return shlex.join(["python", "-c", f"import tensorflow as tf; print({asked})"])


def _warm_up(path: pathlib.Path) -> str:
    if (path / warmup.FILE).is_file():
        return "a request for each signature that takes rows"
    return f"none was written: {warmup.INSTALL}, then export again"


def _request(model: FlowModel, found: list[Signature], directory: pathlib.Path) -> str:
    """Returns the command of the shell that asks the server for a sample."""
    (asked,) = (signature for signature in found if signature.name == "sample_rows")
    request = examples.example(model.form, asked)
    return examples.curl(server_files.model_name(directory), asked.name, request)


def _call(signature: Signature) -> str:
    inputs = ", ".join(f"{name}: {_type(spec)}" for name, spec in signature.inputs.items())
    return f"{signature.name}({inputs}) -> {signature.output}"


def _type(spec: tf.TensorSpec) -> str:
    sizes = ", ".join("N" if size is None else str(size) for size in spec.shape)
    return f"{spec.dtype.name} [{sizes}]" if sizes else spec.dtype.name
