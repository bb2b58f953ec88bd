"""What a run comes to: held-out figures, pictures, and the lines that say so."""

import math
import pathlib
import shlex
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from zoo import plots
from zoo.runs import pictures, source
from zoo.runs.data import count, values
from zoo.runs.plan import unit_of

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.config import RunConfig
    from zoo.runs.data import Data, Rows
    from zoo.runs.folder import RunFolder
    from zoo.runs.plan import Plan

NOISE_SEED, DRAWS = 0, 1
MOST_CLASSES = 32
"""Classes of the grid after training; `sample` draws any."""
COLUMNS = {"bits/dim": "bits_per_dim", "nats": "loss"}
"""The column of the history that is in a unit."""


def finish(model: "FlowModel", plan: "Plan", data: "Data") -> None:
    """Measures, writes results and pictures, and prints what came out and where it is.

    Args:
        model: the trained model.
        plan: its run.
        data: the rows it was trained on, and those held out.
    """
    results = {"data": plan.run.data, **measure(model, data.held_out, data.split)}
    run = {"training_rows": count(data.train), "steps": plan.run.spec.training.steps}
    plan.folder.write_results({**results, **run, "training_seconds": plan.folder.seconds})
    draw_curve(plan.run, plan.folder, plan.folder.curve, held_out=results["mean"])
    drawn = draw_samples(model, plan.run, data.train, plan.folder.samples)
    for heading, text in _lines(plan, results, drawn=drawn):
        click.echo(f"{heading:19} {text}")


def measure(
    model: "FlowModel", rows: "Rows", split: str, *, draws: int = DRAWS, seed: int = NOISE_SEED
) -> dict[str, Any]:
    """Returns the mean figure of rows, its standard error, and how they were measured.

    Args:
        model: the model.
        rows: the rows.
        split: which rows they are, in words.
        draws: draws of noise for each image.
        seed: of the noise.

    Raises:
        ValueError: for a single row, which has no standard error.
    """
    if count(rows) < 2:
        msg = "`data` must have at least 2 rows, for a standard error; received 1."
        raise ValueError(msg)
    how: dict[str, Any] = {"split": split}
    if model.levels is not None:
        figures = model.bits_per_dim(rows, seed=seed, draws=draws)
        how |= {"noise": "uniform", "noise_seed": seed, "draws": draws}
        how["averaging"] = "log-likelihoods over draws, then rows"
    else:
        figures = -np.asarray(model.predict(rows, verbose=0), np.float64)
        how["averaging"] = "log-likelihoods over rows"
    error = float(figures.std(ddof=1) / math.sqrt(len(figures)))
    unit = "nats" if model.levels is None else "bits/dim"
    figure = {"unit": unit, "mean": float(figures.mean()), "standard_error": error}
    return {**figure, "rows": len(figures), **how}


def figure_line(results: dict[str, Any], which: str) -> tuple[str, str]:
    """Returns the heading and the text of a figure.

    Args:
        results: as `measure` returns them, with the 'data'.
        which: 'held-out', or '' for rows of which it is not known.
    """
    how = f"{results['rows']:,} {which} rows of {results['data']}"
    if source.is_path(results["data"]):
        how += f", {results['split']}"
    if "draws" in results:
        draws = results["draws"]
        noise = f"uniform noise, {draws} draw{'s' * (draws > 1)}, seed {results['noise_seed']}"
        how += f"; {noise}"
    heading = f"{which} {results['unit']}".strip()
    figure = f"{results['mean']:.3f} +- {results['standard_error']:.3f}"
    return heading, f"{figure} ({' '.join(how.split())})"


def draw_curve(
    run: "RunConfig", folder: "RunFolder", path: pathlib.Path, *, held_out: float | None
) -> None:
    """Draws the history of a run, and its final figure if there is one.

    Args:
        run: the run.
        folder: where its history is.
        path: the picture to write.
        held_out: the final figure.

    Raises:
        ValueError: for a history that is missing or damaged.
    """
    unit, data = unit_of(run), run.data
    history, column = folder.read_history(), COLUMNS[unit]
    shown = pathlib.Path(data).name if source.is_path(data) else data
    plots.curve(
        {
            "step": history["step"],
            "training": history[column],
            "validation": history[f"val_{column}"],
        },
        path,
        unit=unit,
        held_out=held_out,
        title=f"{run.spec.preset} on {shown}",
    )


def draw_samples(
    model: "FlowModel", run: "RunConfig", train: "Rows | None", path: pathlib.Path
) -> bool:
    """Draws a grid of images, or a plane; tells whether there is such a picture of the model.

    Args:
        model: the model.
        run: its run.
        train: rows that the plane shows beside the samples; a grid shows none.
        path: the picture to write.
    """
    spec = run.spec
    config = spec.config
    if pictures.impossible(config) or config.condition_dim is not None:
        return False
    title = f"samples of {spec.preset}, seed {spec.seed}"
    if config.levels is None:
        samples = np.asarray(model.sample(pictures.POINTS, seed=spec.seed))
        assert train is not None
        pictures.plane(model, values(train), samples, path, title)
    elif config.num_classes is None:
        pictures.grid(
            np.asarray(model.sample(pictures.IMAGES, seed=spec.seed)), config, path, title
        )
    else:
        classes = np.arange(min(config.num_classes, MOST_CLASSES))
        images = model.sample(pictures.COLUMNS, seed=spec.seed, condition=classes)
        pictures.grid(np.asarray(images), config, path, title)
    return True


def _lines(plan: "Plan", results: dict[str, Any], *, drawn: bool) -> list[tuple[str, str]]:
    folder = plan.folder
    served = pathlib.Path("served") / folder.path.resolve().name
    return [
        figure_line(results, "held-out"),
        *([("samples", str(folder.samples))] if drawn else []),
        ("run", str(folder.path)),
        ("next", shlex.join(["python", "-m", "export", str(folder.path), str(served)])),
    ]
