"""Where a training breaks: the first layer whose numbers are not finite."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from zoo.flow_model import FlowModel
from zoo.networks import keras_layers
from zoo.watching import Passage, watching


@dataclasses.dataclass(frozen=True, kw_only=True)
class NotFinite:
    """The first thing that is not finite.

    Args:
        layer: name of the layer, as in weights files; 'data', or 'base' for the base distribution.
        what: 'rows', 'weights', 'values', 'log-det', 'log-density' or 'gradient'.
    """

    layer: str
    what: str

    def __str__(self) -> str:
        """Returns the two in words."""
        return f"the {self.what} of {self.layer!r}"


def first_not_finite(model: FlowModel, batch: Any, *, step: int | None = None) -> NotFinite | None:
    """Returns the first layer at which a training step on a batch breaks, or None.

    The step is taken eagerly and changes nothing. From data to latents the first layer is named
    that returns, for finite values, values or a log-det that are not; if it holds weights that are
    not finite, the Keras layer with these. If all are finite, so is the loss looked at, and then
    the gradient, from the latents back to the data.

    Args:
        model: the model, with the weights that the step begins at.
        batch: rows [B, *event] as they are trained on, or a dict of 'x' and 'condition'.
        step: number of the step, on which dequantization noise depends; by default the optimizer's.
    """
    x = batch["x"] if isinstance(batch, dict) else batch
    if not _finite([x]):
        return NotFinite(layer="data", what="rows")
    inputs = batch if model.form.conditional else x
    with _as_it_was(model, step), watching(model) as passages, tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model(inputs, training=True))
    *layers, _ = passages
    for passage in layers:
        if not _finite([passage.made]):
            return _named(passage, "values")
        if not _finite([passage.log_det]):
            return _named(passage, "log-det")
    if not _finite([loss]):
        return NotFinite(layer="base", what="log-density")
    return _first_gradient(tape, loss, layers)


def _named(passage: Passage, what: str) -> NotFinite:
    for layer in keras_layers(passage.layer):
        if not _finite(layer.weights):
            return NotFinite(layer=layer.name, what="weights")
    return NotFinite(layer=passage.layer.name, what=what)


def _first_gradient(
    tape: tf.GradientTape, loss: tf.Tensor, passages: Sequence[Passage]
) -> NotFinite | None:
    """Returns the first layer, as a gradient comes from the latents, that makes it not finite."""
    weights = [_weights(passage.layer) for passage in passages]
    taken = [passage.taken for passage in passages]
    gradients: Any = tape.gradient(loss, [taken, weights])
    of_taken, of_weights = gradients
    for passage, at_input, own in reversed(list(zip(passages, of_taken, of_weights, strict=True))):
        for name, values in own.items():
            if not _finite(values):
                return NotFinite(layer=name, what="gradient")
        if not _finite([at_input]):
            return NotFinite(layer=passage.layer.name, what="gradient")
    return None


def _weights(layer: tfb.Bijector) -> dict[str, list[tf.Variable]]:
    return {
        part.name: [weight.value for weight in part.trainable_weights]
        for part in keras_layers(layer)
    }


def _finite(values: Sequence[Any]) -> bool:
    """Tells whether no number among the values is NaN or infinite; None is no number."""
    tensors = [tf.convert_to_tensor(value) for value in values if value is not None]
    return all(
        bool(tf.reduce_all(tf.math.is_finite(value)))
        for value in tensors
        if value.dtype.is_floating
    )


@contextlib.contextmanager
def _as_it_was(model: FlowModel, step: int | None) -> Iterator[None]:
    """Puts the optimizer at a step within it, and leaves statistics and step as they were."""
    kept: list[keras.Variable] = list(model.non_trainable_variables)
    if step is not None:
        kept.append(model.optimizer.iterations)
    values = [variable.numpy() for variable in kept]
    try:
        if step is not None:
            model.optimizer.iterations.assign(step)
        yield
    finally:
        for variable, value in zip(kept, values, strict=True):
            variable.assign(value)
