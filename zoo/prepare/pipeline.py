"""From rows, or from batches, in a `tf.data.Dataset` to the batches that Keras reads."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from zoo.prepare.plan import Plan

BUFFER_ROWS, BUFFER_BYTES = 10_000, 2**28


def in_batches(
    rows: tf.data.Dataset, finish: Callable[[Any], dict], plan: Plan, buffer: int
) -> tf.data.Dataset:
    """Returns batches from rows: shuffled, repeated, batched, finished, mirrored.

    Args:
        rows: dicts of rows, or whatever `finish` makes batches of dicts from.
        finish: what remains to be done with a batch.
        plan: what is asked for.
        buffer: how many rows are shuffled at a time.
    """
    # Data without an end leaves no smaller batch over: to say so makes their shape static.
    endless = plan.repeat and bool(rows.cardinality() > 0)
    if plan.shuffle:
        rows = rows.shuffle(buffer, seed=plan.seed, reshuffle_each_iteration=True)
    if plan.repeat:
        rows = rows.repeat()
    batches = mapped(rows.batch(plan.batch_size, drop_remainder=endless), finish)
    return _randomly_mirrored(batches, plan.seed) if plan.flip else batches


def as_given(
    batches: tf.data.Dataset, finish: Callable[[Any], dict], plan: Plan
) -> tf.data.Dataset:
    """Returns batches repeated and finished, otherwise as they are, in memory of their own.

    What Python made may be an array of the user's, whose memory TensorFlow reads in place. Where a
    batch is then cut into shares for replicas, it forgets whose memory that is, and a step that
    computes in place overwrites the user's data.
    """
    return mapped(mapped(batches.repeat() if plan.repeat else batches, finish), _copied)


def buffer_size(plan: Plan) -> int:
    """Returns how many streamed rows are shuffled at a time: many, but in bounded memory."""
    return min(BUFFER_ROWS, max(64, BUFFER_BYTES // plan.form.row_bytes))


def for_keras(batches: tf.data.Dataset, plan: Plan) -> tf.data.Dataset:
    """Returns the batches as Keras takes them, some of them made in advance.

    Unless the data says otherwise, each of several workers reads all of it and takes its share of
    every batch: a step then sees the batch that one device would see. TensorFlow's own choice deals
    out files where there are any.
    """
    taken = mapped(batches, plan.for_keras).prefetch(tf.data.AUTOTUNE)
    policy = tf.data.experimental.AutoShardPolicy
    options = tf.data.Options()
    if taken.options().experimental_distribute.auto_shard_policy == policy.AUTO:
        options.experimental_distribute.auto_shard_policy = policy.DATA
    return taken.with_options(options)


def mapped(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    """Returns `dataset.map(function)`, in parallel and in order."""
    plain = tf.autograph.experimental.do_not_convert(function)
    return dataset.map(plain, num_parallel_calls=tf.data.AUTOTUNE)


def _copied(rows: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {key: tf.raw_ops.DeepCopy(x=value) for key, value in rows.items()}


def ends_unannounced(dataset: tf.data.Dataset) -> bool:
    """Tells whether only reading to the end tells how many batches there are."""
    return bool(dataset.cardinality() == tf.data.UNKNOWN_CARDINALITY)


def mirrored(rows: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns a batch of images, each of which the seed [2] has mirrored or not."""
    x = rows["x"]
    one_a_row = tf.concat([tf.shape(x)[:1], [1, 1, 1]], 0)
    heads = tf.random.stateless_uniform(one_a_row, seed) < 0.5
    return {**rows, "x": tf.where(heads, tf.reverse(x, [2]), x)}


def _randomly_mirrored(batches: tf.data.Dataset, seed: int) -> tf.data.Dataset:
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)
    return mapped(tf.data.Dataset.zip((batches, seeds)), mirrored)
