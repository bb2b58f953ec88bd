"""What a masked network sees: all that comes before, and nothing else."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from bijector_cases import normal, randomized
from tfflows import KerasModule
from zoo.conditioners.made import MADE
from zoo.conditioners.mlp import MLP

CONDITION = 4


def make(variables=5, **changes):
    options = {"variables": variables, "units": 9, "layers": 3, "seed": 0, "name": "net"}
    return MADE(2, **(options | changes))


def moved(network):
    """Returns the network at random weights, with no zero left."""
    randomized(KerasModule(network), 0)
    return network


def inputs(network, rows=4, seed=2):
    x = normal((rows, network.size), seed, network.variable_dtype)
    if not network.condition_dim:
        return x
    return [x, normal((rows, network.condition_dim), seed + 1, network.variable_dtype)]


def dependencies(network):
    """Returns which variable [j] reaches which variable's parameters [i], as booleans [i, j]."""
    given = inputs(network)
    x, *condition = given if isinstance(given, list) else [given]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = network([x, *condition]) if condition else network(x)
    jacobian = tape.batch_jacobian(
        y, x, experimental_use_pfor=False, unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
    shape = (-1, network.num_params, network.size, network.size)
    blocks = np.reshape(jacobian, shape) != 0
    assert np.array_equal(blocks.all((0, 1)), blocks.any((0, 1))), "blocks or rows differ"
    return blocks.all((0, 1))


def orders(variables):
    random = np.random.default_rng(variables)
    return {tuple(range(variables)), tuple(range(variables))[::-1]} | {
        tuple(random.permutation(variables).tolist()) for _ in range(3)
    }


@pytest.mark.parametrize("condition_dim", [0, CONDITION])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize(
    ("variables", "order"), [(d, order) for d in (1, 2, 5) for order in sorted(orders(d))]
)
def test_each_variable_depends_on_all_before_it_and_no_other(
    variables, order, layers, condition_dim
):
    units = variables if condition_dim else max(1, variables - 1)  # as few as may be
    network = moved(
        make(
            variables,
            order=order,
            units=units,
            layers=layers,
            condition_dim=condition_dim,
            dtype="float64",
        )
    )
    place = np.argsort(order)
    np.testing.assert_array_equal(dependencies(network), place[None, :] < place[:, None])


@pytest.mark.parametrize("variables", [1, 2, 5])
def test_the_condition_reaches_every_output_and_every_hidden_layer(variables):
    network = moved(make(variables, condition_dim=CONDITION, dtype="float64"))
    x, c = inputs(network)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(c)
        y = network([x, c])
    jacobian = tape.batch_jacobian(y, c, experimental_use_pfor=False)
    assert np.all(jacobian.numpy() != 0)
    shares = np.reshape(tape.gradient(y, network.projection.value), (CONDITION, network.depth, -1))
    assert np.all(shares != 0)


def test_it_is_more_than_a_linear_function_of_the_condition_for_the_first_variable():
    network = moved(make(order=(3, 0, 1, 2, 4), condition_dim=CONDITION, dtype="float64"))
    x, c = inputs(network, rows=1)
    low, middle, high = (network([x, c + step])[0, 3] for step in (-1.0, 0.0, 1.0))
    assert abs(low + high - 2 * middle) > 1e-4


def test_degrees_are_even_and_complete():
    np.testing.assert_array_equal(make(units=9).degrees, [1, 1, 1, 2, 2, 3, 3, 4, 4])
    np.testing.assert_array_equal(
        make(units=9, condition_dim=1).degrees, [0, 0, 1, 1, 2, 2, 3, 3, 4]
    )
    for variables in (1, 2, 43):
        fewest = max(1, variables - 1)
        for units in (fewest, fewest + 1, 2 * fewest + 1, 100):
            counts = np.bincount(make(variables, units=units, layers=1).degrees)
            counts = counts if variables == 1 else counts[1:]
            assert len(counts) == fewest
            assert counts.max() - counts.min() <= 1


def test_is_built_and_zero_at_construction():
    network = make(condition_dim=CONDITION)
    assert network.built
    y = network(inputs(network))
    assert y.shape == (4, 10)
    np.testing.assert_array_equal(y, 0)


def test_it_is_an_mlp_with_masks():
    made = moved(make(units=9, layers=3, condition_dim=CONDITION, dtype="float64"))
    plain = MLP(
        10,
        in_features=5,
        units=9,
        layers=3,
        condition_dim=CONDITION,
        seed=0,
        name="mlp",
        dtype="float64",
    )
    place, degrees = np.arange(5), made.degrees
    masks = {
        "in_kernel": place[:, None] < degrees,
        "kernels": degrees[:, None] <= degrees,
        "out_kernel": np.tile(degrees[:, None] <= place, 2),
    }
    for name in ("in_kernel", "biases", "kernels", "out_kernel", "out_bias", "projection"):
        getattr(plain, name).assign(getattr(made, name).numpy() * masks.get(name, 1))
    np.testing.assert_allclose(made(inputs(made)), plain(inputs(made)), rtol=1e-12)


@pytest.mark.parametrize("variables", [1, 2, 5])
@pytest.mark.parametrize("condition_dim", [0, CONDITION])
def test_every_weight_gets_a_gradient(variables, condition_dim):
    network = moved(make(variables, condition_dim=condition_dim))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(3.0 * network(inputs(network))))
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        assert np.any(gradient != 0), variable.path


