import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.conditioners.conv_net import ConvResNet

NORMALIZATIONS = ("batch", "none")


def make(**changes):
    options = {"in_channels": 3, "filters": 8, "blocks": 2, "seed": 0, "name": "net"}
    return ConvResNet(6, **(options | changes))


def perturbed(network, scale=0.1):
    random = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(variable + scale * random.normal(size=variable.shape))
    return network


def images(rows=4, channels=3, dtype="float32"):
    return tf.constant(np.random.default_rng(2).normal(size=(rows, 6, 6, channels)), dtype)


def conditions(rows=4, width=5):
    return tf.constant(np.random.default_rng(3).normal(size=(rows, width)), "float32")


def statistics(network):
    return np.concatenate([v.numpy().ravel() for v in network.non_trainable_variables])


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_is_built_and_zero_at_construction(normalization):
    network = make(normalization=normalization, condition_dim=5)
    assert network.built
    count = len(network.variables)
    y = network([images(), conditions()], training=True)
    assert y.shape == (4, 6, 6, 6)
    np.testing.assert_array_equal(y, 0)
    assert len(network.variables) == count


def test_parameter_counts_are_the_formula():
    c, m, n, out, k = 3, 8, 2, 6, 5
    kernels = 9 * 2 * c * m + 2 * n * 9 * m * m + (n + 1) * m * m + m * out + out
    shifts = c + (2 * n + 1) * m
    assert make(normalization="none").count_params() == kernels + shifts
    batch = make(condition_dim=k)
    trainable = sum(int(np.prod(v.shape)) for v in batch.trainable_variables)
    assert trainable == kernels + 2 * shifts + k * (n + 1) * m
    assert statistics(batch).size == 2 * shifts


def test_real_nvp_of_cifar_has_its_parameters():
    # 64 maps, twice as many in channel couplings and again at the second scale.
    couplings = [(3, 64, 3), (6, 128, 3), (6, 128, 4)]
    total = 0
    for channels, filters, count in couplings:
        network = ConvResNet(
            2 * channels, in_channels=channels, filters=filters, blocks=8, seed=0, name="net"
        )
        total += count * sum(int(np.prod(v.shape)) for v in network.trainable_variables)
    assert total == 19_583_564


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("training", [True, False])
def test_every_weight_gets_a_gradient(normalization, training):
    network = perturbed(make(normalization=normalization, condition_dim=5))
    with tf.GradientTape() as tape:
        y = network([images(), conditions()], training=training)
        loss = tf.reduce_sum(tf.sin(3.0 * y))
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        rows = tf.reshape(gradient, [-1, gradient.shape[-1]])
        assert np.all(np.any(rows.numpy() != 0, axis=0)), variable.path


def test_statistics_change_only_in_training_through_the_call_context():
    network = perturbed(make())

    class Outer(keras.layers.Layer):
        def call(self, x, training=None):
            return network(x)  # as a flow calls it, which knows nothing of training

    outer = Outer(dtype="float32")
    before = statistics(network)
    outer(images())
    network(images())
    outer(images(), training=False)
    np.testing.assert_array_equal(statistics(network), before)
    outer(images(), training=True)
    assert np.all(statistics(network) != before)


def test_running_statistics_approach_the_batchs():
    network = perturbed(make())
    x = images(rows=16)
    train = tf.function(lambda x: network(x, training=True))
    for _ in range(300):
        trained = train(x)
    for norm in (network.in_norm, network.norms):  # running variances are the unbiased ones
        norm.variance.assign(norm.variance * (1 - 1 / (16 * 6 * 6)))
    np.testing.assert_allclose(network(x), trained, atol=1e-4)


