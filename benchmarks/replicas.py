"""A step on two replicas against one, at the same global batch, as ratios of one process.

The replicas are two logical devices of one CPU: they share its cores, so what is seen is the cost
of dividing, not the gain of a second device.

python benchmarks/replicas.py [PRESET ...]
"""

import sys

import tensorflow as tf
from timing import rows_of, seconds

import zoo

STEPS = 20


def step_seconds(strategy: tf.distribute.Strategy, name: str) -> float:
    """Returns the median seconds of a step of a preset's model."""
    with strategy.scope():
        model = zoo.get(name, schedule="constant")
    rows = rows_of(model, STEPS * model.spec.training.batch_size)
    return seconds(lambda: model.fit(rows, epochs=1, verbose=0)) / STEPS


def main(names: list[str]) -> None:
    """Prints the seconds of a step, and their ratio."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, halves)
    two = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    for name in names:
        alone = step_seconds(tf.distribute.get_strategy(), name)
        both = step_seconds(two, name)
        line = f"one {1e3 * alone:8.2f} ms   two {1e3 * both:8.2f} ms   {both / alone:5.2f} x"
        print(f"{name:18} {line}")


if __name__ == "__main__":
    main(sys.argv[1:] or ["realnvp_moons", "realnvp_digits", "realnvp_mnist"])
