"""Leaky ReLU with learned slopes."""

import math

import tensorflow as tf

from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters


class LeakyReLU(Bijector):
    """A kink at zero with a learned slope a of each channel (the last axis) below it.

        forward:  y = x where x >= 0, a x where x < 0
        inverse:  x = y where y >= 0, y / a where y < 0
        log|det dy/dx| = sum of log a over the elements below 0, for each position

    The weight is log a, so a stays positive.

    Args:
        num_channels: size of the last axis.
        slope: a at the start, for all channels.
        state: the weights, by default new ones.
        name: name of the bijector and key of its weights.
        dtype: dtype of the weights.

    Raises:
        ValueError: for fewer than one channel or a slope that is not positive and finite.

    Reference: He et al. 2015, arXiv:1502.01852, equation 1.
    """

    def __init__(
        self,
        num_channels: int,
        slope: float = 0.5,
        *,
        state: KerasModule | None = None,
        name: str = "leaky_relu",
        dtype: str = "float32",
    ) -> None:
        """Makes the weights."""
        if num_channels < 1:
            msg = f"`num_channels` must be at least 1; received {num_channels}."
            raise ValueError(msg)
        if not 0 < slope < math.inf:
            msg = (
                f"`slope` must be positive and finite; received {slope}. A map that is flat below "
                "0, as ReLU is, or falls there has no inverse: ReLU puts all negative latents on 0."
            )
            raise ValueError(msg)
        if state is None:
            log_slope = [math.log(slope)] * num_channels
            state = KerasModule(Parameters(name, dtype).own("log_slope", log_slope))
        self._event_sizes = (num_channels,)
        self._state = state
        super().__init__(
            forward_min_event_ndims=1,
            parameters={
                "num_channels": num_channels,
                "slope": slope,
                "state": state,
                "name": name,
                "dtype": dtype,
            },
            dtype=tf.as_dtype(dtype),
            name=name,
        )

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        log_scale = self._log_slope_at(x)
        return x * tf.exp(log_scale), tf.reduce_sum(log_scale, axis=-1)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        log_scale = self._log_slope_at(y)
        return y * tf.exp(-log_scale), -tf.reduce_sum(log_scale, axis=-1)

    def _log_slope_at(self, value: tf.Tensor) -> tf.Tensor:
        """Returns the log of the slope at each element; latents and data share their signs."""
        log_slope = tf.convert_to_tensor(self._state.layer.log_slope)
        return tf.where(value < 0.0, log_slope, tf.zeros([], value.dtype))
