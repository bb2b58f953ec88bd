"""The one entrance: `prepare` tells what kind of data it is given."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from zoo.prepare.arrays import from_arrays, holds_arrays
from zoo.prepare.dataset import from_dataset
from zoo.prepare.form import Form
from zoo.prepare.iterable import from_iterable
from zoo.prepare.plan import Plan
from zoo.prepare.prepared import Prepared
from zoo.prepare.py_dataset import from_py_dataset
from zoo.prepare.row_source import RowSource, from_rows

SPLITS = {"train", "test", "validation", "val", "valid"}


def prepare(
    x: Any,  # noqa: ANN401 - what people have
    y: Any,  # noqa: ANN401
    form: Form,
    *,
    batch_size: int,
    shuffle: bool,
    seed: int = 0,
    repeat: bool = False,
    argument: str = "x",
) -> Prepared:
    """Makes of what people have what the model takes.

    `x` may be arrays (NumPy's, tensors, lists, tables): of rows; a tuple (x, condition); or a dict
    of them. Or something whose elements are such, each a row or each a batch: a
    `tf.data.Dataset`, a generator, any iterable. Or a `keras.utils.PyDataset`. Or rows by number, a
    `RowSource`, such as a large folder of images. Where an image has one channel, its axis may be
    missing. Fields that the model does not take are dropped, strings among them, and so are the
    labels of a tuple if the model is unconditional.

    Rows are shuffled, batched and, if `form.flip`, mirrored at random, all as `seed` says and anew
    in each epoch. Arrays and rows by number are shuffled as a whole, a `tf.data.Dataset` 10,000
    rows at a time, what comes from Python 2,048, and fewer if they are large. Batches are taken as
    given.

    Every number is checked: arrays now, all other data in its first batch now and in the others as
    they are read, which has to be done within `reading`.

    Args:
        x: the data.
        y: labels or condition of the rows of an array `x`.
        form: what the model wants.
        batch_size: rows of a batch, where the data is not batched yet; the last may be smaller.
        shuffle: whether the data is for training: shuffled, and mirrored if `form.flip`.
        seed: seed of both.
        repeat: whether to start again at the end, without end.
        argument: what to call `x` in an error.

    Returns:
        The data, whose `batches` Keras reads.

    Raises:
        ValueError: for empty data, wrong shapes or dtypes, pixels that are not whole numbers in
            [0, levels), NaN or infinity, a condition that is missing, out of range, or in a field
            of that name not wanted.
        TypeError: for what is no data.
    """
    plan = Plan(
        form=form,
        batch_size=_positive(batch_size),
        shuffle=shuffle,
        seed=seed,
        repeat=repeat,
        argument=argument,
    )
    _refuse_containers(x, argument)
    if holds_arrays(x):
        return from_arrays(x if y is None else (x, y), plan)
    if y is not None:
        msg = f"`y` must be None where `{argument}` is a {type(x).__name__}, which holds all parts."
        raise ValueError(msg)
    if isinstance(x, tf.data.Dataset):
        return from_dataset(x, plan)
    if isinstance(x, RowSource):
        return from_rows(x, plan)
    if isinstance(x, keras.utils.PyDataset):
        return from_py_dataset(x, plan)
    if isinstance(x, Iterable):
        return from_iterable(x, plan)
    msg = f"`{argument}` must be arrays, a tf.data.Dataset or an iterable; received {x!r}."
    raise TypeError(msg)


def _positive(batch_size: int) -> int:
    if batch_size < 1:
        msg = f"`batch_size` must be at least 1; received {batch_size}."
        raise ValueError(msg)
    return batch_size


def _refuse_containers(x: Any, argument: str) -> None:  # noqa: ANN401 - what people have
    """Refuses what holds data instead of being it."""
    if isinstance(x, str | bytes | os.PathLike):
        msg = (
            f"`{argument}` must be data; received the path {x!r}. Read it with "
            "`zoo.datasets.files.read`."
        )
        raise TypeError(msg)
    if isinstance(x, Mapping) and x:
        nested = any(isinstance(part, tf.data.Dataset | Mapping) for part in x.values())
        if nested or set(x) <= SPLITS:
            names = ", ".join(map(repr, x))
            msg = (
                f"`{argument}` must be one data set; received the splits {names}: "
                f"pass {argument}[{next(iter(x))!r}]."
            )
            raise ValueError(msg)
    parts = x if isinstance(x, tuple | list) else ()
    pairs = isinstance(x, tuple) and any(isinstance(part, tuple) for part in parts)
    if pairs or any(isinstance(part, tf.data.Dataset) for part in parts):
        kinds = ", ".join(type(part).__name__ for part in parts[:4])
        msg = f"`{argument}` must be one data set; received a {type(x).__name__} of {kinds}."
        raise ValueError(msg)
