"""What users hand to a model's methods, checked and made into tensors."""

from typing import Any

import numpy as np
import tensorflow as tf

from zoo.prepare import Form


class CheckedInput:
    """Turns arguments into tensors that the compiled methods take, or raises.

    Args:
        form: what the model wants.
    """

    def __init__(self, form: Form) -> None:
        """Keeps the form."""
        self._form = form

    def real_rows(self, x: Any, condition: Any) -> tuple[tf.Tensor, ...]:
        """Returns rows of real data and, of a conditional model, their condition.

        Raises:
            TypeError: for whole numbers given to an image model.
            ValueError: for another shape, NaN, or pixels outside of the range.
        """
        levels = self._form.levels
        dtype = tf.as_dtype(getattr(x, "dtype", None) or np.asarray(x).dtype)
        if levels is not None and not dtype.is_floating:
            msg = (
                f"`x` must hold real numbers, for a density; received {dtype.name}. For the "
                "probability of whole pixels use `bits_per_dim` or `predict`, which add noise."
            )
            raise TypeError(msg)
        rows = self._rows(x, "x")
        if levels is not None and tf.executing_eagerly():
            least, most = float(tf.reduce_min(rows, None)), float(tf.reduce_max(rows, None))
            if rows.shape[0] and not (least >= 0 and most <= levels):
                msg = f"`x` must be pixels in [0, {levels}]; received {least:g} to {most:g}."
                raise ValueError(msg)
        return rows, *self._row_condition(condition, rows)

    def latents(self, z: Any, condition: Any) -> tuple[tf.Tensor, ...]:
        """Returns latents and, of a conditional model, their condition."""
        rows = self._rows(z, "z")
        return rows, *self._row_condition(condition, rows)

    def condition(self, condition: Any) -> tf.Tensor:
        """Returns a condition [*B, K], class numbers as one-hot vectors.

        Raises:
            ValueError: for a condition that is missing, unwanted, out of range or of another width.
        """
        form = self._form
        if not form.conditional:
            self.refuse(condition)
            msg = "`condition` cannot be given: the model is unconditional."
            raise ValueError(msg)
        if condition is None:
            wanted = "class numbers" if form.num_classes else f"vectors [..., {form.condition_dim}]"
            msg = f"`condition` must be given: the model wants {wanted}."
            raise ValueError(msg)
        if form.num_classes is not None:
            return self.coded(_labels(condition, form.num_classes))
        condition = tf.convert_to_tensor(condition)
        if not (condition.dtype.is_floating or condition.dtype.is_integer):
            msg = f"`condition` must hold numbers; received {condition.dtype.name}."
            raise TypeError(msg)
        condition = tf.cast(condition, form.dtype)
        if condition.shape.rank == 0 or condition.shape[-1] != form.condition_dim:
            msg = (
                f"`condition` must be vectors [..., {form.condition_dim}]; received the shape "
                f"{condition.shape}."
            )
            raise ValueError(msg)
        return _finite(condition, "condition")

    def coded(self, condition: tf.Tensor) -> tf.Tensor:
        """Returns class numbers as one-hot vectors, and vectors in the model's dtype."""
        if self._form.num_classes is not None:
            return tf.one_hot(
                tf.cast(condition, tf.int32), self._form.num_classes, dtype=self._form.dtype
            )
        return tf.cast(condition, self._form.dtype)

    def refuse(self, condition: Any) -> None:
        """Raises a ValueError if an unconditional model was given a condition."""
        if condition is not None:
            msg = "`condition` must be None: the model is unconditional."
            raise ValueError(msg)

    def sampling(
        self, n: Any, seed: Any, temperature: Any
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns the number of samples, the pair of the seed, and the temperature as tensors."""
        whole = isinstance(n, int | np.integer) and not isinstance(n, bool)
        if not tf.is_tensor(n) and not (whole and n >= 0):
            msg = f"`n` must be a whole number of at least 0; received {n!r}."
            raise ValueError(msg)
        real = isinstance(temperature, int | float | np.number)
        if not tf.is_tensor(temperature) and not (real and 0 <= temperature < float("inf")):
            msg = f"`temperature` must be a finite number of at least 0; received {temperature!r}."
            raise ValueError(msg)
        return (
            tf.cast(n, tf.int32),
            self.seed_pair(seed, 0),
            tf.cast(temperature, self._form.dtype),
        )

    def seed_pair(self, seed: Any, second: int) -> tf.Tensor:
        """Returns [seed, second] as int32."""
        if tf.is_tensor(seed):
            return tf.stack([tf.cast(seed, tf.int32), second])
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            msg = f"`seed` must be an integer; received {seed!r}."
            raise TypeError(msg)
        if not 0 <= seed < 2**31:
            msg = f"`seed` must be in 0..2**31 - 1; received {seed}."
            raise ValueError(msg)
        return tf.constant([seed, second], tf.int32)

    def _rows(self, x: Any, argument: str) -> tf.Tensor:
        event = self._form.event_shape
        x = tf.convert_to_tensor(x)
        if not (x.dtype.is_floating or x.dtype.is_integer):
            msg = f"`{argument}` must hold numbers; received {x.dtype.name}."
            raise TypeError(msg)
        if not x.shape.is_compatible_with([None, *event]):
            wanted = ", ".join(map(str, event))
            msg = f"`{argument}` must be rows [N, {wanted}]; received the shape {x.shape}."
            raise ValueError(msg)
        return _finite(tf.cast(x, self._form.dtype), argument)

    def _row_condition(self, condition: Any, rows: tf.Tensor) -> tuple[tf.Tensor, ...]:
        if not self._form.conditional:
            self.refuse(condition)
            return ()
        condition = self.condition(condition)
        if condition.shape.rank == 1:
            condition = tf.broadcast_to(condition, [tf.shape(rows)[0], condition.shape[0]])
        if not condition.shape[:1].is_compatible_with(rows.shape[:1]) or condition.shape.rank != 2:
            msg = (
                f"`condition` must be one for each of the {rows.shape[0]} rows; received "
                f"conditions of the shape {condition.shape[:-1]}."
            )
            raise ValueError(msg)
        return (condition,)


def _labels(condition: Any, num_classes: int) -> tf.Tensor:
    condition = tf.convert_to_tensor(condition)
    if not condition.dtype.is_integer:
        msg = f"`condition` must be class numbers; received {condition.dtype.name}."
        raise ValueError(msg)
    if tf.executing_eagerly():
        wrong = np.unique([c for c in np.ravel(condition) if not 0 <= c < num_classes])
        if wrong.size:
            msg = f"`condition` must be in 0..{num_classes - 1}; received {wrong[:5].tolist()}."
            raise ValueError(msg)
    return condition


def _finite(x: tf.Tensor, argument: str) -> tf.Tensor:
    if tf.executing_eagerly() and not bool(tf.reduce_all(tf.math.is_finite(x))):
        msg = f"`{argument}` must be finite; received NaN or infinity."
        raise ValueError(msg)
    return x
