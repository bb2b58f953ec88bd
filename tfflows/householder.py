"""An orthogonal map: a product of reflections."""

import numpy as np
import tensorflow as tf

from tfflows.keras_module import KerasModule
from tfflows.linear import Linear, check_size, from_columns, times, to_columns
from tfflows.parameters import Parameters


class Householder(Linear):
    """The map y = Q x + b of the last axis with Q = H_1 ... H_K, H_k = I - 2 u_k u_k^T.

        forward:  y = Q x + b
        inverse:  x = Q^T (y - b)
        log|det dy/dx| = 0

    The u_k are learned vectors divided by their lengths, so Q is orthogonal whatever they are; with
    K = D it can be any rotation (K even) or reflected one (K odd). The product is taken at once, as
    Q = I - W^T T^-1 W with the rows u_k in W and the upper triangle T of W W^T, its diagonal
    halved: a triangular solve instead of K steps.

    Args:
        size: D, the size of the last axis.
        reflections: K, by default D.
        seed: of the directions that the vectors start with.
        state: the weights, by default new ones.
        name: name of the bijector and key of its weights.
        dtype: dtype of the weights.

    Raises:
        ValueError: if `size` or `reflections` is below 1.

    Reference: Tomczak and Welling 2016, arXiv:1611.09630; Joffrain et al. 2006, Accumulating
    Householder transformations, revisited (the product).
    """

    def __init__(
        self,
        size: int,
        reflections: int | None = None,
        *,
        seed: int = 0,
        state: KerasModule | None = None,
        name: str = "householder",
        dtype: str = "float32",
    ) -> None:
        """Draws the vectors."""
        check_size(size)
        reflections = size if reflections is None else reflections
        if reflections < 1:
            msg = f"`reflections` must be at least 1; received {reflections}."
            raise ValueError(msg)
        if state is None:
            vectors = np.random.default_rng(seed).normal(size=(reflections, size))
            vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
            layer = Parameters(name, dtype).own("vectors", vectors)
            state = KerasModule(layer.own("shift", np.zeros(size)))
        parameters = {
            "size": size,
            "reflections": reflections,
            "seed": seed,
            "state": state,
            "name": name,
            "dtype": dtype,
        }
        super().__init__(size, state, parameters, name=name, dtype=dtype)

    def _times(self, x: tf.Tensor) -> tf.Tensor:
        return _reflected(self._units(), x)

    def _solve(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # Each reflection is its own inverse.
        return _reflected(self._units()[::-1], y), self._log_abs_det()

    def _log_abs_det(self) -> tf.Tensor:
        return tf.zeros([], self.dtype)

    def _units(self) -> tf.Tensor:
        vectors = tf.convert_to_tensor(self._state.layer.vectors)
        tiny = np.finfo(vectors.dtype.name).tiny
        return tf.math.l2_normalize(vectors, axis=-1, epsilon=tiny)


def _reflected(units: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns H_1 ... H_K x for the rows u_k of `units` [K, D] and x [..., D]."""
    upper = tf.linalg.band_part(tf.linalg.matmul(units, units, transpose_b=True), 0, -1)
    halved = tf.linalg.set_diag(upper, tf.fill(tf.shape(units)[:1], tf.constant(0.5, x.dtype)))
    products = times(units, x)
    columns = tf.linalg.triangular_solve(halved, to_columns(products), lower=False)
    return x - times(tf.transpose(units), from_columns(columns, products))
