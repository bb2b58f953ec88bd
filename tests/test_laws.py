"""The two laws against SciPy's, in both tails."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from checks import close
from tfflows.laws import TAIL, Logistic, Normal

LAWS = {"logistic": (Logistic(), stats.logistic), "normal": (Normal(), stats.norm)}
every_law = pytest.mark.parametrize(("law", "wanted"), LAWS.values(), ids=LAWS)
U = np.concatenate(
    [np.linspace(-12.0, 12.0, 49), np.nextafter(-TAIL, [-9.0, 9.0]), [-1e4, -300.0, -40.0, 30.0]]
)


@every_law
def test_moments_and_quantiles(law, wanted):
    p = np.array([1e-4, 0.2, 0.5, 0.9])
    close(law.quantiles(p), wanted.ppf(p), 1e-12)
    close(law.variance, wanted.var(), 1e-12)


@every_law
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-13)])
def test_log_cdf_and_hazard(law, wanted, dtype, tolerance):
    u = tf.constant(U, dtype)
    exact = tf.cast(u, "float64").numpy()
    assert law.log_cdf(u).dtype == u.dtype
    # SciPy's log_ndtr for the normal law; its own `logcdf` of the logistic law is exact.
    close(tf.cast(law.log_cdf(u), "float64"), wanted.logcdf(exact), tolerance)
    near = exact[exact > -40.0]  # below, SciPy's difference cancels
    log_hazard = wanted.logpdf(near) - wanted.logcdf(near)
    close(tf.cast(law.log_hazard(u), "float64")[exact > -40.0], log_hazard, 50 * tolerance)


def test_the_normal_hazard_far_out():
    u = tf.constant([-1e2, -1e4, -1e6])
    with tf.GradientTape() as tape:
        tape.watch(u)
        log_hazard = Normal().log_hazard(u)
    exact = np.array([1e2, 1e4, 1e6])
    close(log_hazard, np.float32(np.log(exact) + np.log1p(exact**-2.0)), 1e-6)
    close(tape.gradient(log_hazard, u) * u, np.ones(3), 3e-4)


@every_law
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_logit_and_back(law, wanted, dtype):
    u = tf.constant([-1e4, -37.0, -10.0, -3.0, -1e-3, 0.0, 0.2, 5.0, 10.0, 1e4], dtype)
    eps = np.finfo(dtype).eps
    logit = law.logit(u)
    exact = tf.cast(u, "float64").numpy()
    close(tf.cast(logit, "float64"), wanted.logcdf(exact) - wanted.logsf(exact), 32 * eps)
    close(law.from_logit(logit), u, 32 * eps)


def test_the_normal_quantile_is_scipys():
    log_p = -np.geomspace(0.7, 1e8, 50)
    logit = log_p - np.log1p(-np.exp(log_p))
    u = Normal().from_logit(tf.constant(np.concatenate([logit, -logit])))
    wanted = special.ndtri_exp(log_p)
    close(u, np.concatenate([wanted, -wanted]), 1e-12)


@every_law
def test_derivatives_of_the_logit_and_back_are_each_others(law, wanted):
    u = tf.constant([-38.0, -10.0, -1.0, 0.0, 0.5, 10.0, 1e4], "float64")
    with tf.GradientTape() as tape:
        tape.watch(u)
        logit = law.logit(u)
    slope = tape.gradient(logit, u)
    close(law.log_logit_slope(u), np.log(slope), 1e-12)
    with tf.GradientTape() as outer:
        outer.watch(logit)
        with tf.GradientTape() as tape:
            tape.watch(logit)
            back = law.from_logit(logit)
        inverse = tape.gradient(back, logit)
    curvature = outer.gradient(inverse, logit, unconnected_gradients="zero")
    close(inverse, 1.0 / slope, 1e-12)
    with tf.GradientTape() as tape:
        tape.watch(u)
        log_slope = law.log_logit_slope(u)
    # The derivative of 1 / f' by the logit is -(log f')' / f'^2.
    bend = tape.gradient(log_slope, u, unconnected_gradients="zero")
    close(curvature, -bend / slope**2, 1e-9)


@every_law
def test_xla_gives_eagers_answers(law, wanted):
    def everything(u):
        logit = law.logit(u)
        return law.log_cdf(u), law.log_hazard(u), law.log_logit_slope(u), law.from_logit(logit)

    u = tf.constant(U)
    for actual, answer in zip(
        tf.function(everything, jit_compile=True)(u), everything(u), strict=True
    ):
        close(actual, answer, 1e-11)
