"""Jacobi's iteration for systems whose variables depend on earlier ones, and its derivatives."""

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

Pass = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""(y, seen) -> latents of y and log|dx/dy| of each element, given what a network makes of seen."""

Map = Callable[[tf.Tensor], tf.Tensor]

ZERO = tf.UnconnectedGradients.ZERO


def fixed_point(step: Map, start: tf.Tensor) -> tf.Tensor:
    """Returns v = step(v) by repetition, without derivatives.

    Where element i of step(v) depends on earlier elements of v alone, in whatever order, the k-th
    repetition makes k elements exact: as many as there are elements always suffice. A row stops
    when no bit of it moves, so that no other row decides on it, and the loop when all rows have
    stopped. A row whose solution is not finite is NaN: what follows from infinity is unknown.

    Args:
        step: [*B, D] -> [*B, D], for finite inputs.
        start: where to begin, [*B, D].
    """

    def body(value: tf.Tensor, moving: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        new = tf.ensure_shape(step(_finite(value)), value.shape)
        new = tf.where(tf.expand_dims(moving, -1), new, value)
        moved = tf.not_equal(_finite(new), _finite(value))
        return new, moving & tf.reduce_any(moved, axis=-1)

    start = tf.stop_gradient(start)
    value, _ = tf.while_loop(
        lambda _, moving: tf.reduce_any(moving),
        body,
        (start, tf.reduce_all(tf.ones_like(start, tf.bool), axis=-1)),
        maximum_iterations=start.shape[-1],
    )
    return whole_rows(tf.stop_gradient(value))


def whole_rows(value: tf.Tensor) -> tf.Tensor:
    """Returns the rows [*B, D] that are finite as they are, and NaN for the others."""
    finite = tf.reduce_all(tf.math.is_finite(value), axis=-1, keepdims=True)
    return tf.where(finite, value, tf.constant(math.nan, value.dtype))


def attached(one_pass: Pass, x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the solution y of latents(y) = x, and log|dy/dx|, with derivatives of any order.

    With A the triangular Jacobian of the latents by y, a gradient g by y is A^-T g by x (the
    implicit function theorem). So gradients depend on no path to the solution, and weights are
    reached through one pass at the solution.

    Args:
        one_pass: the latents and log-dets; reads weights and a condition as it likes.
        x: latents [*B, D].
        y: the solution [*B, D], however it was found.
    """
    found = tf.stop_gradient(y)
    latents, log_dets = one_pass(found, found)

    @tf.custom_gradient
    def attach(residual: tf.Tensor, log_det: tf.Tensor) -> Any:
        def gradient(dy: tf.Tensor, dlog_det: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            # Attached anew, so that the gradient has gradients in turn.
            y, _ = attached(one_pass, x, found)
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(y)
                _, log_dets = one_pass(y, y)
                log_det = -tf.reduce_sum(log_dets, axis=-1)
            through = tape.gradient(log_det, y, [dlog_det], unconnected_gradients=ZERO)
            dy += tf.convert_to_tensor(through)
            log_dets = tf.ensure_shape(log_dets, found.shape)
            pull, push = _products(one_pass, y)
            return _solved(pull, push, log_dets, dy), dlog_det

        return (tf.identity(found), tf.identity(log_det)), gradient

    return attach(x - latents, -tf.reduce_sum(log_dets, axis=-1))


def _products(one_pass: Pass, y: tf.Tensor) -> tuple[Map, Map]:
    """Returns v -> N^T v and v -> N v, for the Jacobian N of the latents through the network."""

    def pull(v: tf.Tensor) -> tf.Tensor:
        seen = tf.identity(y)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(seen)
            latents, _ = one_pass(y, seen)
        pulled = tape.gradient(latents, seen, [v], unconnected_gradients=ZERO)
        return tf.convert_to_tensor(pulled)

    def push(v: tf.Tensor) -> tf.Tensor:
        any_vector = tf.zeros_like(v)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(any_vector)
            pulled = pull(any_vector)
        pushed = tape.gradient(pulled, any_vector, [v], unconnected_gradients=ZERO)
        return tf.convert_to_tensor(pushed)

    return pull, push


def _solved(product: Map, transposed: Map, log_dets: tf.Tensor, g: tf.Tensor) -> tf.Tensor:
    """Returns the v with exp(log_dets) v + product(v) = g, with derivatives of any order."""
    slopes = tf.exp(-log_dets)
    start = tf.ensure_shape(slopes * g, log_dets.shape)
    found = fixed_point(lambda v: slopes * (g - product(v)), start)

    @tf.custom_gradient
    def attach(residual: tf.Tensor) -> Any:
        def gradient(dv: tf.Tensor) -> tf.Tensor:
            return _solved(transposed, product, log_dets, dv)

        return tf.identity(found), gradient

    return attach(g - tf.exp(log_dets) * found - product(found))


def _finite(value: tf.Tensor) -> tf.Tensor:
    # Zeros of a mask do not keep NaN and infinity out of a product, and a variable may overflow on
    # the way while those before it are wrong.
    return tf.where(tf.math.is_finite(value), value, tf.zeros([], value.dtype))
