"""Reordering of the last axis, stored with the weights."""

from typing import Any, Self

import numpy as np
import tensorflow as tf

from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters


class Permute(Bijector):
    """A fixed permutation p of the last axis.

        forward:  y[i] = x[p[i]]
        inverse:  x[p[i]] = y[i]
        log|det J| = 0

    The order is a weight that is not trained: a checkpoint or a weights file holds it, so a model
    that was built with another seed becomes the saved one when it loads. (`tfb.Permute` keeps it
    outside of the checkpoint.)

    Args:
        permutation: p, the integers 0..D-1 in some order.
        state: the stored order, by default a new one.
        name: name of the bijector and key of its order.

    Raises:
        ValueError: if `permutation` is none.
    """

    def __init__(
        self,
        permutation: Any,
        *,
        state: KerasModule | None = None,
        name: str = "permute",
    ) -> None:
        """Stores the order."""
        order = np.asarray(permutation)
        if order.ndim != 1 or not np.array_equal(np.sort(order), np.arange(order.size)):
            msg = f"`permutation` must hold 0..D-1, each once; received {permutation!r}."
            raise ValueError(msg)
        state = state or KerasModule(
            Parameters(name).own("order", order, trainable=False, dtype="int32")
        )
        self._event_sizes = (order.size,)
        self._state = state
        super().__init__(
            forward_min_event_ndims=1,
            is_constant_jacobian=True,
            parameters={"permutation": order, "state": state, "name": name},
            name=name,
        )

    @classmethod
    def random(cls, size: int, *, seed: int, name: str = "permute") -> Self:
        """Returns a permutation of `size` variables drawn with `seed`."""
        return cls(np.random.default_rng(seed).permutation(size), name=name)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.gather(x, self._order(), axis=-1), tf.zeros([], x.dtype)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        back = tf.math.invert_permutation(self._order())
        return tf.gather(y, back, axis=-1), tf.zeros([], y.dtype)

    def _order(self) -> tf.Tensor:
        return tf.convert_to_tensor(self._state.layer.order)


class Reverse(Bijector):
    """The reversed last axis, its own inverse; the order is in the code and needs no weight.

    forward and inverse:  y[i] = x[D - 1 - i],  log|det J| = 0
    """

    def __init__(self, name: str = "reverse") -> None:
        """Names the bijector."""
        super().__init__(
            forward_min_event_ndims=1,
            is_constant_jacobian=True,
            parameters={"name": name},
            name=name,
        )

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.reverse(x, axis=[x.shape.rank - 1]), tf.zeros([], x.dtype)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._forward_and_log_det(y)
