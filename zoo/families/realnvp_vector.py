"""RealNVP over real vectors: config to flow."""

from tfflows import ActNorm, Affine, Bijector, Chain, ScaledTanh, Standardize
from zoo.families import reorder
from zoo.families.vector_coupling import vector_coupling
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.realnvp import RealNVPVectorConfig


def build(config: RealNVPVectorConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: standardisation, then couplings that take turns.

    Args:
        config: the architecture.
        seed: seed of the initial weights.
        dtype: 'float32', 'float64', or 'mixed_bfloat16' for the networks of a float32 flow.

    Raises:
        ValueError: for fewer than two variables or two couplings, or an unknown `reorder`.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.2.
    """
    _check(config)
    (size,), exact = config.event_shape, VARIABLE_DTYPES[dtype]
    parts: list[Bijector] = [Standardize(size, name="standardize", dtype=exact)]
    for k in range(config.couplings):
        parts += reorder.between(config.reorder, size, k, seed=seed, dtype=exact)
        affine = Affine(ScaledTanh(name=f"coupling{k}_log_scale", dtype=exact))
        parts.append(vector_coupling(config, affine, k, seed=seed, dtype=dtype))
        parts.append(ActNorm(size, name=f"coupling{k}_norm", dtype=exact))
    return Chain(parts)


def _check(config: RealNVPVectorConfig) -> None:
    reorder.check(config.reorder)
    if len(config.event_shape) != 1 or config.event_shape[0] < 2:
        msg = (
            "`event_shape` must be (D,) with D of at least 2 for couplings, which let one part "
            f"decide on the other; received {config.event_shape}."
        )
        raise ValueError(msg)
    if config.couplings < 2:
        msg = f"`couplings` must be at least 2; received {config.couplings}."
        raise ValueError(msg)
