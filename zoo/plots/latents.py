"""Latents of data against the base distribution that they should follow."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.plots.picture import DPI, FAINT, INK, finite, put_title, write

BARS, LINE = "#9ecae1", "#c8374f"


def latent_histogram(
    latents: np.ndarray, path: str | os.PathLike[str], *, title: str | None = None
) -> Path:
    """Draws two histograms of latents, each beside what a standard normal base makes of it.

    The first is of all numbers, z; the second of the rows' mean squares, |z|^2 / D, which shows
    what a histogram of single numbers hides: rows that lie too far out, or not far enough.

    Args:
        latents: [N, ...] latents of data, with D numbers a row.
        path: the picture to write; its suffix is the format.
        title: a line above the panels.

    Returns:
        `path`.

    Raises:
        ValueError: for no rows, or with NaN.
    """
    latents = finite("latents", np.asarray(latents, np.float64))
    if latents.ndim < 2 or not latents.size:
        msg = f"`latents` must be [N, ...] with N >= 1; received {list(latents.shape)}."
        raise ValueError(msg)
    rows = latents.reshape(len(latents), -1)
    figure = Figure(figsize=(9.0, 3.2 if title is None else 3.45), dpi=DPI, layout="constrained")
    numbers, squares = figure.subplots(1, 2)
    _draw(numbers, rows.ravel(), (-4.0, 4.0), _normal, "z", "standard normal")
    size = rows.shape[1]
    mean_squares = (rows**2).mean(axis=1)
    widest = max(1 + 5 * math.sqrt(2 / size), float(np.quantile(mean_squares, 0.98)) * 1.1)
    least = min(max(0.0, 1 - 5 * math.sqrt(2 / size)), float(mean_squares.min()) * 0.9)
    _draw(
        squares,
        mean_squares,
        (least, widest),
        lambda x: _mean_square(x, size),
        "mean square of a row",
        f"chi-squared({size:,}) / {size:,}",
    )
    put_title(figure, title)
    return write(figure, path)


def _draw(
    axes: Axes,
    values: np.ndarray,
    limits: tuple[float, float],
    density: Callable[[np.ndarray], np.ndarray],
    label: str,
    name: str,
) -> None:
    bins = min(60, max(8, round(math.sqrt(values.size))))
    edges = np.linspace(*limits, bins + 1)
    counts, _ = np.histogram(values, edges)
    heights = counts / (values.size * np.diff(edges))
    axes.stairs(heights, edges, fill=True, color=BARS, label="data")
    points = (np.arange(400) + 0.5) / 400 * (limits[1] - limits[0]) + limits[0]
    axes.plot(points, density(points), color=LINE, linewidth=1.6, label=name)
    outside = 1 - counts.sum() / values.size
    beyond = f", {outside:.1%} outside".replace("%", " %") if outside > 0 else ""
    axes.set_xlabel(label + beyond, color=INK)
    axes.set_ylabel("density", color=INK)
    axes.set_xlim(*limits)
    axes.legend(frameon=False, labelcolor=INK, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(FAINT)
    axes.tick_params(color=FAINT, labelcolor=INK)


def _normal(z: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * z**2) / math.sqrt(2 * math.pi)


def _mean_square(x: np.ndarray, size: int) -> np.ndarray:
    """Returns the density of chi-squared(size) / size."""
    k = size / 2
    x = np.maximum(x, 1e-12)
    return np.exp((k - 1) * np.log(x * k) - x * k - math.lgamma(k)) * k
