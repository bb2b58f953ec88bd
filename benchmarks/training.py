"""What a training costs beside its steps: the data, a checkpoint, going on. Ratios of one process.

python benchmarks/training.py [PRESET ...]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

import zoo
from zoo.prepare import ArrayRows, from_step

ROWS, STEPS, REPEATS = 2048, 20, 5


def rows_of(model: zoo.FlowModel) -> np.ndarray:
    """Returns random rows in the form of a model's data."""
    random = np.random.default_rng(0)
    shape = (ROWS, *model.event_shape)
    if model.levels is None:
        return random.normal(size=shape).astype(np.float32)
    return random.integers(0, model.levels, shape).astype(np.uint8)


def seconds(call: Callable[[], object]) -> float:
    """Returns the median seconds of a call, after one that does not count."""
    call()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(name: str) -> None:
    """Prints the costs of a preset."""
    model = zoo.get(name, schedule="constant")
    size = model.spec.training.batch_size
    rows = ArrayRows({"x": rows_of(model)})

    def fit(batches: tf.data.Dataset) -> None:
        model.fit(batches, steps_per_epoch=STEPS, epochs=1, verbose=0)

    drawn = from_step(rows, model.form, batch_size=size, seed=0)
    fixed = drawn.take(1).cache().repeat()
    step = seconds(lambda: fit(fixed)) / STEPS
    with_data = seconds(lambda: fit(drawn)) / STEPS
    alone = seconds(lambda: [None for _ in drawn.take(STEPS)]) / STEPS
    with tempfile.TemporaryDirectory() as folder:
        kept = zoo.Checkpoints(folder)
        save = seconds(lambda: kept.save(model))
        restore = seconds(lambda: kept.restore(model))
    print(f"{name}: {model.count_params():,} parameters, batches of {size}")
    print(f"  step on a batch that is there   {1e3 * step:9.2f} ms")
    print(f"  step on batches of `from_step`  {1e3 * with_data:9.2f} ms  {with_data / step:6.2f} x")
    print(f"  a batch of `from_step` alone    {1e3 * alone:9.2f} ms  {alone / step:6.2f} steps")
    print(f"  a checkpoint                    {1e3 * save:9.2f} ms  {save / step:6.2f} steps")
    print(f"  reading it                      {1e3 * restore:9.2f} ms  {restore / step:6.2f} steps")


if __name__ == "__main__":
    for preset in sys.argv[1:] or ["realnvp_moons", "realnvp_digits", "realnvp_mnist"]:
        measure(preset)
