"""What a training costs beside its steps, as ratios of one process.

The data, the guard, a checkpoint and going on from it, the layers' figures, the pictures.

python benchmarks/training.py [PRESET ...]
"""

import pathlib
import sys
import tempfile
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from timing import rows_of, seconds

import zoo
from zoo import guard
from zoo.prepare import ArrayRows, from_step
from zoo.runs.observers import views
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.gallery import IMAGE_ROWS, VECTOR_ROWS
from zoo.runs.observers.monitor import MOST_ROWS, measure

ROWS, STEPS = 2048, 20


class Open(guard.Guard):
    """A guard that lets every step pass."""

    def admit(
        self, gradients: Sequence[tf.Tensor], learning_rate: tf.Tensor, step: tf.Tensor
    ) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Returns what it is given."""
        return list(gradients), learning_rate


def unguarded(name: str) -> zoo.FlowModel:
    """Returns a preset's model without a guard."""
    model = zoo.get(name, schedule="constant")
    model.optimizer.guard = Open()
    return model


def costs(name: str) -> None:
    """Prints the costs of a preset."""
    model = zoo.get(name, schedule="constant")
    plain = unguarded(name)
    size, rows = model.spec.training.batch_size, rows_of(model, ROWS)
    drawn = from_step(ArrayRows({"x": rows}), model.form, batch_size=size, seed=0)
    there = drawn.take(1).cache().repeat()

    def fit(model: zoo.FlowModel, batches: tf.data.Dataset) -> None:
        model.fit(batches, steps_per_epoch=STEPS, epochs=1, verbose=0)

    of_step = {
        "step on a batch that is there": seconds(lambda: fit(model, there)) / STEPS,
        "the same without the guard": seconds(lambda: fit(plain, there)) / STEPS,
        "the same with it, once more": seconds(lambda: fit(model, there)) / STEPS,
        "step on batches of `from_step`": seconds(lambda: fit(model, drawn)) / STEPS,
        "a batch of `from_step` alone": seconds(lambda: [*drawn.take(STEPS)]) / STEPS,
    }
    print(f"{name}: {model.count_params():,} parameters, batches of {size}")
    step = of_step["step on a batch that is there"]
    for what, time_of in (of_step | beside(model, rows)).items():
        print(f"  {what:32}{1e3 * time_of:9.2f} ms  {time_of / step:6.2f} steps")


def beside(model: zoo.FlowModel, rows: np.ndarray) -> dict[str, float]:
    """Returns the seconds of what is done at intervals."""
    few = FixedRows.of(model, rows, max(1, min(MOST_ROWS, model.spec.training.batch_size // 2)))
    shown = FixedRows.of(model, rows, IMAGE_ROWS if model.levels else VECTOR_ROWS)
    with tempfile.TemporaryDirectory() as folder:
        kept, picture = zoo.Checkpoints(folder), pathlib.Path(folder, "picture.png")
        return {
            "a checkpoint": seconds(lambda: kept.save(model)),
            "reading it": seconds(lambda: kept.restore(model)),
            "figures of the layers": seconds(lambda: measure(model, few)),
            "the picture of the model": seconds(lambda: views.draw(model, shown, picture, "")),
        }


if __name__ == "__main__":
    for preset in sys.argv[1:] or ["realnvp_moons", "realnvp_digits", "realnvp_mnist"]:
        costs(preset)