def test_statistics_of_the_fused_kernel_equal_those_of_moments():
    single, double = perturbed(make()), perturbed(make(dtype="float64"))
    y = single(images(), training=True)
    z = double(images(dtype="float64"), training=True)
    np.testing.assert_allclose(y, z, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(statistics(single), statistics(double), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_inference_is_independent_of_batch_mates(normalization):
    network = perturbed(make(normalization=normalization))
    network(images(rows=16), training=True)
    x = images(rows=5)
    alone = tf.concat([network(x[i : i + 1]) for i in range(5)], 0)
    np.testing.assert_allclose(network(x), alone, atol=1e-6)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_float64_is_exact_and_starts_with_the_weights_of_float32(normalization):
    single = perturbed(make(normalization=normalization))
    double = perturbed(make(normalization=normalization, dtype="float64"))
    x = images(dtype="float64")
    y = double(x)
    assert y.dtype == tf.float64
    assert {v.dtype for v in double.variables} == {"float64"}
    np.testing.assert_allclose(single(tf.cast(x, tf.float32)), y, atol=1e-5)
    # A step below float32's resolution must reach the output.
    assert np.abs(double(x + 1e-10) - y).max() > 1e-13


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("training", [True, False])
def test_bfloat16_is_close_and_keeps_float32_weights(normalization, training):
    single = perturbed(make(normalization=normalization))
    mixed = perturbed(make(normalization=normalization, dtype="mixed_bfloat16"))
    assert {v.dtype for v in mixed.variables} == {"float32"}
    y, z = single(images(), training=training), mixed(images(), training=training)
    assert z.dtype == tf.float32
    error = np.abs(y - z).max() / np.std(y)
    if training:
        assert 1e-6 < error < 0.1  # it did compute in bfloat16
    else:
        np.testing.assert_allclose(z, y, rtol=1e-5, atol=1e-6)


def test_bfloat16_sees_its_input_in_float32():
    network = perturbed(make(dtype="mixed_bfloat16"))
    y = network(images(), training=True)
    shifted = network(images() + 100.0, training=True)  # bfloat16 is 0.5 apart at 100
    assert np.abs(shifted - y).max() / np.std(y) < 0.1


@pytest.mark.parametrize("jit", [False, True])
def test_empty_batches_keep_their_shape_and_the_statistics(jit):
    network = perturbed(make(condition_dim=5))
    specs = [tf.TensorSpec([None, 6, 6, 3]), tf.TensorSpec([None, 5])]

    @tf.function(input_signature=specs, jit_compile=jit)
    def run(x, condition):
        return network([x, condition], training=True)

    before = statistics(network)
    assert run(images(rows=0), conditions(rows=0)).shape == (0, 6, 6, 6)
    np.testing.assert_array_equal(statistics(network), before)
    y = run(images(), conditions())
    np.testing.assert_allclose(y, network([images(), conditions()], training=True), atol=1e-5)
    assert run.get_concrete_function().output_shapes.as_list() == [None, 6, 6, 6]


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_every_output_reacts_to_the_condition(normalization):
    network = perturbed(make(normalization=normalization, condition_dim=5))
    x = tf.repeat(images(rows=1), 2, axis=0)
    y = network([x, conditions(rows=2)])
    assert np.all(np.abs(y[0] - y[1]) > 1e-7)


def test_weights_depend_on_seed_and_name_alone():
    first, again = make(name="a"), make(name="a")
    for one, other in zip(first.variables, again.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    for changed in (make(name="b"), make(name="a", seed=1)):
        assert np.all(first.block_kernels.numpy() != changed.block_kernels.numpy())
    # The same number in every process and version: files may hold a seed in place of weights.
    np.testing.assert_allclose(first.in_kernel[0, 0, 0, 0], -0.24405977, rtol=1e-5)


def test_config_makes_an_equal_layer():
    network = make(normalization="none", condition_dim=2, dtype="mixed_bfloat16")
    config = keras.saving.serialize_keras_object(network)
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == network.get_config()
    assert twin.compute_dtype == "bfloat16"
    np.testing.assert_array_equal(twin.in_kernel, network.in_kernel)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filters": 0}, "`filters` must be at least 1; received 0"),
        ({"in_channels": 0}, "`in_channels` must be at least 1"),
        ({"blocks": 0}, "`blocks` must be at least 1"),
        ({"condition_dim": -1}, "`condition_dim` must be at least 0"),
        ({"normalization": "layer"}, "`normalization` must be one of"),
    ],
)
def test_impossible_arguments_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match=r"must be \[x, condition\]; received x alone"):
        make(condition_dim=5)(images())
    with pytest.raises(ValueError, match=r"`condition` must be \[B, 5\]"):
        make(condition_dim=5)([images(), conditions(width=4)])
    with pytest.raises(ValueError, match="must be x alone; received 2 tensors"):
        make()([images(), conditions()])
    with pytest.raises(ValueError, match=r"`x` must be \[B, H, W, 3\]"):
        make()(images(channels=2))


def test_graph_of_the_papers_network_stays_small():
    network = ConvResNet(6, in_channels=3, filters=64, blocks=8, seed=0, name="net")
    raw = [v.value for v in network.trainable_variables]

    @tf.function(input_signature=[tf.TensorSpec([16, 32, 32, 3])])
    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(network(x, training=True))
        return tape.gradient(loss, raw)

    assert len(network.variables) == 13
    assert len(gradients.get_concrete_function().graph.as_graph_def().node) < 700


REPLICAS = """
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo.conditioners.conv_net import ConvResNet
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
with strategy.scope():
    network = ConvResNet(2, in_channels=1, filters=4, blocks=1, seed=0, name="net")
values = np.random.default_rng(0).normal(size=(6, 4, 4, 1)).astype("float32")
def rows(context):
    one = context.replica_id_in_sync_group == 0
    return tf.constant(values[:4] if one else values[4:] + 1.0)
x = strategy.experimental_distribute_values_from_function(rows)
strategy.run(tf.function(lambda x: network(x, training=True)), args=(x,))
for variable in network.non_trainable_variables:
    first, second = (v.numpy() for v in strategy.experimental_local_results(variable.value))
    np.testing.assert_array_equal(first, second)
mean = 0.05 * (values[:4].mean() + values[4:].mean() + 1) / 2
np.testing.assert_allclose(network.in_norm.mean.numpy(), [[mean]], rtol=1e-5)
"""


@pytest.mark.slow
def test_replicas_share_running_statistics():
    subprocess.run([sys.executable, "-c", REPLICAS], check=True)
