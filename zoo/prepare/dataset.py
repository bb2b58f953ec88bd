"""`tf.data.Dataset`s of rows or of batches, of which it is told by the shapes of the elements."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

from zoo.prepare.checks import Array
from zoo.prepare.fields import Field
from zoo.prepare.pipeline import (
    BUFFER_ROWS,
    as_given,
    buffer_size,
    ends_unannounced,
    for_keras,
    in_batches,
    mapped,
)
from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared

LOOK_AHEAD_ROWS = 2048


def from_dataset(source: tf.data.Dataset, plan: Plan) -> Prepared:
    """Prepares a dataset; what its `element_spec` leaves open is checked in its first batch."""
    fields = plan.pick(source.element_spec)
    for field in fields.values():
        if not isinstance(field.value, tf.TensorSpec):
            msg = f"`{field.name}` must be a dense tensor; received {field.value}."
            raise ValueError(msg)
    if source.cardinality() == 0:
        raise plan.empty()
    names = {key: field.name for key, field in fields.items()}
    batched, rank = _layout(source, fields["x"], plan)

    def take(*element: Any) -> dict[str, Array]:  # noqa: ANN401 - one argument for each part
        picked = plan.pick(element)
        values = {key: field.value for key, field in picked.items()}
        values["x"] = tf.ensure_shape(values["x"], [None] * rank)
        return plan.form.shaped(values, names, batched=batched)

    def check(values: dict[str, Array]) -> dict[str, Array]:
        return plan.form.checked(values, names)

    def batches(plan: Plan, finish: Callable, most: int) -> tf.data.Dataset:
        rows = mapped(source, take)
        if batched:
            return as_given(rows, finish, plan)
        return in_batches(rows, finish, plan, min(most, buffer_size(plan)))

    def ahead() -> Iterator[tuple]:
        # Checked outside of the pipeline, for TensorFlow logs what fails inside.
        for values in batches(plan.once, dict, LOOK_AHEAD_ROWS):
            yield plan.for_keras(check({key: value.numpy() for key, value in values.items()}))

    taken = for_keras(batches(plan, check, BUFFER_ROWS), plan)
    unannounced = ends_unannounced(taken)
    data = Prepared(taken, ahead, unannounced=unannounced, argument=plan.argument)
    if not _certain(source, fields, plan):
        data.first_batch(1)
    return data


def _layout(source: tf.data.Dataset, row: Field, plan: Plan) -> tuple[bool, int]:
    shape = row.value.shape
    batched = plan.form.is_batched(shape, row.name)
    if batched is not None and shape.rank is not None:
        return batched, shape.rank
    for element in source.take(1):  # only an element tells what the spec leaves open
        seen = plan.pick(element)["x"].value.shape
        batched = plan.form.is_batched(seen, row.name)
        open_first = shape.rank is None or shape[0] is None
        return open_first if batched is None else batched, len(seen)
    raise plan.empty()


def _certain(source: tf.data.Dataset, fields: Mapping[str, Field], plan: Plan) -> bool:
    """Tells whether it is known, without reading any, that there are rows and all are right."""
    spec = fields["x"].value
    return (
        not plan.form.conditional
        and plan.form.levels == 256
        and spec.dtype == tf.uint8
        and spec.shape[1:].is_fully_defined()
        and bool(source.cardinality() != tf.data.UNKNOWN_CARDINALITY)
    )
