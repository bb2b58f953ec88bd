"""What a run comes to: held-out figures, pictures, and the lines that say so."""

import math
import pathlib
import shlex
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from zoo import plots

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.plan import Plan, Rows

COLUMNS_OF_GRID, PLANE_SAMPLES = 8, 5_000
NOISE_SEED, DRAWS = 0, 1
COLUMNS = {"bits/dim": "bits_per_dim", "nats": "loss"}
"""The column of the history that is in a unit."""


def finish(model: "FlowModel", plan: "Plan", train: "Rows", test: "Rows", seconds: float) -> None:
    """Measures, writes results and pictures, and prints what came out and where it is.

    Args:
        model: the trained model.
        plan: its run.
        train: the rows it was trained on, with labels if there are any.
        test: the rows held out.
        seconds: that the training took.
    """
    results = measure(model, test, plan.unit)
    run = {"data": plan.run.data, "steps": plan.run.spec.training.steps}
    plan.folder.write_results({**results, **run, "training_seconds": round(seconds, 1)})
    _draw_curve(plan, results["mean"])
    drawn = _draw_samples(model, plan, train)
    for heading, text in _lines(plan, results, drawn=drawn):
        click.echo(f"{heading:19} {text}")


def measure(model: "FlowModel", test: "Rows", unit: str) -> dict[str, Any]:
    """Returns the mean held-out figure, its standard error, and how they were measured."""
    how: dict[str, Any] = {"split": "held out"}
    if unit == "bits/dim":
        rows = model.bits_per_dim(test, seed=NOISE_SEED, draws=DRAWS)
        how |= {"noise": "uniform", "noise_seed": NOISE_SEED, "draws": DRAWS}
    else:
        rows = -np.asarray(model.predict(test, verbose=0), np.float64)
    error = float(rows.std(ddof=1) / math.sqrt(len(rows)))
    figure = {"unit": unit, "mean": float(rows.mean()), "standard_error": error}
    return {**figure, "rows": len(rows), **how}


def _draw_curve(plan: "Plan", held_out: float) -> None:
    history, column = plan.folder.read_history(), COLUMNS[plan.unit]
    plots.curve(
        {
            "step": history["step"],
            "training": history[column],
            "validation": history[f"val_{column}"],
        },
        plan.folder.curve,
        unit=plan.unit,
        held_out=held_out,
        title=f"{plan.run.spec.preset} on {plan.run.data}",
    )


def _draw_samples(model: "FlowModel", plan: "Plan", train: "Rows") -> bool:
    """Draws a grid of images, or a plane; tells whether there is such a picture of the data."""
    spec, path = plan.run.spec, plan.folder.samples
    title = f"samples of {spec.preset}, seed {spec.seed}"
    if spec.config.levels is not None:
        images, columns = _grid(model, spec.config.num_classes), COLUMNS_OF_GRID
        plots.image_grid(images, path, levels=spec.config.levels, columns=columns, title=title)
        return True
    if spec.config.event_shape != (2,) or model.form.conditional:
        return False
    samples = np.asarray(model.sample(PLANE_SAMPLES, seed=spec.seed))

    def log_prob(points: np.ndarray) -> np.ndarray:
        return model.predict(points, verbose=0)

    data = train[0] if isinstance(train, tuple) else train
    plots.density_2d(log_prob, data, samples, path, title=title)
    return True


def _grid(model: "FlowModel", num_classes: int | None) -> np.ndarray:
    """Returns images for a grid: eight rows, or one row a class."""
    seed = model.spec.seed
    if num_classes is None:
        return np.asarray(model.sample(COLUMNS_OF_GRID**2, seed=seed))
    drawn = model.sample(COLUMNS_OF_GRID, seed=seed, condition=np.arange(num_classes))
    return np.swapaxes(drawn, 0, 1).reshape(-1, *model.event_shape)


def _lines(plan: "Plan", results: dict[str, Any], *, drawn: bool) -> list[tuple[str, str]]:
    how = f"{results['rows']:,} held-out rows of {plan.run.data}"
    if "draws" in results:
        how += f"; uniform noise, {results['draws']} draw, seed {results['noise_seed']}"
    folder = plan.folder
    served = pathlib.Path("served") / folder.path.resolve().name
    return [
        (
            f"held-out {plan.unit}",
            f"{results['mean']:.3f} +- {results['standard_error']:.3f} ({how})",
        ),
        *([("samples", str(folder.samples))] if drawn else []),
        ("run", str(folder.path)),
        ("next", shlex.join(["python", "-m", "export", str(folder.path), str(served)])),
    ]
