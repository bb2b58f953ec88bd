"""Inverse autoregressive flows over real vectors: config to flow."""

from tensorflow_probability import bijectors as tfb

from tfflows import Chain, Standardize
from zoo.families.maf import autoregression, check, norm
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.iaf import IAFConfig


def build(config: IAFConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: that of a MAF with each autoregression inverted.

    Args:
        config: the architecture.
        seed: seed of the initial weights.
        dtype: 'float32', 'float64', or 'mixed_bfloat16' for the networks of a float32 flow.

    Raises:
        ValueError: for an impossible shape, number of flows, transformer or norm.

    Reference: Kingma et al. 2016, arXiv:1606.04934, section 3.
    """
    check(config)
    (size,), exact = config.event_shape, VARIABLE_DTYPES[dtype]
    parts: list[tfb.Bijector] = [Standardize(size, name="standardize", dtype=exact)]
    for k in range(config.flows):
        inverted = tfb.Invert(autoregression(config, k, seed=seed, dtype=dtype))
        parts += [inverted, norm(config, k, dtype=exact)]
    return Chain(parts)
