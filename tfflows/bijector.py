"""The base of every bijector: two methods in, the pair API and TFP's protocol out."""

from typing import Any, Self

import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability.python.internal import cache_util


class Bijector(tfb.Bijector):
    """A `tfb.Bijector` whose value and log-det come from one pass.

    A subclass writes `_forward_and_log_det(x)` (latent to data) and `_inverse_and_log_det(y)`
    (data to latent), each returning the value and log|det J| over its minimal event. Users get

        forward_and_log_det(x) = (y, log|det dy/dx|)
        inverse_and_log_det(y) = (x, log|det dx/dy|)

    which touch no cache, and TFP's `forward`, `inverse` and `*_log_det_jacobian`, which share one
    pass through TFP's cache. The rank of an event never changes.

    Reference: Dillon et al. 2017, TensorFlow Distributions, arXiv:1711.10604, section 4.
    """

    # Only this file touches TFP's private cache: "greedy" keeps the log-det of every pass beside
    # its value, so that `inverse(y)` followed by `inverse_log_det_jacobian(y)` is one pass.
    _cache = cache_util.BijectorCacheWithGreedyAttrs(
        forward_name="_augmented_forward", inverse_name="_augmented_inverse"
    )

    _event_sizes: tuple[int | None, ...] = ()
    """Sizes that the last axes of every input must have, None where any size will do."""

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {}

    @property
    def conditional(self) -> bool:
        """Whether some part of this bijector needs a condition."""
        return False

    def condition_on(self, condition: Any) -> Self:
        """Returns this bijector, same weights, bound to a condition.

        Args:
            condition: tensor [*B, K]; the bound bijector has parameter batch shape B.

        Raises:
            ValueError: if no part of the bijector is conditional.
        """
        if not self.conditional:
            msg = f"`condition` was given, but no part of {self.name!r} is conditional."
            raise ValueError(msg)
        return self._condition_on(condition)

    def _condition_on(self, condition: Any) -> Self:
        raise NotImplementedError

    def forward_and_log_det(
        self,
        x: Any,
        event_ndims: int | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the data y of a latent x and log|det dy/dx|, in one pass.

        Args:
            x: latents [*B, *event].
            event_ndims: rank of the event, by default the smallest possible.

        Returns:
            y [*B, *event] and the log-det [*B] in nats.
        """
        y, log_det = self._with_full_log_det(self._forward_and_log_det, x)
        return y, self._sum_over_event(log_det, event_ndims)

    def inverse_and_log_det(
        self,
        y: Any,
        event_ndims: int | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the latent x of data y and log|det dx/dy|, in one pass.

        Args:
            y: data [*B, *event].
            event_ndims: rank of the event, by default the smallest possible.

        Returns:
            x [*B, *event] and the log-det [*B] in nats.
        """
        x, log_det = self._with_full_log_det(self._inverse_and_log_det, y)
        return x, self._sum_over_event(log_det, event_ndims)

    def initialize(self, y: Any) -> tf.Tensor:
        """Sets what is set from data, once and eagerly, and returns the latents of that data.

        Args:
            y: one representative batch of data [N, *event].

        Returns:
            The latents [N, *event] after initialisation.
        """
        return self.inverse_and_log_det(y)[0]

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raise NotImplementedError

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        raise NotImplementedError

    def _with_full_log_det(self, one_pass: Any, value: Any) -> tuple[tf.Tensor, tf.Tensor]:
        ndims = self.forward_min_event_ndims
        result, log_det = one_pass(self._checked(value))
        batch_shape = tf.shape(result)[: result.shape.rank - ndims]
        static = result.shape[: result.shape.rank - ndims]
        return result, tf.ensure_shape(tf.broadcast_to(log_det, batch_shape), static)

    def _checked(self, value: Any) -> tf.Tensor:
        """Returns the value as a tensor; raises unless its dtype and shape are an input's."""
        value = tf.convert_to_tensor(value, dtype_hint=self.dtype, name="value")
        if not value.dtype.is_floating or self.dtype not in (None, value.dtype):
            wanted = "floating point numbers" if self.dtype is None else self.dtype.name
            msg = f"{self.name!r} takes {wanted}; received {value.dtype.name}."
            raise TypeError(msg)
        rank, ndims = value.shape.rank, self.forward_min_event_ndims
        if rank is None or rank < ndims:
            msg = (
                f"{self.name!r} needs events of rank {ndims} or more, of a known rank; "
                f"received the shape {value.shape}."
            )
            raise ValueError(msg)
        shape = [*[None] * (rank - len(self._event_sizes)), *self._event_sizes]
        if not value.shape.is_compatible_with(shape):
            msg = (
                f"{self.name!r} takes events of the sizes {self._event_sizes} (None: any); "
                f"received the shape {value.shape}."
            )
            raise ValueError(msg)
        if value.shape.is_fully_defined():
            return value
        return tf.ensure_shape(value, shape)  # an unknown size of 1 would broadcast in silence

    def _checked_batch(self, y: Any) -> tf.Tensor:
        """Returns the batch for `initialize`; raises unless it has rows and all are finite."""
        y = self._checked(y)
        if tf.size(y) == 0 or not tf.reduce_all(tf.math.is_finite(y)):
            msg = (
                f"`y` must hold finite numbers, at least one row, to initialize {self.name!r}; "
                f"received the shape {y.shape}"
                + (", with NaN or infinity." if tf.size(y) > 0 else ".")
            )
            raise ValueError(msg)
        return y

    def _sum_over_event(self, log_det: tf.Tensor, event_ndims: int | None) -> tf.Tensor:
        ndims = self.forward_min_event_ndims
        extra = 0 if event_ndims is None else event_ndims - ndims
        if not 0 <= extra <= log_det.shape.rank:
            msg = (
                f"`event_ndims` must be in {ndims}..{ndims + log_det.shape.rank}; "
                f"received {event_ndims}."
            )
            raise ValueError(msg)
        return tf.reduce_sum(log_det, axis=list(range(-extra, 0)))

    # TFP's protocol. The cache stores the *inverse* log-det in both directions.

    def _augmented_forward(self, x: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        y, log_det = self._with_full_log_det(self._forward_and_log_det, x)
        return y, {"ildj": -log_det}

    def _augmented_inverse(self, y: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        x, log_det = self._with_full_log_det(self._inverse_and_log_det, y)
        return x, {"ildj": log_det}

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        return self._with_full_log_det(self._forward_and_log_det, x)[0]

    def _inverse(self, y: tf.Tensor) -> tf.Tensor:
        return self._with_full_log_det(self._inverse_and_log_det, y)[0]

    def _forward_log_det_jacobian(self, x: tf.Tensor) -> tf.Tensor:
        return self._with_full_log_det(self._forward_and_log_det, x)[1]

    def _inverse_log_det_jacobian(self, y: tf.Tensor) -> tf.Tensor:
        return self._with_full_log_det(self._inverse_and_log_det, y)[1]
