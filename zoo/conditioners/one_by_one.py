"""The sequential direction of an autoregression over a `MADE`, in one pass of it in D parts."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from zoo.conditioners.made import MADE

Transform = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""x [B, 1] and its parameters [B, num_params] -> y [B, 1]."""


def solved(
    made: "MADE", transform: Transform, x: tf.Tensor, condition: tf.Tensor | None
) -> tf.Tensor:
    """Returns y with y_i = transform(x_i; made(y)_i), without derivatives.

    Units of degree m wait for the first m variables alone, in all layers. Each is computed when
    these are known, once, and added to the sums of all units and outputs that see it. Sums of those
    that must not see it have been read before, so no mask is needed.

    Args:
        made: the network.
        transform: the map of one variable.
        x: latents [B, D].
        condition: [B, K], or None.
    """
    order = tf.convert_to_tensor(made.order)
    units, present = _units_by_degree(made.degrees, made.size, made.variable_dtype)
    first = tf.convert_to_tensor(made.in_kernel) if made.size > 1 else None
    hidden = tf.unstack(made.kernels.value) if made.depth > 1 else []
    columns = made.size * tf.range(made.num_params)

    def added(total: tf.Tensor, h: tf.Tensor, kernel: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
        rows = tf.gather(kernel, units[place]) * present[place][:, None]
        return total + tf.matmul(made.activate(h), rows)

    def step(place: tf.Tensor, y: tf.Tensor, out: tf.Tensor, *sums: tf.Tensor) -> tuple:
        totals, at = list(sums), order[place]
        h = tf.gather(totals[0], units[place], axis=1)
        for k, kernel in enumerate(hidden, start=1):
            totals[k] = added(totals[k], h, kernel, place)
            h += tf.gather(totals[k], units[place], axis=1)
        out = added(out, h, tf.convert_to_tensor(made.out_kernel), place)
        params = tf.gather(out, columns + at, axis=1)
        new = transform(tf.gather(x, at[None], axis=1), params)
        if first is not None:
            totals[0] += new * first[at]
        return place + 1, tf.where(tf.range(made.size) == at, new, y), out, *totals

    one = tf.zeros_like(x[:, :1])
    start = (tf.zeros([], tf.int32), tf.zeros_like(x), one + tf.convert_to_tensor(made.out_bias))
    sums = [one + shift for shift in made.shifts(condition, made.variable_dtype)]
    _, y, *_ = tf.while_loop(
        lambda place, *_: place < made.size, step, (*start, *sums), maximum_iterations=made.size
    )
    return tf.stop_gradient(y)


def _units_by_degree(degrees: np.ndarray, size: int, dtype: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the units [D, W] of each degree 0..D-1, and 1 for those of the W that there are."""
    waiting = [np.flatnonzero(degrees == degree) for degree in range(size)]
    width = max(map(len, waiting))
    units = np.stack([np.pad(found, (0, width - len(found))) for found in waiting])
    present = np.stack([np.arange(width) < len(found) for found in waiting])
    return tf.constant(units, tf.int32), tf.constant(present, dtype)
