"""The checks bite: each raises AssertionError for a fault that is planted here on purpose."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import checks
from bijector_cases import (
    autoregressive,
    network,
    normal,
    randomized,
    scaled_tanh,
    vector_coupling,
)
from tfflows import ActNorm, Affine, Autoregressive, Bijector, Chain, Coupling, KerasModule, Squeeze

BASE = tfd.Sample(tfd.Normal(np.float64(0), np.float64(1)), 4)


def planted(kind, **attributes):
    """Returns a coupling over [4], at random weights, of a class with a fault."""
    faulty = type("Faulty", (kind,), attributes)
    made = vector_coupling(0, "float64", "a")
    return randomized(faulty(**{k: v for k, v in made.parameters.items() if k != "condition"}), 0)


def answers(*, value=lambda v: v, log_det=lambda d: d):
    """Returns a pass of `Coupling` whose answers are bent, for either direction."""

    def bent(one_pass):
        def faulty(self, x):
            y, total = one_pass(self, x)
            return value(y), log_det(total)

        return faulty

    return bent


def both(bend):
    return {
        "_forward_and_log_det": bend(Coupling._forward_and_log_det),
        "_inverse_and_log_det": bend(Coupling._inverse_and_log_det),
    }


def sound():
    return planted(Coupling)


def wrong_log_det():
    return planted(Coupling, **both(answers(log_det=lambda d: 1.000001 * d)))


def wrong_sign():
    bend = answers(log_det=lambda d: -d)
    return planted(Coupling, _inverse_and_log_det=bend(Coupling._inverse_and_log_det))


def inverse_off():
    bend = answers(value=lambda v: v + 1e-10)
    return planted(Coupling, _inverse_and_log_det=bend(Coupling._inverse_and_log_det))


def swapped_mask():
    def inverse(self, y):
        return Coupling._inverse_and_log_det(self.copy(mask=~self.mask), y)

    return planted(Coupling, _inverse_and_log_det=inverse)


def log_det_without_batch():
    def pair(self, x, event_ndims=None):
        y, log_det = Coupling.forward_and_log_det(self, x, event_ndims)
        return y, tf.reduce_mean(log_det)

    return planted(Coupling, forward_and_log_det=pair)


def protocol_off():
    def augmented(self, y):
        x, attributes = Coupling._augmented_inverse(self, y)
        return x, {"ildj": attributes["ildj"] + 1e-6}

    return planted(Coupling, _augmented_inverse=augmented)


def other_in_graph():
    bend = answers(value=lambda v: v if tf.executing_eagerly() else v + 1e-6)
    return planted(Coupling, **both(bend))


def shape_lost_in_graph():
    bend = answers(value=lambda v: tf.reshape(v, tf.concat([tf.shape(v)[:-1], [-1]], 0)))
    return planted(Coupling, **both(bend))


def two_passes():
    def twice(self, x):
        Coupling._inverse_and_log_det(self, x)
        return Coupling._inverse_and_log_det(self, x)

    return planted(Coupling, _inverse_and_log_det=twice)


def hidden_network():
    """A Keras layer that no KerasModule holds: TFP, checkpoints of it and optimizers miss it."""

    class Hidden(Bijector):
        def __init__(self, net):
            self.net = net
            super().__init__(forward_min_event_ndims=1, parameters={"net": net}, name="hidden")

        def _forward_and_log_det(self, x):
            a, b = tf.split(x, 2, -1)
            return tf.concat([a, b + self.net(a)], -1), tf.zeros([], x.dtype)

        def _inverse_and_log_det(self, y):
            a, b = tf.split(y, 2, -1)
            return tf.concat([a, b - self.net(a)], -1), tf.zeros([], y.dtype)

    return Hidden(network("hidden", 0, "float64", (2,), 2))


def without_gradient():
    def params(self, *args):
        return tf.stop_gradient(Coupling._params(self, *args))

    return planted(Coupling, _params=params)


def raw_variable():
    return tfb.Shift(tf.Variable(np.ones(4)))


def rows_mixed():
    bend = answers(value=lambda v: v + 1e-6 * tf.reduce_mean(v, axis=0))
    return planted(Coupling, **both(bend))


def stale():
    kept = {}

    def pair(self, y, event_ndims=None):
        if id(y) not in kept:
            kept[id(y)] = y, Coupling.inverse_and_log_det(self, y, event_ndims)
        return kept[id(y)][1]

    return planted(Coupling, inverse_and_log_det=pair)


def deepcopy_shares():
    return planted(Coupling, __deepcopy__=lambda self, memo: self.copy())


def unbounded():
    made = vector_coupling(0, "float32", "a")
    net = KerasModule(network("far", 0, "float32", (2,), 4))
    return Coupling(made.mask, _scaled_up(net), Affine(lambda raw: raw))


def _scaled_up(module):
    for weight in module.layer.trainable_variables:
        weight.assign(200.0 * weight)
    return module


def wrong_event_shape():
    return type("Faulty", (Squeeze,), {"_forward_event_shape_tensor": lambda self, s: s})()


X = normal((4, 4))


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (wrong_log_det, lambda b: checks.log_dets_are_numeric(b, X, 1)),
        (wrong_log_det, lambda b: checks.densities_are_numeric(b, BASE, X)),
        (wrong_sign, lambda b: checks.log_dets_are_numeric(b, X, 1)),
        (wrong_sign, lambda b: checks.round_trips(b, X, 1, 1e-11)),
        (inverse_off, lambda b: checks.round_trips(b, X, 1, 1e-11)),
        (swapped_mask, lambda b: checks.round_trips(b, X, 1, 1e-11)),
        (log_det_without_batch, lambda b: checks.pair_is_the_protocol(b, X, 1)),
        (protocol_off, lambda b: checks.pair_is_the_protocol(b, X, 1)),
        (protocol_off, lambda b: checks.densities_are_numeric(b, BASE, X)),
        (other_in_graph, lambda b: checks.is_the_same_in_graph(b, X, 1)),
        (other_in_graph, lambda b: checks.compiles(b, X, 1)),
        (shape_lost_in_graph, lambda b: checks.is_the_same_in_graph(b, X, 1)),
        (two_passes, lambda b: checks.one_pass_per_density(b, BASE)),
        (hidden_network, lambda b: checks.variables_are_seen(b, X, 1)),
        (raw_variable, lambda b: checks.variables_are_seen(b, X, 1)),
        (without_gradient, lambda b: checks.every_variable_has_a_gradient(b, X, 1)),
        (rows_mixed, lambda b: checks.rows_are_independent(b, X, 1)),
        (stale, lambda b: checks.answers_are_not_stale(b, BASE)),
        (deepcopy_shares, lambda b: checks.deepcopy_is_independent(b, X)),
        (unbounded, lambda b: checks.far_inputs_are_finite(checks.forward_pair, b, far())),
        (wrong_event_shape, lambda b: checks.event_shapes_are_right(b, normal((2, 1, 1, 4)), 3)),
    ],
)
def test_a_planted_fault_is_caught(plant, check):
    bijector = plant()
    with pytest.raises(AssertionError):
        check(bijector)


def far():
    return tf.constant(1e4 * np.sign(normal((8, 4))), "float32")


def test_what_the_faults_are_planted_in_is_sound(tmp_path):
    """So that it is the fault that the checks catch."""
    checks.densities_are_numeric(sound(), BASE, X)
    checks.round_trips(sound(), X, 1, 1e-11)
    checks.pair_is_the_protocol(sound(), X, 1)
    checks.is_the_same_in_graph(sound(), X, 1)
    checks.compiles(sound(), X, 1)
    checks.one_pass_per_density(sound(), BASE)
    checks.variables_are_seen(sound(), X, 1)
    checks.every_variable_has_a_gradient(sound(), X, 1)
    checks.rows_are_independent(sound(), X, 1)
    checks.answers_are_not_stale(sound(), BASE)
    checks.deepcopy_is_independent(sound(), X)
    checks.event_shapes_are_right(Squeeze(), normal((2, 1, 1, 4)), 3)


class SharedCache(ActNorm):
    """Its `parameters` lack the weights: two of them are equal to TFP and share one cache."""

    @property
    def parameters(self):
        return {k: v for k, v in super().parameters.items() if k != "state"}


def test_a_shared_cache_is_caught():
    first, second = (randomized(SharedCache(4, dtype="float64"), seed) for seed in (0, 1))
    with pytest.raises(AssertionError, match="equal"):
        checks.instances_are_independent(first, second, X)
    first, second = (randomized(ActNorm(4, dtype="float64"), seed) for seed in (0, 1))
    checks.instances_are_independent(first, second, X)


def test_a_second_solution_of_a_sequential_direction_is_caught():
    class Twice(Autoregressive):
        def _augmented_forward(self, x):
            super()._augmented_forward(x)
            return super()._augmented_forward(x)

    made = randomized(autoregressive(scaled_tanh, 4, 0, "float64"), 0)
    checks.one_pass_per_density(made, BASE, "forward")
    with pytest.raises(AssertionError, match="to solve once"):
        checks.one_pass_per_density(Twice(**made.parameters), BASE, "forward")
    with pytest.raises(AssertionError, match="called"):
        checks.one_pass_per_density(made, BASE)


class Order(Bijector):
    """A permutation that is no weight, as `tfb.Permute` has it, with weights that are."""

    def __init__(self, order):
        self.order, self.norm = order, ActNorm(4, dtype="float64")
        super().__init__(forward_min_event_ndims=1, parameters={"order": order}, name="order")

    def _forward_and_log_det(self, x):
        return self.norm.forward_and_log_det(tf.gather(x, self.order, axis=-1))

    def _inverse_and_log_det(self, y):
        x, log_det = self.norm.inverse_and_log_det(y)
        return tf.gather(x, np.argsort(self.order), axis=-1), log_det


def test_what_a_checkpoint_misses_is_caught(tmp_path):
    source, twin = (randomized(Order(order), 0) for order in ([0, 2, 1, 3], [3, 2, 1, 0]))
    with pytest.raises(AssertionError, match="restored twin"):
        checks.checkpoint_restores(source, twin, X, tmp_path)


def test_a_hidden_network_is_missed_by_a_checkpoint_and_caught(tmp_path):
    source, twin = hidden_network(), hidden_network()
    twin.net.trainable_variables[0].assign_add(tf.ones([2, 6], "float64"))
    assert source.variables == ()
    with pytest.raises(AssertionError):
        checks.variables_are_seen(source, X, 1)


def conditional(kind=Coupling, **attributes):
    faulty = type("Faulty", (kind,), attributes)
    made = vector_coupling(0, "float64", "a", conditional=True)
    return randomized(faulty(**{k: v for k, v in made.parameters.items() if k != "condition"}), 0)


def ignored():
    """The network is called, but with zeros for the condition."""

    def params(self, passed, moved):
        condition = tf.zeros_like(self.condition)
        return self._conditioner(passed, condition, event_ndims=1)

    return conditional(_params=params)


def averaged():
    """Every row gets the mean of the conditions."""
    mean = staticmethod(lambda c: tf.zeros_like(c) + tf.reduce_mean(c, axis=0))
    return conditional(_condition_on=lambda self, c: Coupling._condition_on(self, mean(c)))


def part_left_out():
    """A chain that binds its first part alone and leaves another as it was bound before."""

    class Faulty(Chain):
        def _condition_on(self, condition):
            first, *others = self.bijectors
            return self.copy(bijectors=[first.condition_on(condition), *others])

    bound = conditional().condition_on(normal((3,)))
    return Faulty([conditional(), bound])


@pytest.mark.parametrize("plant", [ignored, averaged, part_left_out])
def test_a_dropped_condition_is_caught(plant):
    bijector, conditions, x = plant(), normal((5, 3), seed=3), normal((4,))
    with pytest.raises(AssertionError):
        checks.reacts_to_the_condition(bijector.condition_on, conditions, x)


def test_a_kept_condition_passes():
    checks.reacts_to_the_condition(conditional().condition_on, normal((5, 3)), normal((4,)))
