"""The residual convolutional conditioner of RealNVP on images."""

import functools
import math
from typing import Any

import keras
import tensorflow as tf

from zoo.conditioners.network import Inputs, Network, check_at_least, one_row_at_least
from zoo.conditioners.stacked_norm import StackedBatchNorm, StackedShift

NORMALIZATIONS = {"batch": StackedBatchNorm, "none": StackedShift}


@keras.saving.register_keras_serializable("tfflows")
class ConvResNet(Network):
    """A pre-activation residual network on images that is zero at construction.

    h_0 = conv3x3(relu([n(x), -n(x)])),  h_k = h_{k-1} + conv3x3(relu(n(conv3x3(relu(n(h_{k-1}))))))
    output = conv1x1(relu(n(sum_k conv1x1_k(h_k)))),  n = batch norm, or a learned offset.

    The network is one layer whose identical blocks share stacked weights, and the 1 x 1 skips of
    all blocks are one convolution of the concatenation: a tenth of the variables, and graphs that
    start in seconds. A condition is projected once and added to h_0 and inside every block. The
    paper's weight normalisation is left out: nearly every convolution feeds a batch norm.

    Args:
        out_channels: channels of the output.
        in_channels: channels of the input.
        filters: feature maps.
        blocks: residual blocks.
        normalization: 'batch' (the paper's) or 'none' (offsets only, for small data).
        condition_dim: width of the condition; 0 takes none.
        seed: seed of the initial weights.
        name: the layer's name, part of the seed.
        dtype: dtype or policy; 'mixed_bfloat16' computes in bfloat16 in training.

    Raises:
        ValueError: for impossible sizes or an unknown normalization.

    Reference:
        Dinh et al. 2017, Density estimation using Real NVP, arXiv:1605.08803, section 4.1.
    """

    def __init__(
        self,
        out_channels: int,
        *,
        in_channels: int,
        filters: int,
        blocks: int,
        normalization: str = "batch",
        condition_dim: int = 0,
        seed: int,
        name: str,
        dtype: str | keras.DTypePolicy = "float32",
    ) -> None:
        super().__init__(condition_dim=condition_dim, seed=seed, name=name, dtype=dtype)
        check_at_least(
            1, out_channels=out_channels, in_channels=in_channels, filters=filters, blocks=blocks
        )
        if normalization not in NORMALIZATIONS:
            msg = f"`normalization` must be one of {[*NORMALIZATIONS]}; received {normalization!r}."
            raise ValueError(msg)
        self.out_channels, self.in_channels = out_channels, in_channels
        self.filters, self.blocks, self.normalization = filters, blocks, normalization
        self._add_weights(NORMALIZATIONS[normalization])
        self.built = True

    def _add_weights(self, norm: type[StackedBatchNorm] | type[StackedShift]) -> None:
        c, m, n = self.in_channels, self.filters, self.blocks
        he = math.sqrt(2 / (9 * m))
        self.in_norm = norm(1, c, name=f"{self.name}_in_norm", dtype=self.dtype_policy)
        self.norms = norm(2 * n + 1, m, name=f"{self.name}_norms", dtype=self.dtype_policy)
        self.in_kernel = self.normal("in_kernel", [3, 3, 2 * c, m], math.sqrt(1 / (9 * c)))
        # A block's share of the sum shrinks with their number, or deep sums would start large.
        self.block_kernels = self.normal("block_kernels", [2 * n, 3, 3, m, m], he / n**0.25)
        self.skip_kernel = self.normal(
            "skip_kernel", [1, 1, (n + 1) * m, m], math.sqrt(1 / ((n + 1) * m))
        )
        self.out_kernel = self.constant("out_kernel", [1, 1, m, self.out_channels])
        self.out_bias = self.constant("out_bias", [self.out_channels])
        if self.condition_dim:
            shape = [self.condition_dim, (n + 1) * m]
            self.projection = self.normal("projection", shape, self.condition_dim**-0.5)

    def call(self, inputs: Inputs, *, training: bool | None = None) -> tf.Tensor:
        """Runs the network.

        Args:
            inputs: x [B, H, W, in_channels], or [x, condition [B, condition_dim]].
            training: whether to normalise by the batch's statistics, to update the running ones,
                and to compute in the dtype that the policy has for computing.

        Returns:
            [B, H, W, out_channels] in the dtype of the weights.
        """
        x, condition = self.split_condition(inputs)
        if x.shape.rank != 4 or x.shape[-1] != self.in_channels:
            msg = f"`x` must be [B, H, W, {self.in_channels}]; received {x.shape}."
            raise ValueError(msg)
        rows = tf.shape(x)[0]
        weight = tf.cast(rows > 0, self.variable_dtype)
        y = self._run(one_row_at_least(x), condition, weight, training=bool(training))
        if not x.shape[0]:  # drops the row that stood in for an empty batch
            y = y[:rows]
        return tf.ensure_shape(y, [*x.shape[:-1], self.out_channels])

    def _run(
        self, x: tf.Tensor, condition: tf.Tensor | None, weight: tf.Tensor, *, training: bool
    ) -> tf.Tensor:
        """The network on a batch of at least one row; statistics move by `weight`, 1 or 0."""
        cast = functools.partial(self.cast, training=training)
        norms, moments = self.norms.rows(), []
        kernels = tf.unstack(cast(self.block_kernels))
        shifts = None if condition is None else self._project(condition, training=training)

        def shift(h: tf.Tensor, k: int) -> tf.Tensor:
            return h if shifts is None else h + shifts[k]

        def activate(h: tf.Tensor, row: int) -> tf.Tensor:
            h, seen = self.norms.normalize(h, norms[row], training=training)
            moments.append(seen)
            return tf.nn.relu(h)

        h = convolve(self._pairs(x, weight, training=training), cast(self.in_kernel))
        streams = [shift(h, 0)]
        for k in range(self.blocks):
            h = shift(convolve(activate(streams[k], 2 * k), kernels[2 * k]), k + 1)
            h = convolve(activate(h, 2 * k + 1), kernels[2 * k + 1])
            streams.append(streams[k] + h)
        h = convolve(tf.concat(streams, -1), cast(self.skip_kernel))
        y = convolve(activate(h, -1), cast(self.out_kernel))
        if training:
            self.norms.update(moments, weight)
        return tf.cast(y, self.variable_dtype) + tf.convert_to_tensor(self.out_bias)

    def _pairs(self, x: tf.Tensor, weight: tf.Tensor, *, training: bool) -> tf.Tensor:
        """relu([n(x), -n(x)]) [B, H, W, 2 in_channels]: both signs pass the first ReLU."""
        x = tf.cast(x, self.variable_dtype)  # normalised before it is rounded to bfloat16
        h, seen = self.in_norm.normalize(x, self.in_norm.rows()[0], training=training)
        if training:
            self.in_norm.update([seen], weight)
        return self.cast(tf.nn.relu(tf.concat([h, -h], -1)), training=training)

    def _project(self, condition: tf.Tensor, *, training: bool) -> list[tf.Tensor]:
        """The condition's share [B, 1, 1, filters] of the first sum and of each block."""
        cast = functools.partial(self.cast, training=training)
        condition = cast(one_row_at_least(condition))
        shares = tf.matmul(condition, cast(self.projection))[:, None, None]
        return tf.split(shares, self.blocks + 1, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        names = ("out_channels", "in_channels", "filters", "blocks", "normalization")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Convolves [B, H, W, C] with [k, k, C, D], the borders padded with zeros."""
    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME")