def test_the_order_is_a_weight_and_the_masks_follow_it(tmp_path):
    network, twin = moved(make(order=(2, 0, 4, 1, 3))), make(order=(4, 3, 2, 1, 0), seed=5)
    assert len(twin.non_trainable_variables) == 1
    for source, target in zip(network.variables, twin.variables, strict=True):
        target.assign(source)
    x = inputs(network)
    np.testing.assert_array_equal(twin(x), network(x))
    assert twin.get_config()["order"] == [2, 0, 4, 1, 3]


def test_float64_is_exact_and_starts_with_the_weights_of_float32():
    single, double = moved(make()), moved(make(dtype="float64"))
    x = inputs(double)
    assert double(x).dtype == tf.float64
    np.testing.assert_allclose(single(tf.cast(x, tf.float32)), double(x), atol=1e-5)
    assert np.abs(double(x + 1e-10) - double(x)).max() > 1e-13


def test_bfloat16_is_close_in_training_and_float32_otherwise():
    single, mixed = moved(make()), moved(make(dtype="mixed_bfloat16"))
    x = inputs(single)
    np.testing.assert_array_equal(mixed(x), single(x))
    y, z = single(x, training=True), mixed(x, training=True)
    assert z.dtype == tf.float32
    assert 1e-6 < np.abs(y - z).max() / np.std(y) < 0.2


@pytest.mark.parametrize("variables", [1, 5])
def test_batches_may_be_empty_and_of_any_size(variables):
    network = moved(make(variables))
    run = tf.function(network, input_signature=[tf.TensorSpec([None, variables])])
    assert run(tf.zeros([0, variables])).shape == (0, 2 * variables)
    x = inputs(network)
    np.testing.assert_allclose(run(x), network(x), atol=1e-6)


def test_config_makes_an_equal_layer():
    network = make(order=(1, 0, 2, 4, 3), activation="tanh", condition_dim=2, dtype="float64")
    config = keras.saving.serialize_keras_object(network)
    twin = keras.saving.deserialize_keras_object(config)
    assert twin.get_config() == network.get_config()
    np.testing.assert_array_equal(twin.in_kernel, network.in_kernel)
    np.testing.assert_array_equal(twin.order, network.order)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 0}, "`units` must be at least 1; received 0"),
        ({"units": 3}, "`units` must be at least 4, so that each of 5 variables reaches.*3"),
        ({"units": 4, "condition_dim": 1}, "`units` must be at least 5"),
        ({"variables": 0}, "`variables` must be at least 1"),
        ({"layers": 0}, "`layers` must be at least 1"),
        ({"condition_dim": -1}, "`condition_dim` must be at least 0"),
        ({"order": (0, 1, 2, 3)}, r"`order` must hold 0..4, each once; received \(0, 1, 2, 3\)"),
        ({"order": (0, 1, 2, 3, 3)}, "`order` must hold 0..4"),
        ({"order": (1, 2, 3, 4, 5)}, "`order` must hold 0..4"),
        ({"activation": "rellu"}, "`activation` must name a Keras activation; received 'rellu'"),
    ],
)
def test_impossible_arguments_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_wrong_inputs_are_refused():
    with pytest.raises(ValueError, match=r"must be \[x, condition\]; received x alone"):
        make(condition_dim=CONDITION)(tf.zeros([2, 5]))
    with pytest.raises(ValueError, match=r"`x` must be \[B, 5\]"):
        make()(tf.zeros([2, 4]))
