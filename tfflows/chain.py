"""Composition of bijectors, ours and TFP's."""

from collections.abc import Sequence
from typing import Any, Self

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

from tfflows import foreign
from tfflows.bijector import Bijector


class Chain(Bijector):
    """The composition of bijectors, listed from the data to the latent side, as in `tfb.Chain`.

        forward:  y = b_1(b_2(...b_n(x)))
        inverse:  x = b_n^-1(...b_2^-1(b_1^-1(y)))
        log|det J| is the sum of the parts' log-dets.

    Unlike `tfb.Chain` it folds value and log-det in one pass, hands a condition to every
    conditional part, and initialises its parts from data.

    Args:
        bijectors: `tfflows` or TFP bijectors that keep the rank of the event.
        name: name of the bijector.

    Raises:
        ValueError: if a part changes the rank of the event.
        TypeError: if a part is no bijector.
    """

    def __init__(self, bijectors: Sequence[tfb.Bijector], name: str = "chain") -> None:
        """Composes the bijectors."""
        bijectors = list(bijectors)
        parameters = {"bijectors": bijectors, "name": name}
        for part in bijectors:
            foreign.check_part("bijectors", part)
        self._bijectors = bijectors
        super().__init__(
            forward_min_event_ndims=max((b.forward_min_event_ndims for b in bijectors), default=0),
            parameters=parameters,
            name=name,
        )

    @property
    def bijectors(self) -> list[tfb.Bijector]:
        """The parts, from the data to the latent side."""
        return self._bijectors

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {
            "bijectors": tfp.util.BatchedComponentProperties(
                event_ndims=lambda self, ndims: [ndims] * len(self.bijectors)
            )
        }

    @property
    def conditional(self) -> bool:
        """Whether some part needs a condition."""
        return any(foreign.conditional(part) for part in self._bijectors)

    def _condition_on(self, condition: Any) -> Self:
        bound = [foreign.condition_on(part, condition) for part in self._bijectors]
        return self.copy(bijectors=bound)

    def initialize(self, y: Any) -> tf.Tensor:
        """Initialises the parts in turn, each on what the parts before it make of the data."""
        for part in self._bijectors:
            y = foreign.initialize(part, y)
        return y

    def _is_increasing(self, **kwargs: Any) -> tf.Tensor:
        # What TFP's `cdf` and `quantile` of numbers ask; a part over vectors raises.
        result = tf.constant(True)  # noqa: FBT003
        for part in self._bijectors:
            result = tf.equal(result, part._internal_is_increasing())
        return result

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        total = tf.zeros([], x.dtype)
        for part in reversed(self._bijectors):
            x, log_det = foreign.forward_and_log_det(part, x, self.forward_min_event_ndims)
            total += log_det
        return x, total

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        total = tf.zeros([], y.dtype)
        for part in self._bijectors:
            y, log_det = foreign.inverse_and_log_det(part, y, self.forward_min_event_ndims)
            total += log_det
        return y, total

    def _forward_event_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        for part in reversed(self._bijectors):
            input_shape = part.forward_event_shape(input_shape)
        return input_shape

    def _inverse_event_shape(self, output_shape: tf.TensorShape) -> tf.TensorShape:
        for part in self._bijectors:
            output_shape = part.inverse_event_shape(output_shape)
        return output_shape

    def _forward_event_shape_tensor(self, input_shape: tf.Tensor) -> tf.Tensor:
        for part in reversed(self._bijectors):
            input_shape = part.forward_event_shape_tensor(input_shape)
        return input_shape

    def _inverse_event_shape_tensor(self, output_shape: tf.Tensor) -> tf.Tensor:
        for part in self._bijectors:
            output_shape = part.inverse_event_shape_tensor(output_shape)
        return output_shape
