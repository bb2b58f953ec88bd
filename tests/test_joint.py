"""Flows inside TFP's joint distributions, meta-distributions and compositions, against truth.

Truth is the change of variables with a brute-force Jacobian, in float64.
"""

import math

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from bijector_cases import (
    CONDITION,
    autoregressive,
    coupling,
    logistics,
    normal,
    randomized,
    scaled_tanh,
    spline,
    vector_coupling,
)
from checks import close, fresh, numeric_log_det
from tfflows import Chain, FactorOut, masks

D = 4
LOG_2PI = math.log(2 * math.pi)
ZERO, ONE = np.float64(0), np.float64(1)
READING = normal((D,), seed=21)


def make_flow(seed=0, dtype="float64", *, conditional=False):
    """Returns couplings with one of TFP's bijectors between them, over [4]."""
    parts = [
        vector_coupling(seed, dtype, "a", conditional=conditional),
        tfb.Shift(tf.constant([0.3, -0.2, 0.1, 0.5], dtype)),
        vector_coupling(seed + 1, dtype, "b", 1, conditional=conditional),
    ]
    return randomized(Chain(parts), seed)


def base(dtype="float64"):
    return tfd.MultivariateNormalDiag(tf.zeros(D, dtype))


def density(bijector, dtype="float64"):
    return tfd.TransformedDistribution(base(dtype), bijector)


def normal_log_prob(z, mean=0.0, sd=1.0):
    scores = (np.asarray(z) - mean) / sd
    return np.sum(-0.5 * np.square(scores) - math.log(sd) - 0.5 * LOG_2PI, axis=-1)


def by_hand(bijector, y):
    """Returns log p(y) of a standard normal through the bijector."""
    return normal_log_prob(bijector.inverse(fresh(y))) + numeric_log_det(bijector.inverse, y, 1)


# Joint distributions


def cause():
    return tfd.Sample(tfd.Normal(ZERO, ONE), CONDITION)


def readings(effect):
    return tfd.Independent(tfd.Normal(effect, 0.5 * ONE), 1)


def coroutine(flow, kind):
    def model():
        given = yield kind.Root(cause())
        effect = yield density(flow.condition_on(given))
        yield readings(effect)

    return kind(model)


MUCH_LIKE_OTHERS = {"sequential-auto", "coroutine"}
JOINTS = {
    "sequential": lambda flow: tfd.JointDistributionSequential(
        [cause(), lambda c: density(flow.condition_on(c)), readings]
    ),
    "sequential-auto": lambda flow: tfd.JointDistributionSequentialAutoBatched(
        [cause(), lambda c: density(flow.condition_on(c)), readings]
    ),
    "named": lambda flow: tfd.JointDistributionNamed(
        {
            "cause": cause(),
            "effect": lambda cause: density(flow.condition_on(cause)),
            "reading": readings,
        }
    ),
    "coroutine": lambda flow: coroutine(flow, tfd.JointDistributionCoroutine),
    "coroutine-auto": lambda flow: coroutine(flow, tfd.JointDistributionCoroutineAutoBatched),
}
every_joint = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=[pytest.mark.slow] * (name in MUCH_LIKE_OTHERS))
        for name, make in JOINTS.items()
    ],
)


def joint_by_hand(flow, c, y, reading):
    whole = normal_log_prob(c) + by_hand(flow.condition_on(c), y)
    return whole + normal_log_prob(reading, np.asarray(y), 0.5)


@every_joint
def test_a_conditioned_flow_in_a_joint_distribution(make):
    flow = make_flow(conditional=True)
    model = make(flow)
    assert [tuple(s) for s in tf.nest.flatten(model.event_shape)] == [(CONDITION,), (D,), (D,)]
    for sizes in ((), (7,)):
        sample = model.sample(sizes, seed=1)  # a pair of seeds would be slow where auto-batched
        c, y, reading = tf.nest.flatten(sample)
        assert (c.shape, y.shape, reading.shape) == (
            (*sizes, CONDITION),
            (*sizes, D),
            (*sizes, D),
        )
        found = model.log_prob(tf.nest.map_structure(fresh, sample))
        close(found, joint_by_hand(flow, c, y, reading), 1e-9)
    assert {id(v) for v in model.trainable_variables} == {id(v) for v in flow.trainable_variables}


