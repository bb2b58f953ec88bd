"""A flow of one variable before, while and after it learns."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.plots.picture import DPI, INK, finite, put_title, write
from zoo.plots.warp import HEIGHTS, Warp, draw, put_labels


def warps(
    stages: Mapping[str, Warp],
    data: np.ndarray,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
) -> Path:
    """Draws what `warp` does for several stages of a training, side by side at one scale.

    Args:
        stages: the maps by what is written above each, in order.
        data: [N, 1] rows; they decide the limits, around nearly all of them.
        path: the picture to write; its suffix is the format.
        title: a line above all.

    Returns:
        `path`.

    Raises:
        ValueError: for rows of another shape, none, or NaN; for no stage, or one not finite.
    """
    if not stages:
        msg = "`stages` must hold at least one map; received none."
        raise ValueError(msg)
    size = (1.2 + 2.6 * len(stages), 6.4)
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    panels = figure.subplots(
        3, len(stages), sharex=True, sharey="row", height_ratios=HEIGHTS, squeeze=False
    )
    for column, (name, stage) in zip(panels.T, stages.items(), strict=True):
        finite(f"stages[{name!r}]", np.stack([stage.x, stage.z, stage.log_slope]))
        draw(column, stage, data)
        column[0].set_title(name, color=INK, fontsize=11)
    put_labels(list(panels[:, 0]))
    drawn, names = panels[0, 0].get_legend_handles_labels()
    figure.legend(
        drawn,
        names,
        loc="outside lower center",
        ncols=2,
        frameon=False,
        labelcolor=INK,
        fontsize=9,
    )
    put_title(figure, title)
    return write(figure, path)
