"""The log densities of the toys that have a formula, for the entropy and the exact KL divergence.

Each is a function from rows [N, D] to nats [N], -infinity where there are no rows.
"""

import math
from collections.abc import Callable

import numpy as np

from zoo.datasets.toys import CORRELATION
from zoo.datasets.toys_1d import DEGREES, DEVIATIONS, MEANS, SHAPE, WEIGHTS

LOG_2PI = math.log(2.0 * math.pi)


def mixture(x: np.ndarray) -> np.ndarray:
    """Returns the log density of the three Gaussians on the line."""
    return np.logaddexp.reduce(
        np.log(WEIGHTS) + _log_normal(_rows(x, 1), MEANS, DEVIATIONS), axis=1
    )


def skewed(x: np.ndarray) -> np.ndarray:
    """Returns the log density of the shifted gamma distribution."""
    shifted = _rows(x, 1)[:, 0] + SHAPE
    with np.errstate(divide="ignore"):
        log_power = (SHAPE - 1) * np.log(np.maximum(shifted, 0.0))
    return log_power - shifted - math.lgamma(SHAPE)


def heavy_tail(x: np.ndarray) -> np.ndarray:
    """Returns the log density of Student's t."""
    half = 0.5 * (DEGREES + 1)
    constant = math.lgamma(half) - math.lgamma(0.5 * DEGREES) - 0.5 * math.log(DEGREES * math.pi)
    return constant - half * np.log1p(_rows(x, 1)[:, 0] ** 2 / DEGREES)


def correlated(x: np.ndarray) -> np.ndarray:
    """Returns the log density of the correlated Gaussian."""
    first, second = ((_rows(x, 2) - [0.5, -0.5]) / [0.9, 0.3]).T
    rest = math.sqrt(1.0 - CORRELATION**2)
    given = _log_normal(second, CORRELATION * first, rest)
    return _log_normal(first, 0.0, 1.0) + given - math.log(0.9 * 0.3)


def eight_gaussians(x: np.ndarray) -> np.ndarray:
    """Returns the log density of the eight Gaussians on a circle."""
    angle = np.pi / 4.0 * np.arange(8)
    centres = math.sqrt(8.0) * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    parts = _log_normal(_rows(x, 2)[:, None, :], centres, math.sqrt(1.0 / 8.0))
    return np.logaddexp.reduce(parts.sum(axis=2), axis=1) - math.log(8.0)


def checkerboard(x: np.ndarray) -> np.ndarray:
    """Returns -log 32 on the dark fields and -infinity elsewhere."""
    x = _rows(x, 2)
    dark = (np.floor(x / 2.0).sum(axis=1) % 2 == 0) & (np.abs(x) < 4.0).all(axis=1)
    return np.where(dark, -math.log(32.0), -np.inf)


def rings(x: np.ndarray) -> np.ndarray:
    """Returns the log density of the four rings."""
    radius, deviation = np.linalg.norm(_rows(x, 2), axis=1)[:, None], 0.08
    circles = 0.75 * np.arange(1, 5)
    bessel = np.log(_scaled_bessel(radius * circles / deviation**2))
    parts = -0.5 * ((radius - circles) / deviation) ** 2 + bessel
    return np.logaddexp.reduce(parts, axis=1) - math.log(4.0) - LOG_2PI - 2.0 * math.log(deviation)


def pinwheel(x: np.ndarray) -> np.ndarray:
    """Returns the log density of the five bent blades.

    A blade's point (a, c), turned by exp(a) / 4, has the angle h(t) = t + exp(r cos t) / 4 where t
    is its angle before and r its distance from the origin; t is found by bisection, for each blade,
    where h rises around t = 0. The turn's Jacobian is 1 - c exp(a) / 4. Further solutions lie more
    than five standard deviations from the blade and are left out.
    """
    x = _rows(x, 2) / 2.0
    radius = np.minimum(np.linalg.norm(x, axis=1), 50.0)[:, None]
    turned = np.arctan2(x[:, 1], x[:, 0])[:, None] - 2.0 * np.pi / 5.0 * np.arange(5)
    centre = 0.25 * np.exp(radius)  # what the angle 0 becomes
    turned = centre - np.pi + (turned - centre + np.pi) % (2.0 * np.pi)

    def bent(angle: np.ndarray) -> np.ndarray:
        return angle + 0.25 * np.exp(radius * np.cos(angle))

    end = _end_of_rise(radius)
    angle = _bisected(lambda t: bent(t) < turned, np.full(turned.shape, -np.pi), end)
    along, across = radius * np.cos(angle), radius * np.sin(angle)
    parts = _log_normal(along, 1.0, 0.3) + _log_normal(across, 0.0, 0.1)
    stretch = np.abs(1.0 - 0.25 * np.exp(along) * across)
    parts = np.where(turned < bent(end), parts - np.log(np.maximum(stretch, 1e-9)), -np.inf)
    return np.logaddexp.reduce(parts, axis=1) - math.log(5.0) - 2.0 * math.log(2.0)


def _end_of_rise(radius: np.ndarray) -> np.ndarray:
    """Returns the first angle above 0 where t + exp(r cos t) / 4 falls; 2 pi if it never does."""

    def slope(angle: np.ndarray) -> np.ndarray:
        return 1.0 - 0.25 * radius * np.sin(angle) * np.exp(radius * np.cos(angle))

    radius = np.maximum(radius, 1e-9)
    steepest = np.arccos((np.sqrt(1.0 + 4.0 * radius**2) - 1.0) / (2.0 * radius))
    first = _bisected(lambda t: slope(t) > 0.0, np.zeros_like(radius), steepest)
    return np.where(slope(steepest) < 0.0, first, 2.0 * np.pi)


def _bisected(
    below: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Returns where `below` turns from true to false between `low` and `high`."""
    for _ in range(50):
        middle = 0.5 * (low + high)
        lower = below(middle)
        low, high = np.where(lower, middle, low), np.where(lower, high, middle)
    return low


LOG_DENSITIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "checkerboard": checkerboard,
    "correlated": correlated,
    "eight_gaussians": eight_gaussians,
    "heavy_tail": heavy_tail,
    "mixture": mixture,
    "pinwheel": pinwheel,
    "rings": rings,
    "skewed": skewed,
}
"""The log density of a toy by its name; that of `moons` has no formula."""


def _rows(x: np.ndarray, size: int) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or x.shape[1] != size:
        msg = f"`x` must be rows [N, {size}]; received the shape {x.shape}."
        raise ValueError(msg)
    return x


def _log_normal(
    x: np.ndarray, mean: np.ndarray | float, deviation: np.ndarray | float
) -> np.ndarray:
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * LOG_2PI


def _scaled_bessel(x: np.ndarray) -> np.ndarray:
    """Returns I0(x) exp(-x) for x >= 0; NumPy's own I0 overflows."""
    near = np.minimum(x, 500.0)
    far = np.maximum(x, 500.0)
    series = 1.0 + (1.0 + (9.0 / 16.0) / far) / (8.0 * far)
    return np.where(x < 500.0, np.i0(near) * np.exp(-near), series / np.sqrt(2.0 * np.pi * far))
