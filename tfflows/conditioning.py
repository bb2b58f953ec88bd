"""What couplings and autoregressions share: the condition they are bound to, and the network."""

from typing import Any

import tensorflow as tf

from tfflows.keras_module import KerasModule


def checked(condition: Any, *, conditional: bool, kind: str) -> tf.Tensor | None:
    """Returns the condition as a tensor, or None.

    Args:
        condition: the condition [*B, K], or None.
        conditional: whether the bijector takes one.
        kind: what the bijector is, for the message.

    Raises:
        ValueError: for a condition that is a scalar, or that nothing asked for.
    """
    if condition is None:
        return None
    if not conditional:
        msg = f"`condition` was given to {kind} with conditional=False."
        raise ValueError(msg)
    condition = tf.convert_to_tensor(condition, name="condition")
    if condition.shape.rank == 0:
        msg = "`condition` must be [*B, K]; received a scalar."
        raise ValueError(msg)
    return condition


def widened(x: tf.Tensor, condition: tf.Tensor | None, *, event_ndims: int, name: str) -> tf.Tensor:
    """Returns x with the batch shape that the condition of a conditional bijector asks for.

    Raises:
        ValueError: if there is no condition, or none that broadcasts with the batch of x.
    """
    if condition is None:
        msg = f"{name!r} is conditional and has no `condition`; call condition_on(c)."
        raise ValueError(msg)
    rank = x.shape.rank - event_ndims
    try:
        static = tf.broadcast_static_shape(x.shape[:rank], condition.shape[:-1])
    except ValueError:
        msg = (
            f"`condition` of the shape {condition.shape} does not broadcast with the "
            f"batch {x.shape[:rank]} of data of the shape {x.shape}."
        )
        raise ValueError(msg) from None
    batch = tf.broadcast_dynamic_shape(tf.shape(x)[:rank], tf.shape(condition)[:-1])
    full = tf.concat([batch, tf.shape(x)[rank:]], 0)
    return tf.ensure_shape(tf.broadcast_to(x, full), static.concatenate(x.shape[rank:]))


def network_params(
    conditioner: KerasModule,
    seen: tf.Tensor,
    condition: tf.Tensor | None,
    *,
    event_ndims: int,
    channels: int | None,
    num_params: int,
) -> tf.Tensor:
    """Returns what the network makes of `seen`: `num_params` blocks of `channels` in the last axis.

    Raises:
        ValueError: if the last axis has another size.
    """
    params = conditioner(seen, condition, event_ndims=event_ndims)
    wanted = None if channels is None else channels * num_params
    if wanted is not None and params.shape[-1] != wanted:
        msg = (
            f"`conditioner` must return {wanted} = {channels} x {num_params} channels; "
            f"{conditioner.layer.name!r} returned the shape {params.shape}."
        )
        raise ValueError(msg)
    return params
