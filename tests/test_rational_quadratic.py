"""The spline against the paper's own formulas in float64, and its safety in float32."""

import math

import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import RationalQuadratic

BINS, BOUND, LEAST = 8, 3.0, 1e-3  # the defaults
PARAMS = 3 * BINS - 1
ULP = 2.0**-23

both_directions = pytest.mark.parametrize("inverse", [False, True], ids=["forward", "inverse"])


def one_pass(*, inverse, spline=None):
    spline = spline or RationalQuadratic()
    return spline.inverse_and_log_det if inverse else spline.forward_and_log_det


def uniform(size, shape, seed=0, dtype="float32"):
    return tf.constant(np.random.default_rng(seed).uniform(-size, size, shape), dtype)


# The paper's equations, for an element [N] with parameters [N, 3 K - 1].


def knots(params):
    def ends(logits):
        shares = np.exp(logits - np.max(logits, -1, keepdims=True))
        shares = LEAST + (1 - BINS * LEAST) * shares / np.sum(shares, -1, keepdims=True)
        inner = BOUND * (2 * np.cumsum(shares, -1)[:, :-1] - 1)
        return np.pad(inner, ((0, 0), (1, 1)), constant_values=((0, 0), (-BOUND, BOUND)))

    widths, heights, raw = np.split(np.asarray(params, "float64"), [BINS, 2 * BINS], -1)
    slopes = LEAST + np.logaddexp(0, raw + np.log(np.expm1(1 - LEAST)))
    return ends(widths), ends(heights), np.pad(slopes, ((0, 0), (1, 1)), constant_values=1.0)


def bin_ends(value, at, *every):
    left = np.sum(value[:, None] >= at[:, 1:-1], axis=1)[:, None]
    return [np.take_along_axis(k, left + side, 1)[:, 0] for k in every for side in (0, 1)]


def paper_slope(t, s, d0, d1):
    top = s**2 * (d1 * t**2 + 2 * s * t * (1 - t) + d0 * (1 - t) ** 2)
    return top / (s + (d1 + d0 - 2 * s) * t * (1 - t)) ** 2


def paper_forward(x, xs, ys, ds):
    inside = np.abs(x) < BOUND
    inner = np.where(inside, x, 0.0)
    x0, x1, y0, y1, d0, d1 = bin_ends(inner, xs, xs, ys, ds)
    s, t = (y1 - y0) / (x1 - x0), (inner - x0) / (x1 - x0)
    below = (y1 - y0) * (s * t**2 + d0 * t * (1 - t))
    y = y0 + below / (s + (d1 + d0 - 2 * s) * t * (1 - t))
    return np.where(inside, y, x), np.where(inside, np.log(paper_slope(t, s, d0, d1)), 0.0)


def paper_inverse(y, xs, ys, ds):
    inside = np.abs(y) < BOUND
    inner = np.where(inside, y, 0.0)
    x0, x1, y0, y1, d0, d1 = bin_ends(inner, ys, xs, ys, ds)
    s, bend = (y1 - y0) / (x1 - x0), (inner - y0) * (d1 + d0 - 2 * (y1 - y0) / (x1 - x0))
    a, b, c = (y1 - y0) * (s - d0) + bend, (y1 - y0) * d0 - bend, -s * (inner - y0)
    t = 2 * c / (-b - np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0)))
    log_det = -np.log(paper_slope(t, s, d0, d1))
    return np.where(inside, x0 + (x1 - x0) * t, y), np.where(inside, log_det, 0.0)


@both_directions
def test_it_is_the_papers(inverse):
    params, value = uniform(3.0, (500, PARAMS), 0, "float64"), uniform(3.5, (500, 1), 1, "float64")
    paper = paper_inverse if inverse else paper_forward
    wanted = paper(np.asarray(value)[:, 0], *knots(params))
    for actual, exact in zip(one_pass(inverse=inverse)(value, params), wanted, strict=True):
        close(actual[:, 0], exact, 1e-9)


@both_directions
def test_log_slopes_are_derivatives(inverse):
    params, value = uniform(3.0, (500, PARAMS), 0, "float64"), uniform(3.5, (500, 1), 1, "float64")
    with tf.GradientTape() as tape:
        tape.watch(value)
        result, log_slope = one_pass(inverse=inverse)(value, params)
    close(log_slope, np.log(tape.gradient(result, value)), 1e-9)


