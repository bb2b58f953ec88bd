"""The elementwise maps and their bounds."""

import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import Additive, Affine, ScaledTanh, ShiftedSigmoid

RAW = tf.constant([-1e30, -1e4, -3.0, 0.0, 3.0, 1e4, 1e30], "float64")


@pytest.mark.parametrize(
    "transformer", [Additive(), Affine(), Affine(ShiftedSigmoid())], ids=["add", "tanh", "sigmoid"]
)
def test_log_derivatives_and_inverses(transformer):
    x, params = normal((5, 3)), normal((5, 3 * transformer.num_params), 1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, log_derivative = transformer.forward_and_log_det(x, params)
    close(log_derivative, np.log(tape.gradient(y, x)), 1e-12)
    back, inverse = transformer.inverse_and_log_det(y, params)
    close(back, x, 1e-12)
    close(inverse, -log_derivative, 1e-12)


def test_additive_keeps_volume():
    close(Additive().forward_and_log_det(normal((5, 3)), normal((5, 3), 1))[1], np.zeros((5, 3)), 0)


def test_scaled_tanh_is_bounded_by_its_scalar_and_has_slope_one_at_zero():
    log_scale = ScaledTanh(1.5)
    close(log_scale(RAW)[:2], [-1.5, -1.5], 1e-12)
    close(log_scale(tf.constant([1e-4], "float64")), [1e-4], 1e-9)
    (scalar,) = log_scale.trainable_variables
    scalar.assign(3.0)
    close(log_scale(RAW)[-2:], [3.0, 3.0], 1e-12)


def test_shifted_sigmoid_multiplies_by_a_sigmoid_with_a_floor_when_encoding():
    log_scale = ShiftedSigmoid(floor=0.01)
    close(np.exp(-log_scale(RAW)), 0.01 + 0.99 * tf.sigmoid(RAW + 2.0), 1e-12)
    close(log_scale(RAW)[0], -np.log(0.01), 1e-12)


@pytest.mark.parametrize("log_scale", [ScaledTanh(), ShiftedSigmoid()], ids=["tanh", "sigmoid"])
def test_saturated_networks_have_finite_values_and_gradients(log_scale):
    raw = tf.cast(RAW, "float32")
    with tf.GradientTape() as tape:
        tape.watch(raw)
        params = tf.stack([raw, raw], -1)
        x = tf.fill([7, 1], 1e4)
        y, log_derivative = Affine(log_scale).forward_and_log_det(x, tf.zeros_like(params) + params)
        total = tf.reduce_sum(log_derivative) + tf.reduce_sum(tf.tanh(y))
    assert np.all(np.isfinite(log_derivative))
    assert np.all(np.isfinite(tape.gradient(total, raw)))


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ScaledTanh(0.0), "`bound` must be positive; received 0.0"),
        (lambda: ScaledTanh(float("nan")), "`bound` must be positive"),
        (lambda: ShiftedSigmoid(0.0), "`floor` must be between 0 and 1; received 0.0"),
        (lambda: ShiftedSigmoid(1.0), "`floor`"),
    ],
)
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()
