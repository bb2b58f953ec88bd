"""Numbers between bounds: the support of parameters that have one."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfflows.bijector import Bijector


class Interval(Bijector):
    """The map from the real line onto the interval between two bounds, for each element.

        forward:  y = low + (high - low) sigmoid(x)
        inverse:  x = log(y - low) - log(high - y)
        log dy/dx = log(high - low) + log sigmoid(x) + log sigmoid(-x)

    As the last map of a flow it makes every sample lie inside. A `y` outside has no latent: it gets
    that of the middle, and the log-det -inf, so that its density is 0 and the logarithm -inf, with
    a gradient of zero, where logarithms of negative numbers would be NaN. Samples are never on a
    bound, whatever rounding does; a `y` on a bound counts as the nearest number inside.

    Args:
        low: lower bounds [*event], or a number.
        high: upper bounds [*event], or a number.
        name: name of the bijector.

    Raises:
        ValueError: for bounds that are not finite, of shapes that do not broadcast, or where
            nothing lies between.
    """

    def __init__(self, low: Any, high: Any, name: str = "interval") -> None:
        """Keeps the bounds."""
        self._low, self._high = _checked(low, high)
        self._event_sizes = self._low.shape
        super().__init__(
            forward_min_event_ndims=self._low.ndim,
            parameters={"low": low, "high": high, "name": name},
            name=name,
        )

    def _is_increasing(self, **kwargs: Any) -> bool:
        return True if not self._event_sizes else super()._is_increasing(**kwargs)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        low, high, first, last = self._bounds(x.dtype)
        width = high - low
        # Counted from the nearer bound, or distances to it would drown in the other's rounding.
        y = tf.where(x < 0, low + width * tf.sigmoid(x), high - width * tf.sigmoid(-x))
        log_slope = tf.math.log(width) - tf.math.softplus(x) - tf.math.softplus(-x)
        return tf.clip_by_value(y, first, last), self._summed(log_slope)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        low, high, first, last = self._bounds(y.dtype)
        outside = (y < low) | (y > high)
        y = tf.where(outside, 0.5 * low + 0.5 * high, tf.clip_by_value(y, first, last))
        below, above = tf.math.log(y - low), tf.math.log(high - y)
        log_slope = tf.math.log(high - low) - below - above
        never = tf.constant(-np.inf, y.dtype)
        return below - above, self._summed(tf.where(outside, never, log_slope))

    def _summed(self, log_slope: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(log_slope, axis=list(range(-self._low.ndim, 0)))

    def _bounds(self, dtype: tf.DType) -> tuple[tf.Tensor, ...]:
        """Returns the bounds, and the first and last numbers of a dtype between them."""
        kind: Any = dtype.as_numpy_dtype
        low, high = self._low.astype(kind), self._high.astype(kind)
        least = np.finfo(kind).tiny  # smaller ones become 0 in compiled code
        first = np.maximum(np.nextafter(low, high), low + least)
        last = np.minimum(np.nextafter(high, low), high - least)
        if not np.all(first < last):
            msg = f"`low` and `high` must differ in {dtype.name}; received {low} and {high}."
            raise ValueError(msg)
        return tuple(tf.constant(bound) for bound in (low, high, first, last))


def _checked(low: Any, high: Any) -> tuple[np.ndarray, np.ndarray]:
    """Returns both bounds in one shape."""
    try:
        lows, highs = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    except ValueError:
        msg = f"`low` and `high` must be numbers of one shape; received {low} and {high}."
        raise ValueError(msg) from None
    if not (np.all(np.isfinite(lows)) and np.all(np.isfinite(highs)) and np.all(lows < highs)):
        msg = f"`low` and `high` must be finite, low below high; received {low} and {high}."
        raise ValueError(msg)
    return lows, highs
