"""A map for each element, numbers as events, and what an elementwise bijector refuses."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from bijector_cases import condition_network, normal, randomized
from checks import close
from tfflows import Additive, Affine, Elementwise, RationalQuadratic


def test_it_starts_as_the_identity():
    x = normal((5, 2, 3), dtype="float32")
    for transformer, tolerance in ((Affine(), 0.0), (RationalQuadratic(), 2e-6)):
        y, log_det = Elementwise(transformer, (2, 3)).forward_and_log_det(x)
        close(y, x, tolerance)
        close(log_det, np.zeros(5), 6 * tolerance)


@pytest.mark.parametrize("transformer", [Affine(), RationalQuadratic()], ids=["affine", "spline"])
def test_each_element_has_its_map_and_sees_itself_alone(transformer):
    bijector = randomized(Elementwise(transformer, (2, 3), dtype="float64"), 0)
    x = tf.fill([2, 3], tf.constant(0.5, "float64"))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, log_det = bijector.forward_and_log_det(x)
    jacobian = np.reshape(tape.jacobian(y, x, experimental_use_pfor=False), (6, 6))
    assert not np.any(jacobian * (1 - np.eye(6)))
    assert len(np.unique(y)) == 6
    close(log_det, np.sum(np.log(np.diag(jacobian))), 1e-12)


def test_the_first_block_of_channels_shifts_and_the_second_scales():
    affine = Affine(log_scale=lambda raw: raw)
    bijector = Elementwise(affine, (2,), dtype="float64")
    bijector.trainable_variables[0].assign([1.0, 2.0, 0.5, -0.25])
    x = normal((3, 2))
    y, log_det = bijector.forward_and_log_det(x)
    close(y, x * np.exp([0.5, -0.25]) + [1.0, 2.0], 1e-12)
    close(log_det, np.full(3, 0.25), 1e-12)


class Spread(Additive):
    """Asks for other values than zero at the start."""

    def initial_params(self, channels):
        return np.arange(float(channels))


@pytest.mark.parametrize(
    ("event_shape", "wanted"),
    [((), [0.0]), ((3,), [0.0, 1.0, 2.0]), ((2, 3), [[0.0, 1.0, 2.0]] * 2)],
)
def test_a_transformer_may_choose_where_it_starts(event_shape, wanted):
    (params,) = Elementwise(Spread(), event_shape).trainable_variables
    close(params, wanted, 0.0)


# Numbers.


@pytest.mark.parametrize("transformer", [Affine(), RationalQuadratic()], ids=["affine", "spline"])
def test_a_density_of_numbers_integrates_to_one(transformer):
    bijector = randomized(Elementwise(transformer, ()), 0, scale=1.0)
    flow = tfd.TransformedDistribution(tfd.Normal(0.0, 1.0), bijector)
    assert flow.event_shape == flow.batch_shape == ()
    assert flow.sample(7, seed=(1, 2)).shape == (7,)
    grid = np.linspace(-30, 30, 60001, dtype="float32")
    density = np.exp(flow.log_prob(grid))
    assert density.shape == grid.shape
    close(np.sum(density) * (grid[1] - grid[0]), 1.0, 1e-3)


def test_numbers_with_a_condition_each():
    network = condition_network("c", 0, "float32", (2,))
    bijector = Elementwise(Affine(), (), conditioner=network)
    bound = bijector.condition_on(normal((5, 3), dtype="float32"))
    flow = tfd.TransformedDistribution(tfd.Normal(0.0, 1.0), bound)
    assert flow.batch_shape == (5,)
    assert flow.sample(7, seed=(1, 2)).shape == (7, 5)
    assert len(np.unique(flow.log_prob(0.3))) == 5


# Conditions.


def conditional():
    network = condition_network("c", 0, "float64", (2, 6))
    return Elementwise(Affine(), (2, 3), conditioner=network, dtype="float64")


def test_the_network_adds_to_the_learned_parameters():
    bijector, c, x = conditional(), normal((3,)), normal((4, 2, 3), 1)
    plain = Elementwise(Affine(), (2, 3), dtype="float64")
    network = bijector.parameters["conditioner"].layer
    learned = normal((2, 6), 2)
    bijector.parameters["state"].layer.params.assign(learned)
    plain.parameters["state"].layer.params.assign(learned + network(c[None])[0])
    close(bijector.condition_on(c).forward(x), plain.forward(x), 1e-12)


def test_conditions_widen_a_batch():
    bound = conditional().condition_on(normal((5, 1, 3)))
    y, log_det = bound.forward_and_log_det(normal((4, 2, 3)))
    assert y.shape == (5, 4, 2, 3)
    assert log_det.shape == (5, 4)
    assert bound.experimental_batch_shape() == (5, 1)


def test_binding_again_replaces_the_condition_and_shares_the_weights():
    bijector, x = conditional(), normal((2, 3))
    first, second = normal((5, 3), seed=1), normal((4, 3), seed=2)
    again = bijector.condition_on(first).condition_on(second)
    close(again.forward(x), bijector.condition_on(second).forward(x), 0.0)
    assert {id(v) for v in again.variables} == {id(v) for v in bijector.variables}
    assert bijector.condition is None


def test_a_numpy_condition_keeps_its_precision():
    bijector, x, c = conditional(), normal((5, 2, 3)), normal((5, 3))
    exact = bijector.condition_on(c).forward(x)
    close(bijector.condition_on(c.numpy()).forward(tf.identity(x)), exact, 0.0)


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        (normal(()), r"`condition` must be \[\*B, K\]; received a scalar"),
        (normal((4, 3)), r"`condition` of the shape \(4, 3\) does not broadcast with the batch"),
        (normal((5, 7)), r"expected shape=\(None, 3\), found shape=\(5, 7\)"),
    ],
)
def test_wrong_conditions(condition, match):
    with pytest.raises(ValueError, match=match):
        conditional().condition_on(condition).forward(normal((5, 2, 3)))


def test_a_condition_without_a_network_is_refused():
    match = "`condition` was given, but 'elementwise' has no `conditioner`"
    with pytest.raises(ValueError, match=match):
        Elementwise(Affine(), (3,), condition=normal((5, 3)))
    with pytest.raises(ValueError, match="no part of 'elementwise' is conditional"):
        Elementwise(Affine(), (3,)).condition_on(normal((5, 3)))


@pytest.mark.parametrize("outputs", [(6,), (2, 3), (12,), (1, 2, 6)])
def test_a_network_of_another_shape_is_refused(outputs):
    network = condition_network("c", 0, "float64", outputs)
    bijector = Elementwise(Affine(), (2, 3), conditioner=network, dtype="float64")
    match = r"`conditioner` must return \[B, 2, 6\]; 'c' returned the shape \(5, "
    with pytest.raises(ValueError, match=match):
        bijector.condition_on(normal((5, 3))).forward(normal((5, 2, 3)))


def test_an_unbuilt_network_is_refused():
    with pytest.raises(ValueError, match="`layer` must be built"):
        Elementwise(Affine(), (3,), conditioner=keras.layers.Dense(6))


@pytest.mark.parametrize("event_shape", [(0,), (2, -1), (None, 3), (2.0,), "3"])
def test_wrong_event_shapes(event_shape):
    with pytest.raises(ValueError, match="`event_shape` must hold positive integers; received "):
        Elementwise(Affine(), event_shape)


def test_data_of_another_size_are_refused():
    """They would broadcast."""
    with pytest.raises(ValueError, match=r"takes events of the sizes \(2, 3\)"):
        Elementwise(Affine(), (2, 3)).forward(tf.zeros([5, 1, 3]))
