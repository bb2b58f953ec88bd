"""Samples of a trained run in a file: a picture, or an array."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import numpy as np

from zoo import console
from zoo.registry import Config
from zoo.runs import pictures, source
from zoo.runs.conditions import conditions_of
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder, load_model

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel

SUFFIXES = (".png", ".npy")
MOST = 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Sampling:
    """Samples to draw, whose arguments are checked.

    Args:
        folder: of the run.
        run: the run.
        out: the file to write.
        n: number of samples, for each condition if there are any.
        seed: of the samples.
        temperature: factor of the latents' standard deviation.
        condition: class numbers, or vectors, or None.
    """

    folder: RunFolder
    run: RunConfig
    out: pathlib.Path
    n: int
    seed: int
    temperature: float
    condition: tuple | None

    @property
    def picture(self) -> bool:
        """Whether the file is to be a picture."""
        return self.out.suffix.lower() == ".png"


def plan(
    run: str,
    *,
    out: str,
    n: int | None,
    seed: int,
    temperature: float,
    classes: str | None,
    conditions: Sequence[str],
    force: bool,
) -> Sampling:
    """Checks all that does not need TensorFlow.

    Args:
        run: path of the run folder.
        out: the .png or .npy file to write.
        n: number of samples, for each condition if there are any; None chooses.
        seed: of the samples.
        temperature: factor of the latents' standard deviation.
        classes: class numbers such as '0,3,7-9'; None is all.
        conditions: vectors such as '0.5,1'.
        force: whether a file that is there is replaced.

    Raises:
        ValueError: for what is no trained run, a file that is there or cannot be written, a model
            of which there is no picture, and conditions that are missing or wrong.
    """
    folder = RunFolder(run)
    config = folder.read_config()
    folder.check_trained()
    path = _new_file(out, force=force)
    model = config.spec.config
    why = pictures.impossible(model)
    if path.suffix.lower() == ".png" and why:
        msg = f"`--out` must be a .npy file: there is no picture of {why}; received {out}."
        raise ValueError(msg)
    condition = conditions_of(model, classes, conditions)
    n = _number(model, condition, path) if n is None else n
    if n * len(condition or [0]) > MOST:
        msg = f"`--n` must give at most {MOST:,} samples in all; received {n} of each condition."
        raise ValueError(msg)
    return Sampling(
        folder=folder,
        run=config,
        out=path,
        n=n,
        seed=seed,
        temperature=temperature,
        condition=condition,
    )


def execute(planned: Sampling) -> None:
    """Draws the samples, writes the file, whole or not at all, and prints what is in it.

    Raises:
        ValueError: if the weights, or for a density picture the run's data, cannot be used.
    """
    click.echo("loading TensorFlow ...", err=True)
    console.import_tensorflow()
    model = load_model(planned.folder.path)
    condition = None if planned.condition is None else np.array(planned.condition)
    drawn = model.sample(
        planned.n, seed=planned.seed, temperature=planned.temperature, condition=condition
    )
    samples = np.asarray(drawn)
    if not np.isfinite(samples).all():
        msg = f"{planned.folder.weights} gives samples that are not finite. Train again."
        raise ValueError(msg)
    if planned.picture:
        _draw(model, planned, samples)
        click.echo(f"{samples.size // _size(model):,} samples in {planned.out}")
    else:
        array = _array(planned, samples)
        _write(planned.out, array)
        shape = " x ".join(map(str, array.shape))
        click.echo(f"{array.dtype.name} array {shape} in {planned.out}")


def _draw(model: "FlowModel", planned: Sampling, samples: np.ndarray) -> None:
    spec = planned.run.spec
    title = f"samples of {spec.preset}, seed {planned.seed}"
    if planned.temperature != 1:
        title += f", temperature {planned.temperature:g}"
    if spec.config.levels is not None:
        pictures.grid(samples, spec.config, planned.out, title)
        return
    from zoo.runs import data

    run = planned.run
    try:
        if source.is_path(run.data):
            source.locate(run.data, None)
        rows = data.read(run.data, model.form, data_dir=None, resize=run.resize)
    except ValueError as error:
        msg = f"the picture shows the run's data too, which cannot be had: {error} Take --out .npy."
        raise ValueError(msg) from error
    pictures.plane(model, data.values(rows.train), samples, planned.out, title)


def _array(planned: Sampling, samples: np.ndarray) -> np.ndarray:
    """Returns the rows as they are in data: grey levels as whole numbers, conditions first."""
    levels = planned.run.spec.config.levels
    if planned.condition is not None:
        samples = np.swapaxes(samples, 0, 1)
    if levels is None:
        return samples
    return np.floor(samples).astype(np.uint8 if levels <= 256 else np.int32)


def _size(model: "FlowModel") -> int:
    return int(np.prod(model.event_shape))


def _write(path: pathlib.Path, array: np.ndarray) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _new_file(out: str, *, force: bool) -> pathlib.Path:
    path = pathlib.Path(out).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        msg = f"`--out` must end in .png (a picture) or .npy (an array); received {out!r}."
        raise ValueError(msg)
    if path.is_dir() or (path.exists() and not force):
        msg = f"`--out` must be a new file; {out} is there. Choose another, or pass --force."
        raise ValueError(msg)
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        msg = f"`--out` must be in a folder to write into; received {out}."
        raise ValueError(msg)
    return path


def _number(config: Config, condition: tuple | None, path: pathlib.Path) -> int:
    if condition is not None:
        return pictures.COLUMNS
    plane = config.levels is None and path.suffix.lower() == ".png"
    return pictures.POINTS if plane else pictures.IMAGES
