"""The rows of a run: training and held-out ones, checked before anything is built or trained."""

import dataclasses
import hashlib
import os
from typing import Any

import numpy as np

from zoo import datasets
from zoo.datasets import parts
from zoo.datasets.image_files import ImageFiles
from zoo.prepare import ArrayRows, Form, RowSource
from zoo.prepare.plan import Plan
from zoo.runs import source

Rows = np.ndarray | tuple[np.ndarray, np.ndarray] | ImageFiles
"""Rows of data; rows and their conditions; or a folder of images too large for memory."""

HELD_OUT_SHARE, SPLIT_SEED, LEAST_ROWS = 0.1, 0, 10
WATCHED_ROWS = 256


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """Rows to train on, and rows held out.

    Args:
        train: the training rows.
        held_out: the others.
        split: how they were told apart, in words.
        validation: rows set apart from the training rows for early stopping, or None.
    """

    train: Rows
    held_out: Rows
    split: str
    validation: Rows | None = None

    @property
    def watched(self) -> Rows:
        """The rows of the validation curve; the final figure takes all that are held out."""
        rows = self.held_out if self.validation is None else self.validation
        return first(rows, WATCHED_ROWS if self.validation is None else count(rows))

    def with_validation(self) -> "Data":
        """Returns the data with a tenth of the training rows set apart for early stopping.

        To stop by held-out rows would flatter the figure that they are for.
        """
        parts = _split(self.train)
        return dataclasses.replace(self, train=parts.train, validation=parts.held_out)


def read(data: str, form: Form, *, data_dir: str | None, resize: bool) -> Data:
    """Returns the rows of a data set, file or folder, as the model takes them.

    Args:
        data: as `source.locate` returns it.
        form: what the model wants.
        data_dir: folder of prepared TFDS data sets.
        resize: whether images of a folder are scaled and cropped to the model's size.

    Raises:
        ValueError: if the data cannot be had, does not fit, or is too little to split.
    """
    if not source.is_path(data):
        splits = datasets.load(data, data_dir=data_dir)
        train = checked(_labelled(splits.train, splits.train_labels), form)
        test = checked(_labelled(splits.test, splits.test_labels), form)
        return Data(train=train, held_out=test, split=datasets.held_out(data))
    train, test, name = parts.read(data, form, resize=resize)
    if test is not None:
        split = f"its own part {name!r}"
        return Data(train=checked(train, form), held_out=checked(test, form), split=split)
    return _split(checked(train, form))


def read_whole(path: str, form: Form, *, resize: bool) -> tuple[Rows, str]:
    """Returns the rows of a file or folder that are for measuring, and which they are, in words.

    Those are the part that it holds out itself, or all of them.
    """
    train, test, name = parts.read(path, form, resize=resize)
    if test is not None:
        return checked(test, form), f"its own part {name!r}"
    return checked(train, form), "all of its rows"


def count(rows: Rows) -> int:
    """Returns the number of rows."""
    return len(rows[0] if isinstance(rows, tuple) else rows)


def first(rows: Rows, n: int) -> Rows:
    """Returns the first `n` rows."""
    return _each(rows, lambda array: array[:n])


def by_number(rows: Rows) -> RowSource:
    """Returns rows as they are had by their numbers."""
    if isinstance(rows, ImageFiles):
        return rows
    x, condition = rows if isinstance(rows, tuple) else (rows, None)
    return ArrayRows({"x": x} if condition is None else {"x": x, "condition": condition})


def fingerprint(rows: Rows) -> str:
    """Returns a checksum of all rows; of a large folder, of the names and sizes of its files."""
    digest = hashlib.sha256()
    if isinstance(rows, ImageFiles):
        for name in rows.names:
            digest.update(f"{name}\0{os.path.getsize(name)}\0".encode())
        return digest.hexdigest()
    for array in rows if isinstance(rows, tuple) else (rows,):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def values(rows: Rows) -> np.ndarray:
    """Returns rows that lie in memory, without their conditions."""
    if isinstance(rows, ImageFiles):
        msg = "rows that are read while they are used do not lie in memory."
        raise TypeError(msg)
    return rows[0] if isinstance(rows, tuple) else rows


def checked(data: Any, form: Form) -> Rows:
    """Returns the rows of any data in files as the model takes them, every number checked.

    Raises:
        ValueError: for what does not fit.
    """
    if isinstance(data, ImageFiles):
        return data  # of images that are decoded in the model's form
    plan = Plan(form=form, batch_size=1, shuffle=False, seed=0, repeat=False, argument="data")
    rows = plan.rows(data, batched=True)
    sizes = {len(array) for array in rows.values()}
    if len(sizes) != 1:
        msg = f"`data` must have a condition for each row; received arrays of {sorted(sizes)} rows."
        raise ValueError(msg)
    if not sizes.pop():
        raise plan.empty()
    return (rows["x"], rows["condition"]) if form.conditional else rows["x"]


def _split(rows: Rows) -> Data:
    """Draws a tenth of the rows, always the same ones, which are in the data's own order."""
    size = count(rows)
    if size < LEAST_ROWS:
        msg = f"`data` must have at least {LEAST_ROWS} rows, to hold some out; received {size}."
        raise ValueError(msg)
    share = f"{HELD_OUT_SHARE:.0%}".replace("%", " %")
    split = f"{share} of the rows, drawn with seed {SPLIT_SEED}"
    number = max(2, round(HELD_OUT_SHARE * size))
    chosen = np.zeros(size, bool)
    chosen[np.random.default_rng(SPLIT_SEED).permutation(size)[:number]] = True
    train, test = (_each(rows, lambda array, kept=kept: array[kept]) for kept in (~chosen, chosen))
    return Data(train=train, held_out=test, split=split)


def _each(rows: Any, function: Any) -> Any:
    return tuple(map(function, rows)) if isinstance(rows, tuple) else function(rows)


def _labelled(rows: np.ndarray, labels: np.ndarray | None) -> Any:
    return rows if labels is None else (rows, labels)
