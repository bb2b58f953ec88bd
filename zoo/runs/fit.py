"""One training run from the command line: check, train, measure, draw, report.

TensorFlow is imported once everything that can be checked without it has been.
"""

import functools
from typing import TYPE_CHECKING

import click

from zoo import console
from zoo.checkpoints import manifest
from zoo.runs.config import RunConfig
from zoo.runs.plan import Plan
from zoo.runs.stop import Stop, Stopped

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel

REMEDY = "Try a lower learning rate, --set learning_rate=..., in another --run."
WORDS = {console.INTERRUPTED: "interrupted", console.TERMINATED: "terminated"}
say = functools.partial(click.echo, err=True)


def execute(
    plan: Plan, *, data_dir: str | None, jit: bool | None, tensorboard: bool = False
) -> None:
    """Trains, measures and draws, and prints what came out and where it is.

    A run whose folder holds checkpoints goes on from the last one, to the same bits.

    Args:
        plan: the run.
        data_dir: folder of prepared TFDS data sets.
        jit: whether to compile with XLA; None leaves it to Keras.
        tensorboard: whether to write events of TensorBoard.

    Raises:
        ValueError: if the data cannot be had or does not fit the model, or the folder is in use or
            of another run.
        SystemExit: with one line on stderr, if the training diverges or is stopped.
    """
    with Stop() as stop:
        try:
            _execute(plan, stop, data_dir=data_dir, jit=jit, tensorboard=tensorboard)
        except Stopped as stopped:
            _leave(plan, stopped.code)


def _execute(
    plan: Plan, stop: Stop, *, data_dir: str | None, jit: bool | None, tensorboard: bool
) -> None:
    say("loading TensorFlow ...")
    console.import_tensorflow()
    from zoo.checkpoints.store import Checkpoints
    from zoo.prepare import Form
    from zoo.runs import report
    from zoo.runs.data import count, fingerprint, read
    from zoo.runs.train import Diverged, Training

    run = plan.run
    data = read(run.data, Form.of(run.spec), data_dir=data_dir, resize=run.resize)
    if run.spec.training.patience is not None:
        data = data.with_validation()
    plan = plan.for_rows(count(data.train), fingerprint(data.train))
    plan.folder.check_usable(plan.run)
    say(_announced(plan, count(data.train), count(data.held_out), data.split))
    model = build(plan.run, jit=jit)
    with plan.folder.training(plan.run):
        checkpoints = Checkpoints(plan.folder.checkpoints, tell=say)
        step = checkpoints.restore(model)
        plan.folder.cut_history(step)
        if step:
            say(f"resumed at step {step}")
        training = Training(
            model=model,
            plan=plan,
            data=data,
            checkpoints=checkpoints,
            stop=stop,
            tell=say,
            tensorboard=tensorboard,
        )
        try:
            training.run()
        except Diverged as error:
            console.leave(f"error: {error}: {_kept(plan)} {REMEDY}", console.DIVERGED)
        if stop.code is not None:
            _leave(plan, stop.code)
        report.finish(model, plan, data)


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


def _leave(plan: Plan, code: int) -> None:
    console.leave(f"{WORDS[code]}: {_kept(plan)} The same command goes on from there.", code)


def _kept(plan: Plan) -> str:
    steps = manifest.steps(plan.folder.checkpoints)
    if not steps:
        return "nothing was saved yet."
    return f"step {steps[-1]} is kept in {plan.folder.path}."
