"""Normalizing-flow bijectors for TensorFlow Probability with Keras 3 networks.

Forward is latent to data, as in TFP: `tfd.TransformedDistribution(base, flow)` is a density model.
"""

from tfflows import masks, threefry
from tfflows.actnorm import ActNorm
from tfflows.batch_norm import BatchNorm
from tfflows.bijector import Bijector
from tfflows.chain import Chain
from tfflows.coupling import Coupling
from tfflows.dequantization import UniformDequantization
from tfflows.factor_out import FactorOut
from tfflows.keras_module import KerasModule
from tfflows.parameters import Parameters
from tfflows.permute import Permute, Reverse
from tfflows.pixels import Pixels
from tfflows.squeeze import Squeeze
from tfflows.standardize import Standardize
from tfflows.transformer import (
    Additive,
    Affine,
    ScaledTanh,
    ShiftedSigmoid,
    Transformer,
)

__all__ = [
    "ActNorm",
    "Additive",
    "Affine",
    "BatchNorm",
    "Bijector",
    "Chain",
    "Coupling",
    "FactorOut",
    "KerasModule",
    "Parameters",
    "Permute",
    "Pixels",
    "Reverse",
    "ScaledTanh",
    "ShiftedSigmoid",
    "Squeeze",
    "Standardize",
    "Transformer",
    "UniformDequantization",
    "masks",
    "threefry",
]
