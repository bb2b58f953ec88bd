"""What pictures of a run are asked for, checked without TensorFlow and without data."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Sequence

from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder

MOST_TEMPERATURES = 16


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plotting:
    """Pictures to draw, whose arguments are checked.

    Args:
        folder: of the run.
        run: the run.
        out: the folder of the pictures.
        temperatures: factors of the latents' standard deviation; empty for the usual ones.
    """

    folder: RunFolder
    run: RunConfig
    out: pathlib.Path
    temperatures: tuple[float, ...]


def plan(run: str, *, out: str | None, temperatures: Sequence[float]) -> Plotting:
    """Checks all that needs neither TensorFlow nor data.

    Args:
        run: path of the run folder.
        out: the folder of the pictures, new or not; None is the run's own.
        temperatures: factors of the latents' standard deviation; empty for the usual ones.

    Raises:
        ValueError: for what is no trained run, a folder that cannot be written into, and
            temperatures that are not finite, too many, or of what is no image model.
    """
    folder = RunFolder(run)
    config = folder.read_config()
    folder.check_trained()
    folder.read_history()
    if temperatures and config.spec.config.levels is None:
        msg = "`--temperature` is for models of images: the others have no such picture."
        raise ValueError(msg)
    if not all(map(math.isfinite, temperatures)):
        msg = f"`--temperature` must be finite; received {', '.join(map(str, temperatures))}."
        raise ValueError(msg)
    if len(temperatures) > MOST_TEMPERATURES:
        msg = f"`--temperature` must be given at most {MOST_TEMPERATURES} times; received "
        raise ValueError(f"{msg}{len(temperatures)}.")
    return Plotting(
        folder=folder,
        run=config,
        out=folder.path if out is None else _folder(out),
        temperatures=tuple(temperatures),
    )


def _folder(out: str) -> pathlib.Path:
    path = pathlib.Path(out).expanduser()
    above = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        msg = f"`--out` must be a folder that can be made; {above} is no folder to write into."
        raise ValueError(msg)
    return path
