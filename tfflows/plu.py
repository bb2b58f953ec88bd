"""A linear map in triangular factors: a density costs no determinant."""

import numpy as np
import tensorflow as tf

from tfflows.keras_module import KerasModule
from tfflows.linear import Linear, check_size, from_columns, rotation, times, to_columns
from tfflows.parameters import Parameters

LOG_BOUND = 7.0
"""Bound on |log| of U's diagonal, which keeps A from becoming singular in training."""


class PLU(Linear):
    """The map y = A x + b of the last axis with A = P L U.

        forward:  y = P L U x + b
        inverse:  x = U^-1 L^-1 P^T (y - b), by two triangular solves
        log|det dy/dx| = sum of s, for each position

    P is a fixed permutation, L is lower triangular with ones on its diagonal, and U is upper
    triangular with the diagonal sign exp(s), |s| < 7: signs are fixed, so A is never singular.
    Permutation and signs are weights that are not trained; they travel in checkpoints and files,
    and a map built with another seed becomes the saved one when it loads.

    Args:
        size: D, the size of the last axis.
        seed: of the random rotation that A starts as; None starts at the identity.
        state: the weights, by default new ones.
        name: name of the bijector and key of its weights.
        dtype: dtype of the weights.

    Raises:
        ValueError: if `size` is below 1.

    Reference: Kingma and Dhariwal 2018, Glow, arXiv:1807.03039, section 3.2.
    """

    def __init__(
        self,
        size: int,
        seed: int | None = 0,
        *,
        state: KerasModule | None = None,
        name: str = "plu",
        dtype: str = "float32",
    ) -> None:
        """Factorises the start."""
        check_size(size)
        state = state or KerasModule(_new_state(size, seed, name, dtype))
        parameters = {"size": size, "seed": seed, "state": state, "name": name, "dtype": dtype}
        super().__init__(size, state, parameters, name=name, dtype=dtype)

    def _times(self, x: tf.Tensor) -> tf.Tensor:
        lower, upper = self._factors()
        back = tf.math.invert_permutation(self._order())
        return tf.gather(times(lower, times(upper, x)), back, axis=-1)

    def _solve(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        lower, upper = self._factors()
        columns = to_columns(tf.gather(y, self._order(), axis=-1))
        columns = tf.linalg.triangular_solve(lower, columns)
        x = from_columns(tf.linalg.triangular_solve(upper, columns, lower=False), y)
        return x, self._log_abs_det()

    def _log_abs_det(self) -> tf.Tensor:
        return tf.reduce_sum(self._log_diagonal())

    def _factors(self) -> tuple[tf.Tensor, tf.Tensor]:
        packed = tf.convert_to_tensor(self._state.layer.factors)
        sign = tf.cast(tf.convert_to_tensor(self._state.layer.sign), packed.dtype)
        lower = tf.linalg.set_diag(tf.linalg.band_part(packed, -1, 0), tf.ones_like(sign))
        diagonal = sign * tf.exp(self._log_diagonal())
        return lower, tf.linalg.set_diag(tf.linalg.band_part(packed, 0, -1), diagonal)

    def _log_diagonal(self) -> tf.Tensor:
        raw = tf.linalg.diag_part(tf.convert_to_tensor(self._state.layer.factors))
        return LOG_BOUND * tf.tanh(raw / LOG_BOUND)

    def _order(self) -> tf.Tensor:
        return tf.convert_to_tensor(self._state.layer.order)


def _new_state(size: int, seed: int | None, name: str, dtype: str) -> Parameters:
    """Returns weights whose P L U is the start: L, U and s packed in one matrix of their size."""
    packed, order = _factorised(np.eye(size)) if seed is None else _factorised_rotation(size, seed)
    diagonal = np.diag(packed).copy()
    np.fill_diagonal(packed, LOG_BOUND * np.arctanh(np.log(np.abs(diagonal)) / LOG_BOUND))
    state = Parameters(name, dtype).own("factors", packed).own("shift", np.zeros(size))
    state.own("sign", np.sign(diagonal), trainable=False, dtype="int32")
    return state.own("order", order, trainable=False, dtype="int32")


def _factorised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns L without its diagonal and U in one matrix, and the order p of P^T y = y[p]."""
    packed, order = tf.linalg.lu(tf.constant(matrix))
    return packed.numpy(), order.numpy()


def _factorised_rotation(size: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    while True:  # The last pivot is 1 / an element of the rotation, of which a few are near zero.
        packed, order = _factorised(rotation(size, random))
        if np.max(np.abs(np.log(np.abs(np.diag(packed))))) < LOG_BOUND - 1.0:
            return packed, order
