"""Squeezing: channels for space."""

from typing import Any

import tensorflow as tf

from tfflows.bijector import Bijector


class Squeeze(Bijector):
    """Spreads channels over space towards the data; encoding squeezes space into channels.

        forward:  [H, W, fh fw C] -> [fh H, fw W, C]
        inverse:  [fh H, fw W, C] -> [H, W, fh fw C]
        log|det J| = 0

    Args:
        factor: f, or (fh, fw).
        name: name of the bijector.

    Raises:
        ValueError: for a factor below 1, or at call for sizes that the factor does not divide.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.6.
    """

    def __init__(self, factor: int | tuple[int, int] = 2, name: str = "squeeze") -> None:
        """Keeps the factors."""
        parameters = {"factor": factor, "name": name}
        self._rows, self._columns = (factor, factor) if isinstance(factor, int) else factor
        if min(self._rows, self._columns) < 1:
            msg = f"`factor` must be at least 1; received {factor}."
            raise ValueError(msg)
        super().__init__(
            forward_min_event_ndims=3,
            is_constant_jacobian=True,
            parameters=parameters,
            name=name,
        )

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        fh, fw = self._rows, self._columns
        spread = self._forward_event_shape(x.shape[-3:])
        h, w, c = _sizes(x)
        y = tf.reshape(x, [-1, h, w, fh, fw, c // (fh * fw)])
        y = tf.transpose(y, [0, 1, 3, 2, 4, 5])
        return _restored(y, x, [h * fh, w * fw, c // (fh * fw)], spread)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        fh, fw = self._rows, self._columns
        squeezed = self._inverse_event_shape(y.shape[-3:])
        h, w, c = _sizes(y)
        x = tf.reshape(y, [-1, h // fh, fh, w // fw, fw, c])
        x = tf.transpose(x, [0, 1, 3, 2, 4, 5])
        return _restored(x, y, [h // fh, w // fw, c * fh * fw], squeezed)

    def _forward_event_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        *rest, h, w, c = input_shape
        c = _divided(c, self._rows * self._columns, "channels", self.name)
        return tf.TensorShape([*rest, _times(h, self._rows), _times(w, self._columns), c])

    def _inverse_event_shape(self, output_shape: tf.TensorShape) -> tf.TensorShape:
        *rest, h, w, c = output_shape
        h = _divided(h, self._rows, "rows", self.name)
        w = _divided(w, self._columns, "columns", self.name)
        return tf.TensorShape([*rest, h, w, _times(c, self._rows * self._columns)])

    def _forward_event_shape_tensor(self, input_shape: tf.Tensor) -> tf.Tensor:
        up = tf.constant([self._rows, self._columns, 1], input_shape.dtype)
        down = tf.constant([1, 1, self._rows * self._columns], input_shape.dtype)
        return tf.concat([input_shape[:-3], input_shape[-3:] * up // down], 0)

    def _inverse_event_shape_tensor(self, output_shape: tf.Tensor) -> tf.Tensor:
        up = tf.constant([1, 1, self._rows * self._columns], output_shape.dtype)
        down = tf.constant([self._rows, self._columns, 1], output_shape.dtype)
        return tf.concat([output_shape[:-3], output_shape[-3:] * up // down], 0)


def _sizes(value: tf.Tensor) -> list[Any]:
    dynamic = tf.shape(value)
    rank = value.shape.rank
    return [
        dynamic[axis] if value.shape[axis] is None else value.shape[axis]
        for axis in range(rank - 3, rank)
    ]


def _restored(
    moved: tf.Tensor, like: tf.Tensor, event: list[Any], static: tf.TensorShape
) -> tuple[tf.Tensor, tf.Tensor]:
    batch = tf.shape(like)[:-3]
    value = tf.reshape(moved, tf.concat([batch, event], 0))
    return tf.ensure_shape(value, like.shape[:-3].concatenate(static)), tf.zeros([], like.dtype)


def _times(size: int | None, factor: int) -> int | None:
    return None if size is None else size * factor


def _divided(size: int | None, factor: int, what: str, name: str) -> int | None:
    if size is not None and size % factor:
        msg = f"{name!r} divides the {what} by {factor}; received {size} {what}."
        raise ValueError(msg)
    return None if size is None else size // factor
