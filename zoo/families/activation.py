"""Deep chains of learned affine maps and activations of the line: config to flow."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb

from tfflows import (
    Bijector,
    Chain,
    Elementwise,
    KerasModule,
    LeakyReLU,
    Parameters,
    SigmoidPower,
    Standardize,
    TanhStep,
)
from zoo.families.elementwise import affine, check, learned
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.activation import ActivationConfig


def build(config: ActivationConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: affine maps and activations in turn, affine ones at both ends.

    The flow starts as the identity of standardised data. Between its ends the data are magnified,
    because activations are about one wide and modes are less. The activations bend at different
    points, drawn with the seed; with all of them at one point they would stay alike.

    Args:
        config: the architecture.
        seed: seed of those points and of the network of a condition.
        dtype: 'float32', 'float64', or 'mixed_bfloat16', which is float32 here: no large networks.

    Raises:
        ValueError: for an impossible shape, number of layers or activation.

    Reference: Kobyzev et al. 2021, arXiv:1908.09257, sections 3.1 and 3.2.
    """
    check(config.event_shape, config.layers)
    kinds = [config.activation] if config.activation != "mixed" else list(ACTIVATIONS)
    if not set(kinds) <= set(ACTIVATIONS):
        known = sorted([*ACTIVATIONS, "mixed"])
        msg = f"`activation` must be one of {known}; received {config.activation!r}."
        raise ValueError(msg)
    dtype = VARIABLE_DTYPES[dtype]
    (size,) = config.event_shape
    points = MAGNIFIED * np.random.default_rng(seed).normal(size=(config.layers, size))
    shifts = np.diff(points, axis=0, prepend=0.0, append=0.0)
    parts: list[tfb.Bijector] = [
        Standardize(size, name="standardize", dtype=dtype),
        _scale(1.0 / MAGNIFIED, dtype),
    ]
    for k in range(config.layers):
        activation = ACTIVATIONS[kinds[k % len(kinds)]]
        parts.append(_shifted(config, k, shifts[k], seed=seed, dtype=dtype))
        parts.append(activation(config, f"activation{k}", seed, dtype))
    last = _shifted(config, config.layers, shifts[-1], seed=seed, dtype=dtype)
    return Chain([*parts, last, _scale(MAGNIFIED, dtype)])


MAGNIFIED = 3.0


def _scale(factor: float, dtype: str) -> tfb.Bijector:
    return tfb.Scale(tf.constant(factor, dtype))


def _shifted(
    config: ActivationConfig, k: int, shift: np.ndarray, *, seed: int, dtype: str
) -> Elementwise:
    """Returns a learned affine map that starts as a shift."""
    name = f"affine{k}"
    params = np.concatenate([shift, np.zeros_like(shift)])
    state = KerasModule(Parameters(name, dtype).own("params", params))
    return learned(affine(name, dtype), config, name, seed=seed, dtype=dtype, state=state)


def _leaky_relu(config: ActivationConfig, name: str, seed: int, dtype: str) -> Bijector:
    return LeakyReLU(*config.event_shape, slope=1.0, name=name, dtype=dtype)


def _tanh(config: ActivationConfig, name: str, seed: int, dtype: str) -> Bijector:
    return learned(TanhStep(), config, name, seed=seed, dtype=dtype)


def _sigmoid(config: ActivationConfig, name: str, seed: int, dtype: str) -> Bijector:
    return learned(SigmoidPower(), config, name, seed=seed, dtype=dtype)


ACTIVATIONS: dict[str, Callable[[ActivationConfig, str, int, str], Bijector]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "leaky_relu": _leaky_relu,
}
"""What makes an activation, by its name in a config; 'mixed' takes them in turn."""