@every_joint
def test_what_is_pinned_is_an_unnormalized_density(make):
    flow = make_flow(conditional=True)
    model = make(flow)
    pins = tf.nest.pack_sequence_as(model.dtype, [None, None, READING])
    named = isinstance(pins, dict)
    pinned = model.experimental_pin(**pins) if named else model.experimental_pin(*pins)
    sample = pinned.sample_unpinned(5, seed=3)
    c, y = tf.nest.flatten(sample)
    assert (c.shape, y.shape) == ((5, CONDITION), (5, D))
    wanted = joint_by_hand(flow, c, y, READING)

    @tf.function(autograph=False)
    def log_prob(c, y):
        parts = tf.nest.pack_sequence_as(sample, [fresh(c), fresh(y)])
        return pinned.unnormalized_log_prob(parts)

    close(log_prob(c, y), wanted, 1e-9)
    # What a sampler asks for: the gradient, and a map from unbounded numbers.
    _, (dc, dy) = tfp.math.value_and_gradient(log_prob, [c, y])
    for k, gradient in enumerate((dc, dy)):
        step = 1e-6 * normal(gradient.shape, seed=k)
        ends = [[c, y], [c, y]]
        ends[0][k], ends[1][k] = ends[0][k] + step, ends[1][k] - step
        slope = (log_prob(*ends[0]) - log_prob(*ends[1])) / 2
        close(slope, tf.reduce_sum(gradient * step, -1), 1e-9)
    space = pinned.experimental_default_event_space_bijector()
    free = tf.nest.map_structure(lambda v: normal(v.shape[1:], seed=5), sample)
    mapped = space.forward(free)
    assert [p.shape for p in tf.nest.flatten(mapped)] == [(CONDITION,), (D,)]


def test_a_flow_without_a_condition_beside_others():
    flow = make_flow()
    model = tfd.JointDistributionSequential([tfd.Gamma(2 * ONE, ONE), density(flow)])
    rate, y = model.sample((2, 3), seed=(1, 2))
    wanted = tfd.Gamma(2 * ONE, ONE).log_prob(rate) + by_hand(flow, y)
    close(model.log_prob([rate, fresh(y)]), wanted, 1e-9)


# Meta-distributions


def test_independent_sums_over_a_batch_of_conditions():
    flow, c = make_flow(conditional=True), normal((2, 5, CONDITION), seed=1)
    given = density(flow.condition_on(c))
    whole = tfd.Independent(given, 1)
    assert (whole.batch_shape, whole.event_shape) == ((2,), (5, D))
    y = whole.sample(7, seed=(1, 2))
    assert y.shape == (7, 2, 5, D)
    wanted = by_hand(flow.condition_on(c), y).numpy().sum(-1)
    close(whole.log_prob(fresh(y)), wanted, 1e-9)
    sample, log_prob = whole.experimental_sample_and_log_prob(3, seed=(3, 4))
    close(whole.log_prob(fresh(sample)), log_prob, 1e-9)


@pytest.mark.parametrize("conditional", [False, True])
def test_sample_draws_several(conditional):
    flow = make_flow(conditional=conditional)
    bound = flow.condition_on(normal((5, CONDITION), seed=1)) if conditional else flow
    batch = (5,) if conditional else ()
    whole = tfd.Sample(density(bound), (2, 3))
    assert (whole.batch_shape, whole.event_shape) == (batch, (2, 3, D))
    y = whole.sample(7, seed=(1, 2))
    assert y.shape == (7, *batch, 2, 3, D)
    # The conditions' axis to the end, where the flow's batch is.
    rows = tf.transpose(y, [0, 2, 3, 1, 4]) if conditional else y
    wanted = by_hand(bound, rows).numpy().sum((1, 2))
    close(whole.log_prob(fresh(y)), wanted, 1e-9)
    assert len(np.unique(np.reshape(y, (-1, D)), axis=0)) == y.shape.num_elements() // D


def mixture_by_hand(logits, components):
    weights = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return np.logaddexp.reduce(weights + components, axis=-1)


def test_a_mixture_of_one_flow_at_several_conditions():
    """One network is all components: the condition says which."""
    flow, which = make_flow(conditional=True), tf.eye(CONDITION, dtype=tf.float64)
    logits = np.array([0.3, -1.0, 0.5])
    mixture = tfd.MixtureSameFamily(
        tfd.Categorical(logits=logits), density(flow.condition_on(which))
    )
    assert (mixture.batch_shape, mixture.event_shape) == ((), (D,))
    y = mixture.sample(7, seed=(1, 2))
    assert y.shape == (7, D)
    parts = [by_hand(flow.condition_on(which[k]), y) for k in range(CONDITION)]
    wanted = mixture_by_hand(logits, np.stack(parts, -1))
    close(mixture.log_prob(fresh(y)), wanted, 1e-9)
    posterior = mixture.posterior_marginal(fresh(y)).probs_parameter()
    close(
        posterior,
        np.exp(logits + np.stack(parts, -1) - wanted[:, None]) / np.exp(logits).sum(),
        1e-9,
    )


