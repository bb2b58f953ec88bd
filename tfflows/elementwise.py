"""A map of its own for each element of an event."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfflows import conditioning
from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters
from tfflows.transformer import Transformer


class Elementwise(Bijector):
    """A transformer f with learned parameters p for each element, moved by a condition if any.

        forward:  y_i = f(x_i; p_i)  or  f(x_i; p_i + network(c)_i)
        inverse:  x_i = f^-1(y_i; p_i)  or  f^-1(y_i; p_i + network(c)_i)
        log|det dy/dx| = sum over i of log|f'(x_i)|

    With the event shape () it is a map of numbers, and a flow of one-dimensional densities:
    `tfd.TransformedDistribution(tfd.Normal(0.0, 1.0), Elementwise(RationalQuadratic(), ()))`, which
    has TFP's `cdf` and `quantile` too, where the transformer is increasing, as all of ours are.

    The parameters p start at zero, or at what the transformer offers: where equal components would
    stay equal, its `initial_params(channels)` returns [num_params * channels] other values.

    Args:
        transformer: `Affine`, `RationalQuadratic` or another `Transformer`; its `params` must
            broadcast against the batch.
        event_shape: shape of the event, each size known; () for numbers.
        conditioner: a built Keras layer from a condition [B, K] to
            [B, *event_shape[:-1], num_params * C], where C is the last size, or 1 for numbers.
        condition: the condition [*B, K]; users call `condition_on`.
        state: the learned parameters, by default new ones.
        name: name of the bijector and key of its parameters.
        dtype: dtype of the parameters.

    Raises:
        ValueError: for an event shape with a size that is no positive integer, an unbuilt network,
            or a condition without a network.

    Reference: Papamakarios et al. 2021, arXiv:1912.02762, section 3.1 (transformers).
    """

    def __init__(
        self,
        transformer: Transformer,
        event_shape: Sequence[int],
        *,
        conditioner: keras.layers.Layer | KerasModule | None = None,
        condition: Any = None,
        state: KerasModule | None = None,
        name: str = "elementwise",
        dtype: str = "float32",
    ) -> None:
        """Makes the parameters."""
        event_shape = _checked(event_shape)
        if conditioner is not None:
            conditioner = KerasModule.wrap(conditioner)
        elif condition is not None:
            msg = f"`condition` was given, but {name!r} has no `conditioner`."
            raise ValueError(msg)
        condition = conditioning.checked(condition, conditional=True, kind="an elementwise map")
        state = state or KerasModule(
            Parameters(name, dtype).own("params", _initial_params(transformer, event_shape))
        )
        self._event_sizes = event_shape
        self._transformer = transformer
        self._conditioner = conditioner
        self._condition = condition
        self._state = state
        super().__init__(
            forward_min_event_ndims=len(event_shape),
            parameters={
                "transformer": transformer,
                "event_shape": event_shape,
                "conditioner": conditioner,
                "condition": condition,
                "state": state,
                "name": name,
                "dtype": dtype,
            },
            dtype=tf.as_dtype(dtype),
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"condition": tfp.util.ParameterProperties(event_ndims=1)}

    @property
    def conditional(self) -> bool:
        """Whether a network moves the parameters by a condition."""
        return self._conditioner is not None

    @property
    def condition(self) -> tf.Tensor | None:
        """The condition that this bijector is bound to, or None."""
        return self._condition

    def _condition_on(self, condition: Any) -> Self:
        return self.copy(condition=condition)

    def _is_increasing(self, **kwargs: Any) -> bool:
        return True if not self._event_sizes else super()._is_increasing(**kwargs)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._applied(self._transformer.forward_and_log_det, x)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._applied(self._transformer.inverse_and_log_det, y)

    def _applied(
        self, one_pass: Callable[..., tuple[tf.Tensor, tf.Tensor]], x: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        if self._conditioner is not None:
            ndims = len(self._event_sizes)
            x = conditioning.widened(x, self._condition, event_ndims=ndims, name=self.name)
        params = self._params(x.dtype)
        if not self._event_sizes:  # a transformer's last axis is one of channels
            value, log_det = one_pass(tf.expand_dims(x, -1), params)
            return tf.squeeze(value, -1), tf.squeeze(log_det, -1)
        value, log_det = one_pass(x, params)
        return value, tf.reduce_sum(log_det, axis=list(range(-len(self._event_sizes), 0)))

    def _params(self, dtype: tf.DType) -> tf.Tensor:
        params = tf.convert_to_tensor(self._state.layer.params)
        if self._conditioner is None:
            return params
        condition = tf.cast(self._condition, dtype)
        moves = self._conditioner(condition, None, event_ndims=1)
        if not moves.shape[condition.shape.rank - 1 :].is_compatible_with(params.shape):
            wanted = ", ".join(str(size) for size in params.shape)
            msg = (
                f"`conditioner` must return [B, {wanted}]; {self._conditioner.layer.name!r} "
                f"returned the shape {moves.shape}."
            )
            raise ValueError(msg)
        return params + moves


def _checked(event_shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(event_shape)
    if not all(isinstance(size, int | np.integer) and size > 0 for size in sizes):
        msg = f"`event_shape` must hold positive integers; received {event_shape}."
        raise ValueError(msg)
    return tuple(int(size) for size in sizes)


def _initial_params(transformer: Transformer, event_shape: tuple[int, ...]) -> np.ndarray:
    *positions, channels = event_shape or (1,)
    shape = (*positions, transformer.num_params * channels)
    offered = getattr(transformer, "initial_params", None)
    return np.zeros(shape) if offered is None else np.broadcast_to(offered(channels), shape)
