"""Pictures of runs and models: image grids, training curves, densities in the plane.

Each function writes one file and returns its path. The file appears whole or not at all: a failed
write leaves the picture that was there.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

DPI = 128
"""A power of two, so that a size in pixels survives the division into inches."""
TILE = 96
"""Pixels to which the longer side of an image is magnified, by a whole factor."""
GAP, MARGIN, TITLE = 4, 12, 30
"""Pixels between tiles, around them, and for the line above them."""
INK, FAINT = "#222222", "#dddddd"
CURVES = {"training": "#7fabd3", "validation": "#c8374f"}
GRID_POINTS, CHUNK = 240, 14_400
MOST_DOTS = 5_000


def image_grid(
    images: np.ndarray,
    path: str | os.PathLike[str],
    *,
    levels: int,
    columns: int = 8,
    title: str | None = None,
) -> Path:
    """Draws images side by side, row by row, each magnified by a whole factor.

    Args:
        images: [N, H, W, 1] grey or [N, H, W, 3] RGB pixels in [0, levels), whole numbers or
            floats; floats are floored, as a model's samples have to be, and clipped to the range.
        path: the picture to write; its suffix is the format.
        levels: number of grey levels, 256 for photographs.
        columns: images a row.
        title: a line above the grid.

    Returns:
        `path`.

    Raises:
        ValueError: for images of another shape, none, or with NaN; for `columns` < 1, `levels` < 2.
    """
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] not in (1, 3):
        msg = f"`images` must be [N, H, W, 1 or 3] with N >= 1; received {list(images.shape)}."
        raise ValueError(msg)
    for name, value, least in (("columns", columns, 1), ("levels", levels, 2)):
        if value < least:
            msg = f"`{name}` must be at least {least}; received {value}."
            raise ValueError(msg)
    whole = np.clip(np.floor(_finite("images", images)), 0, levels - 1)
    shades = np.round(whole * (255 / (levels - 1))).astype(np.uint8)
    return _write(_figure_of_pixels(_tiles(shades, min(columns, len(images))), title), path)


def _tiles(images: np.ndarray, columns: int) -> np.ndarray:
    """Returns [height, width, 3] pixels: white, with image i * columns + j in row i, column j."""
    factor = max(1, round(TILE / max(images.shape[1:3])))
    images = images.repeat(factor, axis=1).repeat(factor, axis=2)
    high, wide = images.shape[1:3]
    rows = -(-len(images) // columns)
    canvas = np.full((rows * (high + GAP) - GAP, columns * (wide + GAP) - GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = index // columns * (high + GAP), index % columns * (wide + GAP)
        canvas[top : top + high, left : left + wide] = image
    return canvas


def _figure_of_pixels(pixels: np.ndarray, title: str | None) -> Figure:
    """Returns a figure that shows `pixels` one to one, a margin and a title around them."""
    figure = Figure(dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    high, wide = pixels.shape[:2]
    above = 0
    if title is not None:
        text = figure.text(0, 0, title, color=INK, fontsize=10, va="center", parse_math=False)
        wide = max(wide, math.ceil(text.get_window_extent(canvas.get_renderer()).width))
        above = TITLE
    wide, high = wide + 2 * MARGIN, high + 2 * MARGIN + above
    figure.set_size_inches(wide / DPI, high / DPI)
    if title is not None:
        text.set_position((MARGIN / wide, 1 - (MARGIN + above) / 2 / high))
    figure.figimage(pixels, MARGIN, MARGIN)
    return figure


def curve(
    history: Mapping[str, Sequence[float]],
    path: str | os.PathLike[str],
    *,
    unit: str,
    held_out: float | None = None,
    baseline: tuple[str, float] | None = None,
    title: str | None = None,
) -> Path:
    """Draws the negative log-likelihood of training and validation rows against the step.

    The first fifth of the steps may leave the picture at the top: it falls so far that it would
    flatten the rest.

    Args:
        history: columns of equal length: 'step', 'training', and 'validation' if there was one;
            NaN where a row has no such value.
        path: the picture to write; its suffix is the format.
        unit: of the columns, 'bits/dim' or 'nats'.
        held_out: the final figure on held-out rows, in `unit`.
        baseline: name and figure, in `unit`, of what the run is measured against.
        title: a line above the curve.

    Returns:
        `path`.

    Raises:
        ValueError: if a column is missing, of another length, or has no finite number.
    """
    columns = _columns(history)
    figure = Figure(figsize=(7.0, 4.0), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    references = _draw_references(axes, unit, held_out, baseline)
    settled = [_draw_curve(axes, name, columns) for name in CURVES if name in columns]
    axes.set_ylim(_limits(np.concatenate([references, *settled])))
    axes.set_xlim(0, 1.02 * max(1, columns["step"].max()))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("step", color=INK)
    axes.set_ylabel(f"negative log-likelihood ({unit})", color=INK)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, labelcolor=INK, loc="upper right")
    _title(axes, title)
    return _write(figure, path)


def _columns(history: Mapping[str, Sequence[float]]) -> dict[str, np.ndarray]:
    missing = {"step", "training"} - set(history)
    if missing:
        msg = f"`history` must have the columns step and training; received {sorted(history)}."
        raise ValueError(msg)
    names = ["step", *(name for name in CURVES if name in history)]
    columns = {name: np.asarray(history[name], dtype=np.float64) for name in names}
    lengths = {name: column.size for name, column in columns.items()}
    if len(set(lengths.values())) > 1 or not np.isfinite(columns["training"]).any():
        msg = f"`history` must have equally long columns with finite numbers; received {lengths}."
        raise ValueError(msg)
    return columns


def _draw_curve(axes: Axes, name: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draws one column; returns its values after the first fifth of the steps."""
    shown = np.isfinite(columns[name])
    step, value = columns["step"][shown], columns[name][shown]
    dots = "o" if step.size <= 60 else ""
    axes.plot(step, value, color=CURVES[name], label=name, marker=dots, markersize=3, linewidth=1.6)
    return value[step >= columns["step"].max() / 5]


