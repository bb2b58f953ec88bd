import math

import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import LeakyReLU


def test_it_starts_at_the_slope_in_all_channels():
    relu, x = LeakyReLU(3, 0.25, dtype="float64"), normal((5, 2, 3))
    y, log_det = relu.forward_and_log_det(x)
    close(y, tf.nn.leaky_relu(x, alpha=0.25), 1e-12)
    close(log_det, np.log(0.25) * np.sum(np.asarray(x) < 0, -1), 1e-12)


def test_each_channel_has_its_slope():
    relu = LeakyReLU(3, dtype="float64")
    (log_slope,) = relu.trainable_variables
    log_slope.assign(np.log([0.1, 1.0, 4.0]))
    y, log_det = relu.forward_and_log_det(tf.constant([[-1.0] * 3, [1.0] * 3], "float64"))
    close(y, [[-0.1, -1.0, -4.0], [1.0, 1.0, 1.0]], 1e-12)
    close(log_det, [np.log(0.4), 0.0], 1e-12)


def test_zero_is_above_the_kink():
    zeros = tf.constant([[0.0, -0.0]])
    y, log_det = LeakyReLU(2, 0.1).forward_and_log_det(zeros)
    close(y, zeros, 0.0)
    close(log_det, [0.0], 0.0)


def test_a_slope_beyond_float32_leaves_what_is_above_the_kink():
    relu = LeakyReLU(1)
    (log_slope,) = relu.trainable_variables
    log_slope.assign([100.0])
    x = tf.constant([[2.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, log_det = relu.forward_and_log_det(x)
        total = tf.reduce_sum(y) + tf.reduce_sum(log_det)
    gradients = tape.gradient(total, [x, log_slope])
    close(y, [[2.0]], 0.0)
    close(gradients[0], [[1.0]], 0.0)
    close(gradients[1], [0.0], 0.0)


@pytest.mark.parametrize("slope", [0.0, -0.5, math.nan, math.inf])
def test_a_slope_without_an_inverse_is_refused(slope):
    match = f"`slope` must be positive and finite; received {slope}.*ReLU puts all negative latents"
    with pytest.raises(ValueError, match=match):
        LeakyReLU(3, slope)


def test_no_channels_are_refused():
    with pytest.raises(ValueError, match="`num_channels` must be at least 1; received 0"):
        LeakyReLU(0)
