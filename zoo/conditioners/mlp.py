"""The residual dense conditioner for vectors."""

import functools
import math
from typing import Any

import keras
import tensorflow as tf

from zoo.conditioners.network import Inputs, Network, activation_of, check_at_least


@keras.saving.register_keras_serializable("tfflows")
class MLP(Network):
    """A pre-activation residual network on vectors that is zero at construction.

    h_1 = W_0 x + b_0,  h_{k+1} = h_k + W_k a(h_k) + b_k,  output = W a(h_layers) + b

    It has the weights of a plain network of `layers` hidden layers; the hidden ones are one stack.
    A condition is projected once and added to every hidden layer.

    Args:
        out_features: width of the output.
        in_features: width of the input.
        units: hidden units.
        layers: hidden layers.
        activation: name of a Keras activation.
        condition_dim: width of the condition; 0 takes none.
        seed: seed of the initial weights.
        name: the layer's name, part of the seed.
        dtype: dtype or policy; 'mixed_bfloat16' computes in bfloat16 in training.

    Raises:
        ValueError: for impossible sizes or an unknown activation.
    """

    def __init__(
        self,
        out_features: int,
        *,
        in_features: int,
        units: int,
        layers: int,
        activation: str = "silu",
        condition_dim: int = 0,
        seed: int,
        name: str,
        dtype: str | keras.DTypePolicy = "float32",
    ) -> None:
        super().__init__(condition_dim=condition_dim, seed=seed, name=name, dtype=dtype)
        check_at_least(
            1, out_features=out_features, in_features=in_features, units=units, layers=layers
        )
        self.out_features, self.in_features, self.units = out_features, in_features, units
        self.depth, self.activation = layers, activation
        self.activate = activation_of(activation)
        self.in_kernel = self.normal("in_kernel", [in_features, units], in_features**-0.5)
        self.biases = self.constant("biases", [layers, units])
        if layers > 1:
            stddev = math.sqrt(1 / (units * (layers - 1)))
            self.kernels = self.normal("kernels", [layers - 1, units, units], stddev)
        self.out_kernel = self.constant("out_kernel", [units, out_features])
        self.out_bias = self.constant("out_bias", [out_features])
        if condition_dim:
            shape = [condition_dim, layers * units]
            self.projection = self.normal("projection", shape, condition_dim**-0.5)
        self.built = True

    def call(self, inputs: Inputs, *, training: bool | None = None) -> tf.Tensor:
        """Runs the network.

        Args:
            inputs: x [B, in_features], or [x, condition [B, condition_dim]].
            training: whether to compute in the dtype that the policy has for computing.

        Returns:
            [B, out_features] in the dtype of the weights.
        """
        x, condition = self.split_condition(inputs)
        if x.shape.rank != 2 or x.shape[-1] != self.in_features:
            msg = f"`x` must be [B, {self.in_features}]; received {x.shape}."
            raise ValueError(msg)
        cast = functools.partial(self.cast, training=bool(training))
        shifts = tf.unstack(cast(self.biases))
        if condition is not None:
            shares = tf.matmul(cast(condition), cast(self.projection))
            shares = tf.split(shares, self.depth, axis=-1)
            shifts = [bias + share for bias, share in zip(shifts, shares, strict=True)]
        h = tf.matmul(cast(x), cast(self.in_kernel)) + shifts[0]
        if self.depth > 1:
            for kernel, shift in zip(tf.unstack(cast(self.kernels)), shifts[1:], strict=True):
                h += tf.matmul(self.activate(h), kernel) + shift
        y = tf.matmul(self.activate(h), cast(self.out_kernel))
        return tf.cast(y, self.variable_dtype) + tf.convert_to_tensor(self.out_bias)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        names = ("out_features", "in_features", "units", "activation")
        config = {**super().get_config(), "layers": self.depth}
        return {**config, **{name: getattr(self, name) for name in names}}
