"""MAF and IAF: the order, the parts that a config names, and what no flow has."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from models import data, randomize
from tfflows import ActNorm, Autoregressive, BatchNorm, KerasModule
from zoo.conditioners.made import MADE

SMALL = {"units": 8, "flows": 2, "steps": 20, "batch_size": 20}


def get(family="maf", event_shape=3, **changes):
    return zoo.get(family, event_shape=event_shape, **{**SMALL, **changes})


def parts(model, kind):
    return [part for part in model.flow.submodules if isinstance(part, kind)]


def networks(model):
    layers = [module.layer for module in parts(model, KerasModule)]
    return {layer.name: layer for layer in layers if isinstance(layer, MADE)}


def test_orders_alternate():
    made = networks(get(flows=3))
    orders = {name: layer.order.numpy().tolist() for name, layer in made.items()}
    assert orders == {"flow0": [0, 1, 2], "flow1": [2, 1, 0], "flow2": [0, 1, 2]}


@pytest.mark.parametrize(
    ("family", "transformer"),
    [
        ("maf", "affine"),
        ("maf", "spline"),
        ("maf", "mixture"),
        ("iaf", "affine"),
        pytest.param("iaf", "spline", marks=pytest.mark.slow),
        pytest.param("iaf", "mixture", marks=pytest.mark.slow),
    ],
)
def test_every_transformer_fits_and_comes_back(family, transformer):
    model = get(family, transformer=transformer, bins=4, components=3)
    x = data(model)
    model.initialize(x)
    start = float(np.mean(model(x)))
    model.fit(x, epochs=10, verbose=0)
    assert float(np.mean(model(x))) > start + 0.01
    randomize(model)
    np.testing.assert_allclose(model.decode(model.encode(x)), x, atol=2e-3)
    z = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    np.testing.assert_allclose(model.flow.inverse(model.decode(z)), z, atol=2e-3)


@pytest.mark.parametrize(("flow_norm", "kind"), [("actnorm", ActNorm), ("batchnorm", BatchNorm)])
@pytest.mark.parametrize("family", ["maf", "iaf"])
def test_the_norm_is_the_configs(family, flow_norm, kind):
    assert len(parts(get(family, flow_norm=flow_norm), kind)) == 2
    assert len(parts(get(family, flow_norm=flow_norm), ActNorm | BatchNorm)) == 2


def test_an_iaf_is_made_of_a_mafs_parts_inverted():
    maf, iaf = (randomize(get(family, flows=1)) for family in ("maf", "iaf"))
    for one, other in zip(maf.variables, iaf.variables, strict=True):
        other.assign(one)
    (there,), (back,) = parts(maf, Autoregressive), parts(iaf, Autoregressive)
    x = tf.constant(np.random.default_rng(0).normal(size=(4, 3)), tf.float32)
    inverted = next(p for p in iaf.flow.bijectors if back in p.submodules)
    np.testing.assert_array_equal(inverted.forward(x), there.inverse(tf.identity(x)))


@pytest.mark.parametrize("family", ["maf", "iaf"])
def test_one_variable_is_a_flow_too(family):
    model = get(family, event_shape=1)
    x = np.random.default_rng(0).normal(size=(40, 1)).astype(np.float32) + 3
    model.fit(x, epochs=1, verbose=0)
    np.testing.assert_allclose(model.decode(model.encode(x)), x, atol=1e-3)


def test_a_file_of_another_order_loads_right(tmp_path):
    model, twin = (randomize(get(seed=seed), seed=seed) for seed in (0, 1))
    for made in networks(model).values():
        made.order.assign(np.array([1, 2, 0]))
    model.save_weights(tmp_path / "model.weights.h5")
    x = data(model)
    assert np.any(twin.distribution.log_prob(x) != model.distribution.log_prob(x))
    twin.load_weights(tmp_path / "model.weights.h5")
    wanted = model.distribution.log_prob(tf.identity(x))
    np.testing.assert_array_equal(twin.distribution.log_prob(tf.identity(x)), wanted)


def test_every_network_sees_the_condition():
    model = get(condition_dim=2, flows=3)
    assert all(part.conditional for part in parts(model, Autoregressive))
    assert {layer.condition_dim for layer in networks(model).values()} == {2}


def test_the_weights_are_keras_layers_by_name():
    layers = {m.layer.name for m in parts(get(), KerasModule)}
    norms = {"flow0_norm", "flow1_norm"}
    scales = {"flow0_log_scale", "flow1_log_scale"}
    assert layers == {"flow0", "flow1", "standardize", *norms, *scales}
    assert all(isinstance(m.layer, keras.layers.Layer) for m in parts(get(), KerasModule))


@pytest.mark.parametrize("family", ["maf", "iaf"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event_shape": (2, 3)}, r"`event_shape` must be \(D,\) .*received \(2, 3\)"),
        ({"event_shape": (0,)}, r"`event_shape` must be \(D,\)"),
        ({"flows": 0}, "`flows` must be at least 1; received 0"),
        ({"transformer": "affin"}, r"`transformer` must be one of \['affine', 'mixture', 'spline"),
        ({"flow_norm": "batch"}, r"`flow_norm` must be one of \['actnorm', 'batchnorm'\]"),
        ({"event_shape": 12}, "`units` must be at least 11, so that each of 12 variables"),
        ({"transformer": "spline", "bins": 1}, "`bins` must be at least 2"),
    ],
)
def test_impossible_configs_are_refused(family, changes, message):
    with pytest.raises(ValueError, match=message):
        get(family, **changes)
