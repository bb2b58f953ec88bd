"""What a flow of one variable looks like: its map from data to latents."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from zoo import plots
from zoo.registry import Config

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel

POINTS = 400
"""At which the map is kept while it is learned."""
MOST_BETWEEN = 3
"""Stages between the first and the last that a picture shows."""


def has_warp(config: Config) -> bool:
    """Tells whether a model is of one variable and of no condition."""
    conditional = config.num_classes is not None or config.condition_dim is not None
    return config.event_shape == (1,) and config.levels is None and not conditional


def warp_of(model: "FlowModel", data: np.ndarray, points: int = POINTS) -> plots.Warp:
    """Returns the map of a model, at points around nearly all of the data [N, 1].

    Raises:
        ValueError: for a map that is not finite there.
    """
    return plots.Warp.of(lambda x: _inverse(model, x), data, points)


def draw_warp(
    model: "FlowModel", data: np.ndarray, path: str | os.PathLike[str], title: str
) -> None:
    """Draws an unconditional model of one variable."""
    plots.warp(lambda x: _inverse(model, x), data, path, title=title)


def draw_warps(
    model: "FlowModel",
    kept: Mapping[int, plots.Warp],
    data: np.ndarray,
    path: str | os.PathLike[str],
    *,
    end: int,
    title: str,
) -> None:
    """Draws the map before, while and after it is learned.

    Args:
        model: the model, as it is after.
        kept: the maps by step; where there is none of step 0, there is no picture of before.
        data: [N, 1] rows.
        path: the picture to write.
        end: the last step; the model stands for it, and for any later one.
        title: a line above it.
    """
    between = sorted(step for step in kept if 0 < step < end)
    number = min(len(between), MOST_BETWEEN)
    chosen = [between[k] for k in np.linspace(0, len(between) - 1, number).astype(int)]
    stages = {"before": kept[0]} if 0 in kept else {}
    stages |= {f"step {step:,}": kept[step] for step in chosen}
    stages["after"] = warp_of(model, data)
    plots.warps(stages, data, path, title=title)


def _inverse(model: "FlowModel", x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z, log_det = model.flow.inverse_and_log_det(x.astype(model.form.dtype), 1)
    return np.asarray(z), np.asarray(log_det)
