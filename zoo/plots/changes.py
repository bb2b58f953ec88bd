"""What the layers of a flow change in images."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from zoo.plots.grid import shades
from zoo.plots.lines import captioned
from zoo.plots.picture import write

CHANGED = LinearSegmentedColormap.from_list("changed", ["#9ecae1", "#2171b5", "#08306b"])
UNCHANGED, GONE = (253, 241, 208), (190, 190, 190)


def changes(
    images: np.ndarray,
    sizes: Mapping[str, np.ndarray],
    path: str | os.PathLike[str],
    *,
    levels: int,
    title: str | None = None,
) -> Path:
    """Draws images, and below them a line for each layer of what it changes in each of them.

    Pixels that a layer changes are blue, the darkest at its largest change; those that pass it
    unchanged are yellow, and those that have left the flow before it grey.

    Args:
        images: [N, H, W, 1 or 3] pixels as `image_grid` takes them.
        sizes: by the layer's name [N, H, W] sizes of the changes, 0 for none; NaN at pixels that
            the layer is not given.
        path: the picture to write; its suffix is the format.
        levels: number of grey levels, 256 for photographs.
        title: a line above all.

    Returns:
        `path`.

    Raises:
        ValueError: for images of another shape, none, or with NaN; for sizes of another shape,
            below zero or infinite.
    """
    shown = shades(images, levels)
    lines = {"images": np.broadcast_to(shown, (*shown.shape[:3], 3))}
    for name, of_pixels in sizes.items():
        of_pixels = np.asarray(of_pixels, np.float64)
        if of_pixels.shape != shown.shape[:3] or not (np.nan_to_num(of_pixels, nan=0.0) >= 0).all():
            wanted = f"{list(shown.shape[:3])} numbers of at least 0"
            msg = f"`sizes[{name!r}]` must be {wanted}; received {list(of_pixels.shape)}."
            raise ValueError(msg)
        largest = float(np.nanmax(of_pixels, initial=0.0))
        lines[f"{name}: changes of up to {largest:.2g}"] = _colors(of_pixels, largest)
    return write(captioned(lines, title), path)


def _colors(sizes: np.ndarray, largest: float) -> np.ndarray:
    """Returns [N, H, W, 3] pixels in 0..255."""
    relative = np.nan_to_num(sizes / (largest or 1.0), nan=0.0)
    colors = CHANGED(relative, bytes=True)[..., :3]
    colors[sizes == 0] = UNCHANGED
    colors[np.isnan(sizes)] = GONE
    return colors
