"""The sequential direction: exact, with the solution's derivatives, each row for itself."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

import tfflows
from bijector_cases import (
    CONDITION,
    additive,
    autoregressive,
    masked_network,
    normal,
    plain_made,
    randomized,
    scaled_tanh,
    shifted_sigmoid,
    spline,
)
from checks import close
from tfflows import Affine, Autoregressive, Chain, Coupling, KerasModule, jacobi, masks
from zoo.conditioners.made import MADE

D = 5
TRANSFORMERS = [additive, scaled_tanh, shifted_sigmoid, spline]
every_transformer = pytest.mark.parametrize("transformer", TRANSFORMERS)


NETWORKS = [masked_network, plain_made]
"""A network that is repeated until nothing moves, and one that solves in one pass of D parts."""

every_network = pytest.mark.parametrize("network", NETWORKS)


@functools.cache
def shared(
    transformer,
    size=D,
    conditional=False,  # noqa: FBT002
    dtype="float64",
    seed=3,
    network=masked_network,
):
    made = autoregressive(transformer, size, seed, dtype, conditional=conditional, network=network)
    return randomized(made, seed, scale=0.3)


def first_of(bijector):
    """Returns the variable that depends on no other."""
    layer = bijector._conditioner.layer
    return int(getattr(layer, "layers", [layer])[-1].order[0])


def one_after_another(bijector, x):
    """The forward direction by D passes, written without the module that is tested."""
    y = tf.zeros_like(x)
    for _ in range(x.shape[-1]):
        params = bijector._conditioner(y, bijector.condition, event_ndims=1)
        y, log_det = bijector._transformer.forward_and_log_det(x, params)
    return y, tf.reduce_sum(log_det, -1)


def scrambled(y, log_det):
    return tf.reduce_sum(tf.sin(3.0 * y)) + tf.reduce_sum(tf.cos(log_det))


def gradients(pair, bijector, x, condition=None):
    """Returns the gradients of a loss by latents, by every weight, and by the condition."""
    sources = [x] if condition is None else [x, condition]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        bound = bijector if condition is None else bijector.condition_on(condition)
        loss = scrambled(*pair(bound, x))
    found = tape.gradient(loss, [*sources, *bijector.trainable_variables])
    assert all(g is not None for g in found)
    return found


def counted(action):
    """Returns how many rows of passes an eager action takes."""
    calls, original = [], KerasModule.__call__

    def recorded(self, *args, **kwargs):
        calls.append(self.layer.name)
        return original(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KerasModule, "__call__", recorded)
        action()
    return len(calls)


# Values


@every_network
@every_transformer
def test_samples_are_those_of_one_variable_after_another(transformer, network):
    bijector, x = shared(transformer, network=network), normal((64, D))
    y, log_det = bijector.forward_and_log_det(x)
    wanted, wanted_log_det = one_after_another(bijector, x)
    close(y, wanted, 1e-14)
    close(log_det, wanted_log_det, 1e-12)


@pytest.mark.parametrize(("network", "tolerance"), [(masked_network, 0.0), (plain_made, 2e-6)])
def test_a_float32_sample_is_that_of_one_variable_after_another(network, tolerance):
    bijector = shared(scaled_tanh, dtype="float32", network=network)
    x = normal((64, D), dtype="float32")
    close(bijector.forward(x), one_after_another(bijector, x)[0], tolerance)


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("conditional", [False, True])
def test_a_made_solves_as_it_would_be_repeated(size, conditional):
    bijector = shared(scaled_tanh, size, conditional, network=plain_made)
    x = normal((4, 7, size))
    bound = bijector.condition_on(normal((7, CONDITION), 5)) if conditional else bijector
    y, log_det = bound.forward_and_log_det(x)
    wanted, wanted_log_det = one_after_another(bound, x)
    close(y, wanted, 1e-13)
    close(log_det, wanted_log_det, 1e-12)
    assert np.abs(y - x).mean() > 0.05


def test_a_made_computes_each_of_its_units_once():
    made = MADE(2, variables=5, units=20, layers=3, condition_dim=CONDITION, seed=0, name="made")
    computed, activate = [], made.activate
    made.activate = lambda h: computed.append(h.shape[-1]) or activate(h)
    x, condition = (normal((7, size), dtype="float32") for size in (5, CONDITION))
    made.solved(lambda x, params: x + params[:, :1], [x, condition])
    assert sum(computed) == 3 * 20


def test_a_chain_of_dependencies_takes_every_pass():
    """y_i = x_i + 100 y_{i-1}: no repetition is nearly right before the last."""

    class Before(keras.layers.Layer):
        def __init__(self):
            super().__init__(dtype="float64")
            self.built = True

        def call(self, y):
            return 100.0 * tf.pad(y[:, :-1], [[0, 0], [1, 0]])

    bijector = Autoregressive(Before(), tfflows.Additive(), variables=6)
    x = tf.ones([2, 6], tf.float64)
    close(bijector.forward(x), one_after_another(bijector, x)[0], 0.0)
    close(bijector.inverse(bijector.forward(tf.identity(x))), x, 1e-9)
    with tf.GradientTape() as tape:
        tape.watch(x)
        last = bijector.forward(x)[:, -1]
    close(tape.gradient(last, x), [[100.0**k for k in (5, 4, 3, 2, 1, 0)]] * 2, 1e-12)


def test_an_overflow_on_the_way_is_overcome():
    """The second variable overflows while the first is wrong; a mask's zero times NaN is NaN."""

    class Steep(keras.layers.Layer):
        def __init__(self):
            super().__init__(dtype="float64")
            self.built = True

        def call(self, y):
            second = tf.exp(y @ tf.constant([[1.0], [0.0], [0.0]], y.dtype))
            third = y @ tf.constant([[0.0], [1.0], [0.0]], y.dtype)
            first = y @ tf.zeros([3, 1], y.dtype) - 1e4
            return tf.concat([first, second, third], -1)

    bijector = Autoregressive(Steep(), tfflows.Additive(), variables=3)
    x = tf.constant([[1e4, 1.0, 1.0]], tf.float64)  # where the repetition begins: exp(1e4)
    close(bijector.forward(x), [[0.0, 2.0, 3.0]], 1e-12)


