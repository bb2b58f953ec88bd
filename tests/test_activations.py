"""The smooth activations of the line, against their definitions and far out."""

import numpy as np
import pytest
import tensorflow as tf

from tfflows import SigmoidPower, TanhStep

KINDS = {"tanh": TanhStep, "sigmoid": SigmoidPower}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def params(time, bound):
    """Returns the parameter whose bounded value is `time`."""
    return tf.constant([bound * np.arctanh(time / bound)])


def test_a_tanh_step_is_the_flow_of_tanh():
    x, steps, time = np.linspace(-6, 6, 41), 20_000, 1.5
    wanted = x.copy()
    for _ in range(steps):  # the midpoint rule
        wanted += time / steps * np.tanh(wanted + 0.5 * time / steps * np.tanh(wanted))
    found, _ = TanhStep().forward_and_log_det(tf.constant(x[:, None]), params(time, 5.0))
    np.testing.assert_allclose(found[:, 0], wanted, atol=1e-7)


def test_a_sigmoid_power_is_one():
    x = np.linspace(-8, 8, 41)
    found, _ = SigmoidPower().forward_and_log_det(tf.constant(x[:, None]), params(0.7, 3.0))
    power = (1 / (1 + np.exp(-x))) ** np.exp(0.7)
    np.testing.assert_allclose(found[:, 0], np.log(power / (1 - power)), atol=1e-9)


@every_kind
def test_it_starts_as_the_identity(kind):
    x = tf.constant(np.linspace(-50, 50, 101)[:, None])
    y, log_det = kind().forward_and_log_det(x, tf.zeros([1], tf.float64))
    np.testing.assert_allclose(y, x, atol=1e-12)
    np.testing.assert_allclose(log_det, np.zeros_like(x), atol=1e-12)


@every_kind
@pytest.mark.parametrize("time", [-2.5, -0.1, 0.1, 2.5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_monotone_and_comes_back_from_far(kind, time, dtype):
    transformer = kind()
    h = tf.cast(params(time, 5.0 if kind is TanhStep else 3.0), dtype)
    near = np.linspace(-45, 45, 901)  # across the points beyond which the map is a line
    x = tf.constant(np.concatenate([[-1e4, -300.0], near, [300.0, 1e4]])[:, None], dtype)
    y, log_det = transformer.forward_and_log_det(x, h)
    assert np.all(np.diff(y[:, 0]) > 0)
    back, inverse_log_det = transformer.inverse_and_log_det(y, h)
    tolerance = {"float32": 2e-4, "float64": 1e-10}[dtype]
    np.testing.assert_allclose(back, x, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(inverse_log_det, -log_det, atol=tolerance)


@every_kind
def test_gradients_are_finite_everywhere(kind):
    x = tf.constant([[-1e4], [-100.0], [-30.0], [-20.0], [0.0], [20.0], [30.0], [100.0], [1e4]])
    for time in (-2.5, 0.0, 2.5):
        h = tf.cast(params(time, 5.0 if kind is TanhStep else 3.0), tf.float32)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([x, h])
            y, log_det = kind().forward_and_log_det(x, h)
        slope = tape.gradient(y, x)
        np.testing.assert_allclose(slope, tf.exp(log_det), rtol=1e-3)
        for value in (y, log_det):
            assert np.all(np.isfinite(tape.gradient(value, x)))
            assert np.all(np.isfinite(tape.gradient(value, h)))


@pytest.mark.parametrize("bound", [0.0, -1.0, 9.0])
@every_kind
def test_an_impossible_bound_is_refused(kind, bound):
    with pytest.raises(ValueError, match=rf"`bound` must be positive and at most .*{bound}"):
        kind(bound=bound)
