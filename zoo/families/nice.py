"""NICE over vectors and images: config to flow."""

from tfflows import ActNorm, Additive, Bijector, Chain, Coupling, Pixels, Standardize, masks
from zoo.conditioners.flat_mlp import FlatMLP
from zoo.conditioners.mlp import MLP
from zoo.families import reorder
from zoo.model_spec import VARIABLE_DTYPES
from zoo.presets.nice import NICEConfig


def build(config: NICEConfig, *, seed: int, dtype: str) -> Chain:
    """Returns the flow of a config: additive couplings, then a learned scale of each latent.

    Images are seen as logits of their pixels, and their even and odd columns take turns.

    Args:
        config: the architecture.
        seed: seed of the initial weights.
        dtype: 'float32', 'float64', or 'mixed_bfloat16' for the networks of a float32 flow.

    Raises:
        ValueError: for an impossible shape, number of couplings or `reorder`.

    Reference: Dinh et al. 2015, NICE, arXiv:1410.8516, sections 3.2, 3.3 and 5.1.
    """
    _check(config)
    size, exact = config.event_shape[-1], VARIABLE_DTYPES[dtype]
    data: Bijector = Standardize(size, name="standardize", dtype=exact)
    if config.levels is not None:
        data = Pixels(config.levels, config.alpha)
    parts = [data]
    for k in range(config.couplings):
        parts += reorder.between(config.reorder, size, k, seed=seed, dtype=exact)
        parts.append(_coupling(config, k, seed=seed, dtype=dtype))
    return Chain([*parts, ActNorm(size, name="scale", dtype=exact)])


def _coupling(config: NICEConfig, k: int, *, seed: int, dtype: str) -> Coupling:
    name = f"coupling{k}"
    condition_dim = config.num_classes or config.condition_dim or 0
    common = {
        "units": config.units,
        "layers": config.layers,
        "condition_dim": condition_dim,
        "seed": seed,
        "name": name,
        "dtype": dtype,
    }
    if config.levels is None:
        (size,) = config.event_shape
        # An odd number of variables does not divide evenly: the network then sees all, with zeros.
        seen = size // 2 if size % 2 == 0 else size
        mask = reorder.mask(config.reorder, size, k)
        network = MLP(seen, in_features=seen, **common)
    else:
        h, w, c = config.event_shape
        mask = masks.alternating(w, parity=k % 2)[None, :, None]
        network = FlatMLP(c, image_shape=(h, w // 2, c), **common)
    return Coupling(mask, network, Additive(), conditional=condition_dim > 0, name=name)


def _check(config: NICEConfig) -> None:
    reorder.check(config.reorder)
    if config.levels is not None and config.reorder != "alternate":
        msg = f"`reorder` must be 'alternate' for images; received {config.reorder!r}."
        raise ValueError(msg)
    shape, wanted = config.event_shape, "(D,) with D of at least 2"
    good = len(shape) == 1 and shape[0] >= 2
    if config.levels is not None:
        wanted = "(height, width, channels) with an even width"
        good = len(shape) == 3 and min(shape) >= 1 and shape[1] % 2 == 0
    if not good:
        msg = f"`event_shape` must be {wanted}; received {shape}."
        raise ValueError(msg)
    if config.couplings < 2:
        msg = f"`couplings` must be at least 2; received {config.couplings}."
        raise ValueError(msg)
