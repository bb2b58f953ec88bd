"""What the base does with two methods, and what it relies on in TFP's private cache."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd
from tensorflow_probability.python.internal import cache_util

from bijector_cases import CASES, normal
from checks import close, forward_pair
from tfflows import ActNorm, Bijector, Reverse

SOME = [c for c in CASES if c.name in ("Chain-mixed", "Chain-multiscale", "Chain-conditional")]


class Doubling(Bijector):
    """y = 2 x, which counts its passes."""

    def __init__(self):
        self.forwards, self.inverses = 0, 0
        super().__init__(forward_min_event_ndims=1, parameters={}, name="doubling")

    def _forward_and_log_det(self, x):
        self.forwards += 1
        return 2.0 * x, tf.constant(x.shape[-1] * np.log(2.0), x.dtype)

    def _inverse_and_log_det(self, y):
        self.inverses += 1
        return 0.5 * y, tf.constant(-y.shape[-1] * np.log(2.0), y.dtype)

    @property
    def passes(self):
        return self.forwards, self.inverses


def test_what_we_rely_on_in_tfps_cache():
    """If TFP changes its private cache, this is the test that says so."""
    assert issubclass(cache_util.BijectorCacheWithGreedyAttrs, cache_util.BijectorCache)
    b = Doubling()
    x = normal((5, 3))
    y = b.forward(x)
    assert b.passes == (1, 0)
    # Beside the value it keeps the log-det under the key `ildj`, and both methods read it there.
    fldj = b.forward_log_det_jacobian(x, 1)
    ildj = b.inverse_log_det_jacobian(y, 1)
    assert b.inverse(y) is x
    assert b.passes == (1, 0)
    close(fldj, np.full(5, 3 * np.log(2.0)), 1e-12)
    close(ildj, -fldj, 0.0)
    # It answers for tensor objects, not for values, and forgets what nobody holds.
    z = tf.identity(y)
    kept = b.inverse(z)
    b.inverse_log_det_jacobian(z, 1)
    assert b.passes == (1, 1)
    del kept
    b.inverse(z)
    assert b.passes == (1, 2)
    # Equal bijectors share it.
    assert Doubling() == b


def test_the_pair_uses_no_cache():
    b, x = Doubling(), normal((5, 3))
    kept = [b.forward_and_log_det(x) for _ in range(3)]
    assert b.passes == (3, 0)
    assert len(kept) == 3


def test_a_log_det_is_broadcast_over_the_batch_and_summed_over_a_larger_event():
    x = normal((2, 5, 3))
    close(Doubling().forward_and_log_det(x)[1], np.full((2, 5), 3 * np.log(2)), 1e-12)
    close(Doubling().forward_and_log_det(x, 2)[1], np.full(2, 15 * np.log(2)), 1e-12)
    close(Doubling().inverse_and_log_det(x, 3)[1], -30 * np.log(2), 1e-12)


@pytest.mark.parametrize("ndims", [0, 4])
def test_an_impossible_event_rank_is_refused(ndims):
    with pytest.raises(ValueError, match=r"`event_ndims` must be in 1\.\.3; received"):
        Doubling().forward_and_log_det(normal((2, 5, 3)), ndims)


@pytest.mark.parametrize(
    "call",
    [
        lambda b, v: b.forward(v),
        lambda b, v: b.inverse(v),
        lambda b, v: b.forward_and_log_det(v),
        lambda b, v: b.inverse_and_log_det(v),
        lambda b, v: b.inverse_log_det_jacobian(v, event_ndims=1),
        lambda b, v: tfb.Invert(b).forward(v),
        lambda b, v: tfd.TransformedDistribution(tfd.Sample(tfd.Normal(0.0, 1.0), 3), b).log_prob(
            v
        ),
    ],
)
class TestRefusals:
    def test_integers(self, call):
        with pytest.raises(TypeError, match="'reverse' takes floating point numbers; .* int32"):
            call(Reverse(), tf.zeros([2, 3], "int32"))

    def test_too_small_a_rank(self, call):
        with pytest.raises(ValueError, match="rank 1 or more|rank at least 1"):
            call(Reverse(), tf.zeros([]))

    def test_another_size(self, call):
        with pytest.raises(ValueError, match=r"sizes \(3,\) .* received the shape \(2, 4\)"):
            call(ActNorm(3), tf.zeros([2, 4]))


@pytest.mark.parametrize("direction", ["forward_and_log_det", "inverse_and_log_det"])
def test_another_dtype_is_refused(direction):
    with pytest.raises(TypeError, match="'actnorm' takes float32; received float64"):
        getattr(ActNorm(3), direction)(tf.zeros([2, 3], "float64"))


def test_numpy_takes_the_dtype_of_the_weights():
    assert ActNorm(3).forward_and_log_det(np.zeros((2, 3)))[0].dtype == tf.float32
    assert ActNorm(3, dtype="float64").forward(np.zeros((2, 3), "float32")).dtype == tf.float64


def test_an_unknown_rank_is_refused():
    traced = tf.function(Reverse().forward_and_log_det)
    with pytest.raises(ValueError, match="of a known rank"):
        traced.get_concrete_function(tf.TensorSpec(None, "float32"))


def test_an_unknown_size_is_checked_at_run_time():
    """An unknown size of 1 would broadcast against the weights in silence."""
    traced = tf.function(ActNorm(3).forward_and_log_det)
    graph = traced.get_concrete_function(tf.TensorSpec([None, None], "float32"))
    assert graph.structured_outputs[0].shape[-1] == 3
    with pytest.raises(tf.errors.InvalidArgumentError):
        graph(tf.zeros([2, 1]))


def test_a_condition_for_nobody_is_refused():
    with pytest.raises(ValueError, match="`condition` was given, but no part of 'reverse'"):
        Reverse().condition_on(tf.zeros([2, 3]))


@pytest.mark.parametrize("case", SOME, ids=str)
def test_second_derivatives(case):
    """The gradient of a gradient's square, by the pair and by TFP's cached methods."""
    bijector, x = case.bound(case.shared, ()), case.latents((2,))
    ndims = len(case.event_shape)

    def cached(v):
        v = tf.identity(v)
        return bijector.forward(v), bijector.forward_log_det_jacobian(v, ndims)

    def second(pair):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y, log_det = pair(x)
                value = tf.reduce_sum(tf.sin(y)) + tf.reduce_sum(log_det)
            size = tf.reduce_sum(tf.square(inner.gradient(value, x)))
        return outer.gradient(size, x)

    one, other = second(lambda v: forward_pair(bijector, v, ndims)), second(cached)
    assert np.all(np.isfinite(one))
    assert np.any(one != 0)
    close(one, other, 1e-10)


@pytest.mark.parametrize("case", SOME, ids=str)
def test_vectorized_map_and_tf_data(case):
    bijector, x = case.bound(case.shared, ()), case.latents((4,))
    ndims = len(case.event_shape)

    def log_det(row):
        return forward_pair(bijector, row, ndims)[1]

    close(tf.vectorized_map(log_det, x, fallback_to_while_loop=False), log_det(x), 1e-12)
    data = tf.data.Dataset.from_tensor_slices(x)
    close(tf.stack(list(data.map(log_det))), log_det(x), 1e-12)
    close(tf.concat(list(data.batch(3).map(log_det)), 0), log_det(x), 1e-12)


def test_branches_and_loops_of_a_graph_do_not_poison_the_cache():
    case = SOME[0]
    bijector = case.shared

    @tf.function
    def answers(x):
        branch = tf.cond(
            tf.reduce_sum(x) < 1e9,
            lambda: bijector.inverse_and_log_det(x)[1],
            lambda: tf.zeros_like(x[:, 0]),
        )
        total = tf.zeros_like(branch)
        for _ in tf.range(2):
            total += bijector.inverse_and_log_det(x)[1]
        return branch, total, bijector.inverse_and_log_det(x)[1]

    branch, total, after = answers(case.latents((3,)))
    close(branch, after, 1e-12)
    close(total, 2 * after, 1e-12)
