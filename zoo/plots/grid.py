"""Images side by side."""

import math
import os
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.plots.picture import DPI, INK, finite, write

TILE = 96
"""Pixels to which the longer side of an image is magnified, by a whole factor."""
GAP, MARGIN, TITLE = 4, 12, 30
"""Pixels between tiles, around them, and for the line above them."""


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
    whole = np.clip(np.floor(finite("images", images)), 0, levels - 1)
    shades = np.round(whole * (255 / (levels - 1))).astype(np.uint8)
    return write(_figure_of_pixels(_tiles(shades, min(columns, len(images))), title), path)


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
    renderer = FigureCanvasAgg(figure).get_renderer()
    above = TITLE if title else 0
    text = figure.text(0, 0, title or "", color=INK, fontsize=10, va="center", parse_math=False)
    wide = max(pixels.shape[1], math.ceil(text.get_window_extent(renderer).width)) + 2 * MARGIN
    high = pixels.shape[0] + above + 2 * MARGIN
    figure.set_size_inches(wide / DPI, high / DPI)
    text.set_position((MARGIN / wide, 1 - (MARGIN + above) / 2 / high))
    figure.figimage(pixels, MARGIN, MARGIN)
    return figure
