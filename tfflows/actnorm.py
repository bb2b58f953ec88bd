"""Activation normalisation: a learned affine map of each channel, set from one batch."""

from typing import Any

import tensorflow as tf

from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters


class ActNorm(Bijector):
    """A learned scale and shift of each channel (the last axis).

        forward:  y = x exp(s) + t
        inverse:  x = (y - t) exp(-s)
        log|det dy/dx| = sum of s, for each position

    It starts as the identity. `initialize(batch)` sets t and s to the mean and the log standard
    deviation of a batch of data, so that its latents have mean 0 and variance 1; `initialized` is
    saved with the weights, and neither density nor sample ever assigns.

    Args:
        num_channels: size of the last axis.
        state: the weights, by default new ones.
        name: name of the bijector and key of its weights.
        dtype: dtype of the weights.

    Reference: Kingma and Dhariwal 2018, Glow, arXiv:1807.03039, section 3.1.
    """

    def __init__(
        self,
        num_channels: int,
        *,
        state: KerasModule | None = None,
        name: str = "actnorm",
        dtype: str = "float32",
    ) -> None:
        """Makes the weights."""
        if num_channels < 1:
            msg = f"`num_channels` must be at least 1; received {num_channels}."
            raise ValueError(msg)
        state = state or KerasModule(_new_state(num_channels, name, dtype))
        self._event_sizes = (num_channels,)
        self._state = state
        super().__init__(
            forward_min_event_ndims=1,
            parameters={
                "num_channels": num_channels,
                "state": state,
                "name": name,
                "dtype": dtype,
            },
            dtype=tf.as_dtype(dtype),
            name=name,
        )

    @property
    def initialized(self) -> bool:
        """Whether a batch of data has set the weights."""
        return bool(self._state.layer.initialized.numpy())

    def initialize(self, y: Any) -> tf.Tensor:
        """Sets mean and standard deviation of the batch y [N, ..., C] and returns its latents."""
        y = self._checked_batch(y)
        axes = list(range(y.shape.rank - 1))
        mean, variance = tf.nn.moments(y, axes)
        layer = self._state.layer
        layer.shift.assign(mean)
        layer.log_scale.assign(0.5 * tf.math.log(variance + 1e-6))
        layer.initialized.assign(True)  # noqa: FBT003
        return self.inverse_and_log_det(y)[0]

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift, log_scale = self._weights()
        return x * tf.exp(log_scale) + shift, tf.reduce_sum(log_scale)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift, log_scale = self._weights()
        return (y - shift) * tf.exp(-log_scale), -tf.reduce_sum(log_scale)

    def _weights(self) -> tuple[tf.Tensor, tf.Tensor]:
        layer = self._state.layer
        return tf.convert_to_tensor(layer.shift), tf.convert_to_tensor(layer.log_scale)


def _new_state(num_channels: int, name: str, dtype: str) -> Parameters:
    zeros = [0.0] * num_channels
    state = Parameters(name, dtype).own("shift", zeros).own("log_scale", zeros)
    return state.own("initialized", value=False, trainable=False, dtype="bool")
