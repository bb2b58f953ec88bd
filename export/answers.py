"""The functions behind the signatures of a served model."""

import math

import numpy as np
import tensorflow as tf

from tfflows import threefry
from zoo import FlowModel
from zoo.flow_model import EVALUATION
from zoo.units import bits_per_dim

Answer = dict[str, tf.Tensor]


class Answers:
    """The functions behind the signatures, made for graphs.

    Where the model raises, a graph cannot: a row that the model would refuse (NaN, pixels out of
    range, an unknown class, a negative temperature) is answered by NaN, and harms no other row.

    Args:
        model: the model that answers.
    """

    def __init__(self, model: FlowModel) -> None:
        """Takes the model."""
        self._model = model
        self._form = model.form

    def log_prob(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the log density [N] in nats of real data x [N, *event] in its own units."""
        density = self._model.log_prob(x, condition)
        return {"log_prob": where(self._possible(x) & self._known(condition), density)}

    def bits_per_dim(
        self, x: tf.Tensor, seed: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Answer:
        """Answers the bound [N] of images x [N, *event] of whole numbers, noise by seeds [N]."""
        y, log_q = self._noisy(x, seed)
        bound = self._model.log_prob(y, condition) - log_q
        bits = bits_per_dim(bound, math.prod(self._form.event_shape))
        return {"bits_per_dim": where(self._possible(x) & self._known(condition), bits)}

    def encode(self, x: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the latents [N, *event] of data x [N, *event]."""
        z = self._model.encode(x, condition)
        return {"z": where(self._possible(x) & self._known(condition), z)}

    def decode(self, z: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the data [N, *event] of latents z [N, *event]."""
        x = self._model.decode(z, condition)
        return {"x": where(_finite(z) & self._known(condition), x)}

    def sample(self, num: tf.Tensor, seed: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers `num` samples, row i by (seed, i): [num, *event], or [num, N, *event] given N.

        Not row by row: the one signature that takes scalars.
        """
        enough = tf.debugging.assert_non_negative(num, "`num` must be at least 0.")
        with tf.control_dependencies([enough] if enough is not None else []):
            num = tf.identity(num)
        x = self._model.sample(num, seed, condition=condition)
        return {"x": x if condition is None else where(self._known(condition)[None], x)}

    def sample_rows(
        self, seed: tf.Tensor, temperature: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Answer:
        """Answers a sample [*event] for each seed: (s, i) gives row i of the `sample` of seed s.

        Args:
            seed: int32 [N, 2].
            temperature: factors [N] of the latents' standard deviation, at least 0.
            condition: class numbers [N] or vectors [N, K] of a conditional model.
        """
        words = tf.cast(seed, tf.uint32)
        key, counter = (tf.pad(words[:, i : i + 1], [[0, 0], [0, 1]]) for i in range(2))
        noise = threefry.normal(
            threefry.block(key, counter), self._form.event_shape, self._form.dtype
        )
        x = self._model.decode(_beside(temperature, noise) * noise, condition)
        good = (temperature >= 0) & tf.math.is_finite(temperature) & self._known(condition)
        return {"x": where(good, self._clipped(x))}

    def _clipped(self, x: tf.Tensor) -> tf.Tensor:
        """Clips images as `FlowModel.sample` does."""
        if self._form.levels is None:
            return x
        below = np.nextafter(np.asarray(self._form.levels, self._form.dtype), 0)
        return tf.clip_by_value(x, 0.0, below)

    def _noisy(self, x: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Adds the model's own noise, each row's by its own seed, to all rows at once."""

        def one(row: tuple[tf.Tensor, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
            y, log_q = self._model._noise(row[0][None], tf.stack([row[1], EVALUATION]))
            return y[0], log_q[0]

        return tf.vectorized_map(one, (x, seed), fallback_to_while_loop=False)

    def _possible(self, x: tf.Tensor) -> tf.Tensor:
        """Tells which rows [N] are data that the model takes."""
        levels = self._form.levels
        if levels is None:
            return _finite(x)
        most = levels if x.dtype.is_floating else levels - 1
        x = tf.cast(x, self._form.dtype)
        return _all_true((x >= 0) & (x <= most))

    def _known(self, condition: tf.Tensor | None) -> tf.Tensor:
        """Tells which rows of the condition are possible; without one, that all are."""
        if condition is None:
            return tf.constant(value=True)
        if self._form.num_classes is None:
            return _finite(condition)
        return (condition >= 0) & (condition < self._form.num_classes)


def _finite(x: tf.Tensor) -> tf.Tensor:
    return _all_true(tf.math.is_finite(x))


def _all_true(good: tf.Tensor) -> tf.Tensor:
    return tf.reduce_all(good, axis=list(range(1, good.shape.rank)))


def _beside(rows: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns rows [..., N] with axes of size 1 to broadcast against values [..., N, *event]."""
    for _ in range(values.shape.rank - rows.shape.rank):
        rows = tf.expand_dims(rows, -1)
    return rows


def where(good: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Returns the values [..., N, *event], with NaN for the rows that are not good."""
    return tf.where(_beside(good, values), values, tf.constant(math.nan, values.dtype))
