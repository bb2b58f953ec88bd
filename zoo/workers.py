"""Training in several processes: one start for all of them, and one that writes."""

import atexit
import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

import keras
import tensorflow as tf


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Tells whether this process is the one that writes: the chief, or else the first worker."""
    if not strategy.extended._in_multi_worker_mode():
        return True
    resolver = strategy.cluster_resolver
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_id == 0


def folder_to_write(
    folder: str | os.PathLike[str], strategy: tf.distribute.Strategy
) -> pathlib.Path:
    """Returns where this process saves: the chief in `folder`, others in one that is removed.

    Every worker has to save, for what is saved holds sums over all of them, but only the chief's
    files are wanted. All of them read from `folder`.

    Args:
        folder: where the chief writes.
        strategy: what the model was made under.
    """
    if is_chief(strategy):
        return pathlib.Path(folder)
    temporary = pathlib.Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    return temporary


def agree(variables: Sequence[keras.Variable], strategy: tf.distribute.Strategy) -> None:
    """Gives the variables of every worker the values that the first one's have.

    Variables begin alike on all workers, and the replicas of one process share every assignment;
    but what each worker computes outside of a step, from its own data, may differ.

    Args:
        variables: the same ones on every worker.
        strategy: what they were made under.
    """
    if not strategy.extended._in_multi_worker_mode():
        return

    def send() -> list[tf.Tensor]:
        context = tf.distribute.get_replica_context()
        first = tf.equal(context.replica_id_in_sync_group, 0)
        # Sums are of one dtype; this one holds every number that a weight can be.
        values = [tf.cast(tf.convert_to_tensor(v), tf.float64) for v in variables]
        sent = [tf.where(first, value, tf.zeros_like(value)) for value in values]
        return context.all_reduce(tf.distribute.ReduceOp.SUM, sent)

    received = tf.function(lambda: strategy.run(send), autograph=False)()
    for variable, value in zip(variables, received, strict=True):
        variable.assign(strategy.experimental_local_results(value)[0])
