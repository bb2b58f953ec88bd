"""Monotone CDF flows: config to flow."""

from tfflows import Chain, MixtureCDF, Standardize
from zoo.families.elementwise import check, learned
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.cdf import CDFConfig


def build(config: CDFConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: a variable's learned CDF, then the normal quantile of it.

    Args:
        config: the architecture.
        seed: seed of the network of a condition; the CDFs themselves always start alike.
        dtype: 'float32', 'float64', or 'mixed_bfloat16', which is float32 here: no large networks.

    Raises:
        ValueError: for an impossible shape or number of components.

    Reference: Ho et al. 2019, arXiv:1902.00275, section 3.2; Kobyzev et al. 2021,
    arXiv:1908.09257, section 3.1.
    """
    check(config.event_shape, layers=1)
    dtype = VARIABLE_DTYPES[dtype]
    standardize = Standardize(*config.event_shape, name="standardize", dtype=dtype)
    mixture = MixtureCDF(config.components, "normal")
    return Chain([standardize, learned(mixture, config, "cdf", seed=seed, dtype=dtype)])
