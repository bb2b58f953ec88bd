"""Pixels as logits: the one place that knows the range of an image."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from tfflows.bijector import Bijector


class Pixels(Bijector):
    """The map from the real line to pixel units, with a margin a at both ends.

        forward:  y = L (sigmoid(x) - a) / (1 - 2a)
        inverse:  x = logit(a + (1 - 2a) y / L)
        log dy/dx = log L - log(1 - 2a) + log sigmoid(x) + log sigmoid(-x)

    y is in pixel units, [0, L) for dequantized pixels of L grey levels; densities are in these
    units, so no rescaling is left for others to forget. The margin keeps y = 0 and y = L finite:
    y may lie outside of [0, L) by a L / (1 - 2a).

    Args:
        levels: L, the number of grey levels.
        alpha: a, between 0 and 1/2.
        name: name of the bijector.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 4.1.
    """

    def __init__(self, levels: int = 256, alpha: float = 0.05, name: str = "pixels") -> None:
        """Keeps the range."""
        if levels < 2:
            msg = f"`levels` must be at least 2; received {levels}."
            raise ValueError(msg)
        if not 0 < alpha < 0.5:
            msg = f"`alpha` must be between 0 and 0.5; received {alpha}."
            raise ValueError(msg)
        self._levels = levels
        self._alpha = alpha
        super().__init__(
            forward_min_event_ndims=0,
            parameters={"levels": levels, "alpha": alpha, "name": name},
            name=name,
        )

    def _is_increasing(self, **kwargs: Any) -> bool:
        return True

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        width = 1.0 - 2.0 * self._alpha
        y = self._levels * (tf.sigmoid(x) - self._alpha) / width
        return y, self._log_slope(x)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        p = _off_the_ends(self._alpha + (1.0 - 2.0 * self._alpha) * y / self._levels)
        x = tf.math.log(p) - tf.math.log1p(-p)
        return x, -self._log_slope(x)

    def _log_slope(self, x: tf.Tensor) -> tf.Tensor:
        constant = math.log(self._levels / (1.0 - 2.0 * self._alpha))
        return constant - tf.math.softplus(x) - tf.math.softplus(-x)


def _off_the_ends(p: tf.Tensor) -> tf.Tensor:
    """Returns probabilities that rounding put on 0 or 1, or just beyond, a rounding error inside.

    A saturated latent decodes to the very end of the margin; its way back would be infinite.
    """
    rounding = float(np.finfo(p.dtype.name).eps)
    near = (p > -4.0 * rounding) & (p < 1.0 + 4.0 * rounding)
    return tf.where(near, tf.clip_by_value(p, rounding, 1.0 - rounding), p)
