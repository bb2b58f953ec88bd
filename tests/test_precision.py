import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
import zoo
from export.signatures import signatures
from models import PRESETS, data, marked, randomize, real, twin, weights
from tfflows import Affine, Coupling, ScaledTanh, masks
from zoo import FlowModel, registry
from zoo.conditioners.mlp import MLP
from zoo.optimizer import FusedAdam

MIXED = "mixed_bfloat16"
BFLOAT16 = tf.bfloat16.as_datatype_enum
PRODUCTS = ("Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", "MatMul", "BatchMatMulV2")


def nodes(function, *specs):
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    return nodes_of(graph.as_graph_def())


def nodes_of(graph):
    return [*graph.node, *(node for f in graph.library.function for node in f.node_def)]


def in_bfloat16(node):
    """Tells whether an input or output of the node is bfloat16; a constant's value counts too."""
    types = [t for attr in node.attr.values() for t in (attr.type, *attr.list.type)]
    return BFLOAT16 in types


def step_spec(model):
    rows = tf.TensorSpec([8, *model.event_shape], model.form.dtypes["x"])
    return (rows,)


def pair(name, **overrides):
    """The float32 and the mixed model, with the same random weights."""
    return [randomize(twin(name, dtype=dtype, **overrides)) for dtype in ("float32", MIXED)]


class Training(keras.layers.Layer):
    """Calls a function as a training step calls the flow."""

    def __init__(self, function):
        super().__init__(dtype="float32", autocast=False)
        self.function = function

    def call(self, x, training=None):
        return self.function(x)


def in_training(function, x):
    return Training(function)(x, training=True)


# What is computed in what


def config(name):
    return registry.preset(name).config


NETWORKS = [
    n for n in PRESETS if config(n).family not in {"activation", "affine", "cdf", "elementwise"}
]
"""Presets with networks: of the others only those of a condition are, which stay float32."""

PLAIN = [
    n for n in NETWORKS if config(n).family != "iaf" and getattr(config(n), "reorder", "") != "lu"
]
"""Those whose flow has no products of its own: linear maps, or solutions of an autoregression."""


@pytest.mark.parametrize("name", marked(PLAIN))
def test_all_products_of_a_training_step_are_bfloat16(name):
    model = twin(name, dtype=MIXED)
    found = nodes(model.train_step, step_spec(model))
    products = [node for node in found if node.op in PRODUCTS]
    assert len(products) > 5
    assert [node.name for node in products if not in_bfloat16(node)] == []


@pytest.mark.parametrize("name", marked(NETWORKS))
def test_evaluation_has_nothing_in_bfloat16(name):
    model = twin(name, dtype=MIXED)
    graphs = [nodes(model.test_step, step_spec(model))]
    graphs += [nodes_of(s.traced().function.graph.as_graph_def()) for s in signatures(model)]
    graphs.append(nodes_of(model._compiled_bound.get_concrete_function().graph.as_graph_def()))
    for found in graphs:
        assert any(node.op in PRODUCTS for node in found)
        assert [node.name for node in found if in_bfloat16(node)] == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_dtypes_train_without_bfloat16(dtype):
    model = twin("realnvp_digits", dtype=dtype)
    found = nodes(model.train_step, step_spec(model))
    assert any(node.op in PRODUCTS for node in found)
    assert not any(map(in_bfloat16, found))


def test_statistics_of_a_batch_norm_are_float32():
    model = twin("realnvp_cifar", dtype=MIXED)
    norms = [n for n in nodes(model.train_step, step_spec(model)) if n.op == "FusedBatchNormV3"]
    inputs = {node.attr["T"].type for node in norms}
    assert inputs == {BFLOAT16, tf.float32.as_datatype_enum}  # the first sees the flow's numbers
    assert {node.attr["U"].type for node in norms} == {tf.float32.as_datatype_enum}


def test_weights_slots_and_loss_are_float32():
    model = twin("realnvp_digits", dtype=MIXED)
    model.fit(data(model), epochs=1, verbose=0)
    floats = [v.dtype for v in (*model.variables, *model.optimizer.variables) if "f" in v.dtype]
    assert set(floats) == {"float32"}
    x = data(model)
    assert model(x, training=True).dtype == tf.float32
    assert model.form.dtype == "float32"


def test_the_flow_around_a_bfloat16_network_is_float32():
    """One network, called on one input, gives one set of parameters in both directions."""
    affine = Affine(ScaledTanh(name="log_scale"))
    network = MLP(4, in_features=2, units=16, layers=2, seed=0, name="net", dtype=MIXED)
    random = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign_add(0.3 * random.normal(size=variable.shape))
    coupling = Coupling(masks.alternating(4), network, affine)
    y = tf.constant(random.normal(size=(50, 4)), tf.float32)
    z, inverse = in_training(lambda y: coupling.inverse_and_log_det(y), y)
    again, forward = in_training(lambda z: coupling.forward_and_log_det(z), z)
    assert z.dtype == inverse.dtype == forward.dtype == tf.float32
    np.testing.assert_allclose(again, y, atol=2e-6)
    np.testing.assert_allclose(forward, -inverse, atol=1e-6)
    error = np.abs(coupling.inverse_and_log_det(y)[1] - inverse)
    assert 1e-4 < error.max() < 0.05  # it did compute in bfloat16


