"""The four kinds of data that rows come from, each made into `Prepared`."""

import dataclasses
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.checks import Array, row_bytes, to_numpy
from zoo.fields import Field, pick
from zoo.form import Form
from zoo.prepared import Prepared

BUFFER_ROWS, BUFFER_BYTES = 10_000, 2**28
LOOK_AHEAD_ROWS = 2048


@dataclasses.dataclass(frozen=True, kw_only=True)
class Order:
    """In which order and how often rows are read.

    Args:
        batch_size: rows of a batch, where the data is not batched yet.
        shuffle: whether rows that are not batched yet are shuffled, and mirrored if the form says.
        seed: seed of both.
        repeat: whether the data starts again at its end.
    """

    batch_size: int
    shuffle: bool
    seed: int
    repeat: bool


def from_arrays(element: Any, form: Form, order: Order, argument: str) -> Prepared:  # noqa: ANN401
    """Arrays, all of whose rows are checked at once: one, a tuple (x, condition), or a dict."""
    rows = _numpy_rows(pick(element, form, argument), form, batched=True)
    sizes = {key: len(value) for key, value in rows.items()}
    if len(set(sizes.values())) > 1:
        names = {key: field.name for key, field in pick(element, form, argument).items()}
        msg = (
            f"`{names['condition']}` must have a row for each of `{names['x']}`; "
            f"received {sizes['condition']} and {sizes['x']}."
        )
        raise ValueError(msg)
    if not sizes["x"]:
        raise ValueError(_empty(argument))
    with tf.device("CPU:0"):
        tensors = {key: tf.constant(value) for key, value in rows.items()}
        indices = tf.data.Dataset.range(sizes["x"])

    def gather(index: tf.Tensor) -> dict[str, tf.Tensor]:
        return {key: tf.gather(value, index) for key, value in tensors.items()}

    def batches(order: Order) -> tf.data.Dataset:
        return _for_keras(_batched(indices, gather, form, order, sizes["x"]), form)

    once = dataclasses.replace(order, repeat=False)
    return Prepared(batches(order), lambda: batches(once), unannounced=False, argument=argument)


def from_dataset(source: tf.data.Dataset, form: Form, order: Order, argument: str) -> Prepared:
    """A `tf.data.Dataset` of rows or of batches, of which it is told by the elements' shapes."""
    fields = pick(source.element_spec, form, argument)
    for field in fields.values():
        if not isinstance(field.value, tf.TensorSpec):
            msg = f"`{field.name}` must be a dense tensor; received {field.value}."
            raise ValueError(msg)
    if source.cardinality() == 0:
        raise ValueError(_empty(argument))
    names = _names(fields)
    batched, rank = _layout(source, fields["x"], form, argument)

    def take(*element: Any) -> dict[str, Array]:  # noqa: ANN401 - one argument for each part
        picked = pick(element if len(element) > 1 else element[0], form, argument)
        values = {key: field.value for key, field in picked.items()}
        if values["x"].shape.rank is None:
            values["x"] = tf.ensure_shape(values["x"], [None] * rank)
        return form.shaped(values, names, batched=batched)

    def check(values: Mapping[str, Array]) -> dict[str, Array]:
        return form.checked(values, names)

    rows = _map(source, take)
    prepared = _stream(rows, check, form, order, argument, batched=batched)
    if not _cannot_fail(fields, form, source):
        prepared.first_batch(1)
    return prepared


