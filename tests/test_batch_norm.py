"""Statistics in training and out of it; round trips in both modes."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal, randomized
from checks import close
from tfflows import BatchNorm


class Model(keras.layers.Layer):
    """A Keras call, whose `training` reaches the bijector."""

    def __init__(self, norm, answer):
        super().__init__(dtype="float64")
        self.norm, self.answer = norm, answer

    def call(self, y, training=None):
        return self.answer(self.norm, y)


def encode(norm, y):
    return norm.inverse_and_log_det(y)


def train(norm, y, answer=encode):
    return Model(norm, answer)(y, training=True)


def made(**options):
    return randomized(BatchNorm(3, dtype="float64", **options), 0)


def state(norm):
    (module,) = norm.submodules
    return module.layer


def statistics(norm):
    layer = state(norm)
    return {"mean": layer.mean.numpy(), "variance": layer.variance.numpy()}


DATA = np.array([3.0, -2.0, 0.0]) + np.array([0.1, 5.0, 2.0]) * normal((40, 3), 3).numpy()


@pytest.mark.parametrize("shape", [(40, 3), (5, 4, 2, 3)])
def test_training_mixes_the_batch_into_the_statistics_and_normalises_by_the_mixture(shape):
    norm, y = made(momentum=0.75), np.reshape(DATA, shape)
    layer, before = state(norm), statistics(norm)
    mean = 0.75 * before["mean"] + 0.25 * DATA.mean(0)
    variance = 0.75 * before["variance"] + 0.25 * DATA.var(0)
    x, log_det = train(norm, y)
    close(layer.mean, mean, 1e-12)
    close(layer.variance, variance, 1e-12)
    scale = np.exp(layer.scale) / np.sqrt(variance + 1e-4)
    close(x, (y - mean) * scale + layer.shift, 1e-12)
    close(log_det, np.full(shape[:-1], np.log(scale).sum()), 1e-12)


def test_outside_of_training_nothing_moves_and_rows_are_independent():
    norm = made()
    before = statistics(norm)
    whole = norm.inverse_and_log_det(DATA)
    alone = norm.inverse_and_log_det(DATA[:1])
    close(whole[0][:1], alone[0], 1e-12)
    close(whole[1][:1], alone[1], 1e-12)
    Model(norm, encode)(DATA, training=False)
    norm.forward_and_log_det(DATA)
    for name, value in statistics(norm).items():
        close(value, before[name], 0.0)


def test_round_trips_in_both_modes():
    def there_and_back(norm, y):
        x, log_det = norm.inverse_and_log_det(y)
        back, forward_log_det = norm.forward_and_log_det(x)
        return back, log_det + forward_log_det

    for training in (True, False):
        back, total = Model(made(), there_and_back)(DATA, training=training)
        close(back, DATA, 1e-11)
        close(total, np.zeros(40), 1e-11)


def test_a_density_in_training_updates_once():
    def tfps_way(norm, y):
        y = tf.identity(y)
        return norm.inverse(y), norm.inverse_log_det_jacobian(y, 1)

    one, other = made(), made()
    close(train(one, DATA, tfps_way)[1], train(other, DATA)[1], 0.0)
    close(statistics(one)["mean"], statistics(other)["mean"], 0.0)


def test_gradients_flow_through_the_batchs_moments_in_training_only():
    def gradient(training):
        y = tf.constant(DATA)
        with tf.GradientTape() as tape:
            tape.watch(y)
            x, _ = Model(made(), encode)(y, training=training)
            first = tf.reduce_sum(x[0])
        return tape.gradient(first, y).numpy()

    assert np.all(gradient(training=True)[1:] != 0)
    assert not np.any(gradient(training=False)[1:])


def test_generating_in_training_uses_and_keeps_the_running_statistics():
    norm = made()
    before = statistics(norm)
    in_training = train(norm, DATA, lambda norm, x: norm.forward(x))
    close(in_training, norm.forward(tf.constant(DATA)), 0.0)
    close(statistics(norm)["mean"], before["mean"], 0.0)


@pytest.mark.parametrize("rows", [0, 1])
def test_small_batches_in_training(rows):
    """A replica's share of the last batch may be empty: its moments are NaN."""
    norm = made()
    before = statistics(norm)
    x, log_det = tf.function(lambda y: train(norm, y))(tf.constant(DATA[:rows]))
    assert x.shape == (rows, 3)
    assert np.all(np.isfinite(log_det))
    for name, value in statistics(norm).items():
        assert np.all(np.isfinite(value)), name
        assert rows or np.all(value == before[name]), name


def test_initialize_takes_the_batchs_moments():
    norm = BatchNorm(3, dtype="float64", epsilon=0.0)
    latents = norm.initialize(DATA)
    close(np.mean(latents, 0), np.zeros(3), 1e-9)
    close(np.std(latents, 0), np.ones(3), 1e-9)
    assert norm.initialized
    with pytest.raises(ValueError, match="with NaN or infinity"):
        norm.initialize(DATA * np.nan)


def test_the_statistics_layer_survives_its_config():
    layer = state(made(momentum=0.5))
    twin = type(layer).from_config(layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert [w.path for w in twin.weights] == [w.path for w in layer.weights]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"num_channels": 0}, "`num_channels` must be at least 1; received 0"),
        ({"num_channels": 3, "momentum": 1.0}, r"`momentum` must be in \[0, 1\); received 1.0"),
        ({"num_channels": 3, "momentum": -0.1}, "`momentum`"),
    ],
)
def test_wrong_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        BatchNorm(**arguments)
