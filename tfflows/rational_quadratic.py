"""Monotone rational-quadratic splines as an elementwise map."""

import math
from typing import NamedTuple, Self

import tensorflow as tf

_NARROWEST = 1e-5  # of 2 B: in float32 the ends of a narrower bin would run into each other


class RationalQuadratic(tf.Module):
    """A monotone spline of K rational quadratics on (-B, B), with the identity as its tails.

    A bin of width w and height h leads from (x0, y0) to (x1, y1). With the slopes at its two ends
    relative to that of its chord, a = d0 w / h and b = d1 w / h, and t = (x - x0) / w, u = 1 - t:

        forward:  y = y0 + h p / (p + q),  p = t^2 + a t u,  q = u^2 + b t u
        inverse:  t / u is the positive root r of  n r^2 + (a n - b m) r - m = 0
                  with m = (y - y0) / h, n = 1 - m
        log|dy/dx| = log((h / w) (b t^2 + 2 t u + a u^2) / (p + q)^2)

    which are the paper's equations 4 to 8 with no difference of positive terms but a n - b m, so
    nothing cancels that the map itself does not make ill-conditioned. (Large logits do: in float32
    a round trip is as exact as one rounding of y allows, to 4e-6 at logits of 1, 1e-2 at 3.)

    An element has 3 K - 1 parameters: K logits of widths, K logits of heights and K - 1 raw slopes
    at the inner knots; at zeros the map is the identity.

    Args:
        bins: K.
        bound: B; outside the map is the identity.
        min_width: least width of a bin as a share of 2 B.
        min_height: least height of a bin as a share of 2 B.
        min_derivative: least slope at a knot.
        name: name of the module.

    Raises:
        ValueError: for fewer than 2 bins, a bound that is not positive, or a least share or slope
            that leaves no room.

    Reference: Durkan et al. 2019, Neural Spline Flows, arXiv:1906.04032, section 3.1.
    """

    def __init__(
        self,
        bins: int = 8,
        bound: float = 3.0,
        min_width: float = 1e-3,
        min_height: float = 1e-3,
        min_derivative: float = 1e-3,
        name: str | None = None,
    ) -> None:
        """Keeps the sizes."""
        _check(bins, bound, min_width, min_height, min_derivative)
        super().__init__(name=name)
        self.num_params: int = 3 * bins - 1
        self._bins = bins
        self._bound = bound
        self._min_width = min_width
        self._min_height = min_height
        self._min_derivative = min_derivative
        # softplus(raw_slope_one) = 1 - min_derivative, so that a raw slope of 0 is the slope 1.
        self._raw_slope_one = math.log(math.expm1(1.0 - min_derivative))

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the spline at x and the log of its slope there."""
        inside, inner = self._inside(x)
        xs, ys, slopes = self._bins_of(params)
        piece = _Bin.around(inner, xs, (xs, ys, slopes))
        t, u = (inner - piece.x0) / piece.width, (piece.x1 - inner) / piece.width
        p, q = piece.parts(t, u)
        y = piece.y0 + piece.height * (p / (p + q))
        return tf.where(inside, y, x), _or_zero(inside, piece.log_slope(t, u))

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the x at which the spline is y and the log of the inverse's slope."""
        inside, inner = self._inside(y)
        xs, ys, slopes = self._bins_of(params)
        piece = _Bin.around(inner, ys, (xs, ys, slopes))
        t, u = piece.solve((inner - piece.y0) / piece.height, (piece.y1 - inner) / piece.height)
        x = piece.x0 + piece.width * t
        return tf.where(inside, x, y), _or_zero(inside, -piece.log_slope(t, u))

    def _inside(self, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what lies in a bin, and the values with 0, which does, for those that do not."""
        # Without these zeros a NaN of the branch that `tf.where` drops would reach the gradient.
        inside = tf.abs(value) < self._bound
        return inside, _or_zero(inside, value)

    def _bins_of(self, params: tf.Tensor) -> tuple["_Ends", "_Ends", "_Ends"]:
        """Returns both coordinates and the slopes at the ends of the bins."""
        blocks = tf.stack(tf.split(params, self.num_params, axis=-1), axis=-2)
        sizes = [self._bins, self._bins, self._bins - 1]
        widths, heights, raw = tf.split(blocks, sizes, axis=-2)
        slopes = self._min_derivative + tf.math.softplus(raw + self._raw_slope_one)
        tail = tf.ones_like(tf.gather(slopes, [0], axis=-2))
        return (
            self._summed(widths, self._min_width),
            self._summed(heights, self._min_height),
            _Ends.of(tail, slopes, tail),
        )

    def _summed(self, logits: tf.Tensor, least: float) -> "_Ends":
        """Returns the ends of bins whose sizes have these logits, from -B to B exactly."""
        # By hand: `tf.nn.softmax` transposes for any axis but the last.
        highest = tf.stop_gradient(tf.reduce_max(logits, axis=-2, keepdims=True))
        powers = tf.exp(logits - highest)
        powers = powers / tf.reduce_sum(powers, axis=-2, keepdims=True)
        sums = tf.cumsum(least + (1.0 - self._bins * least) * powers, axis=-2)
        inner, total = tf.split(sums, [self._bins - 1, 1], axis=-2)
        last = self._bound * tf.ones_like(total)
        return _Ends.of(-last, self._bound * (2.0 * inner / total - 1.0), last)


class _Ends(NamedTuple):
    """What stands at the left and right ends of K bins, each [..., K, C]."""

    left: tf.Tensor
    right: tf.Tensor

    @classmethod
    def of(cls, first: tf.Tensor, inner: tf.Tensor, last: tf.Tensor) -> Self:
        """Returns the ends from what stands at the K + 1 knots."""
        return cls(tf.concat([first, inner], -2), tf.concat([inner, last], -2))


class _Bin(NamedTuple):
    """The bin of each element: its ends, and the slopes there."""

    x0: tf.Tensor
    x1: tf.Tensor
    y0: tf.Tensor
    y1: tf.Tensor
    d0: tf.Tensor
    d1: tf.Tensor

    @classmethod
    def around(cls, value: tf.Tensor, at: _Ends, every: tuple[_Ends, ...]) -> Self:
        """Returns the bins of which the ends `at` hold the values, all in (-B, B)."""
        # By number, so that there is one bin for each value however a compiler rounds the ends.
        passed = tf.cast(tf.expand_dims(value, -2) >= at.left, tf.int32)
        number = tf.reduce_sum(passed, axis=-2) - 1
        bins, axis = at.left.shape[-2], number.shape.rank - 1
        chosen = tf.one_hot(number, bins, on_value=True, off_value=False, axis=axis)
        return cls(
            *(tf.reduce_sum(_or_zero(chosen, end), axis=-2) for ends in every for end in ends)
        )

    @property
    def width(self) -> tf.Tensor:
        # The difference of the rounded ends, not the width they were summed from: only so is
        # t = 1 at the right end, and the spline monotone across knots.
        return self.x1 - self.x0

    @property
    def height(self) -> tf.Tensor:
        return self.y1 - self.y0

    def relative_slopes(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns a and b."""
        run = self.width / self.height
        return self.d0 * run, self.d1 * run

    def parts(self, t: tf.Tensor, u: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns p and q, in whose ratio y divides the bin."""
        a, b = self.relative_slopes()
        return t * (t + a * u), u * (u + b * t)

    def log_slope(self, t: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Returns log|dy/dx|."""
        a, b = self.relative_slopes()
        p, q = self.parts(t, u)
        ratio = (b * t * t + 2.0 * t * u + a * u * u) / (p + q) / (p + q)
        return tf.math.log(self.height / self.width * ratio)

    def solve(self, m: tf.Tensor, n: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns t and u from the shares of the height below and above y."""
        a, b = self.relative_slopes()
        middle = a * n - b * m
        sign = tf.where(middle >= 0.0, tf.ones_like(middle), -tf.ones_like(middle))
        # Both roots' product is -m / n, so the discriminant is a sum and never negative, and the
        # root that adds gives the other one too. (abs(middle) would lose the gradient at 0.)
        total = sign * middle + tf.sqrt(middle * middle + 4.0 * m * n)
        t = tf.where(middle >= 0.0, 2.0 * m, total)
        u = tf.where(middle >= 0.0, total, 2.0 * n)
        return t / (t + u), u / (t + u)


def _or_zero(condition: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    return tf.where(condition, value, tf.zeros([], value.dtype))


def _check(
    bins: int, bound: float, min_width: float, min_height: float, min_derivative: float
) -> None:
    if bins < 2:
        msg = f"`bins` must be at least 2; received {bins}."
        raise ValueError(msg)
    if not 0 < bound < math.inf:
        msg = f"`bound` must be positive and finite; received {bound}."
        raise ValueError(msg)
    for argument, least in (("min_width", min_width), ("min_height", min_height)):
        if not _NARROWEST <= least < 1 / bins:
            msg = (
                f"`{argument}` must be at least {_NARROWEST} and less than 1 / bins = "
                f"{1 / bins:.4g}; received {least}."
            )
            raise ValueError(msg)
    if not 0 < min_derivative < 1:
        msg = f"`min_derivative` must be between 0 and 1; received {min_derivative}."
        raise ValueError(msg)
