"""The CDF of a mixture as an elementwise map: a transformer that can make many modes."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfflows import implicit
from tfflows.laws import Law, Logistic, Normal

LAWS: dict[str, Law] = {"logistic": Logistic(), "normal": Normal()}


class Mixture(NamedTuple):
    """Parameters of mixtures, each [*B, *event[:-1], K, C]."""

    log_weights: tf.Tensor
    means: tf.Tensor
    log_scales: tf.Tensor


class MixtureCDF(tf.Module):
    """The map between the mixture with CDF F = sum of w_k P((y - m_k) / s_k) and its law P.

        forward:  y = F^-1(P(x)), by Newton's method
        inverse:  x = P^-1(F(y))
        log|dy/dx| = log P'(x) - log F'(y)

    So data that are such a mixture have latents of the law P, and densities are closed-form. The
    map is computed from log F and log(1 - F), never from F, and keeps its digits at 10 standard
    deviations and beyond in float32.

    The 3K parameters of a channel are K logits of weights, K means and K log-scales. They are
    added to a fixed start: at zero, weights are equal, means lie at the law's quantiles, half
    of the law's variance is between the components and half within, and the map is near the
    identity (it is the identity for K = 1).

    Args:
        components: K, how many.
        kind: the law P of the components and of the latents, 'logistic' or 'normal'.
        bound: the largest change |log s_k - start| of a log-scale.
        name: name of the module.

    Raises:
        ValueError: for an unknown `kind`, no components, or a bound that is not positive.

    Reference: Ho et al. 2019, Flow++, arXiv:1902.00275, section 3.2.
    """

    def __init__(
        self,
        components: int = 8,
        kind: str = "logistic",
        *,
        bound: float = 5.0,
        name: str | None = None,
    ) -> None:
        """Places the components."""
        if components < 1:
            msg = f"`components` must be at least 1; received {components}."
            raise ValueError(msg)
        if kind not in LAWS:
            msg = f"`kind` must be one of {sorted(LAWS)}; received {kind!r}."
            raise ValueError(msg)
        if not bound > 0:
            msg = f"`bound` must be positive; received {bound}."
            raise ValueError(msg)
        super().__init__(name=name)
        self.num_params: int = 3 * components
        self._law = LAWS[kind]
        self._bound = bound
        self._means, self._log_scale = _start(self._law, components)

    def initial_params(self, channels: int) -> np.ndarray:
        """Returns parameters [num_params * channels] to start from: zeros, the fixed start."""
        return np.zeros(self.num_params * channels)

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns F^-1(P(x)) and log P'(x) - log F'(y)."""
        mixture = self._unpack(params)
        # F is a mean of the components' CDFs: their own inverses enclose its inverse.
        inverses = mixture.means + tf.exp(mixture.log_scales) * tf.expand_dims(x, -2)
        lower, upper = tf.reduce_min(inverses, axis=-2), tf.reduce_max(inverses, axis=-2)
        y = implicit.invert(self._logit, self._law.logit(x), lower, upper, *mixture)
        _, log_slope = self._logit_and_log_slope(y, mixture)
        return y, self._law.log_logit_slope(x) - log_slope

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns P^-1(F(y)) and log F'(y) - log P'(x)."""
        logit, log_slope = self._logit_and_log_slope(y, self._unpack(params))
        x = self._law.from_logit(logit)
        return x, log_slope - self._law.log_logit_slope(x)

    def _unpack(self, params: tf.Tensor) -> Mixture:
        blocks = tf.stack(tf.split(params, self.num_params, axis=-1), axis=-2)
        logits, means, raw = tf.split(blocks, 3, axis=-2)
        return Mixture(
            tf.nn.log_softmax(logits, axis=-2),
            means + tf.constant(self._means, params.dtype),
            self._log_scale + self._bound * tf.tanh(raw / self._bound),
        )

    def _logit(
        self, y: tf.Tensor, log_weights: tf.Tensor, means: tf.Tensor, log_scales: tf.Tensor
    ) -> tf.Tensor:
        u = (tf.expand_dims(y, -2) - means) * tf.exp(-log_scales)
        both = log_weights + self._law.log_cdf(tf.stack([u, -u]))
        log_f, log_rest = tf.unstack(tf.reduce_logsumexp(both, axis=-2))
        return log_f - log_rest

    def _logit_and_log_slope(self, y: tf.Tensor, mixture: Mixture) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns log F - log(1 - F) and the log of its derivative, F' / (F (1 - F)).

        F' / F is the mean of the components' hazards, each with its share of F; in the upper tail
        that is said of 1 - F instead, so that neither tail subtracts large numbers.
        """
        log_weights, means, log_scales = mixture
        u = (tf.expand_dims(y, -2) - means) * tf.exp(-log_scales)
        both = log_weights + self._law.log_cdf(tf.stack([u, -u]))
        log_f, log_rest = tf.unstack(tf.reduce_logsumexp(both, axis=-2))
        upper = log_f > log_rest
        flip = tf.expand_dims(upper, -2)
        shares = tf.nn.log_softmax(tf.where(flip, both[1], both[0]), axis=-2)
        hazards = self._law.log_hazard(tf.where(flip, -u, u)) - log_scales
        log_hazard = tf.reduce_logsumexp(shares + hazards, axis=-2)
        return log_f - log_rest, log_hazard - tf.where(upper, log_f, log_rest)


def _start(law: Law, components: int) -> tuple[np.ndarray, float]:
    """Returns means [K, 1] and the log-scale of a mixture that has the law's variance."""
    if components == 1:
        return np.zeros([1, 1]), 0.0
    means = law.quantiles((np.arange(components) + 0.5) / components)
    means *= np.sqrt(0.5 * law.variance / np.mean(means**2))
    return means[:, None], float(np.log(np.sqrt(0.5)))
