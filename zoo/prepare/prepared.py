"""Prepared data: batches for Keras, a look ahead at the first of them, and readable errors."""

import contextlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import tensorflow as tf

# The text of an error of ours inside TensorFlow's: one line, from a backtick to the last full stop.
_OURS = re.compile(r"(?:assertion failed: \[|ValueError: )(`[^\n]*\.)")


class Prepared:
    """Data as a model takes it.

    Keep it as long as its batches are read: it holds the reader that looked ahead, for a
    `tf.data` cache complains of a reader that leaves before the end.

    Args:
        batches: what to give to Keras, with `shuffle=False`. Its elements are the 1-tuples (x,)
            or, for a conditional model, ({'x': x, 'condition': c},).
        ahead: makes a reader of the first batches that takes nothing from `batches`.
        unannounced: whether the data ends without having said where, so that Keras warns.
        argument: name of the argument that the data came by.
    """

    def __init__(
        self,
        batches: tf.data.Dataset | keras.utils.PyDataset,
        ahead: Callable[[], Iterable[tuple]],
        *,
        unannounced: bool,
        argument: str,
    ) -> None:
        """Reads nothing yet."""
        self.batches = batches
        self.unannounced = unannounced
        self._argument = argument
        self._ahead = ahead
        self._reader: Iterator[tuple] | None = None
        self._seen: list[Any] = []

    @property
    def num_batches(self) -> int | None:
        """Number of batches of one pass; None where it is unknown or there is no end."""
        if isinstance(self.batches, tf.data.Dataset):
            size = int(self.batches.cardinality())
            return size if size > 0 else None
        return self.batches.num_batches

    def first_batch(self, rows: int = 1024) -> Any:  # noqa: ANN401 - a tensor or a dict of tensors
        """Returns up to `rows` rows as one batch: what the model's `call` will receive.

        They are rows of the shuffled data, and they are not lost: `batches` still begins at its
        first, of a generator too. Call it before `batches` is read.

        Raises:
            ValueError: if the data is empty or a row is not as the model wants it.
        """
        with reading():
            self._reader = self._reader or iter(self._ahead())
            while sum(map(_size, self._seen)) < rows:
                batch = next(self._reader, None)
                if batch is None:
                    break
                self._seen.append(batch[0])
        if not sum(map(_size, self._seen)):
            msg = f"`{self._argument}` must not be empty; received no rows."
            raise ValueError(msg)
        return tf.nest.map_structure(lambda *parts: tf.concat(parts, 0)[:rows], *self._seen)


@contextlib.contextmanager
def reading(*data: Prepared) -> Iterator[None]:
    """Within it, what is wrong with the data is a ValueError, and a plain end of data is silent.

    Args:
        *data: what Keras reads within.

    Raises:
        ValueError: in place of TensorFlow's error around a failed check of the data.
    """
    with contextlib.ExitStack() as stack:
        if any(part.unannounced for part in data):
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", "Your input ran out of data", UserWarning)
        try:
            yield
        except tf.errors.OpError as error:
            found = _OURS.search(str(error))
            if found is None:
                raise
            raise ValueError(found[1]) from None


def _size(batch: Any) -> int:  # noqa: ANN401 - a tensor or a dict of tensors
    return len(tf.nest.flatten(batch)[0])
