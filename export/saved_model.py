"""A flow as a SavedModel, in numbered versions."""

import dataclasses
import os
import pathlib

import keras

from export import probe
from export.signatures import Signature, signatures
from export.versions import Versions
from zoo import FlowModel


def save(
    model: FlowModel, directory: str | os.PathLike[str], version: int | None = None
) -> pathlib.Path:
    """Writes the model as a SavedModel that needs TensorFlow alone, and returns its path.

    The version appears in the folder complete and checked against the model, or not at all; a
    server that watches the folder may be running. `export.signatures` says what it answers.

    Args:
        model: a trained model.
        directory: the folder of the versions; it is made if need be.
        version: number of the new version, by default one more than the highest.

    Returns:
        The path `directory/<version>`.

    Raises:
        TypeError: for a version that is no integer.
        ValueError: for a version that exists, a folder of another kind, a model whose data-set
            weights have seen no data, or one whose answers are not finite.
    """
    versions = Versions(directory)
    versions.check(version)
    if not model.initialized:
        msg = (
            f"`model` must be initialized; what {model.name!r} sets from data has seen none. Fit "
            "it, call `model.initialize(x)`, or load its weights first."
        )
        raise ValueError(msg)
    traced = {s: _traced(s) for s in signatures(model)}
    with versions.writing() as aside:
        _write(list(traced.values()), aside)
        probe.check(aside, model.form, [dataclasses.replace(s, function=f) for s, f in traced.items()])
        return versions.publish(aside, version)


def _traced(signature: Signature) -> ConcreteFunction:
    function = tf.function(signature.function, list(signature.inputs), autograph=False)
    return function.get_concrete_function()
