"""A Keras-3 layer that TFP, checkpoints and SavedModels can see."""

import copy
from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf


class KerasModule(tf.Module):
    """A `tf.Module` around a built Keras-3 layer and its variables.

    A Keras-3 layer on a bijector is invisible to TFP: `trainable_variables` is empty and nothing
    is trained, without an error. This module holds the layer and its raw variables, so both sides
    see the same set, and it flattens leading dimensions for networks that want one batch axis.

    Args:
        layer: a built Keras layer.
        name: name of the module, by default the layer's.

    Raises:
        TypeError: if `layer` is no Keras layer.
        ValueError: if `layer` is not built, or at the call if that makes further weights.
    """

    def __init__(self, layer: keras.layers.Layer, name: str | None = None) -> None:
        """Holds the layer and its variables."""
        if not isinstance(layer, keras.layers.Layer):
            msg = f"`layer` must be a Keras 3 layer; received {type(layer).__name__}."
            raise TypeError(msg)
        if not layer.built:
            msg = (
                f"`layer` must be built, so that its weights exist; {layer.name!r} is not: start "
                "it with keras.Input(shape) or call layer.build((None, *shape))."
            )
            raise ValueError(msg)
        super().__init__(name=_module_name(name or layer.name))
        self.layer = layer
        self._raw_variables = [v.value for v in layer.variables]

    @classmethod
    def wrap(cls, layer: "keras.layers.Layer | KerasModule") -> "Self | KerasModule":
        """Returns the layer in a module, or the module that it is already."""
        return layer if isinstance(layer, KerasModule) else cls(layer)

    def __call__(self, x: tf.Tensor, condition: Any, event_ndims: int) -> tf.Tensor:
        """Calls the layer with leading dimensions flattened into one batch axis.

        Args:
            x: inputs [*B, *event].
            condition: second input [*B', K] whose batch broadcasts with B, or None.
            event_ndims: rank of the event.

        Returns:
            The layer's output with its batch axis unflattened, in `x`'s dtype.
        """
        return self.by_rows(self._called, x, condition, event_ndims)

    def by_rows(
        self, function: Callable[[Any], tf.Tensor], x: tf.Tensor, condition: Any, event_ndims: int
    ) -> tf.Tensor:
        """Calls a function of x [N, *event], or [x, condition [N, K]], as the layer is called.

        Args:
            function: what to call; its first axis must be N.
            x: inputs [*B, *event].
            condition: second input [*B', K] whose batch broadcasts with B, or None.
            event_ndims: rank of the event.

        Returns:
            The function's value with its batch axis unflattened, in `x`'s dtype.
        """
        self._check_dtype(x.dtype)
        rank = x.shape.rank
        if rank is None:
            msg = "`x` must have a known rank; received an unknown one."
            raise ValueError(msg)
        if condition is None and rank == event_ndims + 1:
            return tf.cast(function(x), x.dtype)
        batch = tf.shape(x)[: rank - event_ndims]
        static = x.shape[: rank - event_ndims]
        if condition is not None:
            condition = tf.convert_to_tensor(condition, dtype_hint=x.dtype)
            batch = tf.broadcast_dynamic_shape(batch, tf.shape(condition)[:-1])
            static = tf.broadcast_static_shape(static, condition.shape[:-1])
        inputs = _flatten(x, batch, event_ndims)
        if condition is not None:
            inputs = [inputs, _flatten(tf.cast(condition, x.dtype), batch, 1)]
        out = function(inputs)
        out_event = out.shape[1:]
        out = tf.reshape(out, tf.concat([batch, tf.shape(out)[1:]], 0))
        return tf.cast(tf.ensure_shape(out, static.concatenate(out_event)), x.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Copies the layer, and takes the raw variables from the copy."""
        copied = memo[id(self)] = type(self)(copy.deepcopy(self.layer, memo), name=self.name)
        return copied

    def _called(self, inputs: Any) -> tf.Tensor:
        out = self.layer(inputs)
        if len(self.layer.variables) != len(self._raw_variables):
            msg = (
                f"`layer` must have all its weights when it is wrapped; {self.layer.name!r} made "
                "some at its first call, which nobody would train. Build its sublayers first."
            )
            raise ValueError(msg)
        return out

    def _check_dtype(self, dtype: tf.DType) -> None:
        weights = {v.dtype for v in self._raw_variables} & {tf.float32, tf.float64}
        if weights and dtype not in weights:
            msg = (
                f"the network {self.layer.name!r} has {weights.pop().name} weights; received "
                f"{dtype.name} data. For float64 build it, and its keras.Input, with "
                "dtype='float64'."
            )
            raise TypeError(msg)


def _flatten(x: tf.Tensor, batch: tf.Tensor, event_ndims: int) -> tf.Tensor:
    event = x.shape[x.shape.rank - event_ndims :]
    sizes = tf.shape(x)[x.shape.rank - event_ndims :]
    full = tf.broadcast_to(x, tf.concat([batch, sizes], 0))
    flat = tf.reshape(full, tf.concat([[tf.reduce_prod(batch)], sizes], 0))
    return tf.ensure_shape(flat, [None, *event])


def _module_name(name: str) -> str:
    # tf.Module wants a Python identifier; Keras names may hold dots, dashes and slashes.
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
    return name if name[:1].isalpha() else f"layer_{name}"
