"""What all pictures share: ink, a title, a whole file or none."""

import os
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

DPI = 128
"""A power of two, so that a size in pixels survives the division into inches."""
INK, FAINT = "#222222", "#dddddd"


def finite(name: str, values: np.ndarray) -> np.ndarray:
    """Returns `values`, or refuses NaN and infinity."""
    if not np.isfinite(values).all():
        msg = f"`{name}` must be finite; received NaN or infinity."
        raise ValueError(msg)
    return values


def put_title(figure: Figure, title: str | None) -> None:
    """Puts a line above the figure, if there is one."""
    if title is not None:
        figure.suptitle(title, color=INK, fontsize=12, parse_math=False)


def write(figure: Figure, path: str | os.PathLike[str]) -> Path:
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
