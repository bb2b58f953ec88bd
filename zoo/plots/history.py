"""The course of a training."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from zoo.plots.picture import DPI, FAINT, INK, finite, put_title, write

CURVES = {"training": "#7fabd3", "validation": "#c8374f"}


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
        ValueError: if a column is missing, of another length, or has no finite number; for a
            figure that is not finite.
    """
    columns = _columns(history)
    figure = Figure(figsize=(7.0, 4.0), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    references = _draw_references(axes, held_out, baseline)
    settled = [_draw_curve(axes, name, columns) for name in CURVES if name in columns]
    axes.set_ylim(_limits(np.concatenate([references, *settled])))
    axes.set_xlim(0, 1.02 * max(1, columns["step"].max()))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel("step", color=INK)
    axes.set_ylabel(f"negative log-likelihood ({unit})", color=INK)
    axes.grid(color=FAINT, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelcolor=INK)
    # Outside, where neither a curve nor a level line can run through it.
    figure.legend(loc="outside lower center", ncols=4, frameon=False, labelcolor=INK, fontsize=9)
    put_title(figure, title)
    return write(figure, path)


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
    settled = value[step >= columns["step"].max() / 5]
    return settled if settled.size else value


def _draw_references(
    axes: Axes, held_out: float | None, baseline: tuple[str, float] | None
) -> np.ndarray:
    """Draws the final figure and the baseline as level lines; returns their heights."""
    lines: list[tuple[str, float, str]] = []
    if baseline is not None:
        lines.append((*baseline, ":"))
    if held_out is not None:
        lines.append(("held out", held_out, "--"))
    heights = finite("held_out` and `baseline", np.array([value for _, value, _ in lines]))
    for name, value, style in lines:
        label = f"{name}: {value:.3f}"
        axes.axhline(value, color=INK, linestyle=style, linewidth=1.1, label=label)
    return heights


def _limits(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = max(0.08 * (high - low), 0.01 * max(1.0, abs(high)))
    return low - margin, high + margin