def from_iterable(source: Iterable, form: Form, order: Order, argument: str) -> Prepared:
    """A generator, another iterator, or something that can be iterated over again and again."""
    elements = OnePass(source, argument, repeat=order.repeat) if iter(source) is source else source
    first = next(iter(elements.ahead() if isinstance(elements, OnePass) else elements), None)
    if first is None:
        raise ValueError(_empty(argument))
    row = pick(first, form, argument)["x"]
    shape = tf.TensorShape(to_numpy(row.value, row.name).shape)
    batched = bool(form.is_batched(shape, row.name))

    def numpy_rows(element: Any) -> dict[str, np.ndarray]:  # noqa: ANN401 - any data
        return _numpy_rows(pick(element, form, argument), form, batched=batched)

    signature = {
        key: tf.TensorSpec([None] * batched + list(shape), form.dtypes[key])
        for key, shape in form.shapes.items()
    }
    rows = tf.data.Dataset.from_generator(
        lambda: map(numpy_rows, elements), output_signature=signature
    )
    prepared = _stream(rows, lambda values: values, form, order, argument, batched=batched)
    if not isinstance(elements, OnePass):
        prepared.first_batch(1)
        return prepared

    def ahead() -> Iterator[tuple]:
        for values in map(numpy_rows, elements.ahead()):
            yield _element(values if batched else {k: v[None] for k, v in values.items()}, form)

    looking = Prepared(prepared.batches, ahead, unannounced=not order.repeat, argument=argument)
    looking.first_batch(1)
    return looking


def from_py_dataset(
    source: keras.utils.PyDataset, form: Form, order: Order, argument: str
) -> Prepared:
    """A `keras.utils.PyDataset`, which stays one, with its workers."""
    checked = CheckedPyDataset(source, form, argument, repeat=order.repeat)
    size = source.num_batches
    indices = itertools.count() if size is None else range(size)
    prepared = Prepared(
        checked, lambda: map(checked.__getitem__, indices), unannounced=False, argument=argument
    )
    prepared.first_batch(1)
    return prepared


class CheckedPyDataset(keras.utils.PyDataset):
    """The batches of another PyDataset, with the fields picked and every row checked."""

    def __init__(
        self, source: keras.utils.PyDataset, form: Form, argument: str, *, repeat: bool
    ) -> None:
        """Takes over the source's workers."""
        super().__init__(source.workers, source.use_multiprocessing, source.max_queue_size)
        self.source, self.form, self.argument, self.repeat = source, form, argument, repeat

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None if there is no end."""
        return None if self.repeat else self.source.num_batches

    def __getitem__(self, index: int) -> tuple:
        """Returns batch `index`."""
        size = self.source.num_batches
        element = self.source[index if size is None else index % size]
        if isinstance(element, list):  # a tuple to Keras
            element = tuple(element)
        fields = pick(element, self.form, self.argument)
        return _element(_numpy_rows(fields, self.form, batched=True), self.form)

    def on_epoch_begin(self) -> None:
        """Tells the source."""
        self.source.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Tells the source."""
        self.source.on_epoch_end()


class OnePass:
    """An iterator that can be looked into: what was looked at is still to come.

    Args:
        source: the iterator.
        argument: name of the argument that it came by.
        repeat: whether to be silently empty, rather than to raise, after its end.
    """

    def __init__(self, source: Iterable, argument: str, *, repeat: bool) -> None:
        """Reads nothing yet."""
        self._source = iter(source)
        self._argument = argument
        self._repeat = repeat
        self._seen: deque = deque()
        self._ended = False
        # A reader that was given up may still be in the middle of `next` when another starts.
        self._lock = threading.Lock()

    def ahead(self) -> Iterator:
        """Iterates over the elements to come, which stay to come."""
        for index in itertools.count():
            with self._lock:
                if index == len(self._seen):
                    try:
                        self._seen.append(next(self._source))
                    except StopIteration:
                        return
                element = self._seen[index]
            yield element

    def __iter__(self) -> Iterator:
        """Iterates over the elements that are left.

        Raises:
            ValueError: if there are none left because they have all been read.
        """
        if self._ended and not self._repeat:
            msg = (
                f"`{self._argument}` must have rows left; received an iterator that has been read "
                "to its end, as it can be once. Pass `steps_per_epoch`, or data that can be read "
                "again."
            )
            raise ValueError(msg)
        while True:
            with self._lock:
                try:
                    element = self._seen.popleft() if self._seen else next(self._source)
                except StopIteration:
                    self._ended = True
                    return
            yield element


def _names(fields: Mapping[str, Field]) -> dict[str, str]:
    return {key: field.name for key, field in fields.items()}


