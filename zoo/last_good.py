"""What a training run keeps while it runs: its history and the last good weights."""

import math
import time

import keras
import numpy as np

from zoo.run_folder import RunFolder

LOOK_SECONDS = 0.5


class LastGood(keras.callbacks.Callback):
    """Saves weights and history at each virtual epoch, and stops at the end or at the first NaN.

    Args:
        folder: where they go.
        total: steps of the run; the last virtual epoch may be a short one.
    """

    def __init__(self, folder: RunFolder, total: int) -> None:
        """Has saved nothing yet."""
        super().__init__()
        self.saved_step: int | None = None
        self.diverged_step: int | None = None
        self._folder, self._total = folder, total
        self._epoch = 0
        self._began = self._looked = -math.inf

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock of the history."""
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Remembers the virtual epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Makes this step the last one if it is the run's last, or if the loss is lost."""
        done = self._epoch * self.params["steps"] + batch
        if done + 1 >= self._total:
            self.model.stop_training = True
        elif batch > 0 and time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._check(done, math.isfinite(self.model.get_metrics_result()["loss"]))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Saves, if loss and weights are finite."""
        done = min((epoch + 1) * self.params["steps"], self._total)
        logs = logs or {}
        self._check(done, math.isfinite(logs["loss"]) and finite(self.model))
        if self.diverged_step is None:
            self._folder.save_weights(self.model)
            seconds = round(time.monotonic() - self._began, 2)
            self._folder.append_history({"step": done, "seconds": seconds, **logs})
            self.saved_step = done

    def _check(self, done: int, good: bool) -> None:  # noqa: FBT001 - a finding, not a flag
        if not good and self.diverged_step is None:
            self.diverged_step = done
            self.model.stop_training = True


def finite(model: keras.Model) -> bool:
    """Tells whether no floating-point weight of the model is NaN or infinite."""
    values = (w.numpy() for w in model.weights)
    return all(np.isfinite(v).all() for v in values if np.issubdtype(v.dtype, np.floating))
