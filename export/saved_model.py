"""A flow as a SavedModel, in numbered versions."""

import contextlib
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from export import description, probe, server_files, warmup
from export.learned import has_learned
from export.onnx import check_installed
from export.questions import questions
from export.signatures import Signature, signatures
from export.versions import Versions
from zoo import FlowModel

DEFAULT = "serving_default"
"""The signature that servers answer with where a request names none."""


def save(
    model: FlowModel,
    directory: str | os.PathLike[str],
    version: int | None = None,
    *,
    untrained: bool = False,
    measured: Mapping[str, Any] | None = None,
    onnx: bool = False,
) -> pathlib.Path:
    """Writes the model as a SavedModel that needs TensorFlow alone, and returns its path.

    The version appears in the folder complete and checked against the model, or not at all, so a
    server may be watching the folder. `export.signatures.signatures` says what it answers. Beside
    the versions are files for a model server to start with, unless such files are there already.

    Args:
        model: a trained model.
        directory: the folder of the versions; it is made if need be.
        version: number of the new version, by default one more than the highest.
        untrained: whether a model that has learned nothing may be exported.
        measured: figures of the model, as `RunFolder.read_results` has them, for `model.json`.
        onnx: whether to write `assets.extra/onnx/<signature>.onnx` as well, of `log_prob`, `encode`
            and `decode`, by the extra `onnx`.

    Returns:
        The path `directory/<version>`.

    Raises:
        TypeError: for a version that is no integer.
        ValueError: for a version that exists, a folder of another kind, a model that has learned
            nothing or has yet to be initialized from data, or one whose answers are not finite; and
            if ONNX is asked for, where the extra is missing or a signature cannot be had in it.
        OSError: if the folder cannot be written to.
    """
    versions = Versions(directory)
    versions.check(version)
    if onnx:
        check_installed()
    if not untrained:
        _check_trained(model)
    traced = [signature.traced() for signature in signatures(model)]
    asked = questions(traced)
    with versions.writing() as aside:
        with _full_disks_named(aside):
            _write(traced, aside)
            description.write(aside, model, traced, measured)
            warmup.write(aside, {**asked, DEFAULT: asked[traced[0].name]})
        probe.check(aside, traced, asked)
        if onnx:
            from export.onnx.files import write

            write(aside)
        server_files.write(versions.directory)
        return versions.publish(aside, version)


def _check_trained(model: FlowModel) -> None:
    advice = "Fit it or load its weights first, or pass `untrained=True`."
    if not model.initialized:
        msg = (
            f"`model` must be initialized; {model.name!r} has weights that are set from data and "
            "has seen none. "
        )
        raise ValueError(msg + advice)
    if not has_learned(model):
        msg = f"`model` must be trained; the weights of {model.name!r} are those it began with. "
        raise ValueError(msg + advice)


def _write(traced: Sequence[Signature], path: pathlib.Path) -> None:
    graphs: dict[str, Any] = {signature.name: signature.function for signature in traced}
    weights = _Weights(
        [variable for graph in graphs.values() for variable in graph.graph.variables]
    )
    graphs[DEFAULT] = traced[0].function
    tf.saved_model.save(weights, str(path), signatures=graphs)


@contextlib.contextmanager
def _full_disks_named(path: pathlib.Path) -> Iterator[None]:
    """Raises what TensorFlow cannot write, for a full disk for one, as an OSError."""
    try:
        yield
    except tf.errors.OpError as error:
        msg = f"the SavedModel cannot be written to {path.parent}: {error.message}"
        raise OSError(msg) from error


class _Weights(tf.Module):
    """Raw variables on a tf.Module: the one form that servers find as well as Python does.

    They are what the graphs read and nothing else: no variables of the optimizer or the metric.
    """

    def __init__(self, variables: Sequence[tf.Variable]) -> None:
        super().__init__()
        self.weights = list({id(variable): variable for variable in variables}.values())