# Derivatives


@pytest.mark.parametrize(
    ("transformer", "network"),
    [*((each, masked_network) for each in TRANSFORMERS), (scaled_tanh, plain_made)],
)
@pytest.mark.parametrize("conditional", [False, True])
def test_gradients_are_those_through_one_variable_after_another(transformer, network, conditional):
    bijector, x = shared(transformer, conditional=conditional, network=network), normal((6, D))
    condition = normal((6, CONDITION), 5) if conditional else None
    wanted = gradients(one_after_another, bijector, x, condition)

    def found():
        return gradients(Autoregressive.forward_and_log_det, bijector, x, condition)

    compiled = [tf.function(found, jit_compile=True)] if transformer is scaled_tanh else []
    for run in (found, tf.function(found), *compiled):
        for gradient, right in zip(run(), wanted, strict=True):
            close(gradient, right, 1e-10)


def test_gradients_do_not_depend_on_how_soon_values_are_right():
    """At zero latents and biases the first guess is the solution, and D products are missing."""
    bijector = randomized(autoregressive(additive, D, 0, "float64"), 0, scale=0.5)
    for variable in bijector.trainable_variables:
        if "bias" in variable.name:
            variable.assign(tf.zeros_like(variable))
    x = tf.zeros([1, D], tf.float64)
    close(bijector.forward(x), x, 0.0)
    assert counted(lambda: bijector.forward(tf.identity(x))) == 2
    wanted = gradients(one_after_another, bijector, x)
    found = gradients(Autoregressive.forward_and_log_det, bijector, x)
    for gradient, right in zip(found, wanted, strict=True):
        close(gradient, right, 1e-12)


