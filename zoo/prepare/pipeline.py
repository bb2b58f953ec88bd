"""From rows, or from batches, in a `tf.data.Dataset` to the batches that Keras reads."""

from collections.abc import Callable

import tensorflow as tf

from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared

BUFFER_ROWS, BUFFER_BYTES = 10_000, 2**28
LOOK_AHEAD_ROWS = 2048


def prepared(
    rows: tf.data.Dataset, check: Callable[[dict], dict], plan: Plan, *, batched: bool
) -> Prepared:
    """Returns rows that are shuffled, batched and mirrored, or batches as they are.

    Args:
        rows: dicts of rows, or of batches, in their shapes.
        check: what remains to be done with a batch.
        plan: what is asked for.
        batched: whether `rows` holds batches.
    """

    def batches(plan: Plan, most: int) -> tf.data.Dataset:
        if batched:
            return for_keras(mapped(rows.repeat() if plan.repeat else rows, check), plan)
        return for_keras(in_batches(rows, check, plan, min(most, buffer_size(plan))), plan)

    taken = batches(plan, BUFFER_ROWS)
    return Prepared(
        taken,
        lambda: batches(plan.once, LOOK_AHEAD_ROWS),
        unannounced=bool(taken.cardinality() == tf.data.UNKNOWN_CARDINALITY),
        argument=plan.argument,
    )


def in_batches(rows: tf.data.Dataset, finish: Callable, plan: Plan, buffer: int) -> tf.data.Dataset:
    """Returns batches of dicts from rows: shuffled, repeated, batched, finished, mirrored."""
    if plan.shuffle:
        rows = rows.shuffle(buffer, seed=plan.seed, reshuffle_each_iteration=True)
    if plan.repeat:
        rows = rows.repeat()
    batches = mapped(rows.batch(plan.batch_size), finish)
    return _mirrored(batches, plan.seed) if plan.flip else batches


def buffer_size(plan: Plan) -> int:
    """Returns how many rows are shuffled at a time: many, but in bounded memory."""
    return min(BUFFER_ROWS, max(64, BUFFER_BYTES // plan.form.row_bytes))


def for_keras(batches: tf.data.Dataset, plan: Plan) -> tf.data.Dataset:
    """Returns the batches as Keras takes them, some of them made in advance."""
    return mapped(batches, plan.for_keras).prefetch(tf.data.AUTOTUNE)


def mapped(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    """Returns `dataset.map(function)`, in parallel and in order."""
    plain = tf.autograph.experimental.do_not_convert(function)
    return dataset.map(plain, num_parallel_calls=tf.data.AUTOTUNE)


def _mirrored(batches: tf.data.Dataset, seed: int) -> tf.data.Dataset:
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)

    def mirror(rows: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        x = rows["x"]
        heads = tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], seed) < 0.5
        return {**rows, "x": tf.where(heads, tf.reverse(x, [2]), x)}

    return mapped(tf.data.Dataset.zip((batches, seeds)), mirror)
