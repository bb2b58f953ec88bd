"""Images side by side."""

import math
import os
from collections.abc import Sequence
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
    if columns < 1:
        msg = f"`columns` must be at least 1; received {columns}."
        raise ValueError(msg)
    shown = shades(images, levels)
    return write(figure_of_pixels(tiles(shown, min(columns, len(shown))), title), path)


def shades(images: np.ndarray, levels: int) -> np.ndarray:
    """Returns pixels in 0..255 of images; arguments and errors as of `image_grid`."""
    images = np.asarray(images)
    if images.ndim != 4 or 0 in images.shape or images.shape[-1] not in (1, 3):
        msg = f"`images` must be [N, H, W, 1 or 3] with N >= 1; received {list(images.shape)}."
        raise ValueError(msg)
    if levels < 2:
        msg = f"`levels` must be at least 2; received {levels}."
        raise ValueError(msg)
    whole = np.clip(np.floor(finite("images", images)), 0, levels - 1)
    return np.round(whole * (255 / (levels - 1))).astype(np.uint8)


def tiles(images: np.ndarray, columns: int) -> np.ndarray:
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


def figure_of_pixels(
    pixels: np.ndarray, title: str | None, captions: Sequence[tuple[int, str]] = ()
) -> Figure:
    """Returns a figure that shows `pixels` one to one, a margin and a title around them.

    Args:
        pixels: [height, width, 3] in 0..255.
        title: a line above them.
        captions: lines over the pixels, each with the pixel row of its middle.
    """
    figure = Figure(dpi=DPI)
    renderer = FigureCanvasAgg(figure).get_renderer()
    above = TITLE if title else 0
    lines = [(-(MARGIN + above) / 2, title or ""), *captions]
    style = {"color": INK, "va": "center", "parse_math": False}
    texts = [
        figure.text(0, 0, text, fontsize=8 if number else 10, **style)
        for number, (_, text) in enumerate(lines)
    ]
    widest = max(math.ceil(text.get_window_extent(renderer).width) for text in texts)
    wide = max(pixels.shape[1], widest) + 2 * MARGIN
    high = pixels.shape[0] + above + 2 * MARGIN
    figure.set_size_inches(wide / DPI, high / DPI)
    for text, (middle, _) in zip(texts, lines, strict=True):
        text.set_position((MARGIN / wide, 1 - (MARGIN + above + middle) / high))
    figure.figimage(pixels, MARGIN, MARGIN)
    return figure
