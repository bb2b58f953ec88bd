"""One training run from the command line: check, train, measure, draw, report.

TensorFlow is imported once everything that can be checked without it has been.
"""

import contextlib
import time
from typing import TYPE_CHECKING

import click

from zoo import console, datasets
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder
from zoo.runs.plan import Plan, Rows

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel

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
    train, test = read_data(plan.run, data_dir)
    console.import_tensorflow()
    from zoo.runs import report

    try:
        model = build(plan.run, jit=jit)
        began = time.monotonic()
        _train(model, plan, train, _first(test, WATCHED_ROWS))
        report.finish(model, plan, train, test, seconds=time.monotonic() - began)
    except KeyboardInterrupt:
        console.leave(f"interrupted: {_kept(plan.folder)}", console.INTERRUPTED)


def read_data(run: RunConfig, data_dir: str | None) -> tuple[Rows, Rows]:
    """Returns training and held-out rows of the model's shape, with labels if there are any."""
    if run.data not in datasets.names():
        console.import_tensorflow()  # TFDS would, with all its noise
    splits = datasets.load(run.data, data_dir=data_dir)
    wanted = run.spec.config.event_shape
    if splits.train.shape[1:] != wanted:
        msg = f"`data` must have rows of shape {wanted}; {run.data!r} has {splits.train.shape[1:]}."
        raise ValueError(msg)
    if splits.train_labels is None or splits.test_labels is None:
        return splits.train, splits.test
    return (splits.train, splits.train_labels), (splits.test, splits.test_labels)


def _first(rows: Rows, n: int) -> Rows:
    return (rows[0][:n], rows[1][:n]) if isinstance(rows, tuple) else rows[:n]


def build(run: RunConfig, *, jit: bool | None) -> "FlowModel":
    """Returns the run's model, compiled."""
    from zoo.flow_model import FlowModel

    model = FlowModel(run.spec)
    model.compile(jit_compile="auto" if jit is None else jit)
    return model


def _train(model: "FlowModel", plan: Plan, train: Rows, watched: Rows) -> None:
    """Trains in virtual epochs; leaves with exit code 1 if the loss or a weight becomes NaN."""
    from zoo.runs.last_good import LastGood
    from zoo.runs.progress import Progress

    training = plan.run.spec.training
    length = min(-(-training.steps // EPOCHS), LONGEST_EPOCH)
    rows = "rows" if plan.run.spec.config.levels is None else "images"
    kept = LastGood(plan.folder, plan.run)
    shown = Progress(training.steps, training.batch_size, plan.unit, rows)
    with contextlib.closing(shown):
        model.fit(
            train,
            batch_size=training.batch_size,
            epochs=-(-training.steps // length),
            steps_per_epoch=length,
            validation_data=watched,
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
