"""Dequantization: noise that turns whole numbers into real ones, with its log density."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from tfflows import threefry


@keras.saving.register_keras_serializable(package="tfflows")
class UniformDequantization(keras.layers.Layer):
    """Adds uniform noise to whole numbers, so that a continuous density bounds their probability.

        y = x + u,  u in (0, 1)^event,  log q(u | x) = 0;    x = floor(y)
        log P(x) >= E[log p(y) - log q(u | x)]

    The noise of a row is a function of its content, the seed and the step: it depends on no batch,
    replica or order, and a resumed run repeats it. The layer has no weights and keeps no state.
    For x in 0, ..., 255 the sum is exact in float32 and below x + 1; finer data need float64.

    Args:
        name: name of the layer.
        dtype: dtype or policy; y has its variable dtype, float32 or float64.

    Reference: Theis, van den Oord and Bethge, "A note on the evaluation of generative models"
    (ICLR 2016), section 3.1.
    """

    def __init__(
        self,
        name: str = "uniform_dequantization",
        dtype: str | keras.DTypePolicy | None = None,
    ) -> None:
        # Without autocast, or a half-precision policy would round the data before the noise.
        super().__init__(name=name, dtype=dtype, autocast=False)
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"`dtype` must be float32 or float64; received {self.dtype}.")
        self.built = True

    def call(self, x: tf.Tensor, seed: tf.Tensor | Sequence[int]) -> tuple[tf.Tensor, tf.Tensor]:
        """Draws the noise.

        Args:
            x: [B, *event], integers of any dtype, or floats that hold whole numbers; B may be
                unknown.
            seed: integers [2], (seed, step).

        Returns:
            (y, log_q): x + u, [B, *event], and the log density of u in nats, zeros [B].
        """
        keys = threefry.row_keys(x, seed)
        y = tf.cast(x, self.dtype) + threefry.uniform(keys, x.shape[1:], self.dtype)
        return y, tf.zeros(tf.shape(x)[:1], self.dtype)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        config = super().get_config()
        return {"name": config["name"], "dtype": config["dtype"]}
