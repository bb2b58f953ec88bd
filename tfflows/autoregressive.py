"""Autoregressive flows: each variable moves as those before it decide."""

import functools
from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfflows import conditioning, jacobi
from tfflows.bijector import Bijector
from tfflows.keras_module import KerasModule
from tfflows.transformer import Transformer


class Autoregressive(Bijector):
    """An autoregression: a masked network and an elementwise transformer f, over vectors.

        inverse:  x_i = f^-1(y_i; network(y)_i), one pass
        forward:  y_i = f(x_i; network(y)_i), one variable after another
        log|det dy/dx| = sum over i of log|f'(x_i; network(y)_i)|

    Densities of data are one pass (a masked autoregressive flow, MAF); samples are sequential.
    `tfb.Invert(Autoregressive(...))` is an inverse autoregressive flow, IAF: samples, and densities
    of samples, are one pass, and densities of data are sequential.

    The sequential direction is the network's own where it has one, a method `solved` as of `MADE`,
    which computes each hidden unit once, as soon as the variables that it sees are known. With any
    other network it repeats y <- f(x; network(y)) for all variables at once until nothing moves:
    after k passes k variables are exact, so D passes always suffice, in any order of the variables,
    and mostly a few do. Its gradients are those of the solution, however it was found, and take no
    pass on the way to memory.

    The network must be autoregressive, in whatever order: its i-th outputs may depend on variables
    before the i-th alone. `zoo.conditioners.made.MADE` is one; another network's log-dets would be
    wrong, without an error.

    Args:
        conditioner: a built Keras layer, from [B, D], or [B, D] and a condition [B, K], to
            [B, transformer.num_params * D], blocks of D, a block a parameter.
        transformer: `Affine`, `RationalQuadratic` or another `Transformer`.
        variables: D.
        conditional: whether the network takes a condition as a second input.
        condition: the condition [*B, K]; users call `condition_on`.
        name: name of the bijector.

    Raises:
        ValueError: for less than one variable, or an unbuilt network.

    Reference: Papamakarios et al. 2017, arXiv:1705.07057, section 3; Kingma et al. 2016,
    arXiv:1606.04934, section 3; Song et al. 2021, arXiv:2002.03629 (Jacobi's iteration).
    """

    def __init__(
        self,
        conditioner: keras.layers.Layer | KerasModule,
        transformer: Transformer,
        *,
        variables: int,
        conditional: bool = False,
        condition: Any = None,
        name: str = "autoregressive",
    ) -> None:
        """Puts the parts together."""
        if variables < 1:
            msg = f"`variables` must be at least 1; received {variables}."
            raise ValueError(msg)
        conditioner = KerasModule.wrap(conditioner)
        condition = conditioning.checked(
            condition, conditional=conditional, kind="an autoregression"
        )
        self._event_sizes = (variables,)
        self._conditioner = conditioner
        self._transformer = transformer
        self._conditional = conditional
        self._condition = condition
        super().__init__(
            forward_min_event_ndims=1,
            parameters={
                "conditioner": conditioner,
                "transformer": transformer,
                "variables": variables,
                "conditional": conditional,
                "condition": condition,
                "name": name,
            },
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: int | None = None) -> dict[str, Any]:
        return {"condition": tfp.util.ParameterProperties(event_ndims=1)}

    @property
    def conditional(self) -> bool:
        """Whether the network takes a condition."""
        return self._conditional

    @property
    def condition(self) -> tf.Tensor | None:
        """The condition that this autoregression is bound to, or None."""
        return self._condition

    def _condition_on(self, condition: Any) -> Self:
        return self.copy(condition=condition)

    def _forward_and_log_det(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = self._widened(x)
        constant = tf.stop_gradient(x)
        own = getattr(self._conditioner.layer, "solved", None)
        y = self._repeated(constant) if own is None else self._one_by_one(own, constant)
        return jacobi.attached(self._latents, x, y)

    def _repeated(self, x: tf.Tensor) -> tf.Tensor:
        def step(y: tf.Tensor) -> tf.Tensor:
            return self._transformer.forward_and_log_det(x, self._params(y))[0]

        return jacobi.fixed_point(step, x)

    def _one_by_one(self, solved: Callable[..., tf.Tensor], x: tf.Tensor) -> tf.Tensor:
        def transform(x: tf.Tensor, params: tf.Tensor) -> tf.Tensor:
            return self._transformer.forward_and_log_det(x, params)[0]

        solve = functools.partial(solved, transform)
        y = self._conditioner.by_rows(solve, x, self._condition, event_ndims=1)
        return jacobi.whole_rows(y)

    def _inverse_and_log_det(self, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        y = self._widened(y)
        x, log_dets = self._latents(y, y)
        return x, tf.reduce_sum(log_dets, axis=-1)

    def _latents(self, y: tf.Tensor, seen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self._transformer.inverse_and_log_det(y, self._params(seen))

    def _params(self, seen: tf.Tensor) -> tf.Tensor:
        return conditioning.network_params(
            self._conditioner,
            seen,
            self._condition,
            event_ndims=1,
            channels=seen.shape[-1],
            num_params=self._transformer.num_params,
        )

    def _widened(self, x: tf.Tensor) -> tf.Tensor:
        if not self._conditional:
            return x
        return conditioning.widened(x, self._condition, event_ndims=1, name=self.name)
