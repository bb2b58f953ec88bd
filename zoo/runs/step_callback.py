"""A Keras callback that counts the steps of a run and looks at its metrics now and then."""

import math
import time

import keras

LOOK_SECONDS = 0.5


class StepCallback(keras.callbacks.Callback):
    """Counts steps over all virtual epochs, where they begin.

    A callback at the end of a step would make Keras wait for the device after every one.
    """

    def __init__(self) -> None:
        """Has looked at nothing yet."""
        super().__init__()
        self._epoch = 0
        self._looked = -math.inf

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Remembers the virtual epoch."""
        self._epoch = epoch

    @property
    def trained(self) -> keras.Model:
        """The model in training."""
        if self.model is None:
            msg = "a StepCallback works within `fit` alone."
            raise RuntimeError(msg)
        return self.model

    def done(self, batch: int) -> int:
        """Returns how many steps of the run come before this one of the virtual epoch."""
        return self._epoch * self.length + batch

    @property
    def length(self) -> int:
        """Steps of a virtual epoch."""
        return (self.params or {})["steps"]

    def look(self, batch: int) -> dict[str, float] | None:
        """Returns the means of the virtual epoch so far, at most twice a second, else None."""
        if batch == 0 or time.monotonic() - self._looked < LOOK_SECONDS:
            return None
        self._looked = time.monotonic()
        return {name: float(value) for name, value in self.trained.get_metrics_result().items()}
