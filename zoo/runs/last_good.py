"""What a training run keeps while it runs: its history and the last good weights."""

import math
import time

import keras
import numpy as np

from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder
from zoo.runs.step_callback import StepCallback


class LastGood(StepCallback):
    """Saves weights and history at each virtual epoch, and stops at the end or at the first NaN.

    Args:
        folder: where they go; it is made when the training begins.
        run: what is trained, and for how many steps; the last virtual epoch may be a short one.
    """

    def __init__(self, folder: RunFolder, run: RunConfig) -> None:
        """Has made and saved nothing yet."""
        super().__init__()
        self.saved_step: int | None = None
        self.diverged_step: int | None = None
        self._folder, self._run, self._total = folder, run, run.spec.training.steps
        self._began = -math.inf

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Makes the folder, now that model and data are known to fit, and starts the clock."""
        self._folder.create(self._run)
        self._began = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Makes this step the last one if it is the run's last, or if the loss is lost."""
        if self.done(batch) + 1 >= self._total:
            self.trained.stop_training = True
        seen = self.look(batch)
        if seen is not None and not math.isfinite(seen["loss"]):
            self._give_up(self.done(batch))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves, if loss and weights are finite."""
        done = min(self.done(0) + self.length, self._total)
        logs = logs or {}
        if not math.isfinite(logs["loss"]) or not finite(self.trained):
            self._give_up(done)
        if self.diverged_step is None:
            self._folder.save_weights(self.trained)
            seconds = round(time.monotonic() - self._began, 2)
            self._folder.append_history({"step": done, "seconds": seconds, **logs})
            self.saved_step = done

    def _give_up(self, done: int) -> None:
        self.diverged_step = self.diverged_step or done
        self.trained.stop_training = True


def finite(model: keras.Model) -> bool:
    """Tells whether no floating-point weight of the model is NaN or infinite."""
    values = (w.numpy() for w in model.weights)
    return all(np.isfinite(v).all() for v in values if np.issubdtype(v.dtype, np.floating))
