"""Arrays: every row is checked at once, and batches are gathered by index."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.prepare.checks import to_numpy
from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared
from zoo.prepare.row_source import ArrayRows, from_rows


def from_arrays(element: Any, plan: Plan) -> Prepared:  # noqa: ANN401 - what people have
    """Prepares an array, a tuple (x, condition) or a dict of arrays, tensors or lists."""
    fields = plan.pick(element)
    rows = plan.rows(element, batched=True)
    sizes = [len(value) for value in rows.values()]
    if min(sizes) != max(sizes):
        x, condition = fields["x"].name, fields["condition"].name
        msg = (
            f"`{condition}` must have a row for each of `{x}`; received {sizes[1]} and {sizes[0]}."
        )
        raise ValueError(msg)
    if not sizes[0]:
        raise plan.empty()
    return from_rows(ArrayRows(rows), plan)


def validation_split(
    x: Any,  # noqa: ANN401 - what people have
    y: Any = None,  # noqa: ANN401
    *,
    fraction: float,
) -> tuple[Any, Any]:
    """Splits arrays in two as Keras does: the last rows are for validation, before any shuffling.

    Args:
        x: an array of N rows, a tuple (x, condition), or a dict of arrays.
        y: the condition, if it is not in `x`.
        fraction: share of the rows for validation, in (0, 1).

    Returns:
        Two values for `prepare`'s argument `x`: the first floor(N (1 - fraction)) rows, and the
        others. A `y` is in them.

    Raises:
        ValueError: if `x` is no array, or one part would be empty.
    """
    if not 0 < fraction < 1:
        msg = f"`validation_split` must be between 0 and 1; received {fraction}."
        raise ValueError(msg)
    if not holds_arrays(x):
        msg = f"`validation_split` needs arrays as `x`; received a {type(x).__name__}."
        raise ValueError(msg)
    arrays = _arrays(x if y is None else (x, y))
    sizes = {len(array) for array in tf.nest.flatten(arrays)}
    if len(sizes) != 1:
        msg = f"`x` must hold arrays of equally many rows; received {sorted(sizes)}."
        raise ValueError(msg)
    size = sizes.pop()
    kept = int(np.floor(size * (1 - fraction)))
    if not 0 < kept < size:
        msg = f"`validation_split` must leave rows on both sides; received {fraction} of {size}."
        raise ValueError(msg)
    return (
        tf.nest.map_structure(lambda array: array[:kept], arrays),
        tf.nest.map_structure(lambda array: array[kept:], arrays),
    )


def holds_arrays(x: object) -> bool:
    """Tells whether `x` is an array, or a list, tuple or dict that should hold arrays."""
    return isinstance(x, list | tuple | Mapping) or tf.is_tensor(x) or hasattr(x, "__array__")


def _arrays(element: Any) -> Any:  # noqa: ANN401 - what people have
    if isinstance(element, tuple):
        return tuple(_arrays(part) for part in element)
    if isinstance(element, Mapping):
        return {key: to_numpy(value, f"x[{key!r}]") for key, value in element.items()}
    return to_numpy(element, "x")
