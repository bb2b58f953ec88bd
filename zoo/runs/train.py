"""The steps of a run: to its end, to a divergence, or until it is asked to stop."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from zoo.checkpoints.store import Checkpoints
from zoo.diagnosis import first_not_finite
from zoo.flow_model import FlowModel
from zoo.prepare import RowSource, from_step
from zoo.runs.data import Data, by_number
from zoo.runs.last_good import LastGood
from zoo.runs.patience import Patience
from zoo.runs.plan import Plan
from zoo.runs.progress import Progress
from zoo.runs.report import COLUMNS
from zoo.runs.stop import Stop

if TYPE_CHECKING:
    import tensorflow as tf

    from zoo.runs.step_callback import StepCallback

EPOCHS, LONGEST_EPOCH = 15, 500
"""Virtual epochs of a run, and steps of the longest: a checkpoint follows each."""


class Diverged(Exception):
    """The training has come to a number that is not finite; the text says where."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Training:
    """What a run trains, on what, and who is told.

    Args:
        model: the compiled model, at whatever step.
        plan: the run.
        data: its rows.
        checkpoints: its checkpoints.
        stop: what may ask to stop after a step.
        tell: what is called with a line for the user.
        tensorboard: whether to write events of TensorBoard.
    """

    model: FlowModel
    plan: Plan
    data: Data
    checkpoints: Checkpoints
    stop: Stop
    tell: Callable[[str], object]
    tensorboard: bool

    def run(self) -> None:
        """Takes the steps that are left; then the model has the weights that the run comes to.

        Raises:
            Diverged: at a loss, a gradient or a weight that is not finite.
        """
        patience = self._patience()
        total, done = self.plan.run.spec.training.steps, int(self.model.optimizer.iterations)
        if done < total and not any(callback.exhausted for callback in patience):
            self._fit(total, done, patience)
        if self.stop.code is None and any(callback.exhausted for callback in patience):
            step = self.checkpoints.restore_best(self.model)
            self.plan.folder.save_weights(self.model)
            self.tell(f"the weights are those of step {step}, the best of the validation")

    def _fit(self, total: int, done: int, patience: list[Patience]) -> None:
        length = min(-(-total // EPOCHS), LONGEST_EPOCH)
        kept = LastGood(
            self.plan.folder,
            self.checkpoints,
            total=total,
            score=COLUMNS[self.plan.unit],
            stop=self.stop,
            tell=self.tell,
        )
        rows = "rows" if self.model.levels is None else "images"
        batch_size = self.plan.run.spec.training.batch_size
        shown = Progress(total, batch_size, self.plan.unit, rows)
        source = by_number(self.data.train)
        with contextlib.closing(shown), self.stop.training():
            self.model.fit(
                self._batches(source, done),
                epochs=-(-(total - done) // length),
                steps_per_epoch=length,
                validation_data=self.data.watched,
                callbacks=[kept, *patience, *self._observers(), shown],
                verbose=0,
            )
        if kept.diverged_step is not None:
            raise Diverged(self._diagnosed(source, kept.diverged_step))

    def _batches(self, source: RowSource, step: int) -> "tf.data.Dataset":
        spec = self.plan.run.spec
        return from_step(
            source,
            self.model.form,
            batch_size=spec.training.batch_size,
            seed=spec.seed,
            step=step,
        )

    def _diagnosed(self, source: RowSource, step: int) -> str:
        self.model.averaged = False
        (batch,) = self._batches(source, step).take(1)
        found = first_not_finite(self.model, batch, step=step)
        where = "" if found is None else f", at {found}, which is not finite"
        return f"the training diverged by step {step}{where}"

    def _patience(self) -> list[Patience]:
        patience = self.plan.run.spec.training.patience
        if patience is None:
            return []
        score = f"val_{COLUMNS[self.plan.unit]}"
        return [Patience(self.plan.folder, score=score, patience=patience, tell=self.tell)]

    def _observers(self) -> "list[StepCallback]":
        """Returns the callbacks that look at the model; they come after the one that saves it."""
        from zoo.runs.observers.gallery import Gallery
        from zoo.runs.observers.monitor import Monitor
        from zoo.runs.observers.one_variable import has_warp
        from zoo.runs.observers.warps import Warps

        folder, total = self.plan.folder, self.plan.run.spec.training.steps
        rows = self.data.held_out
        monitor = Monitor(self.model, rows, folder.layers, total=total, tell=self.tell)
        gallery = Gallery(self.model, rows, folder.pictures, tell=self.tell)
        observers: list[StepCallback] = [monitor, gallery]
        if has_warp(self.plan.run.spec.config):
            warps = Warps(self.model, rows, folder.warps, total=total, tell=self.tell)
            observers.append(warps)
        if self.tensorboard:
            from zoo.runs.observers.board import Board

            observers.append(Board(folder.board, monitor, gallery))
        return observers
