"""Moments over many samples of a distribution, a batch in memory at a time."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Draw = Callable[[tf.Tensor, int], list[tf.Tensor]]
"""(seed, number of samples) -> quantities [number, ...]."""

Statistic = Callable[..., tuple[tf.Tensor, tf.Tensor]]
"""(number, mean, second, fourth central moment) -> a value and its standard error."""


def estimates(
    draw: Draw, statistic: Statistic, samples: int, seed: Any, batch_size: int
) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Returns the value and the error of a statistic of each quantity that is drawn.

    Args:
        draw: what samples are made of.
        statistic: takes moments in float64, not corrected for bias.
        samples: how many to draw, rounded up to a multiple of the number of batches.
        seed: an integer or a pair of integers.
        batch_size: most samples that are in memory at a time.

    Returns:
        Pairs in the dtype of the quantities, or float32 for whole numbers.
    """
    for name, given, least in (("samples", samples, 2), ("batch_size", batch_size, 1)):
        if not isinstance(given, int | np.integer) or given < least:
            msg = f"`{name}` must be an integer of at least {least}; received {given!r}."
            raise ValueError(msg)
    batches = -(-samples // batch_size)
    number = -(-samples // batches)
    # A partial has no code: TensorFlow counts traces by code, and would warn of many estimates.
    compute = functools.partial(_estimates, draw, statistic, batches, number)
    return tf.function(compute, autograph=False)(_pair(seed))


def _pair(seed: Any) -> tf.Tensor:
    seed = tf.convert_to_tensor(seed)
    if not seed.dtype.is_integer or not (seed.shape.rank == 0 or seed.shape == (2,)):
        msg = (
            "`seed` must be an integer or a pair of integers; "
            f"received {seed.dtype.name} of the shape {seed.shape}."
        )
        raise TypeError(msg)
    return tf.cast(seed if seed.shape.rank else tf.stack([seed, tf.zeros_like(seed)]), tf.int32)


def _estimates(
    draw: Draw, statistic: Statistic, batches: int, number: int, seed: tf.Tensor
) -> list[tuple[tf.Tensor, tf.Tensor]]:
    whole: Any = None  # all integers of the dtype
    seeds = tf.random.stateless_uniform([batches, 2], seed, whole, whole, tf.int32)
    first = draw(seeds[0], number)
    # Powers of x - c, c the first batch's mean: those of x lose a spread small beside the mean.
    shifts = [_finite_mean(quantity) for quantity in first]

    def power_means(quantities: list[tf.Tensor]) -> list[list[tf.Tensor]]:
        moved = [tf.cast(q, tf.float64) - c for q, c in zip(quantities, shifts, strict=True)]
        return [[tf.reduce_mean(m**k, axis=0) for k in (1, 2, 3, 4)] for m in moved]

    def add(k: tf.Tensor, sums: list[list[tf.Tensor]]) -> tuple[tf.Tensor, list[list[tf.Tensor]]]:
        drawn = draw(seeds[k], number)
        return k + 1, tf.nest.map_structure(tf.add, sums, power_means(drawn))

    sums = power_means(first)
    if batches > 1:
        _, sums = tf.while_loop(lambda k, _: k < batches, add, (1, sums))
    results = []
    for quantity, shift, totals in zip(first, shifts, sums, strict=True):
        one, *higher = (total / batches for total in totals)
        found = statistic(batches * number, shift + one, *_central(one, *higher))
        dtype = quantity.dtype if quantity.dtype.is_floating else tf.float32
        results.append(tuple(tf.cast(part, dtype) for part in found))
    return results


def _finite_mean(quantity: tf.Tensor) -> tf.Tensor:
    average = tf.reduce_mean(tf.cast(quantity, tf.float64), axis=0)
    return tf.where(tf.math.is_finite(average), average, tf.zeros([], tf.float64))


def _central(
    one: tf.Tensor, two: tf.Tensor, three: tf.Tensor, four: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the second and the fourth central moment."""
    fourth = four - 4.0 * one * three + 6.0 * one**2 * two - 3.0 * one**4
    return two - one**2, fourth