def _draw_references(
    axes: Axes, unit: str, held_out: float | None, baseline: tuple[str, float] | None
) -> np.ndarray:
    """Draws the final figure and the baseline as level lines; returns their heights."""
    lines = []
    if baseline is not None:
        lines.append((*baseline, ":"))
    if held_out is not None:
        lines.append(("held out", held_out, "--"))
    for name, value, style in lines:
        label = f"{name}: {value:.3f} {unit}"
        axes.axhline(value, color=INK, linestyle=style, linewidth=1.1, label=label)
    return np.array([value for _, value, _ in lines], dtype=np.float64)


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = max(0.08 * (high - low), 1e-3 * max(1.0, abs(high)))
    return low - margin, high + margin


def density_2d(
    log_prob_fn: Callable[[np.ndarray], np.ndarray],
    data: np.ndarray,
    samples: np.ndarray,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> Path:
    """Draws data, learned density and samples in the plane, side by side at one scale.

    Data and samples are shown by equally many dots, at most 5,000.

    Args:
        log_prob_fn: float32 [M, 2] points -> [M] log-densities in nats.
        data: [N, 2] rows; they decide the limits, a square around nearly all of them.
        samples: [K, 2] the model's rows.
        path: the picture to write; its suffix is the format.
        title: a line above the panels.

    Returns:
        `path`.

    Raises:
        ValueError: for rows of another shape, none, or NaN; for a log-density that is NaN.
    """
    data, samples = _plane("data", data), _plane("samples", samples)
    low, high = _square(data)
    figure = Figure(figsize=(9.6, 3.5 if title is None else 3.75), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    density = _density(log_prob_fn, low, high)
    panels[1].imshow(
        density,
        extent=(low[0], high[0], low[1], high[1]),
        origin="lower",
        interpolation="bilinear",
        cmap="Blues",
        norm=PowerNorm(0.6, vmin=0.0, vmax=float(density.max()) or 1.0),
    )
    dots = min(len(data), len(samples), MOST_DOTS)
    for panel, rows in ((panels[0], data), (panels[2], samples)):
        panel.scatter(*rows[:dots].T, s=2.0, color="#08519c", alpha=0.45, linewidths=0)
    for panel, name in zip(panels, ("data", "learned density", "samples"), strict=True):
        panel.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        panel.set_title(name, color=INK, fontsize=11)
    if title is not None:
        figure.suptitle(title, color=INK, fontsize=12, parse_math=False)
    return _write(figure, path)


def _plane(name: str, rows: np.ndarray) -> np.ndarray:
    rows = _finite(name, np.asarray(rows))
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows):
        msg = f"`{name}` must be [N, 2] with N >= 1; received {list(rows.shape)}."
        raise ValueError(msg)
    return rows


def _square(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lower left and the upper right corner of a square around nearly all rows."""
    low, high = np.quantile(data, [0.001, 0.999], axis=0)
    half = 0.58 * float((high - low).max()) or 1.0
    centre = (low + high) / 2
    return centre - half, centre + half


def _density(
    log_prob_fn: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Returns the density at the centres of a grid's cells, [rows from below, columns]."""
    centres = (np.arange(GRID_POINTS) + 0.5) / GRID_POINTS
    x, y = np.meshgrid(*(low + (high - low) * centres[:, None]).T)
    points = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    # Equal chunks: a traced function is traced once, and a large network does not fill the memory.
    log_prob = [np.asarray(log_prob_fn(chunk)) for chunk in np.split(points, len(points) // CHUNK)]
    density = np.exp(np.concatenate(log_prob).astype(np.float64)).reshape(x.shape)
    if np.isnan(density).any():
        msg = f"`log_prob_fn` must return no NaN; received {int(np.isnan(density).sum())} of them."
        raise ValueError(msg)
    return density


def _finite(name: str, values: np.ndarray) -> np.ndarray:
    if not np.isfinite(values).all():
        msg = f"`{name}` must be finite; received NaN or infinity."
        raise ValueError(msg)
    return values


def _title(axes: Axes, title: str | None) -> None:
    if title is not None:
        axes.set_title(title, color=INK, fontsize=12, parse_math=False)


def _write(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes the figure aside and renames it, so that `path` is never half a picture."""
    path = Path(path)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    FigureCanvasAgg(figure)
    try:
        figure.savefig(aside, format=path.suffix.removeprefix(".") or "png")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path
