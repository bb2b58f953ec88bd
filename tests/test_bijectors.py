"""Every property on every row of the table."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_probability import distributions as tfd

import checks
import tfflows
from bijector_cases import CASES, COUPLINGS, Case, normal
from tfflows import foreign

every_case = pytest.mark.parametrize("case", CASES, ids=str)
conditional_case = pytest.mark.parametrize("case", [c for c in CASES if c.conditional], ids=str)


def rank(case: Case) -> int:
    return len(case.event_shape)


@every_case
def test_log_dets_and_densities_are_those_of_a_brute_force_jacobian(case):
    bijector = case.bound(case.shared, (2, 3))
    checks.densities_are_numeric(bijector, case.base_distribution(), case.latents((2, 3)))


@every_case
def test_round_trips(case):
    bijector = case.bound(case.shared, (2, 3))
    checks.round_trips(bijector, case.latents((2, 3)), rank(case), tolerance=1e-11)


@every_case
def test_float32_round_trips(case):
    bijector = case.bound(case.shared_float32, (64,), "float32")
    checks.float32_round_trips(bijector, case.latents((64,), "float32"), rank(case))


@every_case
def test_the_pair_is_tfps_protocol_for_each_shape_of_a_batch(case):
    x, c = case.latents((2, 3)), case.condition((2, 3))
    whole = checks.pair_is_the_protocol(case.bound_to(c), x, rank(case))
    for at in ((slice(None), 0), (0, 0)):
        part = checks.pair_is_the_protocol(case.bound_to(c[at]), x[at], rank(case))
        for actual, answer in zip(part, whole, strict=True):
            checks.close(actual, answer[at], 1e-12)


@every_case
def test_unknown_batch_in_graph(case):
    bijector = case.bound(case.shared, (2, 3))
    checks.is_the_same_in_graph(bijector, case.latents((2, 3)), rank(case))


@pytest.mark.parametrize(
    "case", [pytest.param(c, marks=[pytest.mark.slow] * c.slow_to_compile) for c in CASES], ids=str
)
def test_xla(case):
    bijector = case.bound(case.shared, (2,))
    checks.compiles(bijector, case.latents((2,)), rank(case))


@every_case
def test_event_shapes(case):
    bijector = case.bound(case.shared, (2, 3))
    checks.event_shapes_are_right(bijector, case.latents((2, 3)), rank(case))


@every_case
def test_shapes_of_samples(case):
    for batch in ((), (2, 3)) if case.conditional else ((),):
        bijector = case.bound(case.shared, batch)
        checks.samples_have_shapes(bijector, case.base_distribution(), batch)


@every_case
def test_tfp_and_keras_see_the_variables_that_are_read(case):
    bijector = case.bound(case.shared, ())
    checks.variables_are_seen(bijector, case.latents((2,)), rank(case))


@every_case
def test_every_variable_has_a_gradient(case):
    bijector = case.bound(case.shared, (4,))
    checks.every_variable_has_a_gradient(bijector, case.latents((4,)), rank(case))


@every_case
def test_one_pass_per_density(case):
    bijector = case.bound(case.shared, (2,))
    checks.one_pass_per_density(bijector, case.base_distribution(), case.sequential)


@every_case
def test_a_copy_shares_its_variables(case):
    checks.copy_shares_its_variables(case.bound(case.shared, (2,)), case.latents((2,)))


@every_case
def test_a_deepcopy_is_independent(case):
    checks.deepcopy_is_independent(case.bound(case.shared, (2,)), case.latents((2,)))


@every_case
def test_two_instances_are_independent(case):
    first, second = (case.bound(b, (2,)) for b in (case.shared, case.build(seed=1)))
    checks.instances_are_independent(first, second, case.latents((2,)))


@every_case
def test_a_checkpoint_restores_a_twin_of_another_seed(case, tmp_path):
    source, twin = (case.bound(b, (2,)) for b in (case.shared, case.build(seed=1)))
    checks.checkpoint_restores(source, twin, case.latents((2,)), tmp_path)


@every_case
def test_rows_are_independent(case):
    bijector = case.bound(case.shared, ())
    checks.rows_are_independent(bijector, case.latents((3,)), rank(case))


@every_case
def test_empty_batches_pass(case):
    checks.empty_batches_pass(case.bound(case.shared, ()), case.latents(()), rank(case))


@every_case
def test_answers_are_not_stale(case):
    bijector = case.bound(case.build(), (3,))
    checks.answers_are_not_stale(bijector, case.base_distribution())


@pytest.mark.parametrize("case", [c for c in CASES if c.far_latents], ids=str)
def test_far_latents_are_finite(case):
    bijector = case.bound(case.shared_float32, (), "float32")
    checks.far_inputs_are_finite(checks.forward_pair, bijector, far(case.event_shape))


@pytest.mark.parametrize("case", [c for c in CASES if c.far_data], ids=str)
def test_far_data_are_finite(case):
    bijector = case.bound(case.shared_float32, (), "float32")
    event = bijector.forward_event_shape(case.event_shape)
    checks.far_inputs_are_finite(checks.inverse_pair, bijector, far(event))


def far(event_shape):
    signs = np.sign(normal((8, *event_shape), seed=4))
    signs[:2] = np.reshape([1.0, -1.0], [2] + [1] * len(event_shape))
    sizes = np.reshape([1e4, 1e4, 1e4, 1e4, 1e3, 1e2, 10.0, 0.0], [8] + [1] * len(event_shape))
    return tf.constant(signs * sizes, "float32")


@pytest.mark.parametrize("case", COUPLINGS, ids=str)
def test_bfloat16_networks_leave_float32_log_dets(case):
    bijector = case.bound(case.build(dtype="mixed_bfloat16"), (64,), "float32")
    x = case.latents((64,), "float32")
    checks.pair_is_the_protocol(bijector, x, rank(case))
    checks.round_trips(bijector, x, rank(case), tolerance=1e-4)
    _, log_det = checks.forward_pair(bijector, x, rank(case))
    coarse = tf.cast(tf.cast(log_det, "bfloat16"), "float32")
    assert np.any(coarse != log_det) or not np.any(log_det)


@conditional_case
def test_conditional_samples_and_densities(case):
    flow = tfd.TransformedDistribution(case.base_distribution(), case.bound(case.shared, (5,)))
    sample = flow.sample(7, seed=(1, 2))
    assert sample.shape == (7, 5, *flow.event_shape)
    for k in range(5):
        alone = foreign.condition_on(case.shared, case.condition((5,))[k])
        one = tfd.TransformedDistribution(case.base_distribution(), alone)
        density = flow.log_prob(checks.fresh(sample))[:, k]
        checks.close(one.log_prob(checks.fresh(sample[:, k])), density, 1e-10)


@conditional_case
def test_every_part_reacts_to_the_condition(case):
    checks.reacts_to_the_condition(
        lambda c: foreign.condition_on(case.shared, c), case.condition((5,)), case.latents(())
    )


@conditional_case
def test_a_condition_is_required(case):
    x = case.latents((2,))
    flow = tfd.TransformedDistribution(case.base_distribution(), case.shared)
    for call in (
        lambda: checks.forward_pair(case.shared, x, rank(case)),
        lambda: checks.inverse_pair(case.shared, x, rank(case)),
        lambda: case.shared.forward(x),
        lambda: flow.sample(2),
    ):
        with pytest.raises(ValueError, match="`condition`"):
            call()


@conditional_case
def test_unknown_batch_of_conditions_in_graph(case):
    def pair(x, c):
        return checks.forward_pair(foreign.condition_on(case.shared, c), x, rank(case))

    x, c = case.latents((2, 3)), case.condition((3,))
    unknown = tf.TensorSpec([None, None, *case.event_shape], x.dtype)
    graph = tf.function(pair).get_concrete_function(unknown, tf.TensorSpec([None, 3], c.dtype))
    for actual, wanted in zip(graph(x, c), pair(x, c), strict=True):
        checks.close(actual, wanted, 1e-10)


@conditional_case
def test_gradients_reach_the_condition(case):
    c = case.condition((4,))
    with tf.GradientTape() as tape:
        tape.watch(c)
        bound = foreign.condition_on(case.shared, c)
        y, log_det = checks.forward_pair(bound, case.latents((4,)), rank(case))
        loss = tf.reduce_sum(tf.sin(3.0 * y)) + tf.reduce_sum(log_det)
    assert np.all(tape.gradient(loss, c) != 0)


# The table and the checks themselves.


def exported_bijectors():
    values = [getattr(tfflows, name) for name in tfflows.__all__]
    classes = [v for v in values if isinstance(v, type) and issubclass(v, tfflows.Bijector)]
    return set(classes) - {tfflows.Bijector}


def test_the_table_is_complete():
    missing = exported_bijectors() - {type(case.shared) for case in CASES}
    assert not missing, f"no row for {missing}"
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_transformer_and_both_forms_of_a_coupling_have_rows():
    parts = {type(part).__name__ for case in COUPLINGS for part in case.shared.submodules}
    transformers = {"Additive", "Affine", "MixtureCDF", "RationalQuadratic"}
    assert transformers | {"ScaledTanh", "ShiftedSigmoid"} <= parts