def _numpy_rows(fields: Mapping[str, Field], form: Form, *, batched: bool) -> dict[str, np.ndarray]:
    names = _names(fields)
    arrays = {key: to_numpy(field.value, field.name) for key, field in fields.items()}
    return form.checked(form.shaped(arrays, names, batched=batched), names)


def _element(rows: Mapping[str, Array], form: Form) -> tuple:
    return (dict(rows),) if form.conditional else (rows["x"],)


def _for_keras(batches: tf.data.Dataset, form: Form) -> tf.data.Dataset:
    return _map(batches, lambda rows: _element(rows, form)).prefetch(tf.data.AUTOTUNE)


def _map(dataset: tf.data.Dataset, function: Callable) -> tf.data.Dataset:
    plain = tf.autograph.experimental.do_not_convert(function)
    return dataset.map(plain, num_parallel_calls=tf.data.AUTOTUNE)


def _batched(
    rows: tf.data.Dataset, finish: Callable, form: Form, order: Order, buffer: int
) -> tf.data.Dataset:
    if order.shuffle:
        rows = rows.shuffle(buffer, seed=order.seed, reshuffle_each_iteration=True)
    if order.repeat:
        rows = rows.repeat()
    batches = _map(rows.batch(order.batch_size), finish)
    return _mirrored(batches, order.seed) if form.flip and order.shuffle else batches


def _mirrored(batches: tf.data.Dataset, seed: int) -> tf.data.Dataset:
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).batch(2)

    def mirror(rows: dict[str, tf.Tensor], seed: tf.Tensor) -> dict[str, tf.Tensor]:
        x = rows["x"]
        heads = tf.random.stateless_uniform([tf.shape(x)[0], 1, 1, 1], seed) < 0.5
        return {**rows, "x": tf.where(heads, tf.reverse(x, [2]), x)}

    return _map(tf.data.Dataset.zip((batches, seeds)), mirror)


def _stream(
    rows: tf.data.Dataset, check: Callable, form: Form, order: Order, argument: str, *, batched: bool
) -> Prepared:
    row = sum(row_bytes(shape, form.dtypes[key]) for key, shape in form.shapes.items())
    buffer = min(BUFFER_ROWS, max(64, BUFFER_BYTES // row))

    def ahead() -> tf.data.Dataset:
        if batched:
            return _for_keras(_map(rows, check), form)
        once = dataclasses.replace(order, repeat=False)
        return _for_keras(_batched(rows, check, form, once, min(buffer, LOOK_AHEAD_ROWS)), form)

    if batched:
        batches = _map(rows.repeat() if order.repeat else rows, check)
    else:
        batches = _batched(rows, check, form, order, buffer)
    unannounced = bool(batches.cardinality() == tf.data.UNKNOWN_CARDINALITY)
    return Prepared(_for_keras(batches, form), ahead, unannounced=unannounced, argument=argument)


def _layout(
    source: tf.data.Dataset, row: Field, form: Form, argument: str
) -> tuple[bool, int | None]:
    shape = row.value.shape
    batched = form.is_batched(shape, row.name)
    if batched is not None and shape.rank is not None:
        return batched, shape.rank
    # Only an element can tell, for the spec leaves it open.
    for element in source.take(1):
        seen = pick(element, form, argument)["x"].value.shape
        batched = form.is_batched(seen, row.name)
        open_first = shape.rank is None or shape[0] is None
        return (open_first if batched is None else batched), seen.rank
    raise ValueError(_empty(argument))


def _cannot_fail(fields: Mapping[str, Field], form: Form, source: tf.data.Dataset) -> bool:
    """Tells whether no element need be read to know that there is one and that all are right."""
    spec = fields["x"].value
    return (
        not form.conditional
        and form.levels == 256
        and spec.dtype == tf.uint8
        and spec.shape[1:].is_fully_defined()
        and source.cardinality() != tf.data.UNKNOWN_CARDINALITY
    )


def _empty(argument: str) -> str:
    return f"`{argument}` must not be empty; received no rows."
