"""Where the averages of the weights are while Keras trains: in the model between epochs."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras

from zoo.optimizer import FusedAdam
from zoo.training_callback import TrainingCallback


def keeps_averages(optimizer: Any) -> bool:
    """Tells whether the optimizer averages the weights, and loses neither."""
    return isinstance(optimizer, FusedAdam) and optimizer.use_ema


class AveragesBetweenEpochs(TrainingCallback):
    """Holds the averages in the model from the end of an epoch's steps to the next epoch.

    First in the list, it makes validation measure, and callbacks of an epoch's end save, restore
    and draw, what `fit` will leave behind: `val_loss` belongs to the weights that are saved.
    """

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Puts the trained weights in."""
        self.trained.averaged = False

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Puts the averages in, for validation."""
        self.trained.averaged = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Puts the averages in, for the callbacks that follow."""
        self.trained.averaged = True


@contextlib.contextmanager
def averaging(
    optimizer: keras.optimizers.Optimizer, callbacks: Sequence[keras.callbacks.Callback]
) -> Iterator[Sequence[keras.callbacks.Callback]]:
    """Gives the callbacks of `fit`, and leaves the averages in the model however it ends.

    Args:
        optimizer: that of the model.
        callbacks: those that come after.
    """
    if not keeps_averages(optimizer):
        yield callbacks
        return
    try:
        yield [AveragesBetweenEpochs(), *callbacks]
    finally:
        optimizer.averaged = True
