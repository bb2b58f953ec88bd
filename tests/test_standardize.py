import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from bijector_cases import normal
from checks import close
from tfflows import Standardize

DATA = np.array([3.0, -2.0, 1e4]) + np.array([0.1, 5.0, 200.0]) * normal((1000, 3), 3).numpy()


def test_it_starts_as_the_identity_and_trains_nothing():
    standardize, x = Standardize(3), normal((5, 3), dtype="float32")
    close(standardize.forward(x), x, 0.0)
    assert not standardize.initialized
    assert standardize.trainable_variables == ()


def test_the_statistics_are_the_datas():
    standardize = Standardize(3, dtype="float64")
    latents = standardize.initialize(DATA)
    close(np.mean(latents, 0), np.zeros(3), 1e-9)
    close(np.std(latents, 0), np.ones(3), 1e-9)
    assert standardize.initialized


def test_densities_stay_in_the_datas_units():
    """Under a standard normal it is the density of the fitted normal."""
    standardize = Standardize(3, dtype="float64")
    standardize.initialize(DATA)
    base = tfd.Sample(tfd.Normal(np.float64(0), np.float64(1)), 3)
    wanted = tfd.MultivariateNormalDiag(np.mean(DATA, 0), np.std(DATA, 0))
    actual = tfd.TransformedDistribution(base, standardize).log_prob(DATA[:5])
    close(actual, wanted.log_prob(DATA[:5]), 1e-9)


def test_float32_statistics_of_far_data_are_taken_in_float64():
    standardize = Standardize(1)
    far = np.asarray(1e4 + 0.1 * normal((20000, 1)), "float32")
    close(np.std(standardize.initialize(far)), np.float32(1.0), 1e-3)


def test_a_checkpoint_is_initialized(tmp_path):
    standardize, twin = Standardize(3), Standardize(3)
    standardize.initialize(DATA)
    path = tf.train.Checkpoint(part=standardize).write(str(tmp_path / "part"))
    tf.train.Checkpoint(part=twin).read(path).assert_consumed()
    assert twin.initialized
    close(twin.inverse(DATA), standardize.inverse(DATA), 0.0)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (DATA * [1, 0, 1], r"the data must vary; columns \[1\] are constant"),
        (DATA[:1], r"columns \[0 1 2\] are constant"),
        (DATA[:0], "`y` must hold finite numbers, at least one row"),
        (np.where(DATA > 0, DATA, np.nan), "with NaN or infinity"),
        (DATA[:, :2], r"sizes \(3,\)"),
    ],
)
def test_bad_data_is_refused(data, match):
    standardize = Standardize(3)
    with pytest.raises(ValueError, match=match):
        standardize.initialize(data)
    assert not standardize.initialized


def test_wrong_arguments():
    with pytest.raises(ValueError, match="`size` must be at least 1; received 0"):
        Standardize(0)
