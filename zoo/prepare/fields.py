"""Which part of an element of data is the row, and which its condition."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from zoo.prepare.form import Form

ROWS = ("x", "image", "images", "features", "inputs", "data")
CONDITION = "condition"
LABELS = ("label", "labels", "y", "class", "target")


class Field(NamedTuple):
    """A part of an element, and what to call it in an error."""

    value: Any
    name: str


def pick(element: Any, form: Form, argument: str) -> dict[str, Field]:  # noqa: ANN401 - any data
    """Returns the fields that the model takes, and drops all others.

    Works on arrays, on tensors and on the specs of a `tf.data.Dataset` alike. An element is the
    row itself; a tuple of the row and its condition (or label); or a dict, whose row is the first
    of `ROWS` in it and whose condition is 'condition' or, for classes, the first of `LABELS`.

    Args:
        element: one element, or one batch.
        form: what the model wants.
        argument: name of the argument that the element came by.

    Returns:
        {'x': Field} or, for a conditional model, {'x': Field, 'condition': Field}.

    Raises:
        ValueError: if the row or the condition is missing, or an unconditional model is given a
            'condition'.
    """
    row, second = _halves(element, argument)
    fields = {key: Field(row[key], f"{argument}[{key!r}]") for key in row} if _is_dict(row) else {}
    picked = {"x": _row(fields, argument) if _is_dict(row) else Field(row, argument)}
    if not form.conditional:
        if CONDITION in fields:
            msg = (
                f"`{argument}` must have no field 'condition', for the model is unconditional: "
                "drop it, or give the model `num_classes` or `condition_dim`."
            )
            raise ValueError(msg)
        return picked
    labels = LABELS if form.num_classes is not None else ()
    stated = [fields[key] for key in (CONDITION, *labels) if key in fields]
    if second is not None:
        name = "y" if argument == "x" else f"{argument}[1]"
        stated.insert(CONDITION in fields, Field(second, name))
    if not stated:
        raise ValueError(_no_condition(form, argument))
    return {**picked, "condition": stated[0]}


def _is_dict(value: object) -> bool:
    return isinstance(value, Mapping)


def _halves(element: Any, argument: str) -> tuple[Any, Any]:  # noqa: ANN401 - any data
    if not isinstance(element, tuple):
        return element, None
    if len(element) not in (1, 2):
        msg = (
            f"`{argument}` must give x or (x, condition); received tuples of {len(element)} parts. "
            "Sample weights are not supported."
        )
        raise ValueError(msg)
    return element[0], element[1] if len(element) == 2 else None


def _row(fields: Mapping[str, Field], argument: str) -> Field:
    for key in ROWS:
        if key in fields:
            return fields[key]
    msg = (
        f"`{argument}` must have one of the fields {', '.join(map(repr, ROWS))}; "
        f"received {', '.join(map(repr, fields)) or 'no field'}."
    )
    raise ValueError(msg)


def _no_condition(form: Form, argument: str) -> str:
    if form.num_classes is not None:
        wanted, field = f"a label in [0, {form.num_classes})", "label"
    else:
        wanted, field = f"a vector of width {form.condition_dim}", CONDITION
    return (
        f"`{argument}` must come with a condition, {wanted} for each row: "
        f"pass (x, {field}) or {{'x': ..., {field!r}: ...}}; received none."
    )
