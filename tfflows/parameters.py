"""Weights without a network."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable("tfflows")
class Parameters(keras.layers.Layer):
    """A call-less Keras layer that owns a bijector's weights, each an attribute by its name.

    Args:
        name: name of the layer, the weights' key in a file.
        dtype: dtype of floating point weights.
        trainable: whether the optimizer changes the trainable ones.
        owned: what `own` has added, as (name, shape, trainable, dtype); for `from_config`.
    """

    def __init__(
        self,
        name: str,
        dtype: Any = "float32",
        *,
        trainable: bool = True,
        owned: Sequence[Sequence[Any]] = (),
    ) -> None:
        """Makes a layer without weights, or with those of a config."""
        super().__init__(name=name, dtype=dtype, trainable=trainable, autocast=False)
        self.built = True
        self._owned: list[list[Any]] = []
        for weight, shape, trained, weight_dtype in owned:
            self.own(weight, np.zeros(shape), trainable=trained, dtype=weight_dtype)

    def own(
        self,
        name: str,
        value: Any,
        *,
        trainable: bool = True,
        dtype: str | None = None,
    ) -> "Parameters":
        """Adds the weight `name` with its initial value and returns the layer.

        Args:
            name: attribute and key of the weight.
            value: initial value, array-like.
            trainable: whether the optimizer changes it.
            dtype: dtype of the weight, by default the layer's.
        """
        value = np.asarray(value)
        weight = self.add_weight(
            shape=value.shape,
            initializer=lambda _, dtype: keras.ops.convert_to_tensor(value, dtype),
            trainable=trainable,
            dtype=dtype,
            name=name,
        )
        setattr(self, name, weight)
        self._owned.append([name, list(value.shape), trainable, dtype])
        return self

    def get_config(self) -> dict[str, Any]:
        """Returns what rebuilds the layer with weights of the same names and shapes."""
        return {
            **super().get_config(),
            "owned": [list(weight) for weight in self._owned],
        }
