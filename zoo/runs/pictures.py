"""Samples of a model as a picture: images side by side, or a density in the plane."""

import math
import os
from typing import TYPE_CHECKING

import numpy as np

from zoo.registry import Config

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel

COLUMNS, IMAGES, POINTS = 8, 64, 5_000
LARGEST, LINES, LINE_POINTS = 3.0, 13, 241
"""The lattice of latents: the square it fills, its lines in each direction, points of a line."""


def impossible(config: Config) -> str | None:
    """Returns why there is no picture of a model's samples, or None if there is one."""
    shape = config.event_shape
    if config.levels is not None:
        return None if shape[-1] in (1, 3) else f"images of {shape[-1]} channels"
    if shape != (2,):
        return f"rows of {math.prod(shape)} numbers"
    conditional = config.num_classes is not None or config.condition_dim is not None
    return "densities that have a condition" if conditional else None


def grid(
    images: np.ndarray, config: Config, path: str | os.PathLike[str], title: str | None
) -> None:
    """Draws images [n, *event] in a square or eight columns; [n, B, *event] with a row for each B.

    Args:
        images: the samples.
        config: of the model, an image model.
        path: the picture to write.
        title: a line above it.
    """
    from zoo import plots

    assert config.levels is not None
    columns = max(COLUMNS, math.ceil(math.sqrt(len(images))))
    if images.ndim == 5:
        columns = len(images)
        images = np.swapaxes(images, 0, 1).reshape(-1, *config.event_shape)
    plots.image_grid(images, path, levels=config.levels, columns=columns, title=title)


def plane(
    model: "FlowModel",
    data: np.ndarray,
    samples: np.ndarray,
    path: str | os.PathLike[str],
    title: str | None,
) -> None:
    """Draws data, density, samples and warped grid of an unconditional model of two variables."""
    from zoo import plots

    def log_prob(points: np.ndarray) -> np.ndarray:
        return np.asarray(model.log_prob(points))

    plots.density_2d(log_prob, data, samples, path, warped=warped_lattice(model), title=title)


def warped_lattice(model: "FlowModel") -> np.ndarray:
    """Returns what a model of two variables makes of a square lattice of latents.

    Returns:
        [2, L, M, 2]: lines along which the first latent runs from -3 to 3, then the second.
    """
    at = np.linspace(-LARGEST, LARGEST, LINES)
    running = np.linspace(-LARGEST, LARGEST, LINE_POINTS)
    along = np.stack(np.meshgrid(running, at), axis=-1)
    latents = np.stack([along, along[..., ::-1]])
    return np.asarray(model.decode(latents.reshape(-1, 2))).reshape(latents.shape)
