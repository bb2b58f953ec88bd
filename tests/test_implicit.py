"""The numeric inverse: accuracy, iterations, and derivatives through it."""

import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal
from checks import close
from tfflows import implicit

RANDOM = np.random.default_rng(3)
Y = RANDOM.normal(size=(6, 3)) * 3.0
LOG_SLOPE, CENTRE = RANDOM.normal(size=(6, 3)) * 0.5, RANDOM.normal(size=3)


def bent(x, log_slope, centre):
    """A line with a step of 1 about its centre, which broadcasts."""
    return tf.exp(log_slope) * x + 0.5 * tf.tanh(2.0 * (x - centre))


def inverse(y, log_slope, centre):
    scale = tf.exp(-log_slope)
    return implicit.invert(bent, y, scale * (y - 0.5), scale * (y + 0.5), log_slope, centre)


def arguments(dtype="float64"):
    return [tf.constant(value, dtype) for value in (Y, LOG_SLOPE, CENTRE)]


class Counted:
    """A function, and how often it was called: once an iteration, eagerly."""

    def __init__(self, f):
        self.f, self.calls = f, 0

    def __call__(self, x):
        self.calls += 1
        return self.f(x)


# Values.


def test_solutions_solve():
    y, *params = arguments()
    close(bent(inverse(y, *params), *params), y, 1e-13)


def test_float32_solutions_are_those_of_float64():
    close(inverse(*arguments("float32")), tf.cast(inverse(*arguments()), "float32"), 1e-5)
    assert inverse(*arguments("float32")).dtype == tf.float32


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "XLA"])
def test_graph_and_xla_give_eagers_solutions(jit_compile):
    compiled = tf.function(inverse, jit_compile=jit_compile)
    close(compiled(*arguments()), inverse(*arguments()), 1e-13)


def test_unknown_shapes_in_graph():
    unknown = tf.TensorSpec([None, None], "float64")
    graph = tf.function(inverse).get_concrete_function(
        unknown, unknown, tf.TensorSpec([None], "float64")
    )
    close(graph(*arguments()), inverse(*arguments()), 1e-13)


def test_a_smooth_function_takes_few_iterations():
    y, *params = arguments()
    f = Counted(lambda x: bent(x, *params))
    implicit.solve(f, y, y * tf.exp(-params[0]) - 5.0, y * tf.exp(-params[0]) + 5.0)
    assert 2 <= f.calls <= 9


