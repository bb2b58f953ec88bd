"""Inverses without a formula: Newton's method in a bracket, with derivatives of any order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

MAX_ITERATIONS = 100
"""More than bisection alone takes from a bracket of 1e12 to the last bit of a float64."""


def invert(
    f: Callable[..., tf.Tensor],
    y: tf.Tensor,
    lower: tf.Tensor,
    upper: tf.Tensor,
    *params: tf.Tensor,
) -> tf.Tensor:
    """Returns the x with f(x, *params) = y, with the derivatives of that solution.

    forward:  y = f(x, *params), elementwise and strictly increasing in x
    inverse:  dx/dy = 1 / f_x,  dx/dparams = -f_params / f_x

    Args:
        f: called as f(x, *params). It must take everything differentiable as `params`: what it
            closes over gets no gradient.
        y: values to reach, float32 or float64, of any shape.
        lower: lower ends of brackets of the solutions, of the shape of `y`.
        upper: upper ends.
        *params: parameters of f, that broadcast with `y`.

    Returns:
        The solutions, of the shape of `y`.

    Reference: Press et al. 2007, Numerical Recipes, section 9.4 (Newton in a bracket);
    Griewank and Walther 2008, Evaluating Derivatives, chapter 15 (implicit differentiation).
    """
    # Of the solver's inputs, not of its output: XLA refuses a loop under two gradient tapes.
    fixed = [tf.stop_gradient(p) for p in params]
    target, lower, upper = (tf.stop_gradient(value) for value in (y, lower, upper))
    return attach(f, solve(lambda x: f(x, *fixed), target, lower, upper), y, *params)


def solve(
    f: Callable[[tf.Tensor], tf.Tensor], y: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor
) -> tf.Tensor:
    """Returns the x in [lower, upper] with f(x) = y, without derivatives.

    A Newton step that leaves the bracket, or is longer than half of the step before it, is
    replaced by a bisection. An element is done at a Newton step below eps^(2/3) (1 + |x|): the
    error after a step h is about h^2 |f'' / 2 f'|, so it is below eps wherever the function is
    smooth on a scale of eps^(1/3), and to ask for a step of a few eps would be to wait for rounding
    errors to agree. Elements do not depend on each other.

    Args:
        f: elementwise and strictly increasing.
        y: values to reach.
        lower: lower ends of the brackets; a rounding error beyond the solution does no harm.
        upper: upper ends.
    """
    eps = np.finfo(y.dtype.name).eps
    small, narrow, slack = float(eps ** (2 / 3)), float(4.0 * eps), float(np.sqrt(eps))
    lower = lower - slack * (1.0 + tf.abs(lower))
    upper = upper + slack * (1.0 + tf.abs(upper))
    middle = 0.5 * lower + 0.5 * upper

    def unfinished(*state: tf.Tensor) -> tf.Tensor:
        return tf.reduce_any(state[-1])

    def improve(
        x: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor, last: tf.Tensor, running: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        value, slope = _value_and_slope(f, x)
        residual = value - y
        lower = tf.where(residual < 0.0, x, lower)
        upper = tf.where(residual > 0.0, x, upper)
        newton = x - tf.where(residual == 0.0, tf.zeros_like(x), residual / slope)
        accepted = (newton >= lower) & (newton <= upper) & (tf.abs(newton - x) <= 0.5 * last)
        accepted &= tf.math.is_finite(slope)  # a step of 0 at an overflow is no solution
        proposed = tf.where(accepted, newton, 0.5 * lower + 0.5 * upper)
        step, size = tf.abs(proposed - x), 1.0 + tf.abs(proposed)
        x = tf.where(running, proposed, x)
        # The comparison of widths ends a search that meets a NaN.
        running &= ~(accepted & (step <= small * size)) & (upper - lower > narrow * size)
        return x, lower, upper, step, running

    start = (middle, lower, upper, upper - lower, upper > lower)
    return tf.while_loop(unfinished, improve, start, maximum_iterations=MAX_ITERATIONS)[0]


def attach(
    f: Callable[..., tf.Tensor], x: tf.Tensor, y: tf.Tensor, *params: tf.Tensor
) -> tf.Tensor:
    """Returns x with the derivatives, of any order, of the solution of f(x, *params) = y.

    Args:
        f: as in `invert`.
        x: the solution, however it was found.
        y: values that it reaches, of the shape of x.
        *params: parameters of f.
    """
    found = tf.stop_gradient(x)

    @tf.custom_gradient
    def solution(y: tf.Tensor, *params: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> tuple[Any, ...]:
            # Attached anew, so that the gradient has gradients in turn.
            x = attach(f, found, y, *params)
            with tf.GradientTape(persistent=True) as tape:
                tape.watch([x, *params])
                value = f(x, *params)
            to_y = upstream / _slope(tape, value, x)
            zero = tf.UnconnectedGradients.ZERO
            return to_y, *tape.gradient([value], list(params), [-to_y], zero)

        return tf.identity(found), gradient

    return solution(y, *params)


def _value_and_slope(
    f: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = f(x)
    return value, _slope(tape, value, x)


def _slope(tape: tf.GradientTape, value: tf.Tensor, x: tf.Tensor) -> Any:
    return tape.gradient(value, x)  # of an elementwise function: each element's own
