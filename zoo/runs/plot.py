"""The pictures of a trained run, drawn again."""

import dataclasses
import math
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from zoo import console
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder, load_model

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.data import Data
    from zoo.runs.observers.fixed_rows import FixedRows

MOST_TEMPERATURES, LINES = 16, 8


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


def execute(planned: Plotting, *, data_dir: str | None) -> None:
    """Draws the pictures and prints where they are.

    Pictures that need data are left out where it cannot be had, and stderr says so.

    Args:
        planned: the pictures.
        data_dir: folder of prepared TFDS data sets.

    Raises:
        ValueError: if the weights or the history cannot be used.
    """
    click.echo("loading TensorFlow ...", err=True)
    console.import_tensorflow()
    from zoo.runs import report

    model = load_model(planned.folder.path)
    data = _data(planned, data_dir)
    planned.out.mkdir(parents=True, exist_ok=True)
    results = planned.folder.read_results() if planned.folder.results.exists() else {}
    curve = planned.out / "curve.png"
    report.draw_curve(planned.run, planned.folder, curve, held_out=results.get("mean"))
    click.echo(f"{'curve':19} {curve}")
    for heading, path in _drawn(model, planned, data):
        click.echo(f"{heading:19} {path}")


def _data(planned: Plotting, data_dir: str | None) -> "Data | None":
    from zoo.prepare import Form
    from zoo.runs import data

    run = planned.run
    try:
        return data.read(run.data, Form.of(run.spec), data_dir=data_dir, resize=run.resize)
    except (OSError, ValueError) as error:
        click.echo(f"without the pictures that need data, which cannot be had: {error}", err=True)
        return None


def _drawn(
    model: "FlowModel", planned: Plotting, data: "Data | None"
) -> Iterator[tuple[str, pathlib.Path]]:
    """Draws one picture after another, and gives its heading and path."""
    from zoo import plots
    from zoo.runs import report
    from zoo.runs.observers import views
    from zoo.runs.observers.fixed_rows import FixedRows
    from zoo.runs.observers.gallery import IMAGE_ROWS, VECTOR_ROWS
    from zoo.runs.pictures import impossible

    spec, out = planned.run.spec, planned.out
    images = spec.config.levels is not None and impossible(spec.config) is None
    train = None if data is None else data.train
    if images or train is not None:
        if report.draw_samples(model, planned.run, train, out / "samples.png"):
            yield "samples", out / "samples.png"
    if data is None:
        return
    rows = FixedRows.of(model, data.held_out, IMAGE_ROWS if model.levels else VECTOR_ROWS)
    if images:
        yield from _of_images(model, rows, planned)
    title = f"{spec.preset}, seed {spec.seed}"
    if spec.config.event_shape == (1,) and model.levels is None and rows.condition is None:
        views.draw_warp(model, rows.real, out / "warp.png", title)
        yield "warp", out / "warp.png"
    path = out / "latents.png"
    plots.latent_histogram(views.latents(model, rows), path, title=f"latents of {title}")
    yield "latents", path


def _of_images(
    model: "FlowModel", rows: "FixedRows", planned: Plotting
) -> Iterator[tuple[str, pathlib.Path]]:
    from zoo import plots
    from zoo.runs.observers import views

    spec, out = planned.run.spec, planned.out
    assert spec.config.levels is not None
    chosen = planned.temperatures or views.TEMPERATURES
    drawn = {
        "temperatures": (views.temperatures(model, rows, LINES, chosen), len(chosen)),
        "interpolation": (views.interpolation(model, rows, LINES), views.COLUMNS),
    }
    titles = {
        "temperatures": "temperatures " + ", ".join(f"{value:g}" for value in chosen),
        "interpolation": "from one held-out row to another",
    }
    for name, (images, columns) in drawn.items():
        path = out / f"{name}.png"
        title = f"{spec.preset}: {titles[name]}"
        plots.image_grid(images, path, levels=spec.config.levels, columns=columns, title=title)
        yield name, path


def _folder(out: str) -> pathlib.Path:
    path = pathlib.Path(out).expanduser()
    above = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        msg = f"`--out` must be a folder that can be made; {above} is no folder to write into."
        raise ValueError(msg)
    return path