def second_derivatives(pair, bijector, x):
    """Returns the gradients of a derivative along a fixed direction."""
    direction = normal(x.shape, 1)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            loss = scrambled(*pair(bijector, x))
        along = tf.reduce_sum(direction * inner.gradient(loss, x))
    return outer.gradient(along, [x, *bijector.trainable_variables])


@pytest.mark.parametrize(
    ("transformer", "compiled"),
    [
        (scaled_tanh, False),
        pytest.param(scaled_tanh, True, marks=pytest.mark.slow),
        pytest.param(spline, False, marks=pytest.mark.slow),
    ],
)
def test_second_derivatives_are_right_too(transformer, compiled):
    bijector, x = shared(transformer, size=3), normal((4, 3))
    wanted = second_derivatives(one_after_another, bijector, x)

    def found():
        return second_derivatives(Autoregressive.forward_and_log_det, bijector, x)

    run = tf.function(found, jit_compile=True) if compiled else found
    for gradient, right in zip(run(), wanted, strict=True):
        close(gradient, right, 1e-9)


def test_a_training_step_of_the_sequential_direction_learns():
    inverted = tfb.Invert(randomized(autoregressive(scaled_tanh, D, 1, "float64"), 1))
    base = tfd.Sample(tfd.Normal(np.float64(0), np.float64(1)), D)
    flow = tfd.TransformedDistribution(base, inverted)
    x = 0.3 * normal((64, D)) + 1.0

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(flow.log_prob(x))
        grads = tape.gradient(loss, inverted.trainable_variables)
        for variable, grad in zip(inverted.trainable_variables, grads, strict=True):
            variable.assign_sub(0.02 * grad)
        return loss

    losses = [step().numpy() for _ in range(30)]
    assert losses[-1] < losses[0] - 0.5


# Rows


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@every_network
@pytest.mark.parametrize("transformer", [scaled_tanh, spline])
def test_a_row_that_is_not_finite_harms_no_other(transformer, bad, network):
    bijector, x = shared(transformer, network=network), normal((8, D)).numpy()
    x[3, first_of(bijector)] = bad
    others = [0, 1, 2, 4, 5, 6, 7]
    y, log_det = bijector.forward_and_log_det(x)
    wanted, wanted_log_det = bijector.forward_and_log_det(x[others])
    close(y.numpy()[others], wanted, 1e-14)
    close(log_det.numpy()[others], wanted_log_det, 1e-14)
    assert np.all(np.isnan(y[3]))


@every_network
def test_a_row_is_the_same_whatever_the_others_need(network):
    bijector, x = shared(scaled_tanh, network=network), normal((32, D))
    whole = bijector.forward(x)
    mixed = tf.concat([tf.zeros([8, D], tf.float64), 1e3 * x, x], 0)
    close(bijector.forward(mixed)[-32:], whole, 1e-14)


# Passes


def test_a_density_is_one_pass_and_a_sample_is_solved_once():
    bijector, x = shared(scaled_tanh), normal((3, D))
    base = tfd.Sample(tfd.Normal(np.float64(0), np.float64(1)), D)
    flow = tfd.TransformedDistribution(base, bijector)
    y = tf.identity(bijector.forward(x))
    assert counted(lambda: flow.log_prob(y)) == 1
    assert counted(lambda: bijector.inverse_and_log_det(y)) == 1
    solve = counted(lambda: bijector.forward_and_log_det(x))
    assert 2 <= solve <= D + 1
    sampled = counted(lambda: flow.experimental_sample_and_log_prob(3, seed=(1, 2)))
    assert 2 <= sampled <= D + 1
    assert counted(lambda: flow.log_prob(flow.sample(3, seed=(1, 2)))) == sampled


