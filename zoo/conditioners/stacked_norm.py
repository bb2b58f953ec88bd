"""Normalisations of several activations of equal width, whose parameters share one stack."""

import keras
import tensorflow as tf

from zoo.conditioners.network import Network

EPSILON = 1e-5
MOMENTUM = 0.95
"""Weight of the old running statistics at each step; 0.99 lags behind the weights of short fits."""

Moments = tuple[tf.Tensor, ...]
"""(mean, variance) of a batch by channel, or nothing where no statistics are kept."""


class StackedShift(Network):
    """Adds a learned offset per channel: y = x + offset.

    Args:
        count: number of activations, the rows of the stack.
        channels: channels of each activation.
        name: the layer's name.
        dtype: dtype policy of the weights.
    """

    def __init__(
        self, count: int, channels: int, *, name: str, dtype: str | keras.DTypePolicy
    ) -> None:
        super().__init__(condition_dim=0, seed=0, name=name, dtype=dtype)
        self.offset = self.constant("offset", [count, channels])
        self.built = True

    def rows(self) -> list[tuple[tf.Tensor, ...]]:
        """Returns the parameters of each activation, unstacked once a call."""
        return [(offset,) for offset in tf.unstack(tf.convert_to_tensor(self.offset))]

    def normalize(
        self, x: tf.Tensor, row: tuple[tf.Tensor, ...], *, training: bool
    ) -> tuple[tf.Tensor, Moments]:
        """Returns `x` [B, H, W, C] with the row's offset added, and no moments."""
        del training
        return x + tf.cast(row[0], x.dtype), ()

    def update(self, moments: list[Moments], weight: tf.Tensor | float) -> None:
        """Does nothing: offsets keep no statistics."""


class StackedBatchNorm(Network):
    """Batch normalisation: y = gain (x - mean) / sqrt(variance + epsilon) + offset.

    Mean and variance are those of the batch in training, and running averages otherwise, so that
    one row's result is independent of the batch in everything but training. Each replica
    normalises by its own batch; the running averages are the mean over replicas.

    Args:
        count: number of activations, the rows of the stack.
        channels: channels of each activation.
        name: the layer's name.
        dtype: dtype policy of the weights.

    Reference:
        Ioffe and Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """

    def __init__(
        self, count: int, channels: int, *, name: str, dtype: str | keras.DTypePolicy
    ) -> None:
        super().__init__(condition_dim=0, seed=0, name=name, dtype=dtype)
        self.gain = self.constant("gain", [count, channels], 1.0)
        self.offset = self.constant("offset", [count, channels])
        self.mean = self._statistic("mean", [count, channels], 0.0)
        self.variance = self._statistic("variance", [count, channels], 1.0)
        self.built = True

    def _statistic(self, name: str, shape: list[int], value: float) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=tuple(shape),
            initializer=keras.initializers.Constant(value),
            trainable=False,
            autocast=False,
            aggregation="mean",
        )

    def rows(self) -> list[tuple[tf.Tensor, ...]]:
        """Returns the parameters of each activation, unstacked once a call."""
        stacks = (self.gain, self.offset, self.mean, self.variance)
        return list(zip(*(tf.unstack(tf.convert_to_tensor(s)) for s in stacks), strict=True))

    def normalize(
        self, x: tf.Tensor, row: tuple[tf.Tensor, ...], *, training: bool
    ) -> tuple[tf.Tensor, Moments]:
        """Returns `x` [B, H, W, C] normalised by a row, and the mean and variance used."""
        form = _plain if x.dtype == tf.float64 else _fused
        y, mean, variance = form(x, *row, training=training)
        return y, (mean, variance)

    def update(self, moments: list[Moments], weight: tf.Tensor | float) -> None:
        """Moves the running statistics towards the batch's.

        Args:
            moments: the batch's (mean, variance) of every row.
            weight: 1, or 0 for a batch without rows, which has no statistics.
        """
        rate = tf.cast((1.0 - MOMENTUM) * weight, self.variable_dtype)
        means, variances = zip(*moments, strict=True)
        for running, batch in ((self.mean, means), (self.variance, variances)):
            old = tf.convert_to_tensor(running)
            running.assign(old + rate * (tf.cast(tf.stack(batch), old.dtype) - old))


def _fused(
    x: tf.Tensor,
    gain: tf.Tensor,
    offset: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    *,
    training: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """TensorFlow's one-kernel batch norm, whose statistics are float32 for a bfloat16 input."""
    empty = tf.zeros([0], tf.float32)
    result = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=tf.cast(gain, tf.float32),
        offset=tf.cast(offset, tf.float32),
        mean=empty if training else tf.cast(mean, tf.float32),
        variance=empty if training else tf.cast(variance, tf.float32),
        epsilon=EPSILON,
        is_training=training,
    )
    return result.y, result.batch_mean, result.batch_variance


def _plain(
    x: tf.Tensor,
    gain: tf.Tensor,
    offset: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    *,
    training: bool,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The same in elementary operations, for float64, which the kernel does not take."""
    if not training:
        scale = gain * tf.math.rsqrt(variance + EPSILON)
        return (x - mean) * scale + offset, mean, variance
    mean, variance = tf.nn.moments(x, [0, 1, 2])
    y = (x - mean) * (gain * tf.math.rsqrt(variance + EPSILON)) + offset
    count = tf.cast(tf.size(x) // tf.shape(x)[-1], x.dtype)
    return y, mean, variance * count / tf.maximum(count - 1, 1)  # unbiased, as the kernel's
