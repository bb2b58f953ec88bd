"""How the layers of a model are while it trains: log-dets, log-scales, gradient, round trip."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from zoo.networks import keras_layers
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.share import Share
from zoo.runs.step_callback import StepCallback
from zoo.runs.table import Table
from zoo.watching import Passage, watching

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.data import Rows

MOST_ROWS = 64
SHARE, FIRST_SECONDS = 0.02, 5.0


class Monitor(StepCallback):
    """Measures the layers on a few fixed rows, at ends of virtual epochs and at the run's end.

    It takes at most a fiftieth of the training's time, and half of its rows a step, so that memory
    which is enough for the training is enough for it. `measure` says what is in a row of the file.

    Args:
        model: the model in training.
        rows: the first of these are looked at.
        table: where the figures go.
        total: steps of the run.
        tell: what is called with a line about a disk that fails.
    """

    def __init__(
        self,
        model: "FlowModel",
        rows: "Rows",
        table: Table,
        *,
        total: int,
        tell: Callable[[str], object],
    ) -> None:
        """Reads the rows and measures nothing."""
        super().__init__()
        most = max(1, min(MOST_ROWS, model.spec.training.batch_size // 2))
        self.measured: tuple[int, dict[str, float]] | None = None
        self.time = Share(SHARE, first=FIRST_SECONDS)
        self._rows = FixedRows.of(model, rows, most)
        self._table, self._total, self._tell = table, total, tell

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self.time.begin()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measures, if it is time to or the run ends, while loss and weights are good."""
        step, loss = self.step, (logs or {}).get("loss", 0.0)
        due = self.time.due and not self.trained.stop_training
        if not math.isfinite(loss) or not (due or step >= self._total):
            return
        with self.time.spending():
            self.measured = step, {"step": step, **measure(self.trained, self._rows)}
            try:
                self._table.append(self.measured[1])
            except OSError as error:
                self._tell(f"{self._table.path} could not be written: {error}; going on.")


def measure(model: "FlowModel", rows: FixedRows) -> dict[str, float]:
    """Returns the figures of a model, by column; networks and statistics are those of inference.

        gradient_norm      global norm of the gradient of the mean negative log-likelihood
        round_trip         max |decode(encode(x)) - x| over the rows, in the data's units
        log_scale_min      least log-scale of all couplings' elements; also of each, NAME/...
        log_scale_max      largest
        NAME/log_det       mean log|det| of a layer that has weights, data to latents, in nats

    Log-scales are of the direction that samples: log|d data / d latent| of an element.

    Args:
        model: the model.
        rows: the rows.
    """
    with watching(model) as passages, tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model(rows.inputs))
    weights = [weight.value for weight in model.trainable_weights]
    gradients = [g for g in tape.gradient(loss, weights) if g is not None]
    *layers, whole = passages
    figures = {
        "gradient_norm": tf.linalg.global_norm(gradients),
        "round_trip": _round_trip(model, whole, rows),
        **_of_layers([passage for passage in layers if keras_layers(passage.layer)]),
    }
    return {name: float(value) for name, value in figures.items()}


def _round_trip(model: "FlowModel", whole: Passage, rows: FixedRows) -> float:
    if not np.isfinite(whole.made).all():
        return math.nan
    return np.abs(model.decode(whole.made, rows.condition) - whole.taken).max()


def _of_layers(passages: Sequence[Passage]) -> dict[str, float]:
    scales = {p.layer.name: p.log_scales for p in passages if p.log_scales is not None}
    ranges = {name: (np.min(values), np.max(values)) for name, values in scales.items()}
    figures = {}
    if ranges:
        figures["log_scale_min"] = min(low for low, _ in ranges.values())
        figures["log_scale_max"] = max(high for _, high in ranges.values())
    for passage in passages:
        name = passage.layer.name
        figures[f"{name}/log_det"] = np.mean(passage.log_det)
        if name in ranges:
            figures[f"{name}/log_scale_min"], figures[f"{name}/log_scale_max"] = ranges[name]
    return figures
