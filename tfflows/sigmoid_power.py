"""A power between a sigmoid and a logit, a smooth kink of the line: a transformer."""

import tensorflow as tf

_FAR = 30.0
"""Beyond it the map is a shift to the last digit, and the sigmoid's complement underflows."""


class SigmoidPower(tf.Module):
    """The map of the line that takes the a-th power of the sigmoid, with a = exp(s).

        forward:  y = logit(sigmoid(x)^a),  which is a x far below 0 and x - s far above
        inverse:  x = logit(sigmoid(y)^(1 / a))
        log|dy/dx| = s + log sigmoid(-x) - log(1 - sigmoid(x)^a)

    A leaky ReLU without the corner: its slope goes from a to 1. It is computed from the logarithm
    of the sigmoid, so neither end saturates. An element has one parameter h, and
    s = B tanh(h / B); at zero the map is the identity.

    Args:
        bound: B, the bound on |s|.
        name: name of the module.

    Raises:
        ValueError: if `bound` is not in (0, 5].

    Reference: Kobyzev et al. 2021, arXiv:1908.09257, section 3.1 (elementwise activations).
    """

    num_params = 1

    def __init__(self, bound: float = 3.0, name: str | None = None) -> None:
        """Keeps the bound."""
        if not 0 < bound <= 5:
            msg = f"`bound` must be positive and at most 5; received {bound}."
            raise ValueError(msg)
        super().__init__(name=name)
        self._bound = bound

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns logit(sigmoid(x)^a) and the log of its slope."""
        return _power(x, self._log_exponent(params))

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns logit(sigmoid(y)^(1 / a)) and the log of its slope."""
        return _power(y, -self._log_exponent(params))

    def _log_exponent(self, params: tf.Tensor) -> tf.Tensor:
        return self._bound * tf.tanh(params / self._bound)


def _power(x: tf.Tensor, log_exponent: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    near = x < _FAR
    # Without these zeros the infinity of the branch that is not taken would reach the gradient.
    inner = tf.where(near, x, tf.zeros([], x.dtype))
    log_sigmoid = -tf.exp(log_exponent) * tf.math.softplus(-inner)  # of the result
    log_rest = tf.math.log(-tf.math.expm1(log_sigmoid))
    y = tf.where(near, log_sigmoid - log_rest, x - log_exponent)
    log_slope = log_exponent - tf.math.softplus(inner) - log_rest
    return y, tf.where(near, log_slope, tf.zeros([], x.dtype))
