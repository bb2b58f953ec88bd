"""The callback that writes checkpoints while Keras trains."""

from zoo.checkpoints.store import Checkpoints
from zoo.training_callback import TrainingCallback


class SaveCheckpoints(TrainingCallback):
    """Writes a checkpoint at the end of every epoch; a disk that fails does not end the training.

    Args:
        checkpoints: where they go.
        monitor: the entry of the logs that is the score, lower is better; without it there is none.
    """

    def __init__(self, checkpoints: Checkpoints, monitor: str = "val_loss") -> None:
        """Has written none."""
        super().__init__()
        self._checkpoints = checkpoints
        self._monitor = monitor

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Writes one, or says why it could not."""
        score = (logs or {}).get(self._monitor)
        self._checkpoints.save_or_tell(self.trained, score=None if score is None else float(score))