def test_parameters_come_in_blocks_of_channels_and_batches_broadcast():
    spline, x, params = RationalQuadratic(5), normal((2, 4, 3, 2)), normal((4, 3, 14 * 2), 1)
    whole = spline.forward_and_log_det(x, params)
    for channel in range(2):
        own = params[..., channel::2]
        one = spline.forward_and_log_det(x[..., channel : channel + 1], own)
        for actual, part in zip(whole, one, strict=True):
            close(actual[..., channel : channel + 1], part, 1e-12)
    repeated = tf.broadcast_to(params, (2, *params.shape))
    for actual, part in zip(whole, spline.forward_and_log_det(x, repeated), strict=True):
        close(actual, part, 1e-12)


def test_nothing_of_the_shapes_need_be_known_in_graph():
    spline, x, params = RationalQuadratic(), normal((5, 2)), normal((5, 2 * PARAMS), 1)
    unknown = tf.TensorSpec([None, None], x.dtype)
    graph = tf.function(spline.inverse_and_log_det).get_concrete_function(unknown, unknown)
    for actual, wanted in zip(graph(x, params), spline.inverse_and_log_det(x, params), strict=True):
        close(actual, wanted, 1e-12)


@both_directions
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-14)])
def test_zeros_are_the_identity_with_its_gradient(inverse, dtype, tolerance):
    """The middles of bins, at which a root by an absolute value loses its gradient, are among."""
    value = tf.constant(np.linspace(-3.75, 3.75, 81)[:, None], dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(value)
        result, log_slope = one_pass(inverse=inverse)(value, tf.zeros([81, PARAMS], dtype))
    close(result, value, tolerance)
    close(log_slope, np.zeros((81, 1)), tolerance)
    close(tape.gradient(result, value), np.ones((81, 1)), 4 * tolerance)
    close(tape.gradient(log_slope, value), np.zeros((81, 1)), 40 * tolerance)


@both_directions
def test_beyond_and_at_the_bounds_nothing_moves(inverse):
    value = tf.constant([[-np.inf, -1e30, -4.0, -3.0, 3.0, 4.0, 1e30, np.inf]], "float32")
    result, log_slope = one_pass(inverse=inverse)(value, uniform(50.0, (1, 8 * PARAMS)))
    close(result, value, 0.0)
    close(log_slope, np.zeros((1, 8)), 0.0)


def test_slopes_are_continuous_across_knots_and_bounds():
    params = uniform(3.0, (20, PARAMS), 2, "float64")
    spline = RationalQuadratic()
    at = np.moveaxis(knots(params)[0][:, :, None], 1, 0)
    left, right = (spline.forward_and_log_det(at + step, params) for step in (-1e-11, 1e-11))
    for one, other in zip(left, right, strict=True):
        close(one, other, 1e-5)


# Safety in float32, at logits to +-50.


def hard_params():
    random = np.random.default_rng(0)
    single = 100.0 * np.eye(PARAMS) - 50.0
    rows = [
        random.uniform(-50, 50, (40, PARAMS)),
        random.choice([-50.0, 50.0], (40, PARAMS)),
        single,
        -single,
        np.zeros((1, PARAMS)),
    ]
    return tf.constant(np.concatenate(rows), "float32")


def hard_points(params, *, inverse):
    """Returns points [N, rows, 1] in order: knots, their neighbours, a grid, far ones."""
    ends = RationalQuadratic()._bins_of(params)[int(inverse)]
    at = np.moveaxis(np.concatenate(ends, axis=1), 1, 0)
    others = np.concatenate([np.linspace(-3.5, 3.5, 701), [-1e30, -1e4, 1e4, 1e30]])
    points = [
        at,
        np.nextafter(at, np.float32(-np.inf)),
        np.nextafter(at, np.float32(np.inf)),
        np.broadcast_to(np.float32(others)[:, None, None], (len(others), *at.shape[1:])),
    ]
    return tf.constant(np.sort(np.concatenate(points), axis=0))


@both_directions
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "XLA"])
def test_it_is_finite_and_monotone_with_its_gradients(inverse, compiled):
    params = hard_params()

    @tf.function(jit_compile=compiled)
    def everything(points, params):
        with tf.GradientTape() as tape:
            tape.watch([points, params])
            value, log_slope = one_pass(inverse=inverse)(points, params)
            loss = tf.reduce_sum(tf.tanh(value)) + tf.reduce_sum(log_slope)
        return value, log_slope, *tape.gradient(loss, [points, params])

    results = everything(hard_points(params, inverse=inverse), params)
    for result in results:
        assert np.all(np.isfinite(result))
    assert np.all(np.any(np.asarray(results[-1]) != 0, axis=0)), "a parameter without a gradient"
    falls = -np.min(np.diff(results[0], axis=0))
    assert falls <= 4 * ULP * BOUND, f"falls by {falls:.1e}"


