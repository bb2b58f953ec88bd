import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.optimizer import FusedAdam, build_optimizer
from zoo.registry import Training

SCHEDULE = {"initial_learning_rate": 0.01, "decay_steps": 6, "warmup_steps": 2}
# Exact in float32, to which Keras rounds them in one place out of two, whatever the dtype.
BETAS = {"beta_1": 0.875, "beta_2": 1 - 2**-10}


def weights(dtype):
    values = np.random.default_rng(0).normal(size=(7, 3)), np.ones([4])
    return [keras.Variable(v, dtype=dtype, name=f"v{i}") for i, v in enumerate(values)]


def trained(optimizer, *, steps=5, jit=False, dtype="float64"):
    """Weights, and the optimizer's slots, after a few steps with large and small gradients."""
    variables = weights(dtype)
    optimizer.build(variables)

    def step(scale):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(variables[0].value)) + tf.reduce_sum(
                variables[1].value ** 2
            )
            loss *= scale
        gradients = tape.gradient(loss, [v.value for v in variables])
        optimizer.apply(gradients, variables)

    step = tf.function(step, jit_compile=jit)
    for k in range(steps):
        step(tf.constant(10.0 ** (k % 3 - 1), dtype))
    return [v.numpy() for v in [*variables, *optimizer.variables]]


@pytest.mark.parametrize(
    "options",
    [
        {"epsilon": 1e-3},
        {"clipnorm": 0.5},
        {"global_clipnorm": 0.5},
        {"clipvalue": 0.1},
        {"weight_decay": 0.1},
        {"gradient_accumulation_steps": 2},
    ],
    ids=str,
)
def test_equals_keras_adam(options):
    check_equal(0.1, options, jit=False)


@pytest.mark.parametrize("jit", [False, True])
def test_equals_keras_adam_with_a_schedule(jit):
    schedule = keras.optimizers.schedules.CosineDecay(**SCHEDULE, warmup_target=0.1)
    check_equal(schedule, {"weight_decay": 0.1, "global_clipnorm": 0.5}, jit=jit)


def check_equal(rate, options, *, jit):
    wanted = trained(keras.optimizers.Adam(rate, **BETAS, **options), jit=jit)
    found = trained(FusedAdam(rate, **BETAS, **options), jit=jit)
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-12)


def test_float32_and_the_usual_betas_differ_by_rounding():
    wanted = trained(keras.optimizers.Adam(0.1), dtype="float32")
    found = trained(FusedAdam(0.1), dtype="float32")
    # float32(1 - 0.999) is not 1 - float32(0.999): 6e-6 of each step.
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(other, one, rtol=2e-5, atol=1e-5)


def test_excluded_variables_do_not_decay():
    found = []
    for optimizer in (keras.optimizers.Adam, FusedAdam):
        adam = optimizer(0.1, weight_decay=0.1, **BETAS)
        adam.exclude_from_weight_decay(var_names=["v1"])
        found.append(trained(adam))
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-12)


def test_sparse_gradients_equal_dense_ones():
    tables = []
    for sparse in (True, False):
        table, optimizer = keras.Variable(np.ones([4, 2]), dtype="float32"), FusedAdam(0.1)
        optimizer.build([table])
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.gather(table.value, [0, 2, 2]) ** 2)
        gradient = tape.gradient(loss, table.value)
        assert isinstance(gradient, tf.IndexedSlices)
        optimizer.apply([gradient if sparse else tf.convert_to_tensor(gradient)], [table])
        tables.append(table.numpy())
    np.testing.assert_array_equal(*tables)


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match="`amsgrad` must be False"):
        FusedAdam(amsgrad=True)


def test_config_and_state_travel(tmp_path):
    training = Training(steps=20, warmup_steps=3, weight_decay=0.01, clip_norm=2.0)
    model = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])
    model.compile(build_optimizer(training), loss="mse")
    x, y = np.ones([8, 3], "float32"), np.ones([8, 2], "float32")
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    twin = keras.saving.load_model(tmp_path / "model.keras")
    assert type(twin.optimizer) is FusedAdam
    assert twin.optimizer.get_config() == model.optimizer.get_config()
    for one, other in zip(model.optimizer.variables, twin.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one, other)
    for each in (model, twin):
        each.fit(x, y, epochs=1, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], twin.get_weights()[0])


def rates(training, steps):
    schedule = build_optimizer(training)._learning_rate
    return [float(schedule(k)) for k in steps]


def test_cosine_reaches_the_peak_after_warm_up_and_ends_at_zero():
    training = Training(steps=100, learning_rate=0.2, warmup_steps=4)
    np.testing.assert_allclose(rates(training, range(5)), [0.04, 0.08, 0.12, 0.16, 0.2], rtol=1e-5)
    np.testing.assert_allclose(rates(training, [52, 100, 500]), [0.1, 0, 0], atol=1e-6)
    without = Training(steps=100, learning_rate=0.2)
    np.testing.assert_allclose(rates(without, [0, 50, 100]), [0.2, 0.1, 0], atol=1e-6)


def test_constant_stays_at_the_peak():
    training = Training(steps=10, learning_rate=0.2, schedule="constant", warmup_steps=3)
    wanted = [0.05, 0.1, 0.15, 0.2, 0.2, 0.2]
    np.testing.assert_allclose(rates(training, [0, 1, 2, 3, 4, 5000]), wanted, rtol=1e-5)
    plain = build_optimizer(Training(steps=10, learning_rate=0.2, schedule="constant"))
    assert float(plain.learning_rate) == pytest.approx(0.2)
    plain.learning_rate = 0.1  # a number, not a schedule: callbacks may change it


def test_settings_of_the_plan_reach_the_optimizer():
    optimizer = build_optimizer(Training(steps=10, weight_decay=0.01, clip_norm=2.0))
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (0.01, 2.0)
    optimizer = build_optimizer(Training(steps=10))
    assert (optimizer.weight_decay, optimizer.global_clipnorm) == (None, None)


def test_warm_up_without_steps_to_decay_is_refused():
    with pytest.raises(ValueError, match="`warmup_steps` must be below `steps`, 10; received 10"):
        build_optimizer(Training(steps=10, warmup_steps=10))


REPLICAS = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from zoo.optimizer import FusedAdam
data = np.random.default_rng(0).normal(size=(8, 3)).astype("float32") * 5
def train(strategy, options):
    with strategy.scope():
        variable = keras.Variable(np.ones(3), dtype="float32")
        optimizer = FusedAdam(0.1, epsilon=10.0, **options)  # else only the gradient's sign counts
        optimizer.build([variable])
    n = strategy.num_replicas_in_sync
    def share(context):
        return tf.constant(np.split(data, n)[context.replica_id_in_sync_group])
    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((x * variable.value) ** 2) / 8
        optimizer.apply([tape.gradient(loss, variable.value)], [variable])
    for _ in range(5):
        strategy.run(step, args=(strategy.experimental_distribute_values_from_function(share),))
    return [v.numpy() for v in strategy.experimental_local_results(variable.value)]
for options in ({}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"clipvalue": 0.5},
                {"weight_decay": 0.1}, {"use_ema": True}):
    first, second = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), options)
    (single,) = train(tf.distribute.get_strategy(), options)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, single, rtol=1e-5, err_msg=str(options))
"""


@pytest.mark.slow
def test_replicas_step_as_one_device_does():
    subprocess.run([sys.executable, "-c", REPLICAS], check=True)
