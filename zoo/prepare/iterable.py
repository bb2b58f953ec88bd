"""Generators, other iterators, and what can be iterated over again and again."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from zoo.prepare.checks import Array, to_numpy
from zoo.prepare.pipeline import as_given, buffer_size, ends_unannounced, for_keras, in_batches
from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared

BUFFER_ROWS = 2048  # Python's rows come slowly, and the first batch waits for all of these


def from_iterable(source: Iterable, plan: Plan) -> Prepared:
    """Prepares an iterable of rows or of batches: arrays, tuples (x, condition), or dicts."""
    looked_into = OnePass(source, plan)
    elements = looked_into if iter(source) is source else source
    batched = _is_batched(next(looked_into.ahead(), None), plan)
    signature = {
        key: tf.TensorSpec([None] * batched + list(shape), plan.form.dtypes[key])
        for key, shape in plan.form.shapes.items()
    }

    def rows(element: Any) -> dict[str, Array]:  # noqa: ANN401 - any data
        return plan.rows(element, batched=batched)

    def ahead() -> Iterator[tuple]:
        for values in map(rows, looked_into.ahead()):
            batch = values if batched else {key: value[None] for key, value in values.items()}
            yield plan.for_keras(batch)

    read = tf.data.Dataset.from_generator(lambda: map(rows, elements), output_signature=signature)
    if batched:
        batches = as_given(read, dict, plan)
    else:
        batches = in_batches(read, dict, plan, min(BUFFER_ROWS, buffer_size(plan)))
    taken = for_keras(batches, plan)
    unannounced = ends_unannounced(taken)
    data = Prepared(taken, ahead, unannounced=unannounced, argument=plan.argument)
    data.first_batch(1)
    return data


def _is_batched(element: Any, plan: Plan) -> bool:  # noqa: ANN401 - any data
    if element is None:
        raise plan.empty()
    row = plan.pick(element)["x"]
    shape = tf.TensorShape(to_numpy(row.value, row.name).shape)
    return bool(plan.form.is_batched(shape, row.name))


class OnePass:
    """An iterator that can be looked into: what was looked at is still to come.

    Args:
        source: the iterator.
        plan: its `repeat` tells whether to be silently empty, rather than to raise, after the end.
    """

    def __init__(self, source: Iterable, plan: Plan) -> None:
        """Reads nothing yet."""
        self._source = iter(source)
        self._plan = plan
        self._seen: deque = deque()
        self._given = 0
        self._ended = False
        # A reader that was given up may still be in the middle of `next` when another starts.
        self._lock = threading.Lock()

    def ahead(self) -> Iterator:
        """Iterates over the elements to come, which stay to come."""
        index = 0
        while True:
            with self._lock:
                index = max(index, self._given)
                if index - self._given == len(self._seen):
                    try:
                        self._seen.append(next(self._source))
                    except StopIteration:
                        return
                element = self._seen[index - self._given]
            yield element
            index += 1

    def __iter__(self) -> Iterator:
        """Iterates over the elements that are left.

        Raises:
            ValueError: if there are none left because they have all been read.
        """
        if self._ended and not self._plan.repeat:
            msg = (
                f"`{self._plan.argument}` must have rows left; received an iterator that was read "
                "to its end, as it can be once. Pass the number of steps, or data that can be "
                "read again."
            )
            raise ValueError(msg)
        while True:
            with self._lock:
                try:
                    element = self._seen.popleft() if self._seen else next(self._source)
                except StopIteration:
                    self._ended = True
                    return
                self._given += 1
            yield element
