import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import ActNorm


def batch(*shape, seed=3):
    return (
        np.array([3.0, -2.0, 100.0])
        + np.array([0.1, 5.0, 20.0]) * normal((*shape, 3), seed).numpy()
    )


def test_it_starts_as_the_identity():
    norm, x = ActNorm(3), normal((5, 3), dtype="float32")
    y, log_det = norm.forward_and_log_det(x)
    close(y, x, 0.0)
    close(log_det, np.zeros(5), 0.0)
    assert not norm.initialized


@pytest.mark.parametrize("shape", [(500,), (20, 5, 4)])
def test_initialize_makes_mean_zero_and_variance_one(shape):
    norm, data = ActNorm(3, dtype="float64"), batch(*shape)
    latents = norm.initialize(data)
    axes = tuple(range(len(shape)))
    close(np.mean(latents, axes), np.zeros(3), 1e-9)
    close(np.std(latents, axes), np.ones(3), 1e-3)
    assert norm.initialized
    _, log_det = norm.inverse_and_log_det(data, 1)
    close(log_det, np.full(shape, -np.sum(np.log(np.std(data, axes)))), 1e-3)


def test_neither_density_nor_sample_assigns():
    norm = ActNorm(3, dtype="float64")
    norm.forward_and_log_det(batch(5))
    norm.inverse_and_log_det(batch(5))
    assert not norm.initialized
    assert not np.any(norm.forward(np.zeros((1, 3))))


def test_a_copy_and_a_checkpoint_are_initialized(tmp_path):
    norm, twin = ActNorm(3), ActNorm(3)
    copied = norm.copy()
    norm.initialize(batch(50).astype("float32"))
    assert copied.initialized
    path = tf.train.Checkpoint(norm=norm).write(str(tmp_path / "norm"))
    tf.train.Checkpoint(norm=twin).read(path).assert_consumed()
    assert twin.initialized
    close(twin.inverse(batch(5)), norm.inverse(batch(5)), 0.0)


def test_a_constant_channel_and_a_single_row_stay_finite():
    norm = ActNorm(3)
    assert np.all(np.isfinite(norm.initialize(batch(1))))
    assert np.all(np.isfinite(norm.forward(normal((5, 3), dtype="float32"))))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (np.zeros((0, 3)), r"`y` must hold finite numbers, at least one row.*\(0, 3\)\.$"),
        (np.array([[1.0, np.nan, 0.0]]), r"'actnorm'; received .* with NaN or infinity\.$"),
        (np.array([[1.0, np.inf, 0.0]]), "with NaN or infinity"),
        (np.zeros((5, 4)), r"sizes \(3,\) .* received the shape \(5, 4\)"),
    ],
)
def test_bad_data_is_refused_and_leaves_the_weights(data, match):
    norm = ActNorm(3)
    with pytest.raises(ValueError, match=match):
        norm.initialize(data)
    assert not norm.initialized
    assert not np.any([np.any(v) for v in norm.variables])


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`num_channels` must be at least 1; received 0"):
        ActNorm(0)
