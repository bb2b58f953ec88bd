"""Multiscale splits that keep the shape of the event."""

from typing import Any, Self

import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb

from tfflows import foreign
from tfflows.bijector import Bijector


class FactorOut(Bijector):
    """Transforms the first channels by an inner bijector and lets the others pass.

        forward:  y = [inner(x_1), x_2],  x_1 the first `keep` channels
        inverse:  x = [inner^-1(y_1), y_2]
        log|det J| = that of `inner` at its part

    Seen from the data, the channels of y_2 leave the flow here ("factored out") and are scored by
    the base distribution; the event keeps its shape, so the base is one distribution over it. An
    inner flow that squeezes must unsqueeze: Chain([Squeeze(), *steps, tfb.Invert(Squeeze())]).

    Args:
        inner: bijector that keeps the shape of its event [..., keep].
        keep: number of channels that go on, by default half of them.
        name: name of the bijector.

    Raises:
        ValueError: for `keep` below 1 or, at call, not below the number of channels.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.6, equations 13 to 16.
    """

    def __init__(
        self, inner: tfb.Bijector, keep: int | None = None, name: str = "factor_out"
    ) -> None:
        """Keeps the inner bijector."""
        parameters = {"inner": inner, "keep": keep, "name": name}
        foreign.check_part("inner", inner)
        if keep is not None and keep < 1:
            msg = f"`keep` must be at least 1; received {keep}."
            raise ValueError(msg)
        self._inner = inner
        self._keep = keep
        super().__init__(
            forward_min_event_ndims=max(1, inner.forward_min_event_ndims),
            parameters=parameters,
            name=name,
        )

    @property
    def inner(self) -> tfb.Bijector:
        """The bijector of the channels that go on."""
        return self._inner

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {
            "inner": tfp.util.BatchedComponentProperties(event_ndims=lambda self, ndims: ndims)  # noqa: ARG005
        }

    @property
    def conditional(self) -> bool:
        """Whether the inner bijector needs a condition."""
        return foreign.conditional(self._inner)

    def _condition_on(self, condition: Any) -> Self:
        return self.copy(inner=foreign.condition_on(self._inner, condition))

    def initialize(self, y: Any) -> tf.Tensor:
        """Initialises the inner bijector on its channels."""
        going, leaving = self._split(tf.convert_to_tensor(y))
        return tf.concat([foreign.initialize(self._inner, going), leaving], axis=-1)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        going, leaving = self._split(x)
        moved, log_det = foreign.forward_and_log_det(
            self._inner, going, self.forward_min_event_ndims
        )
        return self._joined(moved, going, leaving), log_det

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        going, leaving = self._split(y)
        moved, log_det = foreign.inverse_and_log_det(
            self._inner, going, self.forward_min_event_ndims
        )
        return self._joined(moved, going, leaving), log_det

    def _split(self, value: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        channels = value.shape[-1]
        keep = channels // 2 if self._keep is None and channels else self._keep
        if channels is None or keep is None or not 1 <= keep < channels:
            msg = f"`keep` must be in 1..C - 1 of C = {channels} channels; received {keep}."
            raise ValueError(msg)
        going, leaving = tf.split(value, [keep, channels - keep], axis=-1)
        return going, leaving

    def _joined(self, moved: tf.Tensor, going: tf.Tensor, leaving: tf.Tensor) -> tf.Tensor:
        ndims = self.forward_min_event_ndims
        before, after = (v.shape[v.shape.rank - ndims :] for v in (going, moved))
        if not after.is_compatible_with(before):
            msg = f"`inner` must keep the shape of its event; it makes {after} of {before}."
            raise ValueError(msg)
        if moved.shape.rank != leaving.shape.rank or not _same_batch(moved, leaving):
            batch = tf.shape(moved)[:-1]
            leaving = tf.broadcast_to(leaving, tf.concat([batch, tf.shape(leaving)[-1:]], 0))
        return tf.concat([moved, leaving], axis=-1)


def _same_batch(moved: tf.Tensor, leaving: tf.Tensor) -> bool:
    batch = moved.shape[:-1]
    return batch.is_fully_defined() and batch == leaving.shape[:-1]
