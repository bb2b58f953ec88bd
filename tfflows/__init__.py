"""Normalizing-flow bijectors for TensorFlow Probability with Keras 3 networks.

Forward is latent to data, as in TFP: `tfd.TransformedDistribution(base, flow)` is a density model.
"""

from tfflows import masks, monte_carlo, threefry
from tfflows.actnorm import ActNorm
from tfflows.autoregressive import Autoregressive
from tfflows.batch_norm import BatchNorm
from tfflows.bijector import Bijector
from tfflows.chain import Chain
from tfflows.coupling import Coupling
from tfflows.dense import DenseAffine
from tfflows.dequantization import UniformDequantization
from tfflows.elementwise import Elementwise
from tfflows.factor_out import FactorOut
from tfflows.householder import Householder
from tfflows.interval import Interval
from tfflows.keras_module import KerasModule
from tfflows.leaky_relu import LeakyReLU
from tfflows.mixture_cdf import MixtureCDF
from tfflows.parameters import Parameters
from tfflows.permute import Permute, Reverse
from tfflows.pixels import Pixels
from tfflows.plu import PLU
from tfflows.rational_quadratic import RationalQuadratic
from tfflows.sigmoid_power import SigmoidPower
from tfflows.squeeze import Squeeze
from tfflows.standardize import Standardize
from tfflows.tanh_step import TanhStep
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
    "Autoregressive",
    "BatchNorm",
    "Bijector",
    "Chain",
    "Coupling",
    "DenseAffine",
    "Elementwise",
    "FactorOut",
    "Householder",
    "Interval",
    "KerasModule",
    "LeakyReLU",
    "MixtureCDF",
    "PLU",
    "Parameters",
    "Permute",
    "Pixels",
    "RationalQuadratic",
    "Reverse",
    "ScaledTanh",
    "ShiftedSigmoid",
    "SigmoidPower",
    "Squeeze",
    "Standardize",
    "TanhStep",
    "Transformer",
    "UniformDequantization",
    "masks",
    "monte_carlo",
    "threefry",
]
