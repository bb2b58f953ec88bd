"""Standardisation of vectors by statistics of the data, taken once and saved."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters


class Standardize(Bijector):
    """A fixed scale and shift of each variable (the last axis), the data's own.

        forward:  y = x sd + mean
        inverse:  x = (y - mean) / sd
        log|det dy/dx| = sum of log sd

    Unlike `ActNorm` nothing here is trained: densities stay in the data's units while the networks
    see numbers of size one.

    Args:
        size: number of variables D.
        state: the statistics, by default mean 0 and sd 1 until `initialize`.
        name: name of the bijector and key of its statistics.
        dtype: dtype of the statistics.
    """

    def __init__(
        self,
        size: int,
        *,
        state: KerasModule | None = None,
        name: str = "standardize",
        dtype: str = "float32",
    ) -> None:
        """Makes the statistics."""
        if size < 1:
            msg = f"`size` must be at least 1; received {size}."
            raise ValueError(msg)
        state = state or KerasModule(_new_state(size, name, dtype))
        self._event_sizes = (size,)
        self._state = state
        super().__init__(
            forward_min_event_ndims=1,
            is_constant_jacobian=True,
            parameters={"size": size, "state": state, "name": name, "dtype": dtype},
            dtype=tf.as_dtype(dtype),
            name=name,
        )

    @property
    def initialized(self) -> bool:
        """Whether the statistics have been taken from data."""
        return bool(self._state.layer.initialized.numpy())

    def initialize(self, y: Any) -> tf.Tensor:
        """Takes mean and standard deviation of the rows y [N, D] and returns their latents.

        Raises:
            ValueError: if a variable is constant: it has no density.
        """
        y = self._checked_batch(y)
        rows = np.asarray(y, np.float64).reshape(-1, y.shape[-1])
        deviation = rows.std(axis=0)
        if not np.all(deviation > 0):
            msg = f"the data must vary; columns {np.flatnonzero(deviation == 0)} are constant."
            raise ValueError(msg)
        layer = self._state.layer
        layer.mean.assign(rows.mean(axis=0))
        layer.log_deviation.assign(np.log(deviation))
        layer.initialized.assign(True)  # noqa: FBT003
        return self.inverse_and_log_det(y)[0]

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mean, log_deviation = self._statistics()
        return x * tf.exp(log_deviation) + mean, tf.reduce_sum(log_deviation)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mean, log_deviation = self._statistics()
        return (y - mean) * tf.exp(-log_deviation), -tf.reduce_sum(log_deviation)

    def _statistics(self) -> tuple[tf.Tensor, tf.Tensor]:
        layer = self._state.layer
        return tf.convert_to_tensor(layer.mean), tf.convert_to_tensor(layer.log_deviation)


def _new_state(size: int, name: str, dtype: str) -> Parameters:
    zeros = [0.0] * size
    state = Parameters(name, dtype).own("mean", zeros, trainable=False)
    state.own("log_deviation", zeros, trainable=False)
    return state.own("initialized", value=False, trainable=False, dtype="bool")
