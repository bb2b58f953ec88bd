"""Masked autoregressive flows over real vectors: config to flow."""

from collections.abc import Callable

from tfflows import (
    ActNorm,
    Affine,
    Autoregressive,
    BatchNorm,
    Bijector,
    Chain,
    MixtureCDF,
    RationalQuadratic,
    ScaledTanh,
    Standardize,
    Transformer,
)
from zoo.conditioners.made import MADE
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.maf import MAFConfig

NORMS = {"actnorm": ActNorm, "batchnorm": BatchNorm}


def build(config: MAFConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: standardisation, then autoregressions in alternating order.

    Args:
        config: the architecture.
        seed: seed of the initial weights.
        dtype: 'float32', 'float64', or 'mixed_bfloat16' for the networks of a float32 flow.

    Raises:
        ValueError: for an impossible shape, number of flows, transformer or norm.

    Reference: Papamakarios et al. 2017, arXiv:1705.07057, sections 3.1 and 4.2.
    """
    check(config)
    (size,), exact = config.event_shape, VARIABLE_DTYPES[dtype]
    parts: list[Bijector] = [Standardize(size, name="standardize", dtype=exact)]
    for k in range(config.flows):
        parts += [autoregression(config, k, seed=seed, dtype=dtype), norm(config, k, dtype=exact)]
    return Chain(parts)


def autoregression(config: MAFConfig, k: int, *, seed: int, dtype: str) -> Autoregressive:
    """Returns the k-th autoregression of a config; every other one has the order reversed."""
    (size,) = config.event_shape
    name = f"flow{k}"
    condition_dim = config.num_classes or config.condition_dim or 0
    transformer = TRANSFORMERS[config.transformer](config, name, VARIABLE_DTYPES[dtype])
    network = MADE(
        transformer.num_params,
        variables=size,
        units=config.units,
        layers=config.layers,
        order=range(size)[:: -1 if k % 2 else 1],
        condition_dim=condition_dim,
        seed=seed,
        name=name,
        dtype=dtype,
    )
    return Autoregressive(
        network, transformer, variables=size, conditional=condition_dim > 0, name=name
    )


def norm(config: MAFConfig, k: int, *, dtype: str) -> Bijector:
    """Returns the normalisation that follows the k-th autoregression."""
    return NORMS[config.flow_norm](config.event_shape[0], name=f"flow{k}_norm", dtype=dtype)


def check(config: MAFConfig) -> None:
    """Raises a ValueError for a config that no flow has."""
    if len(config.event_shape) != 1 or config.event_shape[0] < 1:
        msg = f"`event_shape` must be (D,) with D of at least 1; received {config.event_shape}."
        raise ValueError(msg)
    if config.flows < 1:
        msg = f"`flows` must be at least 1; received {config.flows}."
        raise ValueError(msg)
    for name, known in (("transformer", TRANSFORMERS), ("flow_norm", NORMS)):
        if getattr(config, name) not in known:
            msg = f"`{name}` must be one of {sorted(known)}; received {getattr(config, name)!r}."
            raise ValueError(msg)


def _affine(config: MAFConfig, name: str, dtype: str) -> Affine:
    return Affine(ScaledTanh(name=f"{name}_log_scale", dtype=dtype))


def _spline(config: MAFConfig, name: str, dtype: str) -> RationalQuadratic:
    return RationalQuadratic(config.bins)


def _mixture(config: MAFConfig, name: str, dtype: str) -> MixtureCDF:
    return MixtureCDF(config.components)


TRANSFORMERS: dict[str, Callable[[MAFConfig, str, str], Transformer]] = {
    "affine": _affine,
    "spline": _spline,
    "mixture": _mixture,
}
"""What makes the elementwise map of an autoregression, by its name in a config."""
