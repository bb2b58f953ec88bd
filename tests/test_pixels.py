import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from checks import close
from tfflows import Pixels


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_the_ends_of_the_range_are_finite_logits(levels):
    y = np.array([0.0, levels / 2, levels])
    x = Pixels(levels).inverse(y)
    close(x, np.log([0.05 / 0.95, 1.0, 0.95 / 0.05]), 1e-9)
    close(Pixels(levels).forward(tf.identity(x)), y, 1e-9)


@pytest.mark.parametrize(("levels", "alpha"), [(17, 0.05), (256, 0.01)])
def test_densities_are_in_pixel_units_and_integrate_to_one(levels, alpha):
    """Over the pixels and the margins, which hold what the logistic has beyond the ends."""
    pixels = Pixels(levels, alpha)
    base = tfd.Logistic(np.float64(0), np.float64(1))
    margin = alpha * levels / (1 - 2 * alpha)
    edges = np.linspace(-margin, levels + margin, 2001)
    middles = (edges[1:] + edges[:-1]) / 2
    density = np.exp(tfd.TransformedDistribution(base, pixels).log_prob(middles))
    close(np.sum(density * np.diff(edges)), 1.0, 1e-9)
    close(density, np.full(2000, 1 / (levels + 2 * margin)), 1e-9)  # a logistic's is uniform


def test_float32_logits_round_trip_to_far_less_than_a_grey_level():
    y = tf.range(0.0, 256.0, 0.25)
    close(Pixels().forward(Pixels().inverse(y)), y, 1e-4)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"levels": 1}, "`levels` must be at least 2; received 1"),
        ({"alpha": 0.0}, "`alpha` must be between 0 and 0.5; received 0.0"),
        ({"alpha": 0.5}, "`alpha`"),
    ],
)
def test_wrong_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        Pixels(**arguments)
