"""Means, spreads, entropies and divergences of distributions that have no formula for them.

A flow's density is exact, but its moments are integrals, and TFP raises `NotImplementedError` for
them. Here they are averages over samples, each with its standard error, and functions of a seed.
All take the same options: `samples`, how many to draw, rounded up to a multiple of the number of
batches; `seed`, an integer or a pair of integers, of which equal ones give equal answers; and
`batch_size`, the most samples that are in memory at a time. Wrong ones are a ValueError or a
TypeError.
"""

from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfflows import sample_moments
from tfflows.sample_moments import Statistic


class Estimate(NamedTuple):
    """A value and its standard error: tensors of one shape, or structures of them.

    Attributes:
        value: the estimate.
        error: its standard error: the value is within two of them in 19 cases of 20.
    """

    value: Any
    error: Any


def mean(
    distribution: tfd.Distribution, samples: int = 100_000, *, seed: Any, batch_size: int = 1000
) -> Estimate:
    """Returns the mean E[x] of each element, and its standard error.

    Args:
        distribution: any distribution that samples, also a joint one.
        samples: how many to draw.
        seed: an integer or a pair of integers.
        batch_size: most samples in memory.

    Returns:
        Value and error, both [*B, *event], or structures of them for a joint distribution.
    """
    return _of_elements(distribution, _mean, samples, seed, batch_size)


def variance(
    distribution: tfd.Distribution, samples: int = 100_000, *, seed: Any, batch_size: int = 1000
) -> Estimate:
    """Returns the variance of each element, and its standard error.

    The error is sqrt((m_4 - m_2^2) / n), with the central moments m_k: the fourth must be finite.

    Args:
        distribution: any distribution that samples, also a joint one.
        samples: how many to draw.
        seed: an integer or a pair of integers.
        batch_size: most samples in memory.

    Returns:
        Value and error, both [*B, *event], or structures of them for a joint distribution.
    """
    return _of_elements(distribution, _variance, samples, seed, batch_size)


def stddev(
    distribution: tfd.Distribution, samples: int = 100_000, *, seed: Any, batch_size: int = 1000
) -> Estimate:
    """Returns the standard deviation s of each element, and its standard error.

    The error is that of the variance divided by 2 s.

    Args:
        distribution: any distribution that samples, also a joint one.
        samples: how many to draw.
        seed: an integer or a pair of integers.
        batch_size: most samples in memory.

    Returns:
        Value and error, both [*B, *event], or structures of them for a joint distribution.
    """
    return _of_elements(distribution, _stddev, samples, seed, batch_size)


def entropy(
    distribution: tfd.Distribution, samples: int = 100_000, *, seed: Any, batch_size: int = 1000
) -> Estimate:
    """Returns the differential entropy -E[log p(x)] in nats, and its standard error.

    Sample and density come from one pass.

    Args:
        distribution: any distribution that samples and has a density.
        samples: how many to draw.
        seed: an integer or a pair of integers.
        batch_size: most samples in memory.

    Returns:
        Value and error, both [*B].
    """

    def draw(seed: tf.Tensor, number: int) -> list[tf.Tensor]:
        return [-distribution.experimental_sample_and_log_prob(number, seed=seed)[1]]

    (found,) = sample_moments.estimates(draw, _mean, samples, seed, batch_size)
    return Estimate(*found)


def kl_divergence(
    distribution: tfd.Distribution,
    other: tfd.Distribution,
    samples: int = 100_000,
    *,
    seed: Any,
    batch_size: int = 1000,
) -> Estimate:
    """Returns KL(p || q) = E_p[log p(x) - log q(x)] in nats, and its standard error.

    Where q has no density at a sample of p the divergence is infinite, and its error NaN.

    Args:
        distribution: p, any distribution that samples and has a density.
        other: q, a distribution over the same events; it need not sample.
        samples: how many to draw.
        seed: an integer or a pair of integers.
        batch_size: most samples in memory.

    Returns:
        Value and error, both [*B].
    """

    def draw(seed: tf.Tensor, number: int) -> list[tf.Tensor]:
        x, log_prob = distribution.experimental_sample_and_log_prob(number, seed=seed)
        return [log_prob - other.log_prob(tf.nest.map_structure(tf.identity, x))]

    (found,) = sample_moments.estimates(draw, _mean, samples, seed, batch_size)
    return Estimate(*found)


def _of_elements(
    distribution: tfd.Distribution, statistic: Statistic, samples: int, seed: Any, batch_size: int
) -> Estimate:
    def draw(seed: tf.Tensor, number: int) -> list[tf.Tensor]:
        return tf.nest.flatten(distribution.sample(number, seed=seed))

    found = sample_moments.estimates(draw, statistic, samples, seed, batch_size)
    values, errors = zip(*found, strict=True)
    like = distribution.dtype
    return Estimate(
        tf.nest.pack_sequence_as(like, list(values)), tf.nest.pack_sequence_as(like, list(errors))
    )


def _mean(
    number: int, mean: tf.Tensor, second: tf.Tensor, fourth: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    return mean, tf.sqrt(second / (number - 1))


def _variance(
    number: int, mean: tf.Tensor, second: tf.Tensor, fourth: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    excess = tf.maximum(fourth - second**2, 0.0)
    return second * (number / (number - 1)), tf.sqrt(excess / number)


def _stddev(
    number: int, mean: tf.Tensor, second: tf.Tensor, fourth: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    value, error = _variance(number, mean, second, fourth)
    root = tf.sqrt(value)
    return root, tf.math.divide_no_nan(error, 2.0 * root)