def test_an_inverted_one_samples_and_scores_its_samples_in_one_pass():
    bijector = tfb.Invert(shared(scaled_tanh))
    base = tfd.Sample(tfd.Normal(np.float64(0), np.float64(1)), D)
    flow = tfd.TransformedDistribution(base, bijector)
    assert counted(lambda: flow.sample(3, seed=(1, 2))) == 1
    assert counted(lambda: flow.experimental_sample_and_log_prob(3, seed=(1, 2))) == 1
    assert counted(lambda: flow.log_prob(flow.sample(3, seed=(1, 2)))) == 1
    sample = tf.identity(flow.sample(3, seed=(1, 2)))
    assert 2 <= counted(lambda: flow.log_prob(sample)) <= D + 1


def test_an_identity_is_seen_at_once():
    bijector, x = autoregressive(scaled_tanh, 7, 0, "float64"), normal((3, 7))
    assert counted(lambda: bijector.forward(x)) == 2
    close(bijector.forward(tf.identity(x)), x, 0.0)


def test_conditions_pass_through_chain_and_invert():
    parts = [
        autoregressive(scaled_tanh, 3, 0, "float64", conditional=True, name="a"),
        tfb.Invert(autoregressive(spline, 3, 1, "float64", conditional=True, name="b")),
    ]
    chain = Chain([randomized(part, 0) for part in parts])
    x, c = normal((2, 3)), normal((5, 1, CONDITION))
    bound = chain.condition_on(c)
    y, log_det = bound.forward_and_log_det(x)
    assert y.shape == (5, 2, 3)
    assert bound.experimental_batch_shape() == (5, 1)
    middle, second = parts[1].bijector.condition_on(c).inverse_and_log_det(x)
    wanted, first = parts[0].condition_on(c).forward_and_log_det(middle)
    close(y, wanted, 1e-12)
    close(log_det, first + second, 1e-12)
    with pytest.raises(ValueError, match="'b' is conditional and has no `condition`"):
        chain.forward(tf.identity(x))


# Refusals


def test_wrong_arguments():
    made = MADE(2, variables=3, units=4, layers=1, seed=0, name="made")
    for variables in (0, -1):
        with pytest.raises(ValueError, match="`variables` must be at least 1; received"):
            Autoregressive(made, Affine(), variables=variables)
    with pytest.raises(ValueError, match="`condition` was given to an autoregression with cond"):
        Autoregressive(made, Affine(), variables=3, condition=normal((3,)))
    with pytest.raises(ValueError, match="`layer` must be built"):
        Autoregressive(keras.layers.Dense(6), Affine(), variables=3)
    with pytest.raises(ValueError, match="`conditioner` must return 3 = 3 x 1 channels; 'made'"):
        Autoregressive(made, tfflows.Additive(), variables=3).inverse(tf.zeros([2, 3]))
    with pytest.raises(ValueError, match=r"takes events of the sizes \(3,\)"):
        Autoregressive(made, Affine(), variables=3).forward(tf.zeros([2, 4]))


def test_conditions_that_do_not_fit():
    bijector = shared(scaled_tanh, size=3, conditional=True)
    with pytest.raises(ValueError, match=r"`condition` of the shape \(4, 3\) does not broadcast"):
        bijector.condition_on(normal((4, CONDITION))).forward(normal((5, 3)))
    with pytest.raises(ValueError, match=r"`condition` must be \[\*B, K\]; received a scalar"):
        bijector.condition_on(normal(()))


def test_a_fixed_point_of_no_rows_takes_no_pass():
    def step(v):
        raise AssertionError

    none = tf.zeros([2, 0, D])
    assert jacobi.fixed_point(step, none).shape == (2, 0, D)


def test_couplings_and_autoregressions_compose():
    net = keras.Sequential([keras.Input((2,)), keras.layers.Dense(4)])
    part = Coupling(masks.half(4), net, Affine())
    made = MADE(2, variables=4, units=4, layers=1, seed=0, name="made")
    chain = Chain([part, Autoregressive(made, Affine(), variables=4)])
    x = normal((3, 4), dtype="float32")
    close(chain.inverse(tf.identity(chain.forward(x))), x, 1e-5)
