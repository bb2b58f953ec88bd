"""Neural spline flows with couplings over real vectors: config to flow."""

from tfflows import Bijector, Chain, RationalQuadratic, Standardize
from zoo.families import reorder
from zoo.families.vector_coupling import vector_coupling
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.spline import SplineConfig


def build(config: SplineConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: standardisation, then couplings with linear maps between them.

    Args:
        config: the architecture.
        seed: seed of the initial weights and the permutations.
        dtype: 'float32', 'float64', or 'mixed_bfloat16' for the networks of a float32 flow.

    Raises:
        ValueError: for fewer than two variables or two couplings, or an unknown `reorder`.

    Reference: Durkan et al. 2019, Neural Spline Flows, arXiv:1906.04032, sections 3.1 and 4.
    """
    _check(config)
    (size,), exact = config.event_shape, VARIABLE_DTYPES[dtype]
    parts: list[Bijector] = [Standardize(size, name="standardize", dtype=exact)]
    for k in range(config.couplings):
        parts += reorder.between(config.reorder, size, k, seed=seed, dtype=exact)
        spline = RationalQuadratic(config.bins, config.bound)
        parts.append(vector_coupling(config, spline, k, seed=seed, dtype=dtype))
    return Chain(parts)


def _check(config: SplineConfig) -> None:
    reorder.check(config.reorder)
    if len(config.event_shape) != 1 or config.event_shape[0] < 2:
        msg = (
            "`event_shape` must be (D,) with D of at least 2 for couplings, which let one part "
            "decide on the other; for one variable there are 'elementwise' and 'maf' with "
            f"transformer='spline'. Received {config.event_shape}."
        )
        raise ValueError(msg)
    if config.couplings < 2:
        msg = f"`couplings` must be at least 2; received {config.couplings}."
        raise ValueError(msg)
