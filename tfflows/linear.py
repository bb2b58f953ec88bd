"""What the linear maps of vectors share: the shift, and A as a matrix to look at."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule


class Linear(Bijector):
    """The affine map y = A x + b of the last axis, of which a subclass knows A.

        forward:  y = A x + b
        inverse:  x = A^-1 (y - b)
        log|det dy/dx| = log|det A|, for each position

    A subclass writes `_times`, `_solve` and `_log_abs_det`.

    Args:
        size: D, the size of the last axis.
        state: the weights, `shift` [D] among them.
        parameters: the arguments of the subclass's constructor.
        name: name of the bijector.
        dtype: dtype of the weights.
    """

    def __init__(
        self, size: int, state: KerasModule, parameters: dict[str, Any], *, name: str, dtype: str
    ) -> None:
        """Keeps the weights."""
        self._size = size
        self._event_sizes = (size,)
        self._state = state
        super().__init__(
            forward_min_event_ndims=1, parameters=parameters, dtype=tf.as_dtype(dtype), name=name
        )

    @property
    def matrix(self) -> tf.Tensor:
        """A [D, D]."""
        return tf.transpose(self._times(tf.eye(self._size, dtype=self.dtype)))

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._times(x) + self._shift(), self._log_abs_det()

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x, log_abs_det = self._solve(y - self._shift())
        return x, -log_abs_det

    def _shift(self) -> tf.Tensor:
        return tf.convert_to_tensor(self._state.layer.shift)

    def _times(self, x: tf.Tensor) -> tf.Tensor:
        """Returns A x of x [..., D]."""
        raise NotImplementedError

    def _solve(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns A^-1 y of y [..., D], and log|det A| from what that took."""
        raise NotImplementedError

    def _log_abs_det(self) -> tf.Tensor:
        """Returns log|det A|, a scalar."""
        raise NotImplementedError


def times(matrix: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns the product of a matrix [M, D] with each vector of x [..., D]."""
    return tf.tensordot(x, matrix, [[-1], [1]])


def to_columns(x: tf.Tensor) -> tf.Tensor:
    """Returns the vectors of x [..., D] as the columns of a matrix [D, N], for one solve."""
    return tf.transpose(tf.reshape(x, [-1, x.shape[-1]]))


def from_columns(columns: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Returns columns [D, N] as vectors in the shape of x."""
    return tf.ensure_shape(tf.reshape(tf.transpose(columns), tf.shape(x)), x.shape)


def rotation(size: int, random: np.random.Generator) -> np.ndarray:
    """Returns an orthogonal matrix drawn uniformly, a rotation or a reflected one.

    Reference: Mezzadri 2007, How to generate random matrices from the classical compact groups.
    """
    q, r = np.linalg.qr(random.normal(size=(size, size)))
    return q * np.sign(np.diag(r))


def check_size(size: int) -> None:
    """Raises ValueError unless the size is that of vectors."""
    if size < 1:
        msg = f"`size` must be at least 1; received {size}."
        raise ValueError(msg)
