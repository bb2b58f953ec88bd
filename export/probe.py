"""The check of a written SavedModel, before anyone serves it."""

import contextlib
import logging
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from export.signatures import Signature
from zoo.prepare import Form

ROWS = 3
TOLERANCE = 1e-3
"""Between a right export and the model there are the last bits of float32, amplified by the flow;
between a wrong one and the model there are whole numbers."""


def check(path: pathlib.Path, form: Form, signatures: Sequence[Signature]) -> None:
    """Raises unless the SavedModel answers a few rows as the model does, in every signature.

    It is loaded into a session, as servers load it; `tf.saved_model.load` also accepts SavedModels
    whose variables no server finds.

    Args:
        path: the SavedModel.
        form: of the model's data.
        signatures: what was saved of the model, as functions that are traced already.

    Raises:
        ValueError: if the model's own answers are not finite.
        RuntimeError: if the SavedModel answers otherwise.
    """
    questions = _questions(form, signatures)
    with _no_warnings(), tf.Graph().as_default(), _session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        served = {s.name: _ask(session, loaded, s, questions[s.name]) for s in signatures}
    for signature in signatures:
        answer = signature.function(*questions[signature.name])[signature.output].numpy()
        _compare(signature.name, served[signature.name], answer)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Keeps TensorFlow from saying that its loader into a session is deprecated: servers use it."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _session() -> tf.compat.v1.Session:
    """Returns a session that runs graphs as they are: for one run, optimising them is a waste."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.compat.v1.Session(config=config)


def _questions(form: Form, signatures: Sequence[Signature]) -> dict[str, list[tf.Tensor]]:
    """Returns the inputs for each signature, with the model's own samples as data."""
    given = {"num": ROWS, "temperature": np.ones(ROWS)}
    if form.conditional:
        given["condition"] = np.zeros([ROWS, *form.shapes["condition"]])
    by_name = {s.name: s for s in signatures}

    def inputs(name: str) -> list[tf.Tensor]:
        return [_value(key, spec, given) for key, spec in by_name[name].inputs.items()]

    given["x"] = by_name["sample_rows"].function(*inputs("sample_rows"))["x"].numpy()
    _require_finite("sample_rows", given["x"])
    given["z"] = by_name["encode"].function(*inputs("encode"))["z"].numpy()
    _require_finite("encode", given["z"])
    if "sample_rows_bytes" in by_name:
        files = by_name["sample_rows_bytes"].function(*inputs("sample_rows_bytes"))
        given["image_bytes"] = files["image_bytes"].numpy()
    return {name: inputs(name) for name in by_name}


def _value(name: str, spec: tf.TensorSpec, given: dict[str, Any]) -> tf.Tensor:
    shape = [ROWS if size is None else size for size in spec.shape]
    value = np.arange(math.prod(shape)).reshape(shape) if name == "seed" else given[name]
    return tf.cast(value, spec.dtype) if spec.dtype != tf.string else tf.constant(value)


def _ask(
    session: tf.compat.v1.Session, loaded: Any, signature: Signature, inputs: list[tf.Tensor]
) -> np.ndarray:
    tensors = loaded.signature_def[signature.name]
    names = [tensors.inputs[name].name for name in signature.inputs]
    feeds = {name: x.numpy() for name, x in zip(names, inputs, strict=True)}
    return session.run(tensors.outputs[signature.output].name, feeds)


def _compare(name: str, served: np.ndarray, answer: np.ndarray) -> None:
    if answer.dtype == object:  # PNG files of floored pixels, each of which may be one beside
        served, answer = _pixels(served), _pixels(answer)
        answer = np.where(np.abs(served - answer) == 1, served, answer)
    _require_finite(name, answer)
    error = np.max(np.abs(served - answer)) / (1 + np.max(np.abs(answer)))
    if not error <= TOLERANCE:
        msg = f"the SavedModel's {name!r} differs from the model's by a share of {error:.1e}."
        raise RuntimeError(msg)


def _pixels(files: np.ndarray) -> np.ndarray:
    return np.stack([tf.io.decode_image(file).numpy().astype(float) for file in files])


def _require_finite(name: str, answer: np.ndarray) -> None:
    if not np.all(np.isfinite(answer)):
        msg = f"`model` must give finite numbers; its {name!r} does not: train it again."
        raise ValueError(msg)
