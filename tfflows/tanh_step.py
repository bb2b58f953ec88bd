"""A smooth step of the line that looks like a hyperbolic tangent: a transformer."""

import math

import tensorflow as tf

_FAR = 20.0
"""Beyond it the map is a shift by s to the last digit, and sinh would overflow further out."""


class TanhStep(tf.Module):
    """The line flowing for the time s along the velocity tanh: dx/dt = tanh(x).

        forward:  y = asinh(exp(s) sinh(x)),  which is x + s far above 0 and x - s far below
        inverse:  x = asinh(exp(-s) sinh(y))
        log|dy/dx| = s + log cosh(x) - log cosh(y)

    It is a map of the line onto itself, as tanh is not, with the slope exp(s) at 0 and 1 far away:
    a positive s opens a gap between two modes, a negative s closes it. An element has one
    parameter h, and s = B tanh(h / B); at zero the map is the identity.

    Args:
        bound: B, the bound on |s|.
        name: name of the module.

    Raises:
        ValueError: if `bound` is not in (0, 8].

    Reference: Kobyzev et al. 2021, arXiv:1908.09257, section 3.1 (elementwise activations).
    """

    num_params = 1

    def __init__(self, bound: float = 5.0, name: str | None = None) -> None:
        """Keeps the bound."""
        if not 0 < bound <= 8:
            msg = f"`bound` must be positive and at most 8; received {bound}."
            raise ValueError(msg)
        super().__init__(name=name)
        self._bound = bound

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns asinh(exp(s) sinh(x)) and the log of its slope."""
        return _flowed(x, self._time(params))

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns asinh(exp(-s) sinh(y)) and the log of its slope."""
        return _flowed(y, -self._time(params))

    def _time(self, params: tf.Tensor) -> tf.Tensor:
        return self._bound * tf.tanh(params / self._bound)


def _flowed(x: tf.Tensor, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    near = tf.abs(x) < _FAR
    # Without these zeros the overflow of the branch that is not taken would reach the gradient.
    inner = tf.where(near, x, tf.zeros([], x.dtype))
    bent = tf.asinh(tf.exp(time) * tf.sinh(inner))
    y = tf.where(near, bent, x + tf.sign(x) * time)
    log_slope = time + _log_cosh(inner) - _log_cosh(bent)
    return y, tf.where(near, log_slope, tf.zeros([], x.dtype))


def _log_cosh(x: tf.Tensor) -> tf.Tensor:
    return x + tf.math.softplus(-2.0 * x) - math.log(2.0)
