"""What users hand to a client, checked and made into the arrays that a signature takes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


def arrays(given: Mapping[str, Any], specs: Mapping[str, tf.TensorSpec]) -> dict[str, np.ndarray]:
    """Returns the inputs in the dtypes of a signature, all with the rows of the first that has any.

    Args:
        given: the inputs by name; an input of one row's shape, after the first, is for all rows.
        specs: shape and dtype of each input of the signature.

    Raises:
        TypeError: for an input of another kind.
        ValueError: for inputs that are missing, unknown, of another shape or number of rows, or out
            of their dtype's range.
    """
    for name in sorted(given.keys() ^ specs.keys()):
        word = "given" if name in specs else "None"
        msg = f"`{name}` must be {word}: the model's inputs are {sorted(specs)}."
        raise ValueError(msg)
    made: dict[str, np.ndarray] = {}
    first = None
    for name, value in given.items():
        array, shape = _in_dtype(name, value, specs[name].dtype), specs[name].shape
        if first is not None and shape.rank == array.ndim + 1:
            array = np.broadcast_to(array, (len(made[first]), *array.shape))
        if not shape.is_compatible_with(array.shape):
            sizes = ", ".join("N" if size is None else str(size) for size in shape)
            msg = f"`{name}` must be of the shape [{sizes}]; received {list(array.shape)}."
            raise ValueError(msg)
        made[name] = array
        first = name if first is None and shape.rank else first
        if first is not None and shape.rank and len(array) != len(made[first]):
            msg = f"`{name}` must have as many rows as `{first}`; received {len(array)} and "
            raise ValueError(f"{msg}{len(made[first])}.")
    return made


def _in_dtype(name: str, value: Any, dtype: tf.DType) -> np.ndarray:
    if dtype == tf.string:
        return _bytes(name, value)
    array = np.asarray(value)
    wanted: Any = dtype.as_numpy_dtype
    if array.dtype.kind not in ("iu" if dtype.is_integer else "iuf"):
        kind = "whole numbers" if dtype.is_integer else "numbers"
        msg = f"`{name}` must hold {kind}; received {array.dtype}."
        raise TypeError(msg)
    if dtype.is_integer and array.size:
        least, most, limits = array.min(), array.max(), np.iinfo(wanted)
        if least < limits.min or most > limits.max:
            found = f"{least} to {most}" if least < most else least
            msg = f"`{name}` must be in {limits.min}..{limits.max}; received {found}."
            raise ValueError(msg)
    with np.errstate(over="ignore"):  # infinity is answered by NaN
        return array.astype(wanted)


def _bytes(name: str, value: Any) -> np.ndarray:
    array = np.asarray(value, object)  # NumPy's own strings lose zeros at their ends
    for item in array.flat:
        if not isinstance(item, bytes):
            msg = f"`{name}` must hold bytes; received {type(item).__name__}."
            raise TypeError(msg)
    return array
