"""Where the numbers that a layer of an image flow takes are in the image."""

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from tfflows import Bijector, Squeeze
from zoo.watching import rebuilt


def places(flow: tfb.Bijector, shape: tuple[int, ...]) -> list[tuple[tfb.Bijector, np.ndarray]]:
    """Returns the layers in the order data meets them, and the places of what each is given.

    Squeezes, which change nothing but places, are left out.

    Args:
        flow: the flow.
        shape: of its event.

    Returns:
        Layers, and for each an integer array of the shape of its event: of every number the place
        in the event of data, flattened.
    """
    noted: list[tuple[tfb.Bijector, np.ndarray]] = []

    def standing(layer: tfb.Bijector) -> tfb.Bijector:
        squeezes = isinstance(getattr(layer, "bijector", layer), Squeeze)  # or undoes it
        return layer if squeezes else _Standing(layer, lambda at: noted.append((layer, at)))

    numbers = tf.reshape(tf.range(math.prod(shape), dtype=tf.float64), [1, *shape])
    rebuilt(flow, standing).inverse_and_log_det(numbers, len(shape))
    return noted


def scales(flow: tfb.Bijector, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the scale at which each latent leaves the flow, [*shape], 0 for those that are first.

    Args:
        flow: the flow.
        shape: of its event, and of its latents.
    """
    # The layers of a scale are given equally many numbers, and those of the next one fewer.
    goes_on = {at.size: at for _, at in places(flow, shape)}
    scale = np.zeros(math.prod(shape), np.int64)
    for at in goes_on.values():
        scale[at.ravel()] += at.size < scale.size
    return scale.reshape(shape)


class _Standing(Bijector):
    """A bijector that changes nothing and notes what it is given on the way to latents."""

    def __init__(self, layer: tfb.Bijector, note: Callable[[np.ndarray], object]) -> None:
        self._note = note
        super().__init__(
            forward_min_event_ndims=layer.forward_min_event_ndims,
            parameters={"note": note},
            name=layer.name,
        )

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return x, tf.zeros([], x.dtype)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        self._note(y[0].numpy().astype(np.int64))
        return y, tf.zeros([], y.dtype)
