"""What a training run keeps while it runs: checkpoints, the last good weights and the history."""

import math
import pathlib
import time
from collections.abc import Callable

import keras
import numpy as np

from zoo.checkpoints.store import Checkpoints
from zoo.guard import bad_step
from zoo.runs.folder import RunFolder
from zoo.runs.step_callback import StepCallback
from zoo.runs.stop import Stop


class LastGood(StepCallback):
    """Saves at the end of each virtual epoch; stops at the end, at the first NaN, or if asked to.

    A disk that fails does not end the training: it is told, and what was saved before stays.

    Args:
        folder: where weights and history go.
        checkpoints: where checkpoints go.
        total: steps of the run; the last virtual epoch may be a short one.
        score: the entry of the logs by which the best checkpoint is told, lower is better.
        stop: what may ask to stop after a step.
        tell: what is called with a line about a disk that fails.
    """

    def __init__(
        self,
        folder: RunFolder,
        checkpoints: Checkpoints,
        *,
        total: int,
        score: str,
        stop: Stop,
        tell: Callable[[str], object],
    ) -> None:
        """Has saved nothing yet."""
        super().__init__()
        self.diverged_step: int | None = None
        self._folder, self._checkpoints = folder, checkpoints
        self._total, self._score = total, score
        self._stop, self._tell = stop, tell
        self._began = -math.inf

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock, where an earlier part of the run has left it."""
        self._began = time.monotonic() - self._folder.seconds

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Makes this step the last one if it is the run's last, if asked to, or at a NaN."""
        if self.done(batch) + 1 >= self._total or self._stop.code is not None:
            self.trained.stop_training = True
        seen = self.look(batch)
        if seen is not None:
            self._check(seen, self.done(batch))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves, if loss and weights are finite; an epoch cut short gets no row in the history."""
        done, logs = self.step, logs or {}
        self._check(logs, done)
        if not finite(self.trained):
            self._give_up(done)
        if self.diverged_step is not None:
            return
        score = logs.get(f"val_{self._score}")
        self._checkpoints.save_or_tell(self.trained, score=None if score is None else float(score))
        self._write(self._folder.weights, lambda: self._folder.save_weights(self.trained))
        if self._stop.code is None:
            row = {"step": done, "seconds": round(time.monotonic() - self._began, 2), **logs}
            self._write(self._folder.history, lambda: self._folder.append_history(row))

    def _write(self, file: pathlib.Path, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            self._tell(f"{file} could not be written: {error}. The training goes on.")

    def _check(self, logs: dict[str, float], done: int) -> None:
        bad = bad_step(self.trained.optimizer)
        if bad is not None:
            self._give_up(bad)
        elif not math.isfinite(logs["loss"]):
            self._give_up(done)

    def _give_up(self, step: int) -> None:
        self.trained.stop_training = True
        if self.diverged_step is None:
            self.diverged_step = step


def finite(model: keras.Model) -> bool:
    """Tells whether no floating-point weight of the model is NaN or infinite."""
    values = (w.numpy() for w in model.weights)
    return all(np.isfinite(v).all() for v in values if np.issubdtype(v.dtype, np.floating))
