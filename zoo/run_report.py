"""What a run comes to: held-out figures, pictures, and the lines that say so."""

import math
import pathlib
import shlex
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from zoo import plots

if TYPE_CHECKING:
    from zoo.datasets import Splits
    from zoo.fit_run import Plan
    from zoo.flow_model import FlowModel

GRID_SAMPLES, PLANE_SAMPLES = 64, 5_000
NOISE_SEED, DRAWS = 0, 1
COLUMNS = {"bits/dim": "bits_per_dim", "nats": "loss"}
"""The column of the history that is in a unit."""


def finish(model: "FlowModel", plan: "Plan", splits: "Splits", *, seconds: float) -> None:
    """Measures, writes results and pictures, and prints what came out and where it is.

    Args:
        model: the trained model.
        plan: its run.
        splits: its data.
        seconds: that the training took.
    """
    results = measure(model, splits.test, plan.unit)
    run = {"data": plan.run.data, "steps": plan.run.training.steps}
    plan.folder.write_results({**results, **run, "training_seconds": round(seconds, 1)})
    _draw_curve(plan, results["mean"])
    drawn = _draw_samples(model, plan, splits.train)
    for heading, text in _lines(plan, results, drawn):
        click.echo(f"{heading:20}{text}")


def measure(model: "FlowModel", test: np.ndarray, unit: str) -> dict[str, Any]:
    """Returns the mean held-out figure, its standard error, and how they were measured."""
    how: dict[str, Any] = {"split": "held out", "rows": len(test)}
    if unit == "bits/dim":
        rows = model.bits_per_dim(test, seed=NOISE_SEED, draws=DRAWS)
        how |= {"noise": "uniform", "noise_seed": NOISE_SEED, "draws": DRAWS}
    else:
        rows = -model.predict(test, verbose=0)
    rows = np.asarray(rows, np.float64)
    error = float(rows.std(ddof=1) / math.sqrt(len(rows)))
    return {"unit": unit, "mean": float(rows.mean()), "standard_error": error, **how}


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
        title=f"{plan.run.preset} on {plan.run.data}",
    )


def _draw_samples(model: "FlowModel", plan: "Plan", data: np.ndarray) -> pathlib.Path | None:
    """Draws a grid of images, or the plane; vectors of other sizes have no picture."""
    levels, path, seed = plan.run.config.levels, plan.folder.samples, plan.run.seed
    title = f"samples of {plan.run.preset}, seed {seed}"
    if levels is not None:
        images = np.asarray(model.sample(GRID_SAMPLES, seed=seed))
        return plots.image_grid(images, path, levels=levels, title=title)
    if plan.run.config.event_shape != (2,):
        return None
    samples = np.asarray(model.sample(PLANE_SAMPLES, seed=seed))

    def log_prob(points: np.ndarray) -> np.ndarray:
        return model.predict(points, verbose=0)

    return plots.density_2d(log_prob, data, samples, path, title=title)


def _lines(
    plan: "Plan", results: dict[str, Any], drawn: pathlib.Path | None
) -> list[tuple[str, str]]:
    how = f"{results['rows']:,} held-out rows of {plan.run.data}"
    if "draws" in results:
        how += f"; uniform noise, {results['draws']} draw, seed {results['noise_seed']}"
    figure = f"{results['mean']:.3f} +- {results['standard_error']:.3f}  ({how})"
    served = pathlib.Path("served") / plan.folder.path.resolve().name
    lines = [
        (f"held-out {plan.unit}", figure),
        ("samples", str(drawn)),
        ("run", str(plan.folder.path)),
        ("next", shlex.join(["python", "-m", "export", str(plan.folder.path), str(served)])),
    ]
    return [line for line in lines if line[1] != "None"]
