"""A linear map by its matrix as it is."""

from typing import Any, Self

import numpy as np
import tensorflow as tf

from tfflows.keras_module import KerasModule
from tfflows.linear import Linear, check_size, from_columns, rotation, times, to_columns
from tfflows.parameters import Parameters


class DenseAffine(Linear):
    """The map y = A x + b of the last axis, with every element of A free.

        forward:  y = A x + b
        inverse:  x = A^-1 (y - b), by A = Q R
        log|det dy/dx| = log|det A|, for each position

    Log-det and inverse cost D^3, and nothing keeps A from coming close to a singular matrix in
    training; `PLU` costs D^2 and never does.

    Args:
        matrix: A [D, D] to start from, such as np.eye(D).
        state: the weights, by default new ones.
        name: name of the bijector and key of its weights.
        dtype: dtype of the weights.

    Raises:
        ValueError: if `matrix` is not square, not finite or, to this dtype's digits, singular.
    """

    def __init__(
        self,
        matrix: Any,
        *,
        state: KerasModule | None = None,
        name: str = "dense_affine",
        dtype: str = "float32",
    ) -> None:
        """Checks the start."""
        start = np.asarray(matrix)
        if start.ndim != 2 or start.shape[0] != start.shape[1] or start.size == 0:
            msg = f"`matrix` must be square [D, D]; received the shape {start.shape}."
            raise ValueError(msg)
        if state is None:
            _check_invertible(start, dtype)
            layer = Parameters(name, dtype).own("matrix", start)
            state = KerasModule(layer.own("shift", np.zeros(len(start))))
        parameters = {"matrix": start, "state": state, "name": name, "dtype": dtype}
        super().__init__(len(start), state, parameters, name=name, dtype=dtype)

    @classmethod
    def random(
        cls, size: int, *, seed: int, name: str = "dense_affine", dtype: str = "float32"
    ) -> Self:
        """Returns a map that starts as a random rotation of `size` variables drawn with `seed`."""
        check_size(size)
        return cls(rotation(size, np.random.default_rng(seed)), name=name, dtype=dtype)

    def _times(self, x: tf.Tensor) -> tf.Tensor:
        return times(self._matrix(), x)

    def _solve(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        q, r = self._factors()
        columns = to_columns(times(tf.transpose(q), y))
        x = from_columns(tf.linalg.triangular_solve(r, columns, lower=False), y)
        return x, _log_abs_diagonal(r)

    def _log_abs_det(self) -> tf.Tensor:
        _, r = self._factors()
        return _log_abs_diagonal(r)

    def _factors(self) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.linalg.qr(self._matrix())  # XLA compiles this, but no slogdet

    def _matrix(self) -> tf.Tensor:
        return tf.convert_to_tensor(self._state.layer.matrix)


def _log_abs_diagonal(r: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.math.log(tf.abs(tf.linalg.diag_part(r))))


def _check_invertible(matrix: np.ndarray, dtype: str) -> None:
    if not np.all(np.isfinite(matrix)):
        msg = "`matrix` must hold finite numbers; received NaN or infinity."
        raise ValueError(msg)
    values = np.linalg.svd(matrix.astype("float64"), compute_uv=False)
    floor = len(matrix) * np.finfo(dtype).eps * values[0]
    if values[-1] <= floor:
        condition = values[0] / values[-1] if values[-1] > 0 else np.inf
        msg = (
            f"`matrix` must be invertible in {dtype}; received one of rank "
            f"{np.sum(values > floor)} of {len(matrix)}, condition number {condition:.1e}."
        )
        raise ValueError(msg)
