"""What a served model answers: the signatures of a SavedModel as functions of tensors."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tfflows import threefry
from zoo import FlowModel
from zoo.flow_model import EVALUATION
from zoo.units import bits_per_dim

Answer = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Signature:
    """A function of named tensors that a SavedModel answers.

    Args:
        name: of the signature.
        function: takes the inputs in their order, and returns the output by its name.
        inputs: shape, dtype and name of each input.
        output: name of the output.
    """

    name: str
    function: Callable[..., Answer]
    inputs: tuple[tf.TensorSpec, ...]
    output: str


def signatures(model: FlowModel) -> list[Signature]:
    """Returns the signatures of a model, `log_prob` first: it is the default one.

    Args:
        model: any model of the zoo.

    Returns:
        `log_prob`, `sample`, `sample_rows`, `encode`, `decode` and, for images, `bits_per_dim`.
        All but `sample` answer row by row: inputs and output share their first dimension, and an
        output row depends on its own input row alone.
    """
    answers, form, real = Answers(model), model.form, model.spec.dtype
    row = (None, *form.event_shape)
    extra = ()
    if form.conditional:
        shape = (None, *form.shapes["condition"])
        extra = (tf.TensorSpec(shape, form.dtypes["condition"], name="condition"),)

    def signature(function: Callable[..., Answer], output: str, **inputs: Any) -> Signature:
        specs = [tf.TensorSpec(*form, name=name) for name, form in inputs.items()]
        name = function.__name__
        return Signature(name=name, function=function, inputs=(*specs, *extra), output=output)

    number = ((), tf.int32)
    found = [
        signature(answers.log_prob, "log_prob", x=(row, real)),
        signature(answers.sample, "x", num=number, seed=number),
        signature(
            answers.sample_rows, "x", seed=((None, 2), tf.int32), temperature=((None,), real)
        ),
        signature(answers.encode, "z", x=(row, real)),
        signature(answers.decode, "x", z=(row, real)),
    ]
    if form.levels is not None:
        pixels = {"x": (row, form.dtypes["x"]), "seed": ((None,), tf.int32)}
        found.append(signature(answers.bits_per_dim, "bits_per_dim", **pixels))
    return found


class Answers:
    """The functions behind the signatures, made for graphs.

    Where the model raises, a graph cannot: a row that the model would refuse (NaN, pixels out of
    range, an unknown class, a negative temperature) is answered by NaN, and harms no other row.
    Rows of another shape, or inputs that differ in their number of rows, are an error.

    Args:
        model: the model that answers.
    """

    def __init__(self, model: FlowModel) -> None:
        """Takes the model; weights are its variables, read at every call."""
        self._model = model
        self._form = model.form

    def log_prob(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the log density [N] in nats of real data x [N, *event] in its own units."""
        x, condition, good = self._data(x, condition)
        return {"log_prob": _or_nan(good, self._model.log_prob(x, condition))}

    def bits_per_dim(
        self, x: tf.Tensor, seed: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Answer:
        """Answers the bound [N] of images x [N, *event] of whole numbers, noise by seeds [N]."""
        seed = tf.ensure_shape(seed, [None])
        x, condition, good = self._data(x, condition, seed=seed)
        bound = self._model.log_prob(self._noisy(x, seed), condition)
        size = math.prod(self._form.event_shape)
        return {"bits_per_dim": _or_nan(good, bits_per_dim(bound, size))}

    def encode(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the latents [N, *event] of data x [N, *event]."""
        x, condition, good = self._data(x, condition)
        return {"z": _or_nan(good, self._model.encode(x, condition))}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the data [N, *event] of latents z [N, *event]."""
        z = self._events(z)
        condition, known = self._condition(condition, z=z)
        good = _all_true(tf.math.is_finite(z)) & known
        return {"x": _or_nan(good, self._model.decode(z, condition))}

    def sample(self, num: tf.Tensor, seed: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers `num` samples, row i by (seed, i): [num, *event], or [num, N, *event] given N.

        Not row by row: the only signature that takes scalars.
        """
        num, seed = tf.ensure_shape(num, []), tf.ensure_shape(seed, [])
        tf.debugging.assert_non_negative(num, "`num` must be at least 0.")
        condition, known = self._condition(condition)
        x = self._model.sample(num, seed, condition=condition)
        return {"x": x if condition is None else _or_nan(known[None], x)}

    def sample_rows(
        self, seed: tf.Tensor, temperature: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Answer:
        """Answers a sample [*event] for each seed: (s, i) gives row i of the `sample` of seed s.

        Args:
            seed: int32 [N, 2].
            temperature: factors [N] of the latents' standard deviation, at least 0.
            condition: class numbers [N] or vectors [N, K] of a conditional model.
        """
        seed, temperature = tf.ensure_shape(seed, [None, 2]), tf.ensure_shape(temperature, [None])
        condition, known = self._condition(condition, seed=seed, temperature=temperature)
        good = (temperature >= 0) & tf.math.is_finite(temperature) & known
        seed = tf.cast(seed, tf.uint32)
        zero = tf.zeros_like(seed[:, 0])
        keys = threefry.block(
            tf.stack([seed[:, 0], zero], axis=1), tf.stack([seed[:, 1], zero], axis=1)
        )
        normal = threefry.normal(keys, self._form.event_shape, self._form.dtype)
        x = self._model.decode(_beside(temperature, normal) * normal, condition)
        return {"x": _or_nan(good, self._within(x))}

    def _within(self, x: tf.Tensor) -> tf.Tensor:
        """Clips images as `FlowModel.sample` does."""
        if self._form.levels is None:
            return x
        below = np.nextafter(np.asarray(self._form.levels, self._form.dtype), 0)
        return tf.clip_by_value(x, 0.0, below)

    def _noisy(self, x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Adds the model's own noise, each row's by its own seed; the loop becomes one pass."""

        def one(row: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
            y, _ = self._model._noise(row[0][None], tf.stack([row[1], EVALUATION]))
            return y[0]

        return tf.vectorized_map(one, (x, seed), fallback_to_while_loop=False)

    def _data(
        self, x: tf.Tensor, condition: tf.Tensor | None, **others: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor | None, tf.Tensor]:
        """Returns rows of data, their condition, and which of them the model would take [N]."""
        x = self._events(x)
        condition, known = self._condition(condition, x=x, **others)
        real = tf.cast(x, self._form.dtype)
        good = tf.math.is_finite(real)
        if self._form.levels is not None:
            good &= (real >= 0) & (real <= self._form.levels - x.dtype.is_integer)
        return x, condition, _all_true(good) & known

    def _events(self, x: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(x, [None, *self._form.event_shape])

    def _condition(
        self, condition: tf.Tensor | None, **rows: tf.Tensor
    ) -> tuple[tf.Tensor | None, tf.Tensor]:
        """Returns the condition and which of its rows are possible; checks the number of rows."""
        if condition is None:
            _check_same_rows(rows)
            return None, tf.constant(True)  # noqa: FBT003
        condition = tf.ensure_shape(condition, [None, *self._form.shapes["condition"]])
        _check_same_rows({**rows, "condition": condition})
        if self._form.num_classes is None:
            return condition, _all_true(tf.math.is_finite(condition))
        return condition, (condition >= 0) & (condition < self._form.num_classes)


def _check_same_rows(inputs: dict[str, tf.Tensor]) -> None:
    # Without it one row of one input would be broadcast to all rows of another, in silence.
    counts = {name: tf.shape(value)[0] for name, value in inputs.items()}
    for name, count in list(counts.items())[1:]:
        first = next(iter(counts))
        message = f"`{name}` must have as many rows as `{first}`."
        tf.debugging.assert_equal(count, counts[first], message)


def _all_true(good: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(good, axis=list(range(1, good.shape.rank)))


def _beside(rows: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns rows [..., N] with axes of size 1 to broadcast against values [..., N, *event]."""
    for _ in range(values.shape.rank - rows.shape.rank):
        rows = rows[..., None]
    return rows


def _or_nan(good: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    nan = tf.constant(math.nan, values.dtype)
    return tf.where(_beside(good, values), values, nan)
