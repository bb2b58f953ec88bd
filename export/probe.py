"""The check of a written SavedModel, before anyone serves it."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from export.questions import Inputs, require_finite
from export.quiet import quiet
from export.signatures import Signature

TOLERANCE = 1e-3
"""Between a right export and the model there are the last bits of float32, amplified by the flow;
between a wrong one and the model there are whole numbers."""


def check(
    path: pathlib.Path, signatures: Sequence[Signature], questions: Mapping[str, Inputs]
) -> None:
    """Raises unless the SavedModel answers the questions as the model does, in every signature.

    It is loaded into a session, as servers load it; `tf.saved_model.load` also accepts SavedModels
    whose variables no server finds.

    Args:
        path: the SavedModel.
        signatures: what was saved of the model, as functions that are traced already.
        questions: inputs for each signature by its name.

    Raises:
        ValueError: if the model's own answers are not finite.
        RuntimeError: if the SavedModel answers otherwise.
    """
    # It warns that the loader into a session is deprecated: servers use it.
    with quiet("tensorflow"), tf.Graph().as_default(), _session() as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        served = {s.name: _ask(session, loaded, s, questions[s.name]) for s in signatures}
    for signature in signatures:
        inputs = map(tf.constant, questions[signature.name].values())
        answer = signature.function(*inputs)[signature.output].numpy()
        _compare(signature.name, served[signature.name], answer)


def _session() -> tf.compat.v1.Session:
    """Returns a session that runs graphs as they are: for one run, optimising them is a waste."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return tf.compat.v1.Session(config=config)


def _ask(
    session: tf.compat.v1.Session, loaded: Any, signature: Signature, inputs: Inputs
) -> np.ndarray:
    tensors = loaded.signature_def[signature.name]
    feeds = {tensors.inputs[name].name: value for name, value in inputs.items()}
    return session.run(tensors.outputs[signature.output].name, feeds)


def _compare(name: str, served: np.ndarray, answer: np.ndarray) -> None:
    if answer.dtype == object:  # PNG files of floored pixels, each of which may be one beside
        served, answer = _pixels(served), _pixels(answer)
        answer = np.where(np.abs(served - answer) == 1, served, answer)
    require_finite(name, answer)
    error = np.max(np.abs(served - answer)) / (1 + np.max(np.abs(answer)))
    if not error <= TOLERANCE:
        msg = f"the SavedModel's {name!r} differs from the model's by a share of {error:.1e}."
        raise RuntimeError(msg)


def _pixels(files: np.ndarray) -> np.ndarray:
    return np.stack([tf.io.decode_image(file).numpy().astype(float) for file in files])