def test_a_batch_of_mixtures_whose_components_have_bases_of_their_own():
    flow, means = make_flow(), normal((2, 3, D), seed=3)
    logits = normal((2, 3), seed=4)
    components = tfd.TransformedDistribution(
        tfd.MultivariateNormalDiag(means, tf.ones_like(means)), flow
    )
    assert components.batch_shape == (2, 3)
    mixture = tfd.MixtureSameFamily(tfd.Categorical(logits=logits), components)
    y = mixture.sample(6, seed=(1, 2))
    assert y.shape == (6, 2, D)
    z = flow.inverse(fresh(y)).numpy()[:, :, None]
    log_det = numeric_log_det(flow.inverse, y, 1)
    parts = normal_log_prob(z, means.numpy()) + log_det.numpy()[..., None]
    close(mixture.log_prob(fresh(y)), mixture_by_hand(logits.numpy(), parts), 1e-9)


def test_a_mixture_of_two_flows_with_networks_of_their_own():
    flows = [make_flow(seed) for seed in (0, 5)]
    logits = np.array([0.2, 0.9])
    mixture = tfd.Mixture(tfd.Categorical(logits=logits), [density(flow) for flow in flows])
    y = mixture.sample(6, seed=(1, 2))
    parts = np.stack([by_hand(flow, y) for flow in flows], -1)
    close(mixture.log_prob(fresh(y)), mixture_by_hand(logits, parts), 1e-9)
    assert len(mixture.trainable_variables) == sum(len(f.trainable_variables) for f in flows)


def test_every_weight_of_a_mixture_has_a_gradient():
    flow, which = make_flow(conditional=True), tf.eye(CONDITION, dtype=tf.float64)
    logits = tf.Variable(np.zeros(CONDITION))
    y = normal((9, D), seed=6)
    with tf.GradientTape() as tape:
        mixture = tfd.MixtureSameFamily(
            tfd.Categorical(logits=logits), density(flow.condition_on(which))
        )
        loss = -tf.reduce_mean(mixture.log_prob(y))
    variables = [logits, *flow.trainable_variables]
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        assert np.any(np.asarray(gradient) != 0), variable.name


# Compositions of TFP's


