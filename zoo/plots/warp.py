"""A flow of one variable: the density that it learned, and the map that makes it."""

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zoo.plots.picture import DPI, FAINT, INK, finite, put_title, write

POINTS, BINS = 1_000, 80
BARS, DENSITY, WARP, SLOPE = "#9ecae1", "#08519c", "#c8374f", "#666666"
HEIGHTS = (3, 2, 1.4)
"""Of the panels: densities, the map, its derivative."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Warp:
    """The map z = f(x) of a flow of one variable, at points.

    Args:
        x: [M] data, ascending.
        z: [M] latents.
        log_slope: [M] log|dz/dx|.
    """

    x: np.ndarray
    z: np.ndarray
    log_slope: np.ndarray

    @classmethod
    def of(
        cls,
        inverse_fn: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
        data: np.ndarray,
        points: int = POINTS,
    ) -> "Warp":
        """Returns the map at evenly spaced points around nearly all of the data.

        Args:
            inverse_fn: float32 [M, 1] data x -> latents z [M, 1] and log|dz/dx| [M].
            data: [N, 1] rows.
            points: M.

        Raises:
            ValueError: for rows of another shape, none, or NaN; for a map that is not finite there.
        """
        x = np.linspace(*_limits(data), points, dtype=np.float32)
        z, log_slope = (np.asarray(v, np.float64).reshape(-1) for v in inverse_fn(x[:, None]))
        finite("inverse_fn(x)", np.stack([z, log_slope]))
        return cls(x=x, z=z, log_slope=log_slope)

    @property
    def density(self) -> np.ndarray:
        """[M] the density of data, Normal(f(x)) |f'(x)|."""
        return np.exp(-0.5 * self.z**2 - 0.5 * math.log(2 * math.pi) + self.log_slope)


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
    figure = Figure(figsize=(6.4, 7.0), dpi=DPI, layout="constrained")
    panels = figure.subplots(3, 1, sharex=True, height_ratios=HEIGHTS)
    draw(panels, Warp.of(inverse_fn, data), data)
    put_labels(panels)
    panels[0].legend(frameon=False, labelcolor=INK, fontsize=9)
    put_title(figure, title)
    return write(figure, path)


def draw(panels: Sequence[Axes], stage: Warp, data: np.ndarray) -> None:
    """Draws one map into three panels, from above."""
    top, middle, bottom = panels
    low, high = _limits(data)
    counts, edges = np.histogram(data[:, 0], np.linspace(low, high, BINS + 1))
    heights = counts / (len(data) * np.diff(edges))
    top.stairs(heights, edges, fill=True, color=BARS, label="data")
    top.plot(stage.x, stage.density, color=DENSITY, linewidth=1.6, label="learned density")
    middle.plot(stage.x, stage.z, color=WARP, linewidth=1.6)
    bottom.plot(stage.x, np.exp(stage.log_slope), color=SLOPE, linewidth=1.4)
    bottom.set_xlabel("x", color=INK)
    for panel in panels:
        panel.set_xlim(low, high)
        panel.grid(color=FAINT, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelcolor=INK)


def put_labels(panels: Sequence[Axes]) -> None:
    """Says what the three panels of the first column show; all that shares their axes is drawn."""
    labels = ("density", "warp z = f(x)", "dz / dx")
    for panel, label in zip(panels, labels, strict=True):
        panel.set_ylabel(label, color=INK)
    panels[2].set_ylim(bottom=0)


def _limits(data: np.ndarray) -> tuple[float, float]:
    """Returns the ends of an interval around nearly all of the data."""
    data = finite("data", np.asarray(data))
    if data.ndim != 2 or data.shape[1] != 1 or not len(data):
        msg = f"`data` must be [N, 1] with N >= 1; received {list(data.shape)}."
        raise ValueError(msg)
    low, high = np.quantile(data[:, 0], [0.0005, 0.9995])
    margin = 0.08 * (high - low) or 1.0
    return float(low - margin), float(high + margin)
