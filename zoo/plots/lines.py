"""Lines of images, each with a caption."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.plots.grid import GAP, figure_of_pixels, shades, tiles
from zoo.plots.picture import write

CAPTION = 22
"""Pixels above each line, for its caption."""


def image_lines(
    lines: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
    *,
    levels: int,
    title: str | None = None,
) -> Path:
    """Draws lines of images, a caption above each.

    Args:
        lines: by caption, from above, [N, H, W, 1 or 3] pixels as `image_grid` takes them.
        path: the picture to write; its suffix is the format.
        levels: number of grey levels, 256 for photographs.
        title: a line above all.

    Returns:
        `path`.

    Raises:
        ValueError: for no line; for images of another shape, none, or with NaN; for `levels` < 2.
    """
    shown = {caption: shades(images, levels) for caption, images in lines.items()}
    return write(captioned(shown, title), path)


def captioned(lines: Mapping[str, np.ndarray], title: str | None) -> Figure:
    """Returns a figure of lines [N, H, W, 1 or 3] in 0..255, by caption."""
    if not lines:
        msg = "`lines` must hold at least one line of images; received none."
        raise ValueError(msg)
    strips = [tiles(images, len(images)) for images in lines.values()]
    wide = max(strip.shape[1] for strip in strips)
    high = sum(CAPTION + strip.shape[0] for strip in strips) + GAP * (len(strips) - 1)
    canvas = np.full((high, wide, 3), 255, np.uint8)
    captions, top = [], 0
    for caption, strip in zip(lines, strips, strict=True):
        captions.append((top + CAPTION // 2, caption))
        top += CAPTION
        canvas[top : top + strip.shape[0], : strip.shape[1]] = strip
        top += strip.shape[0] + GAP
    return figure_of_pixels(canvas, title, captions)