def small_flow(size, name):
    made = coupling(
        masks.half(size), scaled_tanh, 0, "float64", sees=(size // 2,), moves=size // 2, name=name
    )
    return randomized(made, 3)


def blockwise():
    return tfb.Blockwise([small_flow(2, "p"), tfb.Exp(), small_flow(4, "q")], [2, 1, 4])


COMPOSITIONS = {
    "Invert": (lambda: tfb.Invert(make_flow()), D),
    "Invert-Invert": (lambda: tfb.Invert(tfb.Invert(make_flow())), D),
    "Chain": (lambda: tfb.Chain([tfb.Sigmoid(), make_flow(), tfb.Scale(2 * ONE)]), D),
    "called": (lambda: tfb.Sigmoid()(make_flow()), D),
    "Blockwise": (blockwise, 7),
    "Blockwise-in-ours": (lambda: Chain([tfb.Sigmoid(), blockwise(), small_flow_of_seven()]), 7),
    "ours-in-Blockwise-in-theirs": (
        lambda: tfb.Chain([tfb.Softplus(), tfb.Invert(blockwise())]),
        7,
    ),
    "autoregressive-inverted": (
        lambda: tfb.Chain(
            [tfb.Invert(randomized(autoregressive(scaled_tanh, D, 0, "float64"), 0)), tfb.Tanh()]
        ),
        D,
    ),
}


def small_flow_of_seven():
    made = coupling(masks.half(7), scaled_tanh, 1, "float64", sees=(7,), moves=7, name="seven")
    return randomized(made, 2)


@pytest.mark.parametrize(("make", "size"), COMPOSITIONS.values(), ids=COMPOSITIONS)
def test_compositions_have_the_log_dets_of_their_jacobians(make, size):
    bijector = make()
    x = normal((2, 3, size), seed=7)
    x = tf.exp(x) if needs_positive(bijector, x) else x
    y = fresh(bijector.forward(x))
    assert y.shape == x.shape
    fldj = numeric_log_det(bijector.forward, x, 1)
    close(bijector.forward_log_det_jacobian(fresh(x), 1), fldj, 1e-9)
    close(bijector.inverse_log_det_jacobian(y, 1), -fldj, 1e-9)
    close(bijector.inverse(fresh(y)), x, 1e-10)
    standard = tfd.Sample(tfd.Normal(ZERO, ONE), size)
    flow = tfd.TransformedDistribution(standard, bijector)
    close(flow.log_prob(fresh(y)), normal_log_prob(x) - fldj, 1e-9)
    assert flow.event_shape == (size,)


def needs_positive(bijector, x):
    return not np.all(np.isfinite(bijector.forward(fresh(x))))


def test_joint_map_moves_each_part_by_its_own_bijector():
    flow, other = make_flow(), small_flow(2, "other")
    joint = tfb.JointMap({"place": flow, "rate": tfb.Exp(), "pair": tfb.Invert(other)})
    parts = {
        "place": base(),
        "rate": tfd.Normal(ZERO, ONE),
        "pair": tfd.Sample(tfd.Normal(ZERO, ONE), 2),
    }
    model = tfd.TransformedDistribution(tfd.JointDistributionNamed(parts), joint)
    sample = model.sample(6, seed=(1, 2))
    assert {k: v.shape for k, v in sample.items()} == {
        "place": (6, D),
        "rate": (6,),
        "pair": (6, 2),
    }
    rate = sample["rate"].numpy()
    wanted = by_hand(flow, sample["place"]) + by_hand(tfb.Invert(other), sample["pair"])
    wanted += normal_log_prob(np.log(rate)[:, None]) - np.log(rate)
    close(model.log_prob(tf.nest.map_structure(fresh, sample)), wanted, 1e-9)


def test_a_conditioned_flow_in_a_joint_map_of_a_list():
    flow, c = make_flow(conditional=True), normal((5, CONDITION), seed=1)
    joint = tfb.JointMap([flow.condition_on(c), tfb.Exp()])
    x = [normal((7, 5, D), seed=2), normal((7, 5), seed=3)]
    y = joint.forward(x)
    log_det = joint.forward_log_det_jacobian([fresh(v) for v in x], [1, 0])
    wanted = numeric_log_det(flow.condition_on(c).forward, x[0], 1) + x[1]
    close(log_det, wanted, 1e-9)
    assert [v.shape for v in joint.inverse([fresh(v) for v in y])] == [(7, 5, D), (7, 5)]


# Derivatives and transformations


def spline_flow():
    made = [
        coupling(m, spline, k, "float64", sees=(2,), moves=2, name=f"spline{k}")
        for k, m in enumerate((masks.half(D), masks.half(D, 1)))
    ]
    return randomized(Chain(made), 1)


def mixture_flow():
    made = coupling(masks.half(D), logistics, 0, "float64", sees=(2,), moves=2, name="mixture")
    return randomized(made, 1)


def maf():
    return randomized(autoregressive(scaled_tanh, D, 0, "float64"), 1)


FLOWS = {
    "coupling": make_flow,
    "spline": spline_flow,
    "mixture": mixture_flow,
    "mixture-inverted": lambda: tfb.Invert(mixture_flow()),
    "maf": maf,
    "iaf": lambda: tfb.Invert(maf()),
}
every_flow = pytest.mark.parametrize("make", FLOWS.values(), ids=FLOWS)
LARGE_GRAPHS = {"spline", "mixture", "mixture-inverted", "iaf"}
"""Flows whose second derivatives and traces take seconds."""
few_flows = pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=name, marks=[pytest.mark.slow] * (name in LARGE_GRAPHS))
        for name, make in FLOWS.items()
    ],
)


def differences(function, x, step=1e-5):
    """Returns the derivatives of function(x) by x's last axis, by central differences."""
    moves = step * np.eye(x.shape[-1])
    columns = [(function(x + move) - function(x - move)) / (2 * step) for move in moves]
    return np.stack(columns, axis=-1)


@every_flow
def test_value_and_gradient(make):
    flow = density(make())
    y = normal((3, D), seed=8)
    value, gradient = tfp.math.value_and_gradient(lambda y: flow.log_prob(fresh(y)), y)
    close(value, by_hand(flow.bijector, y), 1e-9)
    close(gradient, differences(lambda y: flow.log_prob(tf.constant(y)).numpy(), y.numpy()), 1e-7)


@few_flows
def test_hessians(make):
    flow = density(make())
    y = normal((D,), seed=8)

    @tf.function(autograph=False)
    def hessian(y):
        return tf.hessians(flow.log_prob(y), y)[0]

    def gradient(y):
        return tfp.math.value_and_gradient(flow.log_prob, tf.constant(y))[1].numpy()

    found = hessian(y)
    close(found, differences(gradient, y.numpy()), 1e-6)
    close(found, np.transpose(found), 1e-9)


