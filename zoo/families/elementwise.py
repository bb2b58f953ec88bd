"""Maps of single variables: config to flow."""

from collections.abc import Callable
from typing import Protocol

from tfflows import (
    ActNorm,
    Affine,
    Bijector,
    Chain,
    Elementwise,
    KerasModule,
    MixtureCDF,
    RationalQuadratic,
    ScaledTanh,
    Standardize,
    Transformer,
)
from zoo.conditioners.mlp import MLP
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.elementwise import ElementwiseConfig


def build(config: ElementwiseConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: standardisation, then a map of its own for each variable.

    Args:
        config: the architecture.
        seed: seed of the network of a condition; the maps themselves always start alike.
        dtype: 'float32', 'float64', or 'mixed_bfloat16', which is float32 here: no large networks.

    Raises:
        ValueError: for an impossible shape, number of layers or transformer.

    Reference: Papamakarios et al. 2021, arXiv:1912.02762, section 3.1.
    """
    check(config.event_shape, config.layers)
    if config.transformer not in TRANSFORMERS:
        known = sorted(TRANSFORMERS)
        msg = f"`transformer` must be one of {known}; received {config.transformer!r}."
        raise ValueError(msg)
    dtype = VARIABLE_DTYPES[dtype]
    (size,) = config.event_shape
    parts: list[Bijector] = [Standardize(size, name="standardize", dtype=dtype)]
    for k in range(config.layers):
        transformer = TRANSFORMERS[config.transformer](config, f"map{k}", dtype)
        parts.append(learned(transformer, config, f"map{k}", seed=seed, dtype=dtype))
        parts.append(ActNorm(size, name=f"map{k}_norm", dtype=dtype))
    return Chain(parts)


class Conditional(Protocol):
    """What `learned` asks of a family's config."""

    @property
    def event_shape(self) -> tuple[int, ...]:
        """(D,)."""
        ...

    @property
    def units(self) -> int:
        """Hidden units of the network of a condition."""
        ...

    @property
    def num_classes(self) -> int | None:
        """Number of classes of a class-conditional model, else None."""
        ...

    @property
    def condition_dim(self) -> int | None:
        """Width of the condition of a vector-conditional model, else None."""
        ...


def learned(
    transformer: Transformer,
    config: Conditional,
    name: str,
    *,
    seed: int,
    dtype: str,
    state: KerasModule | None = None,
) -> Elementwise:
    """Returns a transformer with parameters of its own for each variable.

    A condition, if the config has one, moves them all by a small network.
    """
    (size,) = config.event_shape
    condition_dim = config.num_classes or config.condition_dim
    network = None
    if condition_dim:
        network = MLP(
            size * transformer.num_params,
            in_features=condition_dim,
            units=config.units,
            layers=1,
            seed=seed,
            name=f"{name}_condition",
            dtype=dtype,
        )
    return Elementwise(
        transformer, (size,), conditioner=network, state=state, name=name, dtype=dtype
    )


def affine(name: str, dtype: str) -> Affine:
    """Returns the affine transformer with a bounded log-scale."""
    return Affine(ScaledTanh(name=f"{name}_log_scale", dtype=dtype))


def check(event_shape: tuple[int, ...], layers: int) -> None:
    """Raises a ValueError for a shape that is not (D,), or for no layers."""
    if len(event_shape) != 1 or event_shape[0] < 1:
        msg = f"`event_shape` must be (D,) with D of at least 1; received {event_shape}."
        raise ValueError(msg)
    if layers < 1:
        msg = f"`layers` must be at least 1; received {layers}."
        raise ValueError(msg)


def _affine(config: ElementwiseConfig, name: str, dtype: str) -> Affine:
    return affine(name, dtype)


def _spline(config: ElementwiseConfig, name: str, dtype: str) -> RationalQuadratic:
    return RationalQuadratic(config.bins, config.bound)


def _cdf(config: ElementwiseConfig, name: str, dtype: str) -> MixtureCDF:
    return MixtureCDF(config.components, "normal")


TRANSFORMERS: dict[str, Callable[[ElementwiseConfig, str, str], Transformer]] = {
    "affine": _affine,
    "spline": _spline,
    "cdf": _cdf,
}
"""What makes the map of a variable, by its name in a config."""