@pytest.mark.parametrize("name", marked(NETWORKS))
def test_only_training_differs_from_float32(name):
    single, mixed = pair(name)
    x = data(single)
    for model in (single, mixed):
        model.initialize(x)
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(mixed(x), single(x), **close)
    np.testing.assert_allclose(mixed.predict(x, verbose=0), single.predict(x, verbose=0), **close)
    np.testing.assert_allclose(mixed.log_prob(real(mixed)), single.log_prob(real(single)), **close)
    np.testing.assert_allclose(mixed.sample(8, seed=1), single.sample(8, seed=1), rtol=1e-4)
    found = tf.concat([m(x, training=True)[None] for m in (single, mixed)], 0).numpy()
    error = np.abs(found[0] - found[1]) / single.form.row_bytes
    assert 1e-6 < error.max() < 0.1


# Training


@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_short_fit_ends_where_float32_does(jit):
    losses = []
    for dtype in ("float32", MIXED):
        model = twin("realnvp_moons", dtype=dtype, steps=100, learning_rate=1e-2)
        model.compile(jit_compile=jit)
        x = data(model, 100)
        model.initialize(x)
        start = model.evaluate(x, verbose=0)
        model.fit(x, epochs=20, verbose=0)
        losses.append(model.evaluate(x, verbose=0))
        assert losses[-1] < start - 0.1
    assert abs(losses[0] - losses[1]) < 0.03
    assert losses[0] != losses[1]


@pytest.mark.slow
def test_jit_trains_images_in_bfloat16():
    model = twin("realnvp_digits", dtype=MIXED)
    model.compile(jit_compile=True)
    history = model.fit(data(model), epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


@pytest.mark.slow
def test_bits_per_dim_of_digits_are_those_of_float32():
    splits, found = zoo.datasets.load("digits"), []
    for dtype in ("float32", MIXED):
        model = zoo.get("realnvp_digits", dtype=dtype, steps=200, filters=16, ema=0.95)
        model.fit(splits.train, verbose=0)
        found.append(model.bits_per_dim(splits.test, draws=2).mean())
    assert found[0] < 2.6  # log2(17) = 4.09 is the uniform distribution
    assert abs(found[0] - found[1]) < 0.01, found


# Files


@pytest.mark.parametrize(
    ("saved", "loaded"), [(MIXED, "float32"), ("float32", MIXED), (MIXED, "float64")]
)
def test_weights_fit_models_of_another_dtype(saved, loaded, tmp_path):
    model = randomize(twin("realnvp_moons", dtype=saved))
    model.initialize(data(model))
    model.save_weights(tmp_path / "a.weights.h5")
    other = twin("realnvp_moons", dtype=loaded, seed=3)
    other.load_weights(tmp_path / "a.weights.h5")
    for one, two in zip(weights(model).values(), weights(other).values(), strict=True):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(other.log_prob(real(other)), model.log_prob(real(model)), rtol=1e-4)


def test_a_saved_model_keeps_its_dtype_and_another_may_take_over(tmp_path):
    model = twin("realnvp_moons", dtype=MIXED)
    x = data(model)
    model.fit(x, epochs=2, verbose=0)
    model.save(tmp_path / "a.keras")
    again = zoo.load(tmp_path / "a.keras")
    assert again.spec == model.spec
    assert again.spec.dtype == MIXED
    single = FlowModel(dataclasses.replace(again.spec, dtype="float32"))
    single.set_weights(again.get_weights())
    for other in (again, single):
        np.testing.assert_allclose(other.log_prob(x), model.log_prob(x), rtol=1e-6)
    np.testing.assert_array_equal(again(x, training=True), model(x, training=True))
    np.testing.assert_array_equal(single(x, training=True), single(x))
    assert np.any(again(x, training=True) != again(x))


def test_an_export_answers_as_the_float32_model(tmp_path):
    single, mixed = pair("realnvp_moons")
    for model in (single, mixed):
        model.initialize(data(model))
    served = tf.saved_model.load(str(export.save(mixed, tmp_path)))
    x = tf.constant(real(single))
    answer = served.signatures["log_prob"](x=x)["log_prob"]
    np.testing.assert_allclose(answer, single.log_prob(x), rtol=1e-5, atol=1e-5)
    found = nodes_of(served.signatures["log_prob"].graph.as_graph_def())
    assert not any(map(in_bfloat16, found))


def test_the_optimizer_is_the_presets():
    assert type(twin("realnvp_moons", dtype=MIXED).optimizer) is FusedAdam  # no loss is scaled