HARD = {
    "root": lambda x: tf.sign(x) * tf.abs(x) ** 0.1 + 1e-3 * x,
    "power": lambda x: x**9,
    "two steps": lambda x: tf.sigmoid(1e3 * (x + 9.0)) + tf.sigmoid(1e3 * (x - 9.0)) + 1e-4 * x,
    "exponential": lambda x: tf.exp(30.0 * x),
    "kink": lambda x: tf.where(x < 1.0, 1e-3 * x, 1e-3 + 1e3 * (x - 1.0)),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", HARD)
def test_hard_functions_take_few_iterations_from_a_wide_bracket(name, dtype):
    wanted = tf.constant([-20.0, -9.0005, -8.9, -0.5, 1e-3, 1.0, 1.1, 8.999, 9.0005, 15.0], dtype)
    with tf.GradientTape() as tape:
        tape.watch(wanted)
        y = HARD[name](wanted)
    slope = tape.gradient(y, wanted)
    kept = tf.math.is_finite(y) & (slope > 0.0)
    wanted, y, slope = (tf.boolean_mask(value, kept) for value in (wanted, y, slope))
    f = Counted(HARD[name])
    x = implicit.solve(f, y, tf.fill(y.shape, wanted[0] - 1e3), tf.fill(y.shape, wanted[-1] + 30.0))
    # What roundings of x and of f amount to.
    allowed = 16.0 * np.finfo(dtype).eps * (1.0 + np.abs(wanted) + np.abs(y / slope))
    assert np.all(np.abs(x - wanted) <= allowed), x - wanted
    assert f.calls <= 80
    assert len(y) >= 4


def test_a_solution_at_an_end_of_its_bracket_is_found_at_once():
    y, f = normal((5,)), Counted(lambda x: 3.0 * x)
    for lower, upper in ((y / 3.0, y + 9.0), (y - 9.0, y / 3.0), (y / 3.0, y / 3.0)):
        f.calls = 0
        close(implicit.solve(f, y, lower, upper), y / 3.0, 1e-15)
        assert f.calls <= 3


def test_narrow_functions_are_solved_to_their_own_scale():
    """A step of sqrt(eps) is not small where the function changes within 1e-3."""
    wanted = tf.constant(np.linspace(-4e-3, 4e-3, 41), "float32")
    f = lambda x: tf.sinh(1e3 * x)  # noqa: E731
    close(implicit.solve(f, f(wanted), wanted - 0.01, wanted + 0.02), wanted, 5e-7)


def test_elements_are_independent_and_nan_ends():
    y, *params = arguments()
    whole = inverse(y, *params)
    for row in range(len(y)):
        close(inverse(y[row], params[0][row], params[1]), whole[row], 1e-14)
    f = Counted(lambda x: bent(x, *params))
    poisoned = tf.concat([y[:-1], tf.fill([1, 3], tf.constant(np.nan, y.dtype))], 0)
    x = implicit.solve(f, poisoned, poisoned * 9.0 - 99.0, poisoned * 9.0 + 99.0)
    assert np.all(np.isnan(x[-1]))
    assert f.calls <= 20
    f.calls = 0
    implicit.solve(f, poisoned, y * 9.0 - 99.0, y * 9.0 + 99.0)
    assert f.calls <= implicit.MAX_ITERATIONS


def test_no_elements_pass():
    none = tf.zeros([0, 3], "float64")
    assert inverse(none, none, tf.constant(CENTRE)).shape == (0, 3)


@pytest.mark.parametrize("size", [1e2, 1e4, 1e8])
def test_far_values_are_finite_in_float32(size):
    y = tf.constant([[-size, size, 0.0]])
    args = [y, tf.zeros_like(y), tf.zeros([3])]
    with tf.GradientTape() as tape:
        tape.watch(args)
        x = inverse(*args)
    close(x, [[-size, size, 0.0]], 1e-2)
    for gradient in tape.gradient(x, args):
        assert np.all(np.isfinite(gradient))


# Derivatives.


def loss(*args):
    return tf.reduce_sum(tf.sin(inverse(*args)) + 0.1 * inverse(*args) ** 2)


def gradients(*args):
    with tf.GradientTape() as tape:
        tape.watch(args)
        value = loss(*args)
    return tape.gradient(value, args)


def scrambled(*args):
    first = gradients(*args)
    return tf.add_n([tf.reduce_sum(tf.cos(g)) for g in first])


def second_gradients(*args):
    with tf.GradientTape() as tape:
        tape.watch(args)
        value = scrambled(*args)
    return tape.gradient(value, args)


def differences(function, args, step=1e-5):
    """Returns central differences of a scalar function by each element of each argument."""
    results = []
    for k, value in enumerate(args):
        found = np.zeros(value.shape)
        for at in np.ndindex(*value.shape):
            moved = []
            for sign in (1.0, -1.0):
                changed = value.numpy().copy()
                changed[at] += sign * step
                moved.append(function(*args[:k], tf.constant(changed), *args[k + 1 :]))
            found[at] = (moved[0] - moved[1]) / (2.0 * step)
        results.append(found)
    return results


@pytest.mark.parametrize("jit_compile", [None, False, True], ids=["eager", "graph", "XLA"])
def test_derivatives_of_first_and_second_order_are_those_of_differences(jit_compile):
    def compiled(function):
        return function if jit_compile is None else tf.function(function, jit_compile=jit_compile)

    args = [value[:2] for value in arguments()[:2]] + arguments()[2:]
    plain = tf.function(loss), tf.function(scrambled)
    for function, derivative, tolerance in (
        (plain[0], gradients, 1e-7),
        (plain[1], second_gradients, 1e-6),
    ):
        found = compiled(derivative)(*args)
        for actual, wanted in zip(found, differences(function, args), strict=True):
            close(actual, wanted, tolerance)
            assert np.all(actual != 0)


def test_third_derivatives_are_exact():
    y = tf.constant([-2.0, -0.3, 0.0, 0.5, 3.0], "float64")
    with tf.GradientTape() as third:
        third.watch(y)
        with tf.GradientTape() as second:
            second.watch(y)
            with tf.GradientTape() as first:
                first.watch(y)
                x = implicit.invert(tf.sinh, y, -tf.abs(y), tf.abs(y))
            slope = first.gradient(x, y)
        curvature = second.gradient(slope, y)
    s = 1.0 + y**2
    close(x, tf.asinh(y), 1e-14)
    close(slope, s**-0.5, 1e-13)
    close(curvature, -y * s**-1.5, 1e-13)
    close(third.gradient(curvature, y), (2.0 * y**2 - 1.0) * s**-2.5, 1e-12)


def test_a_parameter_that_is_not_used_has_a_gradient_of_zero():
    y, unused = normal((3,)), normal((3,), 1)
    with tf.GradientTape() as tape:
        tape.watch(unused)
        x = implicit.invert(lambda x, _: tf.sinh(x), y, -tf.abs(y), tf.abs(y), unused)
    close(tape.gradient(x, unused), np.zeros(3), 0.0)
