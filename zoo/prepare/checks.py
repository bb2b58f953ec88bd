"""Checks and casts of rows that run alike on NumPy arrays and inside a `tf.data` pipeline.

An array is refused by a ValueError. Inside a pipeline an assertion fails instead, whose text
`zoo.prepare.reading` turns into the same ValueError.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

Array = Any
"""A NumPy array or a tensor: no type says which operators they share."""


def to_numpy(values: Any, name: str) -> np.ndarray:  # noqa: ANN401 - what people have
    """Returns an array of whatever holds rows of one shape: list, tensor, table, array.

    Raises:
        ValueError: if the rows differ in shape.
    """
    try:
        return values.numpy() if tf.is_tensor(values) else np.asarray(values)
    except (ValueError, TypeError, AttributeError, RuntimeError) as error:
        msg = f"`{name}` must hold rows of one shape; received a {type(values).__name__}: {error}."
        raise ValueError(" ".join(msg.split())) from None


def require_numbers(dtype: Any, name: str) -> None:  # noqa: ANN401 - NumPy's or TensorFlow's
    """Refuses all but whole, real and boolean numbers.

    Raises:
        ValueError: for strings, objects, dates, complex numbers.
    """
    with contextlib.suppress(TypeError):  # of a dtype that TensorFlow does not know
        known = tf.as_dtype(dtype)
        if known.is_integer or known.is_floating or known.is_bool:
            return
    msg = f"`{name}` must hold numbers; received dtype {getattr(dtype, 'name', dtype)}."
    raise ValueError(msg)


def in_shape(x: Array, event: Sequence[int], name: str, *, batched: bool) -> Array:
    """Returns `x` as [B, *event] or [*event], adding or removing a last axis of size 1.

    Args:
        x: rows, or a single row.
        event: shape of a row.
        name: what to call `x` in an error.
        batched: whether `x` has an axis of rows.

    Raises:
        ValueError: if the shape is another one.
    """
    given = tf.TensorShape(x.shape)
    surplus = None if given.rank is None else given.rank - batched - len(event)
    if surplus == -1 and event and event[-1] == 1:
        x = x[..., None]
    elif surplus == 1 and not event and given[-1] == 1:
        x = x[..., 0]
    wanted = tf.TensorShape([None] * batched + list(event))
    if not wanted.is_compatible_with(x.shape):
        raise ValueError(wrong_shape(name, event, given))
    shape = tf.TensorShape(x.shape)
    if shape.rank is not None and shape[int(batched) :].is_fully_defined():
        return x
    return _in_dynamic_shape(x, wanted, event, name)


def wrong_shape(name: str, event: Sequence[int], given: tf.TensorShape) -> str:
    """Returns the message that names the wanted and the received shape."""
    message = _shapes(name, event, str(given))
    sizes = None if given.rank is None else given.as_list()
    if len(event) == 3 and sizes is not None and sizes[-3:] == [event[-1], *event[:-1]] != [*event]:
        message += " Channels go last."
    if event and sizes == [*event]:
        message += " A single row needs one more axis in front, x[None]."
    return message


def _shapes(name: str, event: Sequence[int], given: str) -> str:
    rows = f"rows of shape {tuple(event)}" if event else "one number a row"
    if len(event) > 1 and event[-1] == 1:
        rows += f" (or {tuple(event[:-1])})"
    return f"`{name}` must have {rows}; received shape {given}."


def whole(x: Array, stop: int, dtype: str, name: str, hint: str = "") -> Array:
    """Returns `x` as `dtype`, having checked that it holds whole numbers in [0, stop)."""
    kind = tf.as_dtype(x.dtype)
    if kind.is_integer and kind.min >= 0 and kind.max < stop:
        return _cast(x, dtype)
    if kind.is_integer or kind.is_bool:  # unsigned types cannot even be compared with `stop`
        x = _cast(x, "int64" if kind.size == 8 else "int32")
    with np.errstate(invalid="ignore"):
        cast = _cast(x, dtype)
        good = (x >= 0) & (x < stop) & (_cast(cast, x.dtype) == x)
    wanted = f"whole numbers in [0, {stop})"
    return _require(good, cast, x, f"`{name}` must hold {wanted}; {_RECEIVED}.{hint}")


def finite(x: Array, dtype: str, name: str) -> Array:
    """Returns `x` as `dtype`, having checked that nothing in it is NaN or infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        cast = _cast(x, dtype)
        good = cast - cast == 0
    return _require(good, cast, x, f"`{name}` must hold finite numbers; {_RECEIVED}.")


_RECEIVED = "received {} (values from {} to {})"


def _cast(x: Array, dtype: Any) -> Array:  # noqa: ANN401 - NumPy's or TensorFlow's
    return x.astype(dtype, copy=False) if isinstance(x, np.ndarray) else tf.cast(x, dtype)


def _require(good: Array, cast: Array, x: Array, message: str) -> Array:
    if isinstance(x, np.ndarray):
        if np.all(good):
            return cast
        raise ValueError(message.format(x[~good].flat[0], x.min(), x.max()))

    def fail() -> tf.Tensor:
        worst = tf.boolean_mask(x, tf.logical_not(good))[0]
        text = tf.strings.format(message, (worst, tf.reduce_min(x), tf.reduce_max(x)))
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(good), [text])]):
            return tf.identity(cast)

    return tf.cond(tf.reduce_all(good), lambda: cast, fail)


def _in_dynamic_shape(
    x: tf.Tensor, wanted: tf.TensorShape, event: Sequence[int], name: str
) -> tf.Tensor:
    sizes = tf.shape(x)[len(wanted) - len(event) :]
    text = tf.strings.format(_shapes(name, event, "{}"), (sizes,))
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(sizes == event), [text])]):
        x = tf.identity(x)
    x.set_shape(wanted)
    return x
