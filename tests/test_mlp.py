import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.conditioners.mlp import MLP


def make(**changes):
    options = {"in_features": 3, "units": 16, "layers": 3, "seed": 0, "name": "net"}
    return MLP(4, **(options | changes))


def perturbed(network, scale=0.1):
    random = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(variable + scale * random.normal(size=variable.shape))
    return network


def vectors(rows=64, width=3, dtype="float32"):
    return tf.constant(np.random.default_rng(2).normal(size=(rows, width)), dtype)


@pytest.mark.parametrize("layers", [1, 3])
def test_is_built_and_zero_at_construction(layers):
    network = make(layers=layers, condition_dim=5)
    assert network.built
    y = network([vectors(), vectors(width=5)])
    assert y.shape == (64, 4)
    np.testing.assert_array_equal(y, 0)


@pytest.mark.parametrize("layers", [1, 3])
def test_parameter_count_is_that_of_a_plain_network(layers):
    plain = (3 + 1) * 16 + (layers - 1) * (16 + 1) * 16 + (16 + 1) * 4
    assert make(layers=layers).count_params() == plain
    assert make(layers=layers, condition_dim=5).count_params() == plain + 5 * layers * 16


@pytest.mark.parametrize("layers", [1, 3])
def test_every_weight_gets_a_gradient(layers):
    network = perturbed(make(layers=layers, condition_dim=5))
    with tf.GradientTape() as tape:
        y = network([vectors(), vectors(width=5)])
        loss = tf.reduce_sum(tf.sin(3.0 * y))
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        rows = tf.reshape(gradient, [-1, gradient.shape[-1]])
        assert np.all(np.any(rows.numpy() != 0, axis=0)), variable.path


def test_the_formula():
    network = perturbed(make(condition_dim=5, activation="tanh", dtype="float64"))
    x, c = vectors(dtype="float64").numpy(), vectors(width=5, dtype="float64").numpy()
    biases, kernels = network.biases.numpy(), network.kernels.numpy()
    shares = np.split(c @ network.projection.numpy(), 3, axis=-1)
    h = x @ network.in_kernel.numpy() + biases[0] + shares[0]
    for k in (1, 2):
        h = h + np.tanh(h) @ kernels[k - 1] + biases[k] + shares[k]
    wanted = np.tanh(h) @ network.out_kernel.numpy() + network.out_bias.numpy()
    np.testing.assert_allclose(network([x, c]), wanted, rtol=1e-12)


def test_float64_is_exact_and_starts_with_the_weights_of_float32():
    single, double = perturbed(make()), perturbed(make(dtype="float64"))
    x = vectors(dtype="float64")
    y = double(x)
    assert y.dtype == tf.float64
    assert {v.dtype for v in double.variables} == {"float64"}
    np.testing.assert_allclose(single(tf.cast(x, tf.float32)), y, atol=1e-5)
    assert np.abs(double(x + 1e-10) - y).max() > 1e-13


def test_bfloat16_is_close_and_keeps_float32_weights():
    single, mixed = perturbed(make()), perturbed(make(dtype="mixed_bfloat16"))
    assert {v.dtype for v in mixed.variables} == {"float32"}
    y, z = single(vectors()), mixed(vectors(), training=True)
    assert z.dtype == tf.float32
    assert 1e-6 < np.abs(y - z).max() / np.std(y) < 0.1
    np.testing.assert_allclose(mixed(vectors()), y, rtol=1e-5, atol=1e-6)


def test_rows_are_independent_and_batches_may_be_empty():
    network = perturbed(make(condition_dim=5))
    specs = [tf.TensorSpec([None, 3]), tf.TensorSpec([None, 5])]
    run = tf.function(lambda x, c: network([x, c]), input_signature=specs)
    assert run(vectors(rows=0), vectors(rows=0, width=5)).shape == (0, 4)
    x, c = vectors(rows=5), vectors(rows=5, width=5)
    alone = tf.concat([run(x[i : i + 1], c[i : i + 1]) for i in range(5)], 0)
    np.testing.assert_allclose(run(x, c), alone, atol=1e-6)


def test_every_output_reacts_to_the_condition():
    network = perturbed(make(condition_dim=5))
    x = tf.repeat(vectors(rows=1), 2, axis=0)
    y = network([x, vectors(rows=2, width=5)])
    assert np.all(np.abs(y[0] - y[1]) > 1e-7)


def test_weights_depend_on_seed_and_name_alone():
    first, again = make(name="a"), make(name="a")
    for one, other in zip(first.variables, again.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    for changed in (make(name="b"), make(name="a", seed=1)):
        assert np.all(first.kernels.numpy() != changed.kernels.numpy())


def test_config_makes_an_equal_layer():
    network = make(activation="tanh", condition_dim=2, dtype="float64")
    config = keras.saving.serialize_keras_object(network)
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == network.get_config()
    np.testing.assert_array_equal(twin.in_kernel, network.in_kernel)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 0}, "`units` must be at least 1; received 0"),
        ({"in_features": 0}, "`in_features` must be at least 1"),
        ({"layers": 0}, "`layers` must be at least 1"),
        ({"condition_dim": -1}, "`condition_dim` must be at least 0"),
        ({"activation": "rellu"}, "`activation` must name a Keras activation; received 'rellu'"),
    ],
)
def test_impossible_arguments_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match=r"must be \[x, condition\]; received x alone"):
        make(condition_dim=5)(vectors())
    with pytest.raises(ValueError, match=r"`condition` must be \[B, 5\]"):
        make(condition_dim=5)([vectors(), vectors(width=4)])
    with pytest.raises(ValueError, match=r"`x` must be \[B, 3\]"):
        make()(vectors(width=2))
