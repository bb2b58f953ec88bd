"""The sequential direction of an autoregression over a `MADE`, in one pass of it in D parts."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Transform = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""x [B, 1] and its parameters [B, num_params] -> y [B, 1]."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layers:
    """What a `MADE` computes with, without its masks.

    Args:
        order: the variables [D], first to last.
        degrees: how many of them a unit waits for, [units], in every hidden layer.
        first: [D, units], or None where there is one variable alone.
        hidden: [units, units] for each hidden layer after the first.
        shifts: what each hidden layer adds whatever x is, [units] or [B, units].
        last: [units, num_params * D].
        bias: [num_params * D].
        activate: of the hidden units.
    """

    order: tf.Tensor
    degrees: np.ndarray
    first: tf.Tensor | None
    hidden: list[tf.Tensor]
    shifts: list[tf.Tensor]
    last: tf.Tensor
    bias: tf.Tensor
    activate: Callable[[tf.Tensor], tf.Tensor]


def solved(layers: Layers, transform: Transform, x: tf.Tensor) -> tf.Tensor:
    """Returns y with y_i = transform(x_i; outputs_i at y), without derivatives.

    Units of degree m wait for the first m variables alone, in all layers. Each is computed when
    these are known, once, and added to the sums of all units and outputs that see it. Sums of those
    that must not see it have been read before, so no mask is needed.

    Args:
        layers: of the network.
        transform: the map of one variable.
        x: latents [B, D].
    """
    size: Any = x.shape[-1]
    outputs: Any = layers.bias.shape[0]
    units, present = _units_by_degree(layers.degrees, size, x.dtype)
    columns = size * tf.range(outputs // size)

    def added(total: tf.Tensor, h: tf.Tensor, kernel: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        rows = tf.gather(kernel, units[place]) * present[place][:, None]
        return total + tf.matmul(layers.activate(h), rows)

    def step(place: tf.Tensor, y: tf.Tensor, out: tf.Tensor, *sums: tf.Tensor) -> tuple:
        totals, at = list(sums), layers.order[place]
        h = tf.gather(totals[0], units[place], axis=1)
        for k, kernel in enumerate(layers.hidden, start=1):
            totals[k] = added(totals[k], h, kernel, place)
            h += tf.gather(totals[k], units[place], axis=1)
        out = added(out, h, layers.last, place)
        params = tf.gather(out, columns + at, axis=1)
        new = transform(tf.gather(x, at[None], axis=1), params)
        if layers.first is not None:
            totals[0] += new * layers.first[at]
        return place + 1, tf.where(tf.range(size) == at, new, y), out, *totals

    one = tf.zeros_like(x[:, :1])
    start = (tf.zeros([], tf.int32), tf.zeros_like(x), one + layers.bias)
    sums = [one + shift for shift in layers.shifts]
    _, y, *_ = tf.while_loop(
        lambda place, *_: place < size, step, (*start, *sums), maximum_iterations=size
    )
    return tf.stop_gradient(y)


def _units_by_degree(
    degrees: np.ndarray, size: int, dtype: tf.DType
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the units [D, W] of each degree 0..D-1, and 1 for those of the W that there are."""
    waiting = [np.flatnonzero(degrees == degree) for degree in range(size)]
    width = max(map(len, waiting))
    units = np.stack([np.pad(found, (0, width - len(found))) for found in waiting])
    present = np.stack([np.arange(width) < len(found) for found in waiting])
    return tf.constant(units, tf.int32), tf.constant(present, dtype)
