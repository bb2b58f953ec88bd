"""The logistic and the normal law, in a form that stays exact far out in both tails."""

import math
import statistics
from typing import Protocol

import numpy as np
import tensorflow as tf

from tfflows import implicit


class Law(Protocol):
    """A standardised law with CDF P, symmetric about zero: 1 - P(u) = P(-u)."""

    variance: float

    def quantiles(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns P^-1 of probabilities in (0, 1)."""
        ...

    def log_cdf(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P(u)."""
        ...

    def log_hazard(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P'(u) - log P(u)."""
        ...

    def logit(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P(u) - log P(-u)."""
        ...

    def log_logit_slope(self, u: tf.Tensor) -> tf.Tensor:
        """Returns the logarithm of the derivative of `logit`."""
        ...

    def from_logit(self, logit: tf.Tensor) -> tf.Tensor:
        """Returns the u of a logit."""
        ...


class Logistic:
    """The logistic law, P(u) = 1 / (1 + exp(-u)): its logit is u itself."""

    variance: float = math.pi**2 / 3.0

    def quantiles(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns log p - log(1 - p)."""
        return np.log(probabilities) - np.log1p(-probabilities)

    def log_cdf(self, u: tf.Tensor) -> tf.Tensor:
        """Returns -log(1 + exp(-u))."""
        return tf.math.log_sigmoid(u)

    def log_hazard(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P(-u), for P' = P(u) P(-u)."""
        return tf.math.log_sigmoid(-u)

    def logit(self, u: tf.Tensor) -> tf.Tensor:
        """Returns u."""
        return u

    def log_logit_slope(self, u: tf.Tensor) -> tf.Tensor:
        """Returns zeros."""
        return tf.zeros_like(u)

    def from_logit(self, logit: tf.Tensor) -> tf.Tensor:
        """Returns the logit."""
        return logit


TAIL = 6.0
"""Where the hazard turns from the error function to its continued fraction."""

DEPTH = 14
"""Terms of the continued fraction: relative errors of 3e-14 at `TAIL`, less beyond."""


class Normal:
    """The standard normal law.

    Below -6 its hazard is Laplace's continued fraction, t + 1/(t + 2/(t + 3/(t + ...))) with
    t = -u, which cancels nothing and whose derivatives cancel nothing: in float32 the CDF
    itself is 1 from 5.5 and 0 from -14, and log P' - log P loses all its digits.

    Reference: Abramowitz and Stegun 1964, Handbook of Mathematical Functions, 26.2.14 (hazard)
    and 26.2.23 (quantile).
    """

    variance: float = 1.0

    def quantiles(self, probabilities: np.ndarray) -> np.ndarray:
        """Returns the normal quantiles."""
        standard = statistics.NormalDist()
        return np.array([standard.inv_cdf(p) for p in probabilities])

    def log_cdf(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P(u)."""
        t = tf.maximum(-u, TAIL)
        far = _log_density(t) - tf.math.log(_tail_hazard(t))
        return tf.where(u < -TAIL, far, _log_half_erfc(tf.maximum(u, -TAIL)))

    def log_hazard(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P'(u) - log P(u)."""
        near = tf.maximum(u, -TAIL)
        far = tf.math.log(_tail_hazard(tf.maximum(-u, TAIL)))
        return tf.where(u < -TAIL, far, _log_density(near) - _log_half_erfc(near))

    def logit(self, u: tf.Tensor) -> tf.Tensor:
        """Returns log P(u) - log P(-u), about u |u| / 2 in the tails."""
        log_p, log_rest = tf.unstack(self.log_cdf(tf.stack([u, -u])))
        return log_p - log_rest

    def log_logit_slope(self, u: tf.Tensor) -> tf.Tensor:
        """Returns the log of P'(u) / (P(u) P(-u)), an even function."""
        small = tf.where(u < 0.0, u, -u)
        return self.log_hazard(small) - self.log_cdf(-small)

    def from_logit(self, logit: tf.Tensor) -> tf.Tensor:
        """Returns the u of a logit, by a rational start and two Newton steps on log P."""
        found = self._solution(tf.stop_gradient(logit))
        return implicit.attach(self.logit, found, logit)

    def _solution(self, logit: tf.Tensor) -> tf.Tensor:
        log_p = -tf.math.softplus(tf.abs(logit))  # of the smaller side
        t = tf.sqrt(-2.0 * log_p)
        upper = 2.515517 + t * (0.802853 + t * 0.010328)
        lower = 1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308))
        u = upper / lower - t
        for _ in range(2):
            u -= (self.log_cdf(u) - log_p) * tf.exp(-self.log_hazard(u))
        return tf.where(logit < 0.0, u, -u)


def _log_density(u: tf.Tensor) -> tf.Tensor:
    return -0.5 * tf.square(u) - 0.5 * math.log(2.0 * math.pi)


def _log_half_erfc(u: tf.Tensor) -> tf.Tensor:
    return tf.math.log(0.5 * tf.math.erfc(-math.sqrt(0.5) * u))


def _tail_hazard(t: tf.Tensor) -> tf.Tensor:
    hazard = t
    for k in range(DEPTH, 0, -1):
        hazard = t + k / hazard
    return hazard
