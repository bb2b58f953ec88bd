"""The masked network of autoregressive flows."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.conditioners import one_by_one
from zoo.conditioners.network import Inputs, Network, activation_of, check_at_least
from zoo.conditioners.one_by_one import Transform


@keras.saving.register_keras_serializable("tfflows")
class MADE(Network):
    """An `MLP` whose i-th outputs see the variables before the i-th alone; zero at construction.

    h_1 = W_0 x + b_0,  h_{k+1} = h_k + W_k a(h_k) + b_k,  output = W a(h_layers) + b

    Every hidden unit has a degree m: it sees the first m variables of the order, and is seen by
    the variables after them and by units of no lower degree. Degrees are spread evenly, the same
    in every layer, and each is present, so every variable reaches all later ones. A condition is
    projected once and added to every hidden layer, and some units see it alone (degree 0).

    The order is a weight that is not trained, and the masks follow it: a file of weights makes a
    network of another order the saved one.

    Args:
        num_params: outputs for each variable.
        variables: number of variables D.
        units: hidden units; at least D - 1, or D with a condition.
        layers: hidden layers.
        order: the variables 0..D-1, first to last; by default as they are.
        activation: name of a Keras activation.
        condition_dim: width of the condition; 0 takes none.
        seed: seed of the initial weights.
        name: the layer's name, part of the seed.
        dtype: dtype or policy; 'mixed_bfloat16' computes in bfloat16 in training.

    Raises:
        ValueError: for impossible sizes, an order that is no permutation, or an unknown activation.

    Reference: Germain et al. 2015, MADE, arXiv:1502.03509, sections 3 and 4.2.
    """

    def __init__(
        self,
        num_params: int,
        *,
        variables: int,
        units: int,
        layers: int,
        order: Sequence[int] | None = None,
        activation: str = "silu",
        condition_dim: int = 0,
        seed: int,
        name: str,
        dtype: str | keras.DTypePolicy = "float32",
    ) -> None:
        super().__init__(condition_dim=condition_dim, seed=seed, name=name, dtype=dtype)
        check_at_least(1, num_params=num_params, variables=variables, units=units, layers=layers)
        self.num_params, self.size, self.units = num_params, variables, units
        self.depth, self.activation = layers, activation
        self.activate = activation_of(activation)
        self.degrees = _degrees(variables, units, conditional=condition_dim > 0)
        self._add_weights(_checked(order, variables))
        self.built = True

    def _add_weights(self, order: np.ndarray) -> None:
        size, units, layers = self.size, self.units, self.depth
        self.order = self.add_weight(
            name="order",
            shape=(size,),
            initializer=lambda _, dtype: tf.constant(order, dtype),
            trainable=False,
            dtype="int32",
            autocast=False,
        )
        if size > 1:  # one variable has none before it
            self.in_kernel = self.normal("in_kernel", [size, units], size**-0.5)
        self.biases = self.constant("biases", [layers, units])
        if layers > 1:
            stddev = math.sqrt(1 / (units * (layers - 1)))
            self.kernels = self.normal("kernels", [layers - 1, units, units], stddev)
        self.out_kernel = self.constant("out_kernel", [units, self.num_params * size])
        self.out_bias = self.constant("out_bias", [self.num_params * size])
        if self.condition_dim:
            shape = [self.condition_dim, layers * units]
            self.projection = self.normal("projection", shape, self.condition_dim**-0.5)

    def call(self, inputs: Inputs, *, training: bool | None = None) -> tf.Tensor:
        """Runs the network.

        Args:
            inputs: x [B, D], or [x, condition [B, condition_dim]].
            training: whether to compute in the dtype that the policy has for computing.

        Returns:
            [B, num_params * D] in the dtype of the weights: blocks of D, a block a parameter.
        """
        x, condition = self.split_condition(inputs)
        if x.shape.rank != 2 or x.shape[-1] != self.size:
            msg = f"`x` must be [B, {self.size}]; received {x.shape}."
            raise ValueError(msg)
        cast = functools.partial(self.cast, training=bool(training))
        shifts = self.shifts(condition, cast(self.biases).dtype)
        place = tf.math.invert_permutation(tf.convert_to_tensor(self.order))
        x = cast(x)
        h = shifts[0] + tf.zeros_like(x[:, :1])
        if self.size > 1:
            h += tf.matmul(x, cast(_masked(self.in_kernel, place[:, None] < self.degrees)))
        if self.depth > 1:
            kernels = cast(_masked(self.kernels, self.degrees[:, None] <= self.degrees))
            for kernel, shift in zip(tf.unstack(kernels), shifts[1:], strict=True):
                h += tf.matmul(self.activate(h), kernel) + shift
        seen = tf.tile(place >= self.degrees[:, None], [1, self.num_params])
        y = tf.matmul(self.activate(h), cast(_masked(self.out_kernel, seen)))
        return tf.cast(y, self.variable_dtype) + tf.convert_to_tensor(self.out_bias)

    def shifts(self, condition: tf.Tensor | None, dtype: Any) -> list[tf.Tensor]:
        """Returns what is added to each hidden layer whatever x is: [units], or [B, units]."""
        shifts = tf.unstack(tf.cast(self.biases, dtype))
        if condition is None:
            return shifts
        shares = tf.matmul(tf.cast(condition, dtype), tf.cast(self.projection, dtype))
        shares = tf.split(shares, self.depth, axis=-1)
        return [bias + share for bias, share in zip(shifts, shares, strict=True)]

    def solved(self, transform: Transform, inputs: Inputs) -> tf.Tensor:
        """Returns y with y_i = transform(x_i; outputs_i at y): this network's pass in D parts.

        Args:
            transform: the map of one variable, from x [B, 1] and [B, num_params] to y [B, 1].
            inputs: x [B, D], or [x, condition [B, condition_dim]].

        Returns:
            y [B, D], without derivatives, computed in the dtype of the weights.
        """
        x, condition = self.split_condition(inputs)
        read = tf.convert_to_tensor
        layers = one_by_one.Layers(
            order=read(self.order),
            degrees=self.degrees,
            first=read(self.in_kernel) if self.size > 1 else None,
            hidden=tf.unstack(read(self.kernels)) if self.depth > 1 else [],
            shifts=self.shifts(condition, self.variable_dtype),
            last=read(self.out_kernel),
            bias=read(self.out_bias),
            activate=self.activate,
        )
        return one_by_one.solved(layers, transform, x)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments; the order is the one that the weights hold."""
        order = [int(variable) for variable in self.order.numpy()]
        own = {"variables": self.size, "layers": self.depth, "order": order}
        names = ("num_params", "units", "activation")
        return {**super().get_config(), **own, **{name: getattr(self, name) for name in names}}


def _masked(kernel: keras.Variable, mask: tf.Tensor | np.ndarray) -> tf.Tensor:
    values = tf.convert_to_tensor(kernel)
    return tf.where(mask, values, tf.zeros([], values.dtype))


def _degrees(variables: int, units: int, *, conditional: bool) -> np.ndarray:
    """Returns the degrees of a layer's units, evenly spread and each present."""
    # Units of degree 0 see a condition alone; without one they would be constants.
    lowest = 0 if conditional or variables == 1 else 1
    if units < variables - lowest:
        msg = (
            f"`units` must be at least {variables - lowest}, so that each of {variables} variables "
            f"reaches all later ones; received {units}."
        )
        raise ValueError(msg)
    return (lowest + np.arange(units) * (variables - lowest) // units).astype(np.int32)


def _checked(order: Sequence[int] | None, variables: int) -> np.ndarray:
    found = np.asarray(range(variables) if order is None else order)
    if found.ndim != 1 or not np.array_equal(np.sort(found), np.arange(variables)):
        msg = f"`order` must hold 0..{variables - 1}, each once; received {order}."
        raise ValueError(msg)
    return found
