"""What an export says on the terminal: where it is, what it answers, and how to ask."""

import json
import pathlib
import shlex

import tensorflow as tf

from export.onnx import FOLDER
from export.saved_model import DEFAULT
from export.signatures import Signature, signatures
from zoo import FlowModel

SAMPLES, SEED = 4, 0


def lines(model: FlowModel, path: pathlib.Path, seconds: float) -> list[tuple[str, str]]:
    """Returns pairs of a heading and its text.

    Args:
        model: the model that was saved.
        path: of the SavedModel.
        seconds: that it took.
    """
    found = signatures(model)
    answers = [f"{DEFAULT} is {found[0].name}", *map(_call, found)]
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return [
        ("SavedModel", f"{path} ({size / 1e6:.1f} MB, {seconds:.0f} s)"),
        *zip(("signatures", *[""] * (len(answers) - 1)), answers, strict=True),
        *(("ONNX", str(file)) for file in sorted((path / FOLDER).glob("*.onnx"))),
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


def _call(signature: Signature) -> str:
    inputs = ", ".join(f"{name}: {_type(spec)}" for name, spec in signature.inputs.items())
    return f"{signature.name}({inputs}) -> {signature.output}"


def _type(spec: tf.TensorSpec) -> str:
    sizes = ", ".join("N" if size is None else str(size) for size in spec.shape)
    return f"{spec.dtype.name} [{sizes}]" if sizes else spec.dtype.name
