"""Elementwise maps whose parameters a conditioner supplies: additive and affine."""

from typing import Protocol

import tensorflow as tf

from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters


class Transformer(Protocol):
    """What a coupling asks of the map that it applies to each element.

    `params` is [*B, *event[:-1], num_params * C]: blocks of C channels, a block a parameter. All
    elements are mapped alike, whatever their number: the parameters alone tell them apart.
    """

    num_params: int

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns y and log|dy/dx| of every element."""
        ...

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns x and log|dx/dy| of every element."""
        ...


class Additive(tf.Module):
    """The additive map of NICE: volume is kept.

        forward:  y = x + m
        inverse:  x = y - m,  log|dy/dx| = 0

    Reference: Dinh et al. 2015, NICE, arXiv:1410.8516, section 3.2.
    """

    num_params = 1

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns x + params and zeros."""
        return x + params, tf.zeros_like(x)

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns y - params and zeros."""
        return y - params, tf.zeros_like(y)


class LogScale(Protocol):
    """Turns a network's raw output into a bounded log-scale."""

    def __call__(self, raw: tf.Tensor) -> tf.Tensor:
        """Returns the log-scales of raw outputs, elementwise."""
        ...


class Affine(tf.Module):
    """The affine map of RealNVP with a bounded log-scale s = log_scale(h).

        forward:  y = x exp(s) + t
        inverse:  x = (y - t) exp(-s),  log|dy/dx| = s

    An unbounded exponential overflows at far inputs even before training, so the bound is part of
    the map: `ScaledTanh` (RealNVP) or `ShiftedSigmoid` (Glow).

    Args:
        log_scale: maps raw outputs to log-scales; by default `ScaledTanh()`.
        name: name of the module.

    Reference: Dinh et al. 2017, arXiv:1605.08803, equations 7 and 8.
    """

    num_params = 2

    def __init__(self, log_scale: LogScale | None = None, name: str | None = None) -> None:
        """Keeps the bound."""
        super().__init__(name=name)
        self.log_scale: LogScale = ScaledTanh() if log_scale is None else log_scale

    def forward_and_log_det(self, x: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns x exp(s) + t and s, with (t, h) the two blocks of `params`."""
        shift, log_scale = self._unpack(params)
        return x * tf.exp(log_scale) + shift, log_scale

    def inverse_and_log_det(self, y: tf.Tensor, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns (y - t) exp(-s) and -s, with (t, h) the two blocks of `params`."""
        shift, log_scale = self._unpack(params)
        return (y - shift) * tf.exp(-log_scale), -log_scale

    def _unpack(self, params: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shift, raw = tf.split(params, 2, axis=-1)
        return shift, self.log_scale(raw)


class ScaledTanh(tf.Module):
    """The log-scale s = a tanh(h / a_0) with one learned scalar a, which starts at a_0.

    Args:
        bound: a_0, the bound on |s| at the start.
        state: the learned scalar, by default a new one.
        name: name of the scalar's layer, its key in weights files.
        dtype: dtype of the scalar.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 4.1 ("tanh ... learned scale").
    """

    def __init__(
        self,
        bound: float = 2.0,
        *,
        state: KerasModule | None = None,
        name: str = "scaled_tanh",
        dtype: str = "float32",
    ) -> None:
        """Makes the scalar."""
        if not bound > 0:
            msg = f"`bound` must be positive; received {bound}."
            raise ValueError(msg)
        super().__init__(name=name)
        self._bound = bound
        self._state = state or KerasModule(Parameters(name, dtype).own("scale", bound))

    def __call__(self, raw: tf.Tensor) -> tf.Tensor:
        """Returns a tanh(h / a_0)."""
        return tf.cast(self._state.layer.scale, raw.dtype) * tf.tanh(raw / self._bound)


class ShiftedSigmoid(tf.Module):
    """Glow's scale: encoding multiplies by e + (1 - e) sigmoid(h + 2), so s = -log of that.

    Args:
        floor: e, the least factor; it keeps decoding finite where the network saturates.
        name: name of the module.

    Reference: Kingma and Dhariwal 2018, Glow, arXiv:1807.03039, table 1 and released code.
    """

    def __init__(self, floor: float = 1e-3, name: str | None = None) -> None:
        """Keeps the floor."""
        if not 0 < floor < 1:
            msg = f"`floor` must be between 0 and 1; received {floor}."
            raise ValueError(msg)
        super().__init__(name=name)
        self._floor = floor

    def __call__(self, raw: tf.Tensor) -> tf.Tensor:
        """Returns -log(e + (1 - e) sigmoid(h + 2))."""
        return -tf.math.log(self._floor + (1.0 - self._floor) * tf.sigmoid(raw + 2.0))
