import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import Squeeze


def test_encoding_is_space_to_depth():
    y = normal((2, 4, 6, 3))
    close(Squeeze(2).inverse(y), tf.nn.space_to_depth(y, 2), 0.0)
    close(
        Squeeze(2).forward(normal((2, 2, 3, 12))),
        tf.nn.depth_to_space(normal((2, 2, 3, 12)), 2),
        0.0,
    )


def test_the_channels_of_a_position_are_its_pixels_row_by_row():
    y = np.arange(6.0).reshape(1, 2, 3, 1)
    close(Squeeze((2, 3)).inverse(y), np.arange(6.0).reshape(1, 1, 1, 6), 0.0)
    close(Squeeze((1, 3)).inverse(y), np.arange(6.0).reshape(1, 2, 1, 3), 0.0)


def test_a_factor_of_one_is_the_identity():
    y = normal((2, 3, 5, 2))
    close(Squeeze(1).inverse(y), y, 0.0)


@pytest.mark.parametrize("factor", [0, -1, (2, 0)])
def test_wrong_factors(factor):
    with pytest.raises(ValueError, match="`factor` must be at least 1; received"):
        Squeeze(factor)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((1, 5, 4, 1), "'squeeze' divides the rows by 2; received 5 rows"),
        ((1, 4, 5, 1), "'squeeze' divides the columns by 2; received 5 columns"),
        ((4, 4), "needs events of rank 3 or more"),
    ],
)
def test_images_that_do_not_divide(shape, match):
    with pytest.raises(ValueError, match=match):
        Squeeze(2).inverse(normal(shape))


def test_channels_that_do_not_divide():
    with pytest.raises(ValueError, match="'squeeze' divides the channels by 4; received 6"):
        Squeeze(2).forward(normal((1, 2, 2, 6)))


def test_unknown_sizes():
    traced = tf.function(Squeeze(2).inverse_and_log_det)
    graph = traced.get_concrete_function(tf.TensorSpec([None, None, None, 1], "float64"))
    x, log_det = graph(normal((3, 4, 6, 1)))
    assert graph.structured_outputs[0].shape.as_list() == [None, None, None, 4]
    close(x, Squeeze(2).inverse(normal((3, 4, 6, 1))), 0.0)
    close(log_det, np.zeros(3), 0.0)
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(normal((3, 5, 6, 1)))
