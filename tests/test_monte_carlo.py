"""Estimates against closed forms: a Gaussian that came through a flow is still a Gaussian."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import zoo
from bijector_cases import randomized, vector_coupling
from checks import close
from tensorflow_log import said
from tfflows import (
    Affine,
    Autoregressive,
    Chain,
    DenseAffine,
    Elementwise,
    Reverse,
    Standardize,
    monte_carlo,
)
from zoo.conditioners.made import MADE

D = 3
MATRIX = np.array([[1.0, 0.5, 0.0], [-0.3, 2.0, 0.4], [0.2, 0.1, 0.3]])
SHIFT = np.array([1000.0, -2.0, 0.5])  # a mean that is large beside the spread
COVARIANCE = MATRIX @ MATRIX.T
ENTROPY = 0.5 * np.linalg.slogdet(2 * math.pi * math.e * COVARIANCE)[1]


def gaussian(dtype="float64"):
    base = tfd.MultivariateNormalDiag(tf.zeros(D, dtype))
    linear = DenseAffine(MATRIX, dtype=dtype)
    return tfd.TransformedDistribution(
        base, Chain([tfb.Shift(tf.constant(SHIFT, dtype)), linear], name="gaussian")
    )


OTHER_MEAN = np.array([1000.5, -2.0, 0.0])
OTHER_SD = np.array([1.5, 2.0, 1.0])
OTHER = tfd.MultivariateNormalDiag(OTHER_MEAN, OTHER_SD)
GAP = (SHIFT - OTHER_MEAN) / OTHER_SD
DIVERGENCE = 0.5 * (
    np.trace(COVARIANCE / OTHER_SD[:, None] ** 2)
    + GAP @ GAP
    - D
    + 2 * np.log(OTHER_SD).sum()
    - np.linalg.slogdet(COVARIANCE)[1]
)
TRUTHS = {
    "mean": (monte_carlo.mean, SHIFT),
    "variance": (monte_carlo.variance, np.diag(COVARIANCE)),
    "stddev": (monte_carlo.stddev, np.sqrt(np.diag(COVARIANCE))),
    "entropy": (monte_carlo.entropy, ENTROPY),
    "kl_divergence": (functools.partial(monte_carlo.kl_divergence, other=OTHER), DIVERGENCE),
}
every_estimate = pytest.mark.parametrize(("estimate", "truth"), TRUTHS.values(), ids=TRUTHS)


@every_estimate
def test_estimates_are_the_closed_forms_and_errors_are_honest(estimate, truth):
    """Over 30 seeds the error in units of the error has a variance of one."""
    flow = gaussian()
    compute = tf.function(lambda seed: estimate(flow, samples=4000, seed=seed), autograph=False)
    found = [compute(tf.constant([seed, 7])) for seed in range(30)]
    values, errors = (np.array([part[k] for part in found]) for k in (0, 1))
    assert values.shape == errors.shape == (30, *np.shape(truth))
    assert np.all(errors > 0)
    scores = (values - truth) / errors
    assert np.abs(scores).max() < 4.5
    # chi-square with 30 degrees of freedom is in 12.5 .. 58 but for one time in a thousand
    squares = np.sum(np.square(scores), axis=0)
    assert np.all(squares > 12.5), squares
    assert np.all(squares < 58), squares


@pytest.mark.parametrize("name", ["mean", "kl_divergence"])
def test_seeds_and_batches(name):
    flow, (estimate, truth) = gaussian(), TRUTHS[name]
    first = estimate(flow, samples=3000, seed=5, batch_size=1000)
    again = estimate(flow, samples=3000, seed=(5, 0), batch_size=1000)
    other = estimate(flow, samples=3000, seed=6, batch_size=1000)
    close(again.value, first.value, 0.0)
    close(again.error, first.error, 0.0)
    assert np.all(other.value != first.value)
    # Another division into batches draws other samples, as many of them.
    divided = estimate(flow, samples=3000, seed=5, batch_size=700)
    close(divided.error, first.error, 0.2)
    assert np.all(np.abs(divided.value - truth) < 5 * divided.error)


def test_batches_are_what_one_batch_of_all_their_samples_would_be(monkeypatch):
    flow, drawn = gaussian(), []
    sample = flow.sample

    def recorded(*args, **kwargs):
        drawn.append(sample(*args, **kwargs))
        return drawn[-1]

    monkeypatch.setattr(flow, "sample", recorded)
    # In eager mode the loop is Python's, and what it draws can be looked at.
    tf.config.run_functions_eagerly(True)  # noqa: FBT003
    try:
        mean = monte_carlo.mean(flow, samples=1001, seed=1, batch_size=400)
        rows = np.concatenate(drawn)
        variance = monte_carlo.variance(flow, samples=1001, seed=1, batch_size=400)
    finally:
        tf.config.run_functions_eagerly(False)  # noqa: FBT003
    assert rows.shape == (1002, D)
    assert len(np.unique(rows[:, 0])) == 1002
    close(mean.value, rows.mean(0), 1e-12)
    close(mean.error, rows.std(0, ddof=1) / math.sqrt(1002), 1e-9)
    close(variance.value, rows.var(0, ddof=1), 1e-9)


def test_a_float32_spread_beside_a_large_mean():
    found = monte_carlo.stddev(gaussian("float32"), samples=20_000, seed=3)
    assert found.value.dtype == found.error.dtype == tf.float32
    # float32 at 1000 has steps of 6e-5
    assert np.all(np.abs(found.value - np.sqrt(np.diag(COVARIANCE))) < 5 * found.error)


def test_a_batch_of_conditions_has_an_estimate_each():
    flow = randomized(vector_coupling(0, "float64", "a", conditional=True), 0)
    conditions = tf.constant(np.random.default_rng(0).normal(size=(5, 3)))
    base = tfd.MultivariateNormalDiag(tf.zeros(4, tf.float64))
    given = tfd.TransformedDistribution(base, flow.condition_on(conditions))
    mean = monte_carlo.mean(given, samples=1000, seed=0)
    assert mean.value.shape == mean.error.shape == (5, 4)
    # The divergence of a conditional flow from its base, by the base's own density at the latents.
    found = monte_carlo.kl_divergence(given, base, samples=1000, seed=0)
    assert found.value.shape == found.error.shape == (5,)
    y, log_prob = given.experimental_sample_and_log_prob(20_000, seed=(8, 9))
    wanted = np.mean(log_prob - base.log_prob(y), axis=0)
    assert np.all(np.abs(found.value - wanted) < 5 * found.error)


def test_a_flow_of_numbers_that_is_sequential():
    made = MADE(2, variables=2, units=4, layers=1, seed=0, name="made", dtype="float64")
    flow = randomized(Autoregressive(made, Affine(lambda h: tf.tanh(h)), variables=2), 0)
    density = tfd.TransformedDistribution(tfd.MultivariateNormalDiag(np.zeros(2)), flow)
    found = monte_carlo.entropy(density, samples=1000, seed=1)
    y = density.sample(30_000, seed=(1, 2))
    wanted = -np.mean(density.log_prob(tf.identity(y)))
    assert abs(found.value - wanted) < 4 * found.error


def test_a_joint_distribution_keeps_its_structure():
    model = tfd.JointDistributionNamed(
        {"rate": tfd.Gamma(2.0, 4.0), "count": lambda rate: tfd.Poisson(rate)}
    )
    mean = monte_carlo.mean(model, samples=1000, seed=0)
    variance = monte_carlo.variance(model, samples=1000, seed=0)
    # The variance of the count is E[rate] + Var[rate].
    for name, wanted, spread in (("rate", 0.5, 0.125), ("count", 0.5, 0.625)):
        assert abs(mean.value[name] - wanted) < 4 * mean.error[name]
        assert abs(variance.value[name] - spread) < 4 * variance.error[name]
    whole = tfd.JointDistributionSequential([tfd.Binomial(3, probs=0.5), tfd.Bernoulli(0.0)])
    found = monte_carlo.mean(whole, samples=1000, seed=0)
    assert [part.dtype for part in found.value] == [tf.float32, tf.float32]
    assert abs(found.value[1] - 0.5) < 4 * found.error[1]


def test_an_infinite_divergence_is_infinite():
    inside = tfd.Uniform(np.float64(0), np.float64(2))
    found = monte_carlo.kl_divergence(inside, tfd.Uniform(np.float64(0), 1.0), samples=50, seed=0)
    assert found.value == np.inf
    assert np.isnan(found.error)


def test_a_constant_has_no_error():
    found = monte_carlo.stddev(tfd.Deterministic(np.float64(3)), samples=10, seed=0)
    assert found.value == found.error == 0


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"samples": 1, "seed": 0}, ValueError, "`samples` must be .* at least 2; received 1"),
        ({"samples": 1e4, "seed": 0}, ValueError, "`samples` must be an integer"),
        ({"batch_size": 0, "seed": 0}, ValueError, "`batch_size` must be .* received 0"),
        ({"seed": 0.5}, TypeError, "`seed` must be an integer or a pair"),
        ({"seed": (1, 2, 3)}, TypeError, "`seed`"),
        ({}, TypeError, "seed"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        monte_carlo.mean(tfd.Normal(0.0, 1.0), **arguments)


# What TFP itself says


def test_where_there_is_no_formula_tfp_raises_and_names_what():
    base = tfd.MultivariateNormalDiag(np.zeros(4))
    flow = tfd.TransformedDistribution(base, randomized(vector_coupling(0, "float64", "a"), 0))
    for name in ("mean", "mode", "stddev", "variance", "covariance", "entropy"):
        with pytest.raises(NotImplementedError):
            getattr(flow, name)()
    with pytest.raises(NotImplementedError, match="KL divergence"):
        flow.kl_divergence(base)
    line = tfd.TransformedDistribution(tfd.Normal(0.0, 1.0), Elementwise(Affine(), ()))
    for density in (line, zoo.get("affine_correlated").distribution):
        with pytest.raises(NotImplementedError, match="`mean` is not implemented"):
            density.mean()


def test_of_an_affine_map_tfps_formulas_are_right():
    base = tfd.MultivariateNormalDiag(np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 2.0]))
    standardize = Standardize(3, dtype="float64")
    standardize.initialize(np.random.default_rng(0).normal(2.0, 5.0, size=(50, 3)))
    flow = tfd.TransformedDistribution(base, tfb.Chain([Reverse(), standardize]))
    mean = monte_carlo.mean(flow, samples=1000, seed=0)
    assert np.all(np.abs(mean.value - flow.mean()) < 4 * mean.error)
    variance = monte_carlo.variance(flow, samples=1000, seed=0)
    gap = np.abs(variance.value - np.diag(flow.covariance()))
    assert np.all(gap < 4 * variance.error)
    entropy = monte_carlo.entropy(flow, samples=1000, seed=0)
    assert abs(entropy.value - flow.entropy()) < 4 * entropy.error


def test_many_estimates_are_not_taken_for_one_that_is_traced_again_and_again():
    with said() as messages:
        for seed in range(8):
            monte_carlo.mean(tfd.Normal(0.0, 1.0), samples=10, seed=seed)
    assert not [text for text in messages if "retracing" in text]
