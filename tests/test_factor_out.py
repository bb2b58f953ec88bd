import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from bijector_cases import normal
from checks import close
from tfflows import Chain, FactorOut, Squeeze


def doubling(**options):
    return FactorOut(tfb.Scale(np.float64(2.0)), **options)


@pytest.mark.parametrize(("channels", "keep", "moved"), [(4, None, 2), (5, None, 2), (5, 4, 4)])
def test_the_first_channels_go_on_and_the_others_pass(channels, keep, moved):
    x = normal((3, 2, 2, channels))
    y, log_det = doubling(keep=keep).forward_and_log_det(x, 3)
    close(y[..., :moved], 2.0 * x[..., :moved], 0.0)
    close(y[..., moved:], x[..., moved:], 0.0)
    close(log_det, np.full(3, 4 * moved * np.log(2.0)), 1e-12)


def test_an_inner_flow_may_squeeze_and_unsqueeze():
    inner = Chain([Squeeze(2), tfb.Scale(np.float64(2.0)), tfb.Invert(Squeeze(2))])
    x = normal((3, 4, 2, 2))
    close(FactorOut(inner).inverse(x)[..., 0], 0.5 * x[..., 0], 0.0)


@pytest.mark.parametrize("keep", [0, -1])
def test_keep_below_one(keep):
    with pytest.raises(ValueError, match=f"`keep` must be at least 1; received {keep}"):
        doubling(keep=keep)


@pytest.mark.parametrize(("channels", "keep"), [(1, None), (4, 4), (4, 5)])
def test_nothing_left_to_factor_out(channels, keep):
    with pytest.raises(ValueError, match=f"`keep` must be in 1..C - 1 of C = {channels} channels"):
        doubling(keep=keep).forward(normal((3, channels)))


def test_unknown_channels_are_refused():
    traced = tf.function(doubling().forward)
    with pytest.raises(ValueError, match="of C = None channels"):
        traced.get_concrete_function(tf.TensorSpec([None, None], "float64"))


def test_no_bijector_is_refused():
    with pytest.raises(TypeError, match="`inner` must hold bijectors; received int"):
        FactorOut(3)


def test_an_inner_that_changes_the_shape_is_refused():
    with pytest.raises(
        ValueError, match=r"`inner` must keep .* it makes \(4, 4, 1\) of \(2, 2, 4\)"
    ):
        FactorOut(Squeeze(2)).forward(normal((3, 2, 2, 8)))
