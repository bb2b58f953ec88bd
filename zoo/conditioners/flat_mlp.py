"""A dense conditioner for images: the pixels as one vector."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from zoo.conditioners.mlp import MLP


@keras.saving.register_keras_serializable("tfflows")
class FlatMLP(keras.layers.Layer):
    """An `MLP` between images: [B, H, W, C] -> vectors -> [B, H, W, D].

    Args:
        out_channels: D, channels of the output.
        image_shape: (H, W, C) of the input.
        units: hidden units.
        layers: hidden layers.
        condition_dim: width of the condition; 0 takes none.
        seed: seed of the initial weights.
        name: the layer's name, part of the seed.
        dtype: dtype or policy; 'mixed_bfloat16' computes in bfloat16 in training.
    """

    def __init__(
        self,
        out_channels: int,
        *,
        image_shape: Sequence[int],
        units: int,
        layers: int,
        condition_dim: int = 0,
        seed: int,
        name: str,
        dtype: str | keras.DTypePolicy = "float32",
    ) -> None:
        super().__init__(name=name, dtype=dtype, autocast=False)
        self.image_shape = tuple(image_shape)
        self.out_shape = (*self.image_shape[:-1], out_channels)
        self.mlp = MLP(
            math.prod(self.out_shape),
            in_features=math.prod(self.image_shape),
            units=units,
            layers=layers,
            condition_dim=condition_dim,
            seed=seed,
            name=f"{name}_mlp",
            dtype=dtype,
        )
        self.built = True

    def call(
        self, inputs: tf.Tensor | Sequence[tf.Tensor], *, training: bool | None = None
    ) -> tf.Tensor:
        """Runs the network.

        Args:
            inputs: x [B, H, W, C], or [x, condition [B, condition_dim]].
            training: whether to compute in the dtype that the policy has for computing.

        Returns:
            [B, H, W, out_channels] in the dtype of the weights.
        """
        x, *condition = inputs if isinstance(inputs, list | tuple) else [inputs]
        flat = tf.reshape(x, [-1, math.prod(self.image_shape)])
        out = self.mlp([flat, *condition] if condition else flat, training=training)
        return tf.reshape(out, [-1, *self.out_shape])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        mlp = self.mlp.get_config()
        shared = {key: mlp[key] for key in ("units", "layers", "condition_dim", "seed")}
        own = {"out_channels": self.out_shape[-1], "image_shape": list(self.image_shape)}
        return {"name": self.name, "dtype": mlp["dtype"], **shared, **own}
