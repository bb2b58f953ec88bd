"""How compositions speak to TFP's own bijectors, which know neither pairs nor conditions."""

from typing import Any

import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from tfflows.bijector import Bijector


def forward_and_log_det(
    part: tfb.Bijector, x: tf.Tensor, event_ndims: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `part`'s data and log|det dy/dx| of latents x, whoever wrote `part`."""
    if isinstance(part, Bijector):
        return part.forward_and_log_det(x, event_ndims)
    if _is_invert(part):
        return inverse_and_log_det(part.bijector, x, event_ndims)
    x = tf.identity(x)  # TFP's cache answers for this tensor object only
    y = part.forward(x)
    return y, _full(part.forward_log_det_jacobian(x, event_ndims), y, event_ndims)


def inverse_and_log_det(
    part: tfb.Bijector, y: tf.Tensor, event_ndims: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns `part`'s latents and log|det dx/dy| of data y, whoever wrote `part`."""
    if isinstance(part, Bijector):
        return part.inverse_and_log_det(y, event_ndims)
    if _is_invert(part):
        return forward_and_log_det(part.bijector, y, event_ndims)
    y = tf.identity(y)
    x = part.inverse(y)
    return x, _full(part.inverse_log_det_jacobian(y, event_ndims), x, event_ndims)


def conditional(part: tfb.Bijector) -> bool:
    """Returns whether `part`, or what `tfb.Invert` inverts in it, needs a condition."""
    if isinstance(part, Bijector):
        return part.conditional
    if _is_invert(part):
        return conditional(part.bijector)
    if any(conditional(inner) for inner in getattr(part, "bijectors", ())):
        msg = (
            f"{part.name!r} is TFP's and cannot pass a condition on to its parts; "
            "compose conditional bijectors with `tfflows.Chain`."
        )
        raise ValueError(msg)
    return False


def condition_on(part: tfb.Bijector, condition: Any) -> tfb.Bijector:
    """Returns `part` bound to the condition where it is conditional, else `part` itself."""
    if not conditional(part):
        return part
    if isinstance(part, Bijector):
        return part.condition_on(condition)
    return tfb.Invert(condition_on(part.bijector, condition), name=part.name)


def initialize(part: tfb.Bijector, y: tf.Tensor) -> tf.Tensor:
    """Initialises `part` from data y and returns the latents.

    Raises:
        ValueError: if `part` is TFP's and holds what is set from data: it would stay as it is.
    """
    if isinstance(part, Bijector):
        return part.initialize(y)
    for inner in part.submodules:
        if not getattr(inner, "initialized", True):
            msg = (
                f"{part.name!r} is TFP's and cannot initialize {inner.name!r} from data; "
                "compose such bijectors with `tfflows.Chain`."
            )
            raise ValueError(msg)
    return part.inverse(tf.identity(y))


def check_part(argument: str, part: Any) -> None:
    """Raises if `part` cannot stand in a composition.

    Raises:
        TypeError: if it is no bijector.
        ValueError: if it changes the rank of its event, or is `tfb.BatchNormalization`, or TFP's
            and holds one.
    """
    if not isinstance(part, tfb.Bijector):
        msg = f"`{argument}` must hold bijectors; received {type(part).__name__}."
        raise TypeError(msg)
    if part.forward_min_event_ndims != part.inverse_min_event_ndims:
        msg = f"`{argument}` must keep the rank of the event; {part.name!r} changes it."
        raise ValueError(msg)
    if not isinstance(part, Bijector) and any(
        isinstance(inner, tfb.BatchNormalization) for inner in (part, *part.submodules)
    ):
        msg = (
            f"`{argument}` holds tfb.BatchNormalization, whose log-det depends on the batch: its "
            "inverse takes the batch's own statistics and its forward the running ones, so neither "
            "undoes the other; use tfflows.BatchNorm or tfflows.ActNorm."
        )
        raise ValueError(msg)


def _is_invert(part: tfb.Bijector) -> bool:
    # `tfb.Invert(part)` is an instance of a private class where `part` is no composite tensor.
    return isinstance(part, tfb.Invert) or type(part).__name__ == "_Invert"


def _full(log_det: tf.Tensor, value: tf.Tensor, event_ndims: int) -> tf.Tensor:
    """Gives a log-det that does not depend on the value the batch shape of the value."""
    return tf.broadcast_to(log_det, tf.shape(value)[: value.shape.rank - event_ndims])