@few_flows
def test_vectorized_map(make):
    flow = density(make())
    y = normal((5, D), seed=8)
    close(tf.vectorized_map(flow.log_prob, y), flow.log_prob(fresh(y)), 1e-10)

    def gradient(row):
        return tfp.math.value_and_gradient(flow.log_prob, row)[1]

    wanted = tfp.math.value_and_gradient(lambda y: flow.log_prob(fresh(y)), y)[1]
    close(tf.vectorized_map(gradient, y), wanted, 1e-9)


def test_vectorized_map_over_conditions():
    flow, c = make_flow(conditional=True), normal((5, CONDITION), seed=1)
    y = normal((5, D), seed=8)
    found = tf.vectorized_map(lambda p: density(flow.condition_on(p[0])).log_prob(p[1]), (c, y))
    close(found, density(flow.condition_on(c)).log_prob(fresh(y)), 1e-10)


@few_flows
def test_answers_are_right_after_retracing(make):
    bijector = make()
    flow, traces = density(bijector), []

    @tf.function(autograph=False)
    def value_and_gradient(y):
        traces.append(y.shape)
        return tfp.math.value_and_gradient(flow.log_prob, y)

    for shape in ((3, D), (D,), (2, 3, D), (3, D)):
        y = normal(shape, seed=len(shape))
        value, gradient = value_and_gradient(y)
        close(value, by_hand(bijector, y), 1e-9)
        wanted = tfp.math.value_and_gradient(lambda y: flow.log_prob(fresh(y)), y)[1]
        close(gradient, wanted, 1e-10)
    assert len(traces) == 3
    before = value_and_gradient(y)[0]
    randomized(bijector, 9)
    after = value_and_gradient(y)[0]
    assert np.all(after != before)
    close(after, by_hand(bijector, y), 1e-9)


def test_a_joint_distribution_is_right_after_retracing():
    flow = make_flow(conditional=True)
    model = JOINTS["coroutine-auto"](flow)

    @tf.function(autograph=False)
    def draw(sizes):
        sample = model.sample(sizes, seed=1)
        return sample, model.log_prob(tf.nest.map_structure(fresh, sample))

    for sizes in ((4,), (2, 3)):
        sample, log_prob = draw(sizes)
        close(log_prob, joint_by_hand(flow, *sample), 1e-9)


# What is refused


@pytest.mark.parametrize(
    "part",
    [
        lambda: tfb.BatchNormalization(),
        lambda: tfb.Invert(tfb.BatchNormalization()),
        lambda: tfb.Chain([tfb.Tanh(), tfb.BatchNormalization()]),
        lambda: tfb.Chain([tfb.Invert(tfb.Chain([tfb.BatchNormalization()]))]),
    ],
)
def test_tfps_batch_normalization_is_refused(part):
    message = "log-det depends on the batch.*use tfflows.BatchNorm or tfflows.ActNorm"
    with pytest.raises(ValueError, match=f"`bijectors` .*{message}"):
        Chain([tfb.Exp(), part()])
    with pytest.raises(ValueError, match=f"`inner` .*{message}"):
        FactorOut(part())


def test_tfps_batch_normalization_is_no_bijector():
    """Why: with TFP alone, its round trip changes the data, and its log-dets disagree."""
    norm = tfb.BatchNormalization()
    y = normal((50, 2), seed=0, dtype="float32") * 3.0 + 1.0
    x = norm.inverse(y)
    assert np.max(np.abs(norm.forward(fresh(x)) - y)) > 0.5
    ildj = norm.inverse_log_det_jacobian(fresh(y), 1)
    fldj = norm.forward_log_det_jacobian(fresh(x), 1)
    assert np.all(np.abs(ildj + fldj) > 0.5)


def test_a_conditional_flow_in_a_composition_of_tfps_is_refused():
    flow = make_flow(conditional=True)
    for part in (tfb.Chain([flow, tfb.Exp()]), tfb.Blockwise([flow, tfb.Exp()], [D, 1])):
        with pytest.raises(ValueError, match="compose conditional bijectors with `tfflows.Chain`"):
            Chain([part]).condition_on(normal((2, CONDITION)))
    # Bound first, it goes everywhere.
    bound = flow.condition_on(normal((CONDITION,), seed=1))
    whole = tfb.Blockwise([bound, tfb.Exp()], [D, 1])
    x = normal((2, D + 1), seed=2)
    close(whole.forward_log_det_jacobian(fresh(x), 1), numeric_log_det(whole.forward, x, 1), 1e-9)
