"""A Keras callback that counts the steps of a run and looks at its metrics now and then."""

import math
import time

from zoo.training_callback import TrainingCallback

LOOK_SECONDS = 0.5


class StepCallback(TrainingCallback):
    """Counts the steps of the optimizer, which a run that goes on does not begin at 0.

    A callback at the end of a step would make Keras wait for the device after every one.
    """

    def __init__(self) -> None:
        """Has looked at nothing yet."""
        super().__init__()
        self._first = 0
        self._looked = -math.inf

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Remembers the step at which the virtual epoch begins."""
        self._first = self.step

    @property
    def step(self) -> int:
        """Steps that the optimizer has taken; to ask is to wait for the device."""
        return int(self.trained.optimizer.iterations)

    def done(self, batch: int) -> int:
        """Returns how many steps come before this one of the virtual epoch."""
        return self._first + batch

    def look(self, batch: int) -> dict[str, float] | None:
        """Returns the means of the virtual epoch so far, at most twice a second, else None."""
        if batch == 0 or time.monotonic() - self._looked < LOOK_SECONDS:
            return None
        self._looked = time.monotonic()
        return {name: float(value) for name, value in self.trained.get_metrics_result().items()}
