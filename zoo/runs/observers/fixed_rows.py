"""The rows that a run looks at again and again while it trains."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfflows import UniformDequantization
from zoo.runs.data import Rows, by_number, count, first

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class FixedRows:
    """Rows of data in memory, always the same ones.

    Args:
        x: [N, *event] as the model is trained on them.
        real: [N, *event] as `encode` takes them: pixels with noise, always the same.
        condition: of each row, or None.
    """

    x: np.ndarray
    real: np.ndarray
    condition: np.ndarray | None

    @classmethod
    def of(cls, model: "FlowModel", rows: Rows, most: int) -> "FixedRows":
        """Returns the first rows, at most `most`."""
        number = min(most, count(rows))
        taken = by_number(first(rows, number)).gather(tf.range(number, dtype=tf.int64))
        real = tf.cast(taken["x"], model.form.dtype)
        if model.levels is not None:
            noise = UniformDequantization(dtype=model.form.dtype)
            real, _ = noise(taken["x"], tf.constant([model.spec.seed, -1]))
        condition = taken.get("condition")
        return cls(
            x=taken["x"].numpy(),
            real=np.asarray(real),
            condition=None if condition is None else np.asarray(condition),
        )

    @property
    def inputs(self) -> Any:
        """The rows as the model is called on them."""
        return self.x if self.condition is None else {"x": self.x, "condition": self.condition}
