"""What the conditioner networks share: seeded weights, explicit casts, a checked condition."""

import hashlib
import struct
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

Inputs = tf.Tensor | list[tf.Tensor] | tuple[tf.Tensor, ...]
"""What a network is called on: x, or [x, condition]."""


class Network(keras.layers.Layer):
    """A Keras layer that has all its weights on construction and casts them itself.

    Weights are drawn from (seed, layer name, weight name), in float32 for every dtype, so that two
    processes, or a float32 and a float64 twin, begin alike. Keras's automatic casting is off: a
    bfloat16 network must see its input in the flow's precision, and an enclosing layer's policy
    must not reach into it. It computes in bfloat16 in training alone: densities, samples and round
    trips are those of a float32 network with the same weights.

    Args:
        condition_dim: width of the condition; 0 takes none.
        seed: seed of the initial weights.
        name: the layer's name, part of the seed.
        dtype: dtype or dtype policy; 'mixed_bfloat16' computes in bfloat16 in training.
    """

    def __init__(
        self,
        *,
        condition_dim: int,
        seed: int,
        name: str,
        dtype: str | keras.DTypePolicy,
    ) -> None:
        super().__init__(name=name, dtype=dtype, autocast=False)
        check_at_least(0, condition_dim=condition_dim)
        self.condition_dim = condition_dim
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that every network has; `trainable` is a state, not one of them."""
        config = super().get_config()
        del config["trainable"]
        return {**config, "condition_dim": self.condition_dim, "seed": self.seed}

    def normal(self, name: str, shape: Sequence[int], stddev: float) -> keras.Variable:
        """Adds a weight drawn from a normal distribution of standard deviation `stddev`."""
        label = f"{self.seed}/{self.name}/{name}".encode()
        first, second = struct.unpack("<2i", hashlib.sha256(label).digest()[:8])

        def draw(shape: Sequence[int], dtype: str) -> tf.Tensor:
            values = tf.random.stateless_normal(shape, (first, second), stddev=stddev, alg="philox")
            return tf.cast(values, dtype)

        return self.add_weight(name=name, shape=tuple(shape), initializer=draw, autocast=False)

    def constant(self, name: str, shape: Sequence[int], value: float = 0.0) -> keras.Variable:
        """Adds a weight filled with `value`."""
        initializer = keras.initializers.Constant(value)
        shape = tuple(shape)
        return self.add_weight(name=name, shape=shape, initializer=initializer, autocast=False)

    def cast(self, value: keras.Variable | tf.Tensor, *, training: bool) -> tf.Tensor:
        """Returns the value in the dtype that the network computes in."""
        return tf.cast(value, self.compute_dtype if training else self.variable_dtype)

    def split_condition(self, inputs: Inputs) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns the input and the condition, or None where the network takes none.

        Raises:
            ValueError: for a missing, unexpected or wrongly shaped condition.
        """
        if not isinstance(inputs, list | tuple):
            if self.condition_dim:
                msg = f"`inputs` of {self.name!r} must be [x, condition]; received x alone."
                raise ValueError(msg)
            return inputs, None
        if not self.condition_dim or len(inputs) != 2:
            wanted = "[x, condition]" if self.condition_dim else "x alone"
            msg = f"`inputs` of {self.name!r} must be {wanted}; received {len(inputs)} tensors."
            raise ValueError(msg)
        x, condition = inputs
        if condition.shape.rank != 2 or condition.shape[-1] != self.condition_dim:
            msg = f"`condition` must be [B, {self.condition_dim}]; received {condition.shape}."
            raise ValueError(msg)
        return x, condition


def one_row_at_least(x: tf.Tensor) -> tf.Tensor:
    """Returns `x`, or a row of zeros for an empty batch, which convolutions get wrong on a CPU."""
    if x.shape[0]:
        return x
    missing = tf.cast(tf.equal(tf.shape(x)[0], 0), tf.int32)
    y = tf.pad(x, [[0, missing]] + [[0, 0]] * (x.shape.rank - 1))
    y.set_shape([None, *x.shape[1:]])
    return y


def activation_of(name: str) -> Callable[..., Any]:
    """Returns the Keras activation of that name; an unknown one is a ValueError."""
    try:
        return keras.activations.get(name)
    except ValueError:
        msg = f"`activation` must name a Keras activation; received {name!r}."
        raise ValueError(msg) from None


def check_at_least(least: int, **sizes: int) -> None:
    """Raises a ValueError for a size below `least`."""
    for name, size in sizes.items():
        if size < least:
            msg = f"`{name}` must be at least {least}; received {size}."
            raise ValueError(msg)