def test_saturated_logits_are_finite():
    params = 1e10 * tf.sign(uniform(1.0, (50, PARAMS)))
    for inverse in (False, True):
        points = hard_points(params, inverse=inverse)
        for result in one_pass(inverse=inverse)(points, params):
            assert np.all(np.isfinite(result))


def change_by_roundings(function, value, xs, ys, ds, ulps=4):
    """Returns how far ulps of the input, of the knots at either end and of slopes move results.

    An ulp of a coordinate is one of the bound: a knot is a sum of shares of the whole interval.
    """
    exact, step, number = function(value, xs, ys, ds), ulps * ULP, np.arange(BINS + 1)
    moves = [lambda sign: (value + sign * step * BOUND, xs, ys, ds)]
    for odd in (0, 1):  # the ends of a bin one by one
        at = step * ((number % BINS > 0) & (number % 2 == odd))
        moves += [
            lambda sign, at=at: (value, xs + sign * at * BOUND, ys, ds),
            lambda sign, at=at: (value, xs, ys + sign * at * BOUND, ds),
            lambda sign, at=at: (value, xs, ys, ds * (1 + sign * at)),
        ]
    changes = [
        np.max([np.abs(np.subtract(function(*move(sign)), exact)) for sign in (-1, 1)], axis=0)
        for move in moves
    ]
    return exact, np.sum(changes, axis=0)


@both_directions
@pytest.mark.parametrize("size", [3.0, 50.0])
def test_float32_errs_by_a_few_roundings(inverse, size):
    params = np.array(uniform(size, (4000, PARAMS)))
    params[::2] = size * np.sign(params[::2])
    value = np.asarray(uniform(3.2, (4000, 1), 1))
    paper = paper_inverse if inverse else paper_forward
    exact, allowed = change_by_roundings(paper, np.float64(value[:, 0]), *knots(params))
    results = one_pass(inverse=inverse)(tf.constant(value), tf.constant(params))
    for actual, wanted, change in zip(results, exact, allowed, strict=True):
        error = np.abs(np.asarray(actual, "float64")[:, 0] - wanted)
        limit = change + 4 * ULP * (1 + np.abs(wanted))
        assert np.all(error <= limit), f"{np.max(error / limit):.2f} of what is allowed"


@both_directions
@pytest.mark.parametrize("size", [1.0, 3.0, 50.0])
def test_float32_round_trips(inverse, size):
    """To 1e-4; where logits above 1 make the way back steep, beside a rounding between the two."""
    params, start = uniform(size, (4000, PARAMS)), uniform(3.5, (4000, 1), 1)
    middle, _ = one_pass(inverse=inverse)(start, params)
    back, _ = one_pass(inverse=not inverse)(middle, params)
    paper = paper_forward if inverse else paper_inverse
    between = np.asarray(middle, "float64")[:, 0]
    _, (change, _) = change_by_roundings(paper, between, *knots(params))
    allowed = 1e-4 + (size > 1) * change
    error = np.abs(np.asarray(back) - np.asarray(start))[:, 0]
    assert np.all(error <= allowed), f"{np.max(error / allowed):.2f} of what is allowed"


def test_nan_stays_in_its_element():
    x = tf.constant([[0.5], [math.nan]])
    y, log_slope = RationalQuadratic().forward_and_log_det(x, uniform(3.0, (2, PARAMS)))
    assert np.isfinite(y[0, 0])
    assert np.isnan(y[1, 0])
    assert np.all(np.isfinite(log_slope))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"bins": 1}, "`bins` must be at least 2; received 1"),
        ({"bound": 0.0}, "`bound` must be positive and finite; received 0.0"),
        ({"bound": math.nan}, "`bound`"),
        ({"bound": math.inf}, "`bound`"),
        ({"min_width": 0.125}, "`min_width` must be .* less than 1 / bins = 0.125; received 0.125"),
        ({"min_width": 0.0}, "`min_width` must be at least 1e-05"),
        ({"min_height": 0.2}, "`min_height`"),
        ({"min_height": -1.0}, "`min_height`"),
        ({"min_derivative": 0.0}, "`min_derivative` must be between 0 and 1; received 0.0"),
        ({"min_derivative": 1.0}, "`min_derivative`"),
    ],
)
def test_wrong_arguments(arguments, match):
    with pytest.raises(ValueError, match=match):
        RationalQuadratic(**arguments)
