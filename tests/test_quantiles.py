"""`cdf` and `quantile` of flows of numbers, which TFP makes from what increases."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from bijector_cases import condition_network, normal, randomized
from checks import close
from tfflows import (
    Affine,
    Chain,
    Elementwise,
    Interval,
    MixtureCDF,
    Pixels,
    RationalQuadratic,
    Reverse,
    SigmoidPower,
    TanhStep,
)

BASE = tfd.Normal(np.float64(0), np.float64(1))
TRANSFORMERS = [Affine(), RationalQuadratic(), MixtureCDF(3), SigmoidPower(), TanhStep()]


def elementwise(transformer, event_shape=(), **options):
    made = Elementwise(transformer, event_shape, dtype="float64", **options)
    return randomized(made, 0, scale=0.5)


FLOWS = {
    **{type(t).__name__: elementwise(t) for t in TRANSFORMERS},
    "Interval": Interval(-2.0, 5.0),
    "Pixels": Pixels(17),
    "Invert": tfb.Invert(elementwise(RationalQuadratic())),
    "Chain": Chain(
        [Interval(-2.0, 5.0), elementwise(RationalQuadratic()), tfb.Shift(np.float64(0.7))]
    ),
    "Chain-falling": Chain([tfb.Scale(np.float64(-2.0)), elementwise(RationalQuadratic())]),
    "Chain-twice": Chain([tfb.Scale(np.float64(-2.0)), tfb.Chain([tfb.Scale(np.float64(-1.0))])]),
    "tfb.Chain": tfb.Chain([tfb.Scale(np.float64(-2.0)), elementwise(RationalQuadratic())]),
}


@pytest.mark.parametrize("name", FLOWS)
def test_the_cdf_is_the_integral_of_the_density_and_the_quantile_its_inverse(name):
    flow = tfd.TransformedDistribution(BASE, FLOWS[name])
    levels = np.linspace(0.05, 0.95, 19)
    found = flow.quantile(levels)
    close(flow.cdf(tf.identity(found)), levels, 1e-9)
    grid = np.linspace(found[0], found[-1], 4_001)
    density = np.exp(flow.log_prob(grid))
    mass = np.sum((density[1:] + density[:-1]) / 2 * np.diff(grid))
    close(mass, 0.9, 1e-5)


def test_each_condition_has_its_quantiles():
    network = condition_network("c", 0, "float64", (2,))
    flow = Chain([tfb.Scale(np.float64(3.0)), elementwise(Affine(), conditioner=network)])
    given = tfd.TransformedDistribution(BASE, flow.condition_on(normal((5, 3))))
    found = given.quantile([[0.1], [0.9]])
    assert found.shape == (2, 5)
    assert len(np.unique(found)) == 10
    close(given.cdf(tf.identity(found)), np.tile([[0.1], [0.9]], 5), 1e-12)


@pytest.mark.parametrize(
    "flow", [elementwise(Affine(), (3,)), Interval([0.0], [1.0]), Chain([Pixels(17), Reverse()])]
)
def test_vectors_have_none(flow):
    base = tfd.Sample(BASE, flow.forward_event_shape([3 if flow.name != "interval" else 1]))
    with pytest.raises(NotImplementedError):
        tfd.TransformedDistribution(base, flow).cdf(np.full(base.event_shape, 0.5))
