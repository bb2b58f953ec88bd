"""Two-dimensional toy distributions, drawn from a seed with NumPy alone.

All of them live in the square [-4, 4] x [-4, 4] (noise included, up to tails that a few rows in ten
thousand reach), and their rows are independent draws: densities and log-likelihoods can be compared
with those in the literature that uses this scale.

Reference: Grathwohl et al. 2019, FFJORD, arXiv:1810.01367, whose toy data and scale these are, but
for `correlated`.
"""

from collections.abc import Callable, Sequence

import numpy as np

Seed = int | Sequence[int]
"""A whole number >= 0, or several of them: `(seed, 1)` is a stream independent of `seed`."""


def moons(n: int, seed: Seed) -> np.ndarray:
    """Draws from two interleaved half circles of radius 2 with normal noise of sd 0.2.

    The upper one is 2 (cos t, sin t) + (-1, -0.2), the lower one 2 (1 - cos t, 1/2 - sin t)
    + (-1, -0.2), t uniform in [0, pi], each with probability 1/2. Mean (0, 0.3), sd about
    (1.74, 1.01).

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 2].
    """
    rng = generator(n, seed)
    angle = rng.uniform(0.0, np.pi, n)
    lower = rng.integers(0, 2, n)[:, None]
    half_circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.where(lower, [1.0, 0.5] - half_circle, half_circle)
    return float32(2.0 * points + [-1.0, -0.2] + rng.normal(0.0, 0.2, (n, 2)))


def rings(n: int, seed: Seed) -> np.ndarray:
    """Draws from four concentric circles of radius 0.75, 1.5, 2.25, 3 with normal noise of sd 0.08.

    Each circle has probability 1/4. Mean (0, 0), sd about (1.45, 1.45). The density at radius r is
    the mean over the circles R of exp(-(r^2 + R^2) / (2 s^2)) I0(r R / s^2) / (2 pi s^2), s = 0.08.

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 2].
    """
    rng = generator(n, seed)
    angle = rng.uniform(0.0, 2.0 * np.pi, n)
    radius = 0.75 * rng.integers(1, 5, n)
    points = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return float32(points + rng.normal(0.0, 0.08, (n, 2)))


def checkerboard(n: int, seed: Seed) -> np.ndarray:
    """Draws uniformly from the eight dark fields, of side 2, of a 4 x 4 checkerboard.

    The density is 1/32 on the fields where floor(x / 2) + floor(y / 2) is even and 0 elsewhere;
    its entropy is log 32 = 3.466 nats, which no model's negative log-likelihood can beat.
    Mean (0, 0), sd (2.31, 2.31).

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 2].
    """
    rng = generator(n, seed)
    column, pair = rng.integers(0, 4, n), rng.integers(0, 2, n)
    fields = np.stack([column, 2 * pair + column % 2], axis=1)
    return float32(2.0 * (fields + rng.uniform(0.0, 1.0, (n, 2))) - 4.0)


def pinwheel(n: int, seed: Seed) -> np.ndarray:
    """Draws from five normal blades around the origin, bent into a wheel.

    A blade is normal with mean (2, 0) and sd (0.6, 0.2), turned by 2 pi k / 5 + exp(u) / 4 radians,
    where k = 0..4 has probability 1/5 each and u is its first coordinate / 2. Mean (0, 0), sd about
    (1.48, 1.48).

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 2].

    Reference: Johnson et al. 2016, Composing graphical models with neural networks,
    arXiv:1603.06277.
    """
    rng = generator(n, seed)
    blade = rng.integers(0, 5, n)
    along, across = rng.normal([1.0, 0.0], [0.3, 0.1], (n, 2)).T
    angle = 2.0 * np.pi / 5.0 * blade + 0.25 * np.exp(along)
    x = np.cos(angle) * along - np.sin(angle) * across
    y = np.sin(angle) * along + np.cos(angle) * across
    return float32(2.0 * np.stack([x, y], axis=1))


def eight_gaussians(n: int, seed: Seed) -> np.ndarray:
    """Draws from eight equal normals of sd 1 / sqrt(8) on a circle of radius sqrt(8).

    Their means are sqrt(8) (cos(pi k / 4), sin(pi k / 4)), k = 0..7. Mean (0, 0), sd about
    (2.03, 2.03).

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 2].
    """
    rng = generator(n, seed)
    angle = np.pi / 4.0 * rng.integers(0, 8, n)
    centres = np.sqrt(8.0) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return float32(centres + rng.normal(0.0, np.sqrt(1.0 / 8.0), (n, 2)))


def correlated(n: int, seed: Seed) -> np.ndarray:
    """Draws from a Gaussian with the mean (0.5, -0.5), sd (0.9, 0.3) and the correlation 0.9.

    Args:
        n: number of rows.
        seed: whole number >= 0, or a sequence of them.

    Returns:
        float32 [n, 2].
    """
    rng = generator(n, seed)
    common, own = rng.normal(size=(2, n))
    second = CORRELATION * common + np.sqrt(1.0 - CORRELATION**2) * own
    return float32(np.stack([0.5 + 0.9 * common, -0.5 + 0.3 * second], axis=1))


CORRELATION = 0.9
"""Of the two variables of `correlated`."""

TOYS: dict[str, Callable[[int, Seed], np.ndarray]] = {
    "checkerboard": checkerboard,
    "correlated": correlated,
    "eight_gaussians": eight_gaussians,
    "moons": moons,
    "pinwheel": pinwheel,
    "rings": rings,
}
"""Each toy by its name."""


def generator(n: int, seed: Seed) -> np.random.Generator:
    """Returns the generator of a seed; a wrong seed or number of rows is a ValueError."""
    if not isinstance(n, int | np.integer) or n < 1:
        msg = f"`n` must be a whole number >= 1; received {n!r}."
        raise ValueError(msg)
    entropy = np.atleast_1d(seed)
    if entropy.dtype.kind not in "iu" or entropy.size == 0 or entropy.min() < 0:
        msg = f"`seed` must be a whole number >= 0, or several of them; received {seed!r}."
        raise ValueError(msg)
    return np.random.default_rng(entropy)


def float32(points: np.ndarray) -> np.ndarray:
    """Returns the points as the data sets hold them."""
    return points.astype(np.float32)
