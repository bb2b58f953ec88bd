import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from bijector_cases import randomized, vector_coupling
from checks import close
from tfflows import Chain, Interval

LOW, HIGH = np.array([-3.0, 0.0]), np.array([3.0, 0.5])
OUTSIDE = [[-3.1, 0.2], [0.0, -1e-30], [0.0, 0.6], [np.inf, 0.2], [9.0, 9.0], [0.0, -1e38]]


def density(flow, dtype="float32"):
    zeros = tf.zeros(flow.forward_event_shape([flow._event_sizes[-1]]), dtype)
    return tfd.TransformedDistribution(tfd.MultivariateNormalDiag(zeros), flow)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_outside_the_density_is_exactly_zero(dtype):
    y = tf.constant([*OUTSIDE, [1.0, 0.2]], dtype)
    given = density(Interval(LOW, HIGH), dtype)
    with tf.GradientTape() as tape:
        tape.watch(y)
        log_prob = given.log_prob(y)
    assert np.array_equal(np.isneginf(log_prob), [True] * len(OUTSIDE) + [False])
    assert np.isfinite(log_prob[-1])
    gradient = tape.gradient(log_prob, y)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[-1] != 0)
    # An element that is inside keeps its own; one that is outside has none.
    outside = (y < LOW) | (y > HIGH)
    assert np.array_equal(gradient[outside], np.zeros(np.sum(outside)))


@pytest.mark.parametrize("compiled", [False, True])
def test_outside_of_a_flow_the_density_is_zero_and_gradients_of_weights_are_finite(compiled):
    base = tfd.MultivariateNormalDiag(tf.zeros(4))
    inner = randomized(vector_coupling(0, "float32", "a"), seed=0)
    for chain in (Chain, tfb.Chain):
        flow = tfd.TransformedDistribution(base, chain([Interval([0.0] * 4, [1.0] * 4), inner]))
        log_prob = tf.function(flow.log_prob, jit_compile=compiled)
        with tf.GradientTape() as tape:
            values = log_prob(tf.constant([[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 1.4]]))
            loss = -values[0]
        assert np.isfinite(values[0])
        assert np.isneginf(values[1])
        gradients = tape.gradient(loss, flow.trainable_variables)
        assert all(np.all(np.isfinite(gradient)) for gradient in gradients)


def test_not_a_number_stays_so():
    assert np.isnan(density(Interval(LOW, HIGH)).log_prob(tf.constant([np.nan, 0.2])))


@pytest.mark.parametrize("spread", [1.0, 30.0, 1e4])
def test_samples_are_inside_however_far_their_latents(spread):
    base = tfd.MultivariateNormalDiag(tf.zeros(2), [spread, spread])
    given = tfd.TransformedDistribution(base, Interval(LOW, HIGH))
    y = given.sample(100_000, seed=1)
    assert np.all((y > LOW) & (y < HIGH))
    log_prob = given.log_prob(tf.identity(y))
    assert np.all(np.isfinite(log_prob))


def test_a_bound_counts_as_the_nearest_number_inside():
    interval = Interval(0.0, 1.0)
    near = tf.constant([np.finfo("float32").tiny, np.nextafter(np.float32(1), np.float32(0))])
    ends = tf.constant([0.0, 1.0])
    for found, wanted in zip(
        interval.inverse_and_log_det(ends), interval.inverse_and_log_det(near), strict=True
    ):
        assert np.all(np.isfinite(found))
        assert np.array_equal(found, wanted)


def test_float32_keeps_its_digits_up_to_the_bounds():
    x = np.linspace(-60, 15, 301)
    for low, high, latents in ((0.0, 2.0, x), (-2.0, 0.0, -x)):
        y, log_det = Interval(low, high).forward_and_log_det(tf.constant(latents, tf.float32))
        exact, exact_log_det = Interval(low, high).forward_and_log_det(latents)
        keep = np.abs(exact) < 1.9  # the digits of the end that is 0
        np.testing.assert_allclose(y[keep], exact[keep], rtol=1e-5)
        np.testing.assert_allclose(log_det, exact_log_det, rtol=1e-5)
        back, back_log_det = Interval(low, high).inverse_and_log_det(tf.identity(y))
        np.testing.assert_allclose(back[keep], latents[keep], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(back_log_det[keep], -exact_log_det[keep], rtol=1e-4, atol=1e-5)


def test_a_logistic_becomes_uniform():
    base = tfd.Logistic(np.float64(0), np.float64(1))
    given = tfd.TransformedDistribution(base, Interval(-3.0, 5.0))
    y = np.linspace(-3.0, 5.0, 1001)[1:-1]
    close(np.exp(given.log_prob(y)), np.full(999, 1 / 8), 1e-12)


@pytest.mark.parametrize(
    ("low", "high", "match"),
    [
        (1.0, 1.0, "`low` and `high` must be finite, low below high; received 1.0 and 1.0"),
        ([0.0, 2.0], 1.0, "low below high"),
        (0.0, np.inf, "must be finite"),
        (np.nan, 1.0, "must be finite"),
        ([0.0, 0.0], [1.0, 1.0, 1.0], "must be numbers of one shape"),
        ("a", 1.0, "must be numbers of one shape"),
    ],
)
def test_wrong_bounds(low, high, match):
    with pytest.raises(ValueError, match=match):
        Interval(low, high)


def test_bounds_that_are_one_number_in_the_precision_of_the_data():
    interval = Interval(1.0, 1.0 + 1e-9)
    assert interval.forward(np.float64(0.0)) > 1.0
    with pytest.raises(ValueError, match="must differ in float32"):
        interval.forward(tf.constant(0.0))


def test_data_of_another_size_are_refused():
    with pytest.raises(ValueError, match="sizes"):
        Interval(LOW, HIGH).inverse_and_log_det(tf.zeros([5, 3]))
