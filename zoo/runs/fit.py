"""One training run from the command line: check, train, measure, draw, report.

TensorFlow is imported once everything that can be checked without it has been.
"""

import contextlib
import time
from typing import TYPE_CHECKING

import click

from zoo import console
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder
from zoo.runs.plan import Plan

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.data import Data

EPOCHS, LONGEST_EPOCH = 15, 500
WATCHED_ROWS = 256
"""Held-out rows of the curve; the final figure takes them all."""


def execute(plan: Plan, *, data_dir: str | None, jit: bool | None) -> None:
    """Trains, measures and draws, and prints what came out and where it is.

    Args:
        plan: the run.
        data_dir: folder of prepared TFDS data sets.
        jit: whether to compile with XLA; None leaves it to Keras.

    Raises:
        ValueError: if the data cannot be had or does not fit the model.
        SystemExit: with one line on stderr, if the training diverges or is interrupted.
    """
    click.echo("loading TensorFlow ...", err=True)
    console.import_tensorflow()
    from zoo.prepare import Form
    from zoo.runs import report
    from zoo.runs.data import count, read

    run = plan.run
    data = read(run.data, Form.of(run.spec), data_dir=data_dir, resize=run.resize)
    plan = plan.for_rows(count(data.train))
    click.echo(_announced(plan, count(data.train), count(data.held_out), data.split), err=True)
    try:
        model = build(plan.run, jit=jit)
        began = time.monotonic()
        _train(model, plan, data)
        report.finish(model, plan, data, seconds=time.monotonic() - began)
    except KeyboardInterrupt:
        console.leave(f"interrupted: {_kept(plan.folder)}", console.INTERRUPTED)


def _announced(plan: Plan, training: int, held_out: int, split: str) -> str:
    epochs = plan.run.spec.training.steps * plan.run.spec.training.batch_size / training
    return (
        f"{training:,} rows of {plan.run.data} to train on, {epochs:.3g} times each; "
        f"{held_out:,} held out: {split}"
    )


def build(run: RunConfig, *, jit: bool | None) -> "FlowModel":
    """Returns the run's model, compiled."""
    from zoo.flow_model import FlowModel

    model = FlowModel(run.spec)
    model.compile(jit_compile="auto" if jit is None else jit)
    return model


def _train(model: "FlowModel", plan: Plan, data: "Data") -> None:
    """Trains in virtual epochs; leaves with exit code 1 if the loss or a weight becomes NaN."""
    from zoo.runs.data import first
    from zoo.runs.last_good import LastGood
    from zoo.runs.progress import Progress

    training = plan.run.spec.training
    length = min(-(-training.steps // EPOCHS), LONGEST_EPOCH)
    rows = "rows" if plan.run.spec.config.levels is None else "images"
    kept = LastGood(plan.folder, plan.run)
    shown = Progress(training.steps, training.batch_size, plan.unit, rows)
    with contextlib.closing(shown):
        model.fit(
            data.train,
            batch_size=training.batch_size,
            epochs=-(-training.steps // length),
            steps_per_epoch=length,
            validation_data=first(data.held_out, WATCHED_ROWS),
            callbacks=[kept, shown],
            verbose=0,
        )
    if kept.diverged_step is not None:
        console.leave(
            f"error: the training diverged by step {kept.diverged_step}: {_kept(plan.folder)} "
            "Try a lower learning rate, --set learning_rate=...",
            console.DIVERGED,
        )


def _kept(folder: RunFolder) -> str:
    steps = folder.read_history()["step"] if folder.history.exists() else []
    if not steps:
        return "no weights were saved yet, and the same command starts over."
    return f"the weights of step {steps[-1]:.0f} are kept in {folder.weights}."
