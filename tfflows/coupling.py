"""Coupling layers: what the mask lets pass decides how the rest moves."""

from typing import Any, Self

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfflows import conditioning
from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.partition import partition
from tfflows.transformer import Transformer


class Coupling(Bijector):
    """A coupling layer of a mask b, a conditioner network and an elementwise transformer f.

        forward:  y = b x + (1 - b) f(x; network(b x))
        inverse:  x = b y + (1 - b) f^-1(y; network(b y))
        log|det dy/dx| = sum over the elements with b = 0 of log|f'(x; network(b x))|

    The mask's rank is the event's rank, and its axes of size 1 fit any size: [D] for vectors,
    [H, W, 1] or [1, 1, C] for images. Where it divides one axis evenly the network gets the half
    that passes (size C / 2) and returns parameters for the half that moves
    (C / 2 * transformer.num_params in the last axis); otherwise it gets the whole event with zeros
    and returns C * transformer.num_params.

    Args:
        mask: boolean array, True passes unchanged and conditions; see `tfflows.masks`.
        conditioner: a built Keras layer, called as layer(x) or, if conditional, layer([x, c]).
        transformer: `Additive`, `Affine` or another `Transformer`.
        conditional: whether the network takes a condition c as a second input.
        condition: the condition [*B, K]; users call `condition_on`.
        name: name of the bijector.

    Raises:
        ValueError: for a mask that is constant or not boolean, or an unbuilt network.

    Reference: Dinh et al. 2017, arXiv:1605.08803, equation 9; Dinh et al. 2015, arXiv:1410.8516.
    """

    def __init__(
        self,
        mask: np.ndarray,
        conditioner: keras.layers.Layer | KerasModule,
        transformer: Transformer,
        *,
        conditional: bool = False,
        condition: Any = None,
        name: str = "coupling",
    ) -> None:
        """Puts the three parts together."""
        mask = _checked(mask)
        conditioner = KerasModule.wrap(conditioner)
        condition = conditioning.checked(condition, conditional=conditional, kind="a coupling")
        parameters = {
            "mask": mask,
            "conditioner": conditioner,
            "transformer": transformer,
            "conditional": conditional,
            "condition": condition,
            "name": name,
        }
        self._mask = mask
        self._event_sizes = tuple(None if size == 1 else size for size in mask.shape)
        self._partition = partition(mask)
        self._conditioner = conditioner
        self._transformer = transformer
        self._conditional = conditional
        self._condition = condition
        super().__init__(forward_min_event_ndims=mask.ndim, parameters=parameters, name=name)

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"condition": tfp.util.ParameterProperties(event_ndims=1)}

    @property
    def mask(self) -> np.ndarray:
        """The mask, True where the value passes unchanged."""
        return self._mask

    @property
    def conditional(self) -> bool:
        """Whether the network takes a condition."""
        return self._conditional

    @property
    def condition(self) -> tf.Tensor | None:
        """The condition that this coupling is bound to, or None."""
        return self._condition

    def _condition_on(self, condition: Any) -> Self:
        return self.copy(condition=condition)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = self._widened(x)
        passed, moved = self._partition.split(x)
        params = self._params(passed, moved)
        return self._merged(passed, *self._transformer.forward_and_log_det(moved, params))

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        y = self._widened(y)
        passed, moved = self._partition.split(y)
        params = self._params(passed, moved)
        return self._merged(passed, *self._transformer.inverse_and_log_det(moved, params))

    def _merged(
        self, passed: tf.Tensor, moved: tf.Tensor, log_det: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        axes = list(range(-self._mask.ndim, 0))
        total = tf.reduce_sum(self._partition.moving(log_det), axis=axes)
        return self._partition.merge(passed, moved), total

    def _params(self, passed: tf.Tensor, moved: tf.Tensor) -> tf.Tensor:
        return conditioning.network_params(
            self._conditioner,
            passed,
            self._condition,
            event_ndims=self._mask.ndim,
            channels=moved.shape[-1],
            num_params=self._transformer.num_params,
        )

    def _widened(self, x: tf.Tensor) -> tf.Tensor:
        if not self._conditional:
            return x
        return conditioning.widened(x, self._condition, event_ndims=self._mask.ndim, name=self.name)


def _checked(mask: np.ndarray) -> np.ndarray:
    mask = np.asarray(mask)
    if mask.dtype != bool or mask.ndim == 0:
        msg = f"`mask` must be a boolean array; received dtype {mask.dtype}, shape {mask.shape}."
        raise ValueError(msg)
    if mask.all() or not mask.any():
        msg = f"`mask` must pass some elements and move others; all are {mask.flat[0]}."
        raise ValueError(msg)
    return mask
