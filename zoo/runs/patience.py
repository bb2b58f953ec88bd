"""Early stopping: no more steps once the validation has not improved for long."""

import math
from collections.abc import Callable, Sequence

from zoo.runs.folder import RunFolder
from zoo.runs.step_callback import StepCallback


class Patience(StepCallback):
    """Stops a training whose validation figure has had no new minimum for some virtual epochs.

    It counts in the history file, so that a run that goes on waits no longer than one that never
    stopped. It comes after the callback that writes the history.

    Args:
        folder: of the run, with the history.
        score: the column that is to fall, such as 'val_loss'.
        patience: virtual epochs to wait, at least 1.
        tell: what is called with a line when it stops.

    Raises:
        ValueError: for a patience below 1.

    Reference:
        Papamakarios et al. 2017, Masked autoregressive flow, arXiv:1705.07057, section 4.1.
    """

    def __init__(
        self, folder: RunFolder, *, score: str, patience: int, tell: Callable[[str], object]
    ) -> None:
        """Has stopped nothing."""
        super().__init__()
        if patience < 1:
            msg = f"`patience` must be at least 1; received {patience}."
            raise ValueError(msg)
        self._folder, self._score, self._patience, self._tell = folder, score, patience, tell

    @property
    def exhausted(self) -> bool:
        """Whether the history says that the training is to stop, or to stay stopped."""
        if not self._folder.history.exists():
            return False
        return waited(self._folder.read_history().get(self._score, [])) >= self._patience

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Stops the training if it has waited long enough."""
        if not self.trained.stop_training and self.exhausted:
            self.trained.stop_training = True
            self._tell(
                f"stopped early at step {self.step}: {self._score} has had no new minimum for "
                f"{self._patience} virtual epochs."
            )


def waited(figures: Sequence[float]) -> int:
    """Returns how many figures follow the first of the lowest ones; NaN is no figure."""
    known = [math.inf if math.isnan(figure) else figure for figure in figures]
    return len(known) - 1 - known.index(min(known)) if known else 0
