"""How a mask divides a value into what passes and what moves."""

from typing import Protocol

import numpy as np
import tensorflow as tf


class Partition(Protocol):
    """The two forms of a mask: packed halves, or a full lattice with zeros."""

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what passes, for the conditioner, and what moves."""
        ...

    def merge(self, passed: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        """Returns the value of which `passed` passed and `moved` moved."""
        ...

    def moving(self, log_det: tf.Tensor) -> tf.Tensor:
        """Returns the log-dets of the elements that move, zero elsewhere."""
        ...


def partition(mask: np.ndarray) -> Partition:
    """Returns the packed form of a mask that divides one axis evenly, else the lattice form."""
    varying = [axis for axis, size in enumerate(mask.shape) if size > 1]
    if len(varying) == 1 and 2 * mask.sum() == mask.size:
        return Halves(mask.reshape(-1), axis=varying[0] - mask.ndim)
    return Lattice(mask)


class Halves:
    """Packs the two halves of an axis: networks see half of the input and no zeros.

    Args:
        mask: boolean [D], half of it True.
        axis: the axis of the value, negative.
    """

    def __init__(self, mask: np.ndarray, axis: int) -> None:
        """Finds the order that puts what passes first."""
        order = np.argsort(~mask, kind="stable")
        self._axis = axis
        self._first, self._second = np.split(order, 2)
        self._restore = np.argsort(order)
        # One block is not enough: it must be the first half of the axis or the last.
        self._contiguous = len(set(self._first // len(self._first))) == 1

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the half that passes and the half that moves."""
        if self._contiguous:
            halves = tf.split(x, 2, axis=self._axis)
            return (halves[0], halves[1]) if self._first[0] == 0 else (halves[1], halves[0])
        return tf.gather(x, self._first, axis=self._axis), tf.gather(
            x, self._second, axis=self._axis
        )

    def merge(self, passed: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        """Puts the halves back in their places."""
        if self._contiguous:
            halves = [passed, moved] if self._first[0] == 0 else [moved, passed]
            return tf.concat(halves, axis=self._axis)
        return tf.gather(tf.concat([passed, moved], self._axis), self._restore, axis=self._axis)

    def moving(self, log_det: tf.Tensor) -> tf.Tensor:
        """Returns the log-dets as they are: everything in the second half moves."""
        return log_det


class Lattice:
    """Keeps the full lattice: zeros stand where the network must not look.

    Args:
        mask: boolean, broadcast against the event.
    """

    def __init__(self, mask: np.ndarray) -> None:
        """Keeps the mask."""
        self._mask = mask

    def split(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the value with zeros where it moves, and the whole value."""
        return tf.where(self._mask, x, tf.zeros([], x.dtype)), x

    def merge(self, passed: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        """Takes the masked elements from `passed`, the others from `moved`."""
        return tf.where(self._mask, passed, moved)

    def moving(self, log_det: tf.Tensor) -> tf.Tensor:
        """Zeroes the log-dets of the elements that pass."""
        return tf.where(self._mask, tf.zeros([], log_det.dtype), log_det)
