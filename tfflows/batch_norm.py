"""Batch normalisation as a bijector, with running statistics in every density."""

from typing import Any

import keras
import tensorflow as tf

from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule


@keras.saving.register_keras_serializable("tfflows")
class RunningStatistics(keras.layers.Layer):
    """Running mean and variance of the channels, moved by each training batch.

    Called in training, it mixes the batch's moments into the running ones and returns the mixture;
    gradients flow through the batch's part. Otherwise it returns the running ones.

    Args:
        num_channels: size of the last axis.
        momentum: weight of the old statistics.
        name: name of the layer.
        dtype: dtype of the statistics.
    """

    def __init__(
        self,
        num_channels: int,
        momentum: float,
        name: str,
        dtype: Any = "float32",
        *,
        trainable: bool = True,
    ) -> None:
        """Makes the weights."""
        super().__init__(name=name, dtype=dtype, trainable=trainable, autocast=False)
        self._num_channels = num_channels
        self._momentum = momentum
        shape = (num_channels,)
        # Replicas see different batches: without an aggregation their statistics drift apart.
        self.mean = self.add_weight(
            shape=shape,
            initializer="zeros",
            trainable=False,
            aggregation="mean",
            name="mean",
        )
        self.variance = self.add_weight(
            shape=shape,
            initializer="ones",
            trainable=False,
            aggregation="mean",
            name="variance",
        )
        self.initialized = self.add_weight(
            shape=(), initializer="zeros", trainable=False, dtype="bool", name="initialized"
        )
        self.scale = self.add_weight(shape=shape, initializer="zeros", name="log_scale")
        self.shift = self.add_weight(shape=shape, initializer="zeros", name="shift")
        self.built = True

    def call(self, y: tf.Tensor, training: bool | None = None) -> tuple[tf.Tensor, tf.Tensor]:  # noqa: FBT001
        """Returns mean and variance [C] for data y [..., C]."""
        mean, variance = (
            tf.convert_to_tensor(self.mean),
            tf.convert_to_tensor(self.variance),
        )
        if not training:
            return mean, variance
        batch_mean, batch_variance = tf.nn.moments(y, list(range(y.shape.rank - 1)))
        some = tf.size(y) > 0  # a replica may get no rows: their moments are NaN
        batch_mean = tf.where(some, batch_mean, mean)
        batch_variance = tf.where(some, batch_variance, variance)
        mean = self._momentum * mean + (1.0 - self._momentum) * batch_mean
        variance = self._momentum * variance + (1.0 - self._momentum) * batch_variance
        self.mean.assign(tf.stop_gradient(mean))
        self.variance.assign(tf.stop_gradient(variance))
        return mean, variance

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        own = {"num_channels": self._num_channels, "momentum": self._momentum}
        return {**super().get_config(), **own}


class BatchNorm(Bijector):
    """Batch normalisation between couplings, with a learned affine map.

        forward:  y = (x - t) exp(-g) sqrt(v + e) + m
        inverse:  x = (y - m) / sqrt(v + e) exp(g) + t
        log|det dy/dx| = sum of log sqrt(v + e) - g, for each position

    m and v are running statistics. In training (a Keras call with training=True) the inverse first
    mixes in the batch's own moments and lets gradients flow through them; outside of training, and
    in `forward`, they are constants, so the density of a row never depends on its batch. This is
    the paper's version: the mixture, not the batch alone, normalises in training, hence the round
    trip is exact in both modes. (`tfb.BatchNormalization` is not invertible in training.)

    Args:
        num_channels: size of the last axis.
        momentum: weight of the old statistics at each training batch.
        epsilon: e, added to the variance.
        state: the weights, by default new ones.
        name: name of the bijector and key of its weights.
        dtype: dtype of the weights.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.7 and appendix E.
    """

    def __init__(
        self,
        num_channels: int,
        *,
        momentum: float = 0.9,
        epsilon: float = 1e-4,
        state: KerasModule | None = None,
        name: str = "batch_norm",
        dtype: str = "float32",
    ) -> None:
        """Makes the weights."""
        if num_channels < 1:
            msg = f"`num_channels` must be at least 1; received {num_channels}."
            raise ValueError(msg)
        if not 0 <= momentum < 1:
            msg = f"`momentum` must be in [0, 1); received {momentum}."
            raise ValueError(msg)
        state = state or KerasModule(RunningStatistics(num_channels, momentum, name, dtype))
        self._event_sizes = (num_channels,)
        self._epsilon = epsilon
        self._state = state
        super().__init__(
            forward_min_event_ndims=1,
            parameters={
                "num_channels": num_channels,
                "momentum": momentum,
                "epsilon": epsilon,
                "state": state,
                "name": name,
                "dtype": dtype,
            },
            dtype=tf.as_dtype(dtype),
            name=name,
        )

    @property
    def initialized(self) -> bool:
        """Whether a batch of data has started the statistics."""
        return bool(self._state.layer.initialized.numpy())

    def initialize(self, y: Any) -> tf.Tensor:
        """Starts the running statistics at those of the batch y [N, ..., C]."""
        y = self._checked_batch(y)
        mean, variance = tf.nn.moments(y, list(range(y.shape.rank - 1)))
        layer = self._state.layer
        layer.mean.assign(mean)
        layer.variance.assign(variance)
        layer.initialized.assign(True)  # noqa: FBT003
        return self.inverse_and_log_det(y)[0]

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        layer = self._state.layer
        mean, log_scale = self._scale(*layer(x, training=False))
        return (x - layer.shift) * tf.exp(-log_scale) + mean, -tf.reduce_sum(log_scale)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        layer = self._state.layer
        mean, log_scale = self._scale(*layer(y))
        return (y - mean) * tf.exp(log_scale) + layer.shift, tf.reduce_sum(log_scale)

    def _scale(self, mean: tf.Tensor, variance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        log_scale = tf.convert_to_tensor(self._state.layer.scale)
        return mean, log_scale - 0.5 * tf.math.log(variance + self._epsilon)
