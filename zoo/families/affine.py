"""The affine flow x = A z + b: config to flow."""

from collections.abc import Callable

from tfflows import PLU, ActNorm, Bijector, Chain, DenseAffine, Householder, Standardize
from zoo.families.elementwise import affine, check, learned
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.affine import AffineConfig


def build(config: AffineConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: x = A z + b, and given a condition A (exp(s) z + t) + b.

    Args:
        config: the architecture.
        seed: seed of the rotation that A starts as, and of the network of a condition.
        dtype: 'float32', 'float64', or 'mixed_bfloat16', which is float32 here: no large networks.

    Raises:
        ValueError: for an impossible shape or an unknown matrix.

    Reference: Kobyzev et al. 2021, arXiv:1908.09257, section 3.2.
    """
    check(config.event_shape, layers=1)
    if config.matrix not in MATRICES:
        msg = f"`matrix` must be one of {sorted(MATRICES)}; received {config.matrix!r}."
        raise ValueError(msg)
    dtype = VARIABLE_DTYPES[dtype]
    (size,) = config.event_shape
    parts = [
        Standardize(size, name="standardize", dtype=dtype),
        *MATRICES[config.matrix](size, seed, dtype),
    ]
    if config.num_classes or config.condition_dim:
        inner = affine("affine", dtype)
        parts.append(learned(inner, config, "affine", seed=seed, dtype=dtype))
    return Chain(parts)


def _plu(size: int, seed: int, dtype: str) -> list[Bijector]:
    return [PLU(size, seed, name="plu", dtype=dtype)]


def _dense(size: int, seed: int, dtype: str) -> list[Bijector]:
    return [DenseAffine.random(size, seed=seed, name="dense", dtype=dtype)]


def _rotation_and_scale(size: int, seed: int, dtype: str) -> list[Bijector]:
    # In this order: a rotation of the standard normal latents would change nothing.
    rotation = Householder(size, seed=seed, name="rotation", dtype=dtype)
    return [rotation, ActNorm(size, name="scale", dtype=dtype)]


MATRICES: dict[str, Callable[[int, int, str], list[Bijector]]] = {
    "plu": _plu,
    "dense": _dense,
    "householder+scale": _rotation_and_scale,
}
"""What makes A and b, by its name in a config."""
