"""A density in the plane beside data and samples."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from zoo.plots.picture import DPI, FAINT, INK, finite, put_title, write

DENSITY = LinearSegmentedColormap.from_list(
    "density", ["#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"]
)
GRID_POINTS, CHUNK = 240, 14_400
MOST_DOTS = 5_000
DOTS, LINES = "#08519c", ("#c8374f", "#08519c")


def density_2d(
    log_prob_fn: Callable[[np.ndarray], np.ndarray],
    data: np.ndarray,
    samples: np.ndarray,
    path: str | os.PathLike[str],
    *,
    warped: np.ndarray | None = None,
    title: str | None = None,
) -> Path:
    """Draws data, learned density, samples and warped grid in the plane, side by side at one scale.

    Data and samples are shown by equally many dots, at most 5,000. The warped grid is what a flow
    makes of a square lattice of latents.

    Args:
        log_prob_fn: float32 [M, 2] points -> [M] log-densities in nats.
        data: [N, 2] rows; they decide the limits, a square around nearly all of them.
        samples: [K, 2] the model's rows.
        path: the picture to write; its suffix is the format.
        warped: [2, L, M, 2] points of L lines along each latent, in data space, which are broken
            where they are not finite; None draws none.
        title: a line above the panels.

    Returns:
        `path`.

    Raises:
        ValueError: for rows of another shape, none, or NaN; for lines of another shape; for a
            log-density that is NaN or +infinity.
    """
    data, samples = _plane("data", data), _plane("samples", samples)
    low, high = _square(data)
    names = ["data", "learned density", "samples", *(["warped grid"] * (warped is not None))]
    height = 3.5 if title is None else 3.75
    figure = Figure(figsize=(3.2 * len(names), height), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(names), sharex=True, sharey=True)
    panels[1].imshow(
        _density(log_prob_fn, low, high),
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        interpolation="bilinear",
        cmap=DENSITY,
        norm=PowerNorm(0.6, vmin=0.0, vmax=1.0),
    )
    dots = min(len(data), len(samples), MOST_DOTS)
    for panel, rows in ((panels[0], data), (panels[2], samples)):
        shown = rows[np.linspace(0, len(rows) - 1, dots).astype(int)]
        panel.scatter(*shown.T, s=2.0, color=DOTS, alpha=0.45, linewidths=0)
    if warped is not None:
        _draw_lines(panels[3], warped)
    for panel, name in zip(panels, names, strict=True):
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        panel.set_title(name, color=INK, fontsize=11)
        panel.spines[:].set_color(FAINT)
        panel.tick_params(color=FAINT, labelcolor=INK)
        panel.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        panel.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    put_title(figure, title)
    return write(figure, path)


def _draw_lines(panel: Axes, warped: np.ndarray) -> None:
    warped = np.asarray(warped)
    if warped.ndim != 4 or warped.shape[0] != 2 or warped.shape[3] != 2 or 0 in warped.shape:
        msg = f"`warped` must be [2, L, M, 2] with L, M >= 1; received {list(warped.shape)}."
        raise ValueError(msg)
    shown = np.where(np.isfinite(warped), warped, np.nan)
    for lines, color in zip(shown, LINES, strict=True):
        panel.add_collection(LineCollection(list(lines), colors=color, linewidths=0.6))


def _plane(name: str, rows: np.ndarray) -> np.ndarray:
    rows = finite(name, np.asarray(rows))
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows):
        msg = f"`{name}` must be [N, 2] with N >= 1; received {list(rows.shape)}."
        raise ValueError(msg)
    return rows


def _square(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lower left and the upper right corner of a square around nearly all rows."""
    low, high = np.quantile(data, [0.0005, 0.9995], axis=0)
    half = 0.58 * float((high - low).max()) or 1.0
    centre = (low + high) / 2
    return centre - half, centre + half


def _density(
    log_prob_fn: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Returns the density, the highest being 1, at a grid's cells, [rows from below, columns]."""
    centres = (np.arange(GRID_POINTS) + 0.5) / GRID_POINTS
    x, y = np.meshgrid(*(low + (high - low) * centres[:, None]).T)
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    # Equal chunks: a traced function is traced once, and a large network does not fill the memory.
    chunks = np.split(points, len(points) // CHUNK)
    log_prob = np.concatenate([np.asarray(log_prob_fn(chunk), np.float64) for chunk in chunks])
    bad = int((~(log_prob < np.inf)).sum())
    if bad:
        msg = f"`log_prob_fn` must return log-densities; received {bad} times NaN or infinity."
        raise ValueError(msg)
    peak = log_prob.max() if log_prob.max() > -np.inf else 0.0
    return np.exp(log_prob - peak).reshape(x.shape)
