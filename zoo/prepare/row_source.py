"""Rows that can be had by their numbers, and batches of them as a function of the step."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from zoo.prepare.form import Form
from zoo.prepare.pipeline import for_keras, in_batches, mapped, mirrored
from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared


@runtime_checkable
class RowSource(Protocol):
    """Rows, checked and in the model's dtypes, wherever they lie."""

    def __len__(self) -> int:
        """Returns the number of rows."""
        ...

    def gather(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the rows of the numbers [B]: 'x' and, for a conditional model, 'condition'."""
        ...


class ArrayRows:
    """Rows of arrays in memory.

    Args:
        arrays: 'x' and, for a conditional model, 'condition', with the rows in their first axis.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Puts the arrays where the data is made, beside a GPU and not on it."""
        with tf.device("CPU:0"):
            self._arrays = {key: tf.constant(value) for key, value in arrays.items()}

    def __len__(self) -> int:
        """Returns the number of rows."""
        return len(self._arrays["x"])

    def gather(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the rows of the numbers [B]."""
        return {key: tf.gather(value, index) for key, value in self._arrays.items()}


def from_rows(rows: RowSource, plan: Plan) -> Prepared:
    """Prepares rows: shuffled as a whole, whatever their number."""

    def batches(plan: Plan) -> tf.data.Dataset:
        indices = tf.data.Dataset.range(len(rows))
        return for_keras(in_batches(indices, rows.gather, plan, len(rows)), plan)

    return Prepared(
        batches(plan), lambda: batches(plan.once), unannounced=False, argument=plan.argument
    )


def from_step(
    rows: RowSource, form: Form, *, batch_size: int, seed: int, step: int = 0
) -> tf.data.Dataset:
    """Returns the endless batches of a training from a step on.

    The batch of each step is a function of the seed and the step, so a training that stopped goes
    on with the very batches that it would have had. Each pass over the rows has an order of its
    own; a batch may hold the end of one and the beginning of the next.

    Args:
        rows: the rows.
        form: what the model wants; images are mirrored at random if it says so.
        batch_size: rows of a batch.
        seed: of the orders and the mirroring.
        step: number of the first batch.

    Returns:
        Dicts of 'x' and, for a conditional model, 'condition', for `FlowModel.fit` with
        `steps_per_epoch`.
    """
    size = len(rows)

    def batch(step: tf.Tensor) -> dict[str, tf.Tensor]:
        places = step * batch_size + tf.range(batch_size, dtype=tf.int64)
        passes = places // size
        zeros = tf.zeros_like(passes)
        # `tf.random.experimental.index_shuffle` pads a seed a row along the wrong axis.
        index = tf.raw_ops.RandomIndexShuffle(
            index=places % size,
            seed=tf.stack([zeros + seed, passes, zeros], -1),
            max_index=tf.constant(size - 1, tf.int64),
        )
        drawn = rows.gather(index)
        return (
            mirrored(drawn, tf.stack([tf.constant(seed, tf.int64), step])) if form.flip else drawn
        )

    steps = tf.data.Dataset.range(step, tf.int64.max)
    return mapped(steps, batch).prefetch(tf.data.AUTOTUNE)
