"""Training on several replicas as on one: exact sums, what Keras lacks, and what is refused."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.optimizer import FusedAdam


class DistributedModel(keras.Model):
    """A Keras model, built by its constructor, that `fit` can train on replicas and workers.

    Both overrides mend Keras 3.15 and do nothing on one device. Tests that run Keras without them
    fail on the day they can go: `test_replicas.py` the first, `test_multi_worker.py` the second.
    """

    def _maybe_symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Does nothing: model and optimizer are built.

        Under a strategy Keras averages the replicas' shares of the first batch, to build the model
        on the result, and cannot where their sizes differ.
        """

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Returns the means that `compute_loss` and Keras have counted, over all replicas' rows.

        Keras shows the mean of the replicas' means, which is another number where their batches
        differ in size. Between workers it averages over the first axis, which scalars do not have.
        """
        strategy = tf.distribute.get_strategy()
        if strategy.num_replicas_in_sync == 1:
            return self.get_metrics_result()
        means = [m for m in self.metrics if isinstance(m, keras.metrics.Mean)]
        pairs = [tf.stack([tf.convert_to_tensor(v) for v in (m.total, m.count)]) for m in means]
        shape = [1] if strategy.extended._in_multi_worker_mode() else []
        return {
            mean.name: tf.reshape(tf.math.divide_no_nan(total, count), shape)
            for mean, (total, count) in zip(means, map(tf.unstack, _summed(pairs)), strict=True)
        }


def mean_loss(losses: tf.Tensor) -> tf.Tensor:
    """Returns a replica's loss, such that `fit` has the mean over the rows of all replicas.

        value:     (mean of this replica's rows) / replicas
        gradient:  that of (sum of this replica's rows) / (rows of all replicas)

    Keras shows the mean of the values, each times the replicas and weighted by its rows; it adds
    the gradients. For shares of equal size both are one number; of 63 rows 2 replicas have 32 and
    31, and a last batch may leave a replica without any.

    Args:
        losses: [B], one for each of this replica's rows.
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas == 1:
        return tf.reduce_mean(losses)
    total, rows = tf.reduce_sum(losses), tf.cast(tf.size(losses), losses.dtype)
    (all_rows,) = _summed([rows])
    share = total / all_rows
    shown = tf.math.divide_no_nan(total, rows) / replicas
    return share + tf.stop_gradient(shown - share)


def _summed(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Returns the sums over all replicas, as each replica has them."""
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def check_compilation(
    optimizer: keras.optimizers.Optimizer,
    strategy: tf.distribute.Strategy,
    *,
    jit_compile: bool | str,
    steps_per_execution: int | str,
) -> None:
    """Refuses what trains wrongly, or fails in the middle of Keras, on several replicas.

    Args:
        optimizer: the optimizer that will train.
        strategy: the strategy of the model.
        jit_compile: as given to `compile`.
        steps_per_execution: as given to `compile`.

    Raises:
        ValueError: naming the option.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return
    for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
        value = getattr(optimizer, name, None)
        if value:
            msg = f"`{name}` must be None on {replicas} replicas: Keras fails; received {value}."
            raise ValueError(msg)
    for name in ("clipnorm", "global_clipnorm", "clipvalue"):
        value = getattr(optimizer, name, None)
        if value and not isinstance(optimizer, FusedAdam):
            msg = (
                f"`{name}` must be None on {replicas} replicas: {type(optimizer).__name__} clips "
                "each replica's share of the gradient, `zoo.optimizer.FusedAdam` the whole; "
                f"received {value}."
            )
            raise ValueError(msg)
    if jit_compile is True:
        msg = (
            f"`jit_compile` must be 'auto' or False on {replicas} replicas: a step on several "
            "devices is no XLA program; received True."
        )
        raise ValueError(msg)
    if steps_per_execution != 1 and not isinstance(strategy, tf.distribute.TPUStrategy):
        msg = (
            f"`steps_per_execution` must be 1 on {replicas} replicas: Keras fails; received "
            f"{steps_per_execution!r}."
        )
        raise ValueError(msg)
    _check_owner("optimizer", [optimizer.iterations], strategy)


def check_scope(variables: Sequence[keras.Variable], strategy: tf.distribute.Strategy) -> None:
    """Raises a ValueError for a model that was not made in the scope of the strategy."""
    if strategy.num_replicas_in_sync > 1:
        _check_owner("model", variables, strategy)


def _check_owner(
    what: str, variables: Sequence[keras.Variable], strategy: tf.distribute.Strategy
) -> None:
    if not all(strategy.extended.variable_created_in_scope(v.value) for v in variables):
        msg = (
            f"the {what} must be made within `with strategy.scope():` of the "
            f"{type(strategy).__name__} that trains it; it was made outside."
        )
        raise ValueError(msg)
