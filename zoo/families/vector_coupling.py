"""The coupling of two halves of a vector, which the families of vectors share."""

from tfflows import Coupling, Transformer
from zoo.conditioners.mlp import MLP
from zoo.families import reorder
from zoo.presets.realnvp import RealNVPVectorConfig
from zoo.presets.spline import SplineConfig


def vector_coupling(
    config: RealNVPVectorConfig | SplineConfig,
    transformer: Transformer,
    k: int,
    *,
    seed: int,
    dtype: str,
) -> Coupling:
    """Returns the k-th coupling of a config.

    Args:
        config: the architecture.
        transformer: what moves the variables.
        k: number of the coupling, which decides on the half that moves.
        seed: seed of the network's weights.
        dtype: of the network.
    """
    (size,) = config.event_shape
    name = f"coupling{k}"
    # An odd number of variables does not divide evenly: the network then sees all, with zeros.
    seen = size // 2 if size % 2 == 0 else size
    condition_dim = config.num_classes or config.condition_dim or 0
    network = MLP(
        seen * transformer.num_params,
        in_features=seen,
        units=config.units,
        layers=config.layers,
        condition_dim=condition_dim,
        seed=seed,
        name=name,
        dtype=dtype,
    )
    mask = reorder.mask(config.reorder, size, k)
    return Coupling(mask, network, transformer, conditional=condition_dim > 0, name=name)
