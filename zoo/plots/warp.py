"""A flow of one variable: the density that it learned, and the map that makes it."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.plots.picture import DPI, FAINT, INK, finite, put_title, write

POINTS, BINS = 1_000, 80
BARS, DENSITY, WARP, SLOPE = "#9ecae1", "#08519c", "#c8374f", "#666666"


def warp(
    inverse_fn: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    data: np.ndarray,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> Path:
    """Draws data and learned density, the warp z = f(x), and its derivative, one above another.

        p(x) = Normal(f(x)) |f'(x)|

    Args:
        inverse_fn: float32 [M, 1] data x -> latents z [M, 1] and log|dz/dx| [M].
        data: [N, 1] rows; they decide the limits, around nearly all of them.
        path: the picture to write; its suffix is the format.
        title: a line above the panels.

    Returns:
        `path`.

    Raises:
        ValueError: for rows of another shape, none, or NaN; for a map that is not finite there.
    """
    data = finite("data", np.asarray(data))
    if data.ndim != 2 or data.shape[1] != 1 or not len(data):
        msg = f"`data` must be [N, 1] with N >= 1; received {list(data.shape)}."
        raise ValueError(msg)
    low, high = _limits(data[:, 0])
    x = np.linspace(low, high, POINTS, dtype=np.float32)
    z, log_slope = (np.asarray(v, np.float64).reshape(-1) for v in inverse_fn(x[:, None]))
    finite("inverse_fn(x)", np.stack([z, log_slope]))
    density = np.exp(-0.5 * z**2 - 0.5 * math.log(2 * math.pi) + log_slope)
    figure = Figure(figsize=(6.4, 7.0), dpi=DPI, layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 1.4])
    counts, edges = np.histogram(data[:, 0], np.linspace(low, high, BINS + 1))
    heights = counts / (len(data) * np.diff(edges))
    top.stairs(heights, edges, fill=True, color=BARS, label="data")
    top.plot(x, density, color=DENSITY, linewidth=1.6, label="learned density")
    top.set_ylabel("density", color=INK)
    top.legend(frameon=False, labelcolor=INK, fontsize=9)
    middle.plot(x, z, color=WARP, linewidth=1.6)
    middle.set_ylabel("warp z = f(x)", color=INK)
    bottom.plot(x, np.exp(log_slope), color=SLOPE, linewidth=1.4)
    bottom.set_ylabel("dz / dx", color=INK)
    bottom.set_ylim(bottom=0)
    bottom.set_xlabel("x", color=INK)
    for panel in (top, middle, bottom):
        panel.set_xlim(low, high)
        panel.grid(color=FAINT, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelcolor=INK)
    put_title(figure, title)
    return write(figure, path)


def _limits(data: np.ndarray) -> tuple[float, float]:
    """Returns the ends of an interval around nearly all of the data."""
    low, high = np.quantile(data, [0.0005, 0.9995])
    margin = 0.08 * (high - low) or 1.0
    return float(low - margin), float(high + margin)
