"""One-dimensional toy distributions, drawn from a seed with NumPy alone."""

from collections.abc import Callable

import numpy as np

from zoo.datasets.toys import Seed, float32, generator

WEIGHTS, MEANS, DEVIATIONS = np.array([[0.3, 0.4, 0.3], [-3.0, 0.0, 2.5], [0.6, 0.4, 0.8]])
"""Of the three Gaussians of `mixture`."""

SHAPE = 3
"""Of the gamma distribution of `skewed`, and its mean."""

DEGREES = 3
"""Degrees of freedom of `heavy_tail`."""


def mixture(n: int, seed: Seed) -> np.ndarray:
    """Draws from 0.3 N(-3, 0.6^2) + 0.4 N(0, 0.4^2) + 0.3 N(2.5, 0.8^2): three modes.

    Mean -0.15, sd about 2.23.

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 1].
    """
    rng = generator(n, seed)
    part = rng.choice(3, n, p=WEIGHTS)
    return float32(MEANS[part] + DEVIATIONS[part] * rng.normal(size=n))[:, None]


def skewed(n: int, seed: Seed) -> np.ndarray:
    """Draws from a gamma distribution of shape 3 and scale 1, shifted by its mean.

    The density at x > -3 is (x + 3)^2 exp(-x - 3) / 2. Mean 0, sd sqrt(3).

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 1].
    """
    return float32(generator(n, seed).gamma(SHAPE, size=n) - SHAPE)[:, None]


def heavy_tail(n: int, seed: Seed) -> np.ndarray:
    """Draws from Student's t with three degrees of freedom: one row in 500 is beyond 10.

    Mean 0, sd sqrt(3); there is no third moment, so a sample's sd is far from exact.

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 1].
    """
    return float32(generator(n, seed).standard_t(DEGREES, size=n))[:, None]


TOYS_1D: dict[str, Callable[[int, Seed], np.ndarray]] = {
    "heavy_tail": heavy_tail,
    "mixture": mixture,
    "skewed": skewed,
}
"""Each one-dimensional toy by its name."""
