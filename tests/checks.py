"""What must hold for every bijector, as plain functions that raise AssertionError where it fails.

`x` is latents [*B, *event] of rank `ndims` events; a conditional bijector comes bound. TFP's cache
answers for tensor objects, so everything that is asked of it here gets a `fresh` one.
"""

import contextlib
import copy
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
from tensorflow_probability import bijectors as tfb
from tensorflow_probability import distributions as tfd

from bijector_cases import network_names, randomized
from tfflows import Bijector, KerasModule, foreign

fresh = tf.identity
forward_pair = foreign.forward_and_log_det
inverse_pair = foreign.inverse_and_log_det


def close(actual: Any, wanted: Any, tolerance: float, what: str = "") -> None:
    """Asserts equal shapes (NumPy's own check broadcasts) and equal values."""
    actual, wanted = np.asarray(actual), np.asarray(wanted)
    assert actual.shape == wanted.shape, f"{what}: shape {actual.shape}, wanted {wanted.shape}"
    np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance, err_msg=what)


def numeric_log_det(
    function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, ndims: int
) -> tf.Tensor:
    """Returns log|det| of the Jacobian of each event, by a gradient for each output."""
    batch = x.shape[: x.shape.rank - ndims]
    size = x.shape[x.shape.rank - ndims :].num_elements()
    flat = tf.reshape(x, [-1, size])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(flat)
        y = tf.reshape(function(tf.reshape(flat, x.shape)), [-1, size])
    jacobian = tape.batch_jacobian(y, flat, experimental_use_pfor=False)
    return tf.reshape(tf.linalg.slogdet(jacobian)[1], batch)


def log_dets_are_numeric(
    bijector: tfb.Bijector, x: tf.Tensor, ndims: int, tolerance: float = 1e-9
) -> tuple[tf.Tensor, tf.Tensor]:
    """Both log-dets are those of brute-force Jacobians; returns data and their log-det."""
    y = fresh(bijector.forward(x))
    fldj = numeric_log_det(bijector.forward, x, ndims)
    ildj = numeric_log_det(bijector.inverse, y, ndims)
    close(forward_pair(bijector, fresh(x), ndims)[1], fldj, tolerance, "fldj of the pair")
    close(inverse_pair(bijector, fresh(y), ndims)[1], ildj, tolerance, "ildj of the pair")
    close(-ildj, fldj, tolerance, "the two Jacobians")
    return y, ildj


def round_trips(bijector: tfb.Bijector, x: tf.Tensor, ndims: int, tolerance: float) -> None:
    y, fldj = forward_pair(bijector, x, ndims)
    back, ildj = inverse_pair(bijector, fresh(y), ndims)
    close(back, x, tolerance, "inverse of forward")
    close(-ildj, fldj, tolerance, "log-dets there and back")
    again, _ = forward_pair(bijector, fresh(back), ndims)
    close(again, y, tolerance, "forward of inverse")
    close(bijector.inverse(fresh(bijector.forward(fresh(x)))), x, tolerance, "TFP's round trip")


def float32_round_trips(
    bijector: tfb.Bijector, x: tf.Tensor, ndims: int, tolerance: float = 1e-4
) -> None:
    """Round trips are within a tolerance, or within what roundings of their input amount to.

    A few elements of many lie where the map is steep: there no float32 comes back to 1e-4, and how
    far it comes depends on the order in which a convolution sums.
    """

    def forward(v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return forward_pair(bijector, fresh(v), ndims)

    def inverse(v: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return inverse_pair(bijector, fresh(v), ndims)

    y, fldj = forward(x)
    (back, ildj), (again, _) = inverse(y), forward(inverse(y)[0])
    latent_error, log_det_error = _roundings(inverse, y)
    data_error, _ = _roundings(forward, back)
    for actual, wanted, error, what in (
        (back, x, latent_error, "inverse of forward"),
        (again, y, data_error, "forward of inverse"),
        (-ildj, fldj, log_det_error, "log-dets there and back"),
    ):
        allowed = tolerance * (1.0 + np.abs(wanted)) + 8.0 * error
        excess = np.abs(np.asarray(actual) - np.asarray(wanted)) - allowed
        assert np.all(excess <= 0.0), f"{what}: {np.max(excess):.1e} beyond what is allowed"


def _roundings(
    function: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]], x: tf.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the largest changes of both results over random last-bit changes of the input."""
    random, results = np.random.default_rng(0), [np.asarray(part) for part in function(x)]
    changes = [np.zeros_like(part) for part in results]
    for _ in range(4):
        ulps = np.float32(2.0**-23) * random.choice(np.float32([-1, 1]), x.shape)
        for change, part, result in zip(changes, function(x * (1 + ulps)), results, strict=True):
            np.maximum(change, np.abs(part - result), out=change)
    return changes[0], changes[1]


def pair_is_the_protocol(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> tuple[tf.Tensor, ...]:
    """The pair equals TFP's methods, asked one by one, and log-dets have the batch's shape.

    Returns both pairs of answers.
    """
    batch = x.shape[: x.shape.rank - ndims]
    y, fldj = forward_pair(bijector, x, ndims)
    back, ildj = inverse_pair(bijector, y, ndims)
    assert fldj.shape == ildj.shape == batch, f"{fldj.shape}, {ildj.shape}, batch {batch}"
    assert y.dtype == back.dtype == fldj.dtype == ildj.dtype == x.dtype
    close(bijector.forward(fresh(x)), y, 1e-12, "forward")
    close(bijector.inverse(fresh(y)), back, 1e-12, "inverse")
    close(bijector.forward_log_det_jacobian(fresh(x), ndims), fldj, 1e-12, "fldj")
    close(bijector.inverse_log_det_jacobian(fresh(y), ndims), ildj, 1e-12, "ildj")
    latent, data = fresh(x), fresh(y)
    kept = bijector.forward(latent), bijector.inverse(data)  # so that the log-dets come from them
    close(bijector.forward_log_det_jacobian(latent, ndims), fldj, 1e-12, "fldj after forward")
    close(bijector.inverse_log_det_jacobian(data, ndims), ildj, 1e-12, "ildj after inverse")
    del kept
    if batch.rank:
        wanted, event = tf.reduce_sum(fldj, axis=-1), ndims + 1
        close(forward_pair(bijector, x, event)[1], wanted, 1e-12, "event_ndims of the pair")
        close(bijector.forward_log_det_jacobian(fresh(x), event), wanted, 1e-12, "event_ndims")
    return y, fldj, back, ildj


def is_the_same_in_graph(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    """A function traced for an unknown batch gives eager's answers and knows the event's shape."""

    def everything(x: tf.Tensor) -> tuple[tf.Tensor, ...]:
        y = fresh(bijector.forward(x))
        return y, bijector.inverse(y), _ildj(bijector, y, ndims), *_both_pairs(bijector, x, ndims)

    rank = x.shape.rank - ndims
    unknown = tf.TensorSpec([None] * rank + x.shape[rank:], x.dtype)
    graph = tf.function(everything).get_concrete_function(unknown)
    for known, actual, wanted in zip(
        graph.structured_outputs, graph(x), everything(x), strict=True
    ):
        assert known.shape.rank == wanted.shape.rank, known.shape
        assert known.shape[rank:] == wanted.shape[rank:], known.shape
        close(actual, wanted, 1e-10, "graph")


def compiles(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    """XLA gives eager's answers."""
    compiled = tf.function(lambda x: _both_pairs(bijector, x, ndims), jit_compile=True)
    for actual, wanted in zip(compiled(x), _both_pairs(bijector, x, ndims), strict=True):
        close(actual, wanted, 1e-10, "XLA")


def _both_pairs(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> tuple[tf.Tensor, ...]:
    y, fldj = forward_pair(bijector, x, ndims)
    return y, fldj, *inverse_pair(bijector, y, ndims)


def _ildj(bijector: tfb.Bijector, y: tf.Tensor, ndims: int) -> tf.Tensor:
    return bijector.inverse_log_det_jacobian(y, event_ndims=ndims)


def event_shapes_are_right(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    y = bijector.forward(x)
    rank = x.shape.rank - ndims
    for latent, data in ((x.shape[rank:], y.shape[rank:]), (x.shape, y.shape)):
        assert bijector.forward_event_shape(latent) == data
        assert bijector.inverse_event_shape(data) == latent
        assert bijector.forward_event_shape_tensor(latent).numpy().tolist() == data.as_list()
        assert bijector.inverse_event_shape_tensor(data).numpy().tolist() == latent.as_list()
    unknown = tf.TensorShape([None] * ndims)
    assert bijector.forward_event_shape(unknown).rank == ndims
    assert bijector.inverse_event_shape(unknown).rank == ndims


def densities_are_numeric(bijector: tfb.Bijector, base: tfd.Distribution, x: tf.Tensor) -> None:
    """Log-dets, and densities of a transformed distribution, are those of the Jacobians."""
    y, ildj = log_dets_are_numeric(bijector, x, base.event_shape.rank)
    flow = tfd.TransformedDistribution(base, bijector)
    close(flow.log_prob(fresh(y)), base.log_prob(x) + ildj, 1e-9, "log_prob")
    sample, log_prob = flow.experimental_sample_and_log_prob(4, seed=(1, 2))
    close(flow.log_prob(fresh(sample)), log_prob, 1e-9, "sample_and_log_prob")


def samples_have_shapes(
    bijector: tfb.Bijector, base: tfd.Distribution, batch: tuple[int, ...]
) -> None:
    flow = tfd.TransformedDistribution(base, bijector)
    event = bijector.forward_event_shape(base.event_shape)
    assert flow.batch_shape == batch
    assert flow.event_shape == event
    assert flow.batch_shape_tensor().numpy().tolist() == list(batch)
    for size in ((), (7,), (2, 3)):
        sample = flow.sample(size, seed=(3, 4))
        assert sample.shape == (*size, *batch, *event), sample.shape
    assert flow.log_prob(fresh(sample)).shape == (*size, *batch)


def variables_are_seen(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    """TFP and Keras see the same variables, and they are those that a pass reads."""
    modules = [m for m in bijector.submodules if isinstance(m, KerasModule)]
    keras_all = {id(v.value) for m in modules for v in m.layer.variables}
    keras_trainable = {id(v.value) for m in modules for v in m.layer.trainable_variables}
    assert {id(v) for v in bijector.variables} == keras_all
    assert {id(v) for v in bijector.trainable_variables} == keras_trainable
    y = fresh(bijector.forward(fresh(x)))
    for pair, value in ((forward_pair, x), (inverse_pair, y)):
        with tf.GradientTape() as tape:
            pair(bijector, fresh(value), ndims)
        read = {v.name for v in tape.watched_variables()}
        hidden = {id(v) for v in tape.watched_variables()} ^ keras_trainable
        assert not hidden, f"read: {sorted(read)}; of these or of the bijector's, {len(hidden)}"


def every_variable_has_a_gradient(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    """No gradient is None, not finite, or zero at random weights, in either direction."""
    y = fresh(bijector.forward(x))
    for pair, value in ((forward_pair, x), (inverse_pair, y)):
        with tf.GradientTape() as tape:
            loss = _scrambled_sum(*pair(bijector, fresh(value), ndims))
        variables = bijector.trainable_variables
        for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
            assert gradient is not None, f"{variable.name} has no gradient"
            assert np.all(np.isfinite(gradient)), f"{variable.name}: not finite"
            assert np.any(np.asarray(gradient) != 0), f"{variable.name}: zero"


def _scrambled_sum(value: tf.Tensor, log_det: tf.Tensor) -> tf.Tensor:
    # Sines and weights that differ, lest the contributions of elements cancel by symmetry.
    weights = tf.cast(tf.range(1, 1 + tf.size(log_det)), log_det.dtype)
    return tf.reduce_sum(tf.sin(3.0 * value)) + tf.reduce_sum(weights * tf.reshape(log_det, [-1]))


def every_network_runs_once(bijector: tfb.Bijector, action: Callable[[], Any]) -> None:
    """What `action` does calls each conditioner of the bijector once."""
    with _recorded_passes() as names:
        action()
    assert sorted(names) == sorted(network_names(bijector)), f"called: {sorted(names)}"


@contextlib.contextmanager
def _recorded_passes() -> Iterator[list[str]]:
    names, original = [], KerasModule.__call__

    def recorded(self: KerasModule, *args: Any, **kwargs: Any) -> tf.Tensor:
        names.append(self.layer.name)
        return original(self, *args, **kwargs)

    with mock.patch.object(KerasModule, "__call__", recorded):
        yield names


def one_pass_per_density(
    bijector: tfb.Bijector, base: tfd.Distribution, sequential: str | None = None
) -> None:
    """A density runs each network once; in a direction that is sequential, it solves once."""
    if not network_names(bijector):
        return
    ndims = base.event_shape.rank
    flow = tfd.TransformedDistribution(base, bijector)
    y = fresh(flow.sample(2, seed=(5, 6)))
    x = fresh(bijector.inverse(fresh(y)))

    def sample_then_log_prob() -> tf.Tensor:
        return flow.log_prob(flow.sample(2, seed=(5, 6)))

    forward = (
        lambda: forward_pair(bijector, x, ndims),
        lambda: flow.experimental_sample_and_log_prob(2, seed=(5, 6)),
        sample_then_log_prob,
    )
    inverse = (
        lambda: inverse_pair(bijector, y, ndims),
        lambda: flow.log_prob(fresh(y)),
        lambda: tf.function(flow.log_prob).get_concrete_function(y),
    )
    for direction, actions in (("forward", forward), ("inverse", inverse)):
        if direction == sequential:
            networks_run_no_oftener(*actions)
        else:
            for action in actions:
                every_network_runs_once(bijector, action)


def networks_run_no_oftener(solve: Callable[[], Any], *others: Callable[[], Any]) -> None:
    """Other actions run the networks less than twice as often as solving once does."""
    with _recorded_passes() as once:
        solve()
    assert once
    for action in others:
        with _recorded_passes() as names:
            action()
        assert 0 < len(names) < 2 * len(once), f"{len(names)} passes, {len(once)} to solve once"


def _ids(bijector: tfb.Bijector) -> list[int]:
    return [id(v) for v in bijector.variables]


def copy_shares_its_variables(bijector: tfb.Bijector, x: tf.Tensor) -> None:
    for twin in (bijector.copy(), copy.copy(bijector)):
        assert _ids(twin) == _ids(bijector)
        close(twin.forward(fresh(x)), bijector.forward(fresh(x)), 0.0, "copy")


def deepcopy_is_independent(bijector: tfb.Bijector, x: tf.Tensor) -> None:
    """A deep copy has equal values in variables of its own, and its own place in the cache."""
    before = bijector.forward(x)
    twin = copy.deepcopy(bijector)
    assert not set(_ids(twin)) & set(_ids(bijector))
    assert len(twin.variables) == len(bijector.variables)
    close(twin.forward(x), before, 0.0, "deepcopy")
    if any(v.dtype.is_floating for v in twin.variables):
        randomized(twin, 1)
        assert np.any(twin.forward(fresh(x)) != before), "the copy's weights do nothing"
    close(bijector.forward(fresh(x)), before, 0.0, "the original moved with its copy")


def instances_are_independent(first: tfb.Bijector, second: tfb.Bijector, x: tf.Tensor) -> None:
    """Two bijectors of equal arguments and other weights do not answer for each other."""
    assert not set(_ids(first)) & set(_ids(second))
    if not first.variables:
        return
    assert first != second, "equal bijectors share TFP's cache"
    own, other = first.forward(x), second.forward(x)
    assert np.any(own != other), "the cache answered for another bijector"
    back, back_other = first.inverse(own), second.inverse(own)
    assert np.any(back != back_other), "the cache answered for another bijector"


def checkpoint_restores(
    source: tfb.Bijector, twin: tfb.Bijector, x: tf.Tensor, directory: str
) -> None:
    """A checkpoint makes a twin of another seed exactly the source."""
    wanted = source.forward(fresh(x))
    if source.variables:
        assert np.any(twin.forward(fresh(x)) != wanted), "the twin is no test"
    path = tf.train.Checkpoint(flow=source).write(f"{directory}/checkpoint")
    status = tf.train.Checkpoint(flow=twin).read(path)
    status.assert_consumed().assert_existing_objects_matched()
    for one, other in zip(source.variables, twin.variables, strict=True):
        close(other, one, 0.0, one.name)
    close(twin.forward(fresh(x)), wanted, 0.0, "the restored twin")


def rows_are_independent(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    """A row's value and log-det are the same alone, in another order, and beside NaN."""
    y = fresh(bijector.forward(x))
    for pair, value in ((forward_pair, x), (inverse_pair, y)):
        whole = pair(bijector, value, ndims)
        back = pair(bijector, value[::-1], ndims)
        rows = [pair(bijector, row[None], ndims) for row in value]
        poison = tf.fill([1, *value.shape[1:]], tf.constant(np.nan, value.dtype))
        beside = pair(bijector, tf.concat([value[:-1], poison], 0), ndims)
        for k in (0, 1):
            close(back[k][::-1], whole[k], 1e-12, "reversed batch")
            close(tf.concat([row[k] for row in rows], 0), whole[k], 1e-12, "alone")
            close(beside[k][:-1], whole[k][:-1], 1e-12, "beside a row of NaN")


def answers_are_not_stale(bijector: tfb.Bijector, base: tfd.Distribution) -> None:
    """After an update of the weights the same tensor object gets the new answer."""
    if not any(v.dtype.is_floating for v in bijector.variables):
        return
    ndims = base.event_shape.rank
    flow = tfd.TransformedDistribution(base, bijector)
    y = fresh(flow.sample(3, seed=(5, 6)))
    old, _ = kept = inverse_pair(bijector, y, ndims)
    density = flow.log_prob(y)
    randomized(bijector, 5)
    new, log_det = inverse_pair(bijector, y, ndims)
    wanted, wanted_log_det = inverse_pair(bijector, fresh(y), ndims)
    assert np.any(new != old), "the update does nothing"
    close(new, wanted, 0.0, "value after an update")
    close(log_det, wanted_log_det, 0.0, "log-det after an update")
    wanted = flow.log_prob(fresh(y))
    close(flow.log_prob(y), wanted, 0.0, "density after an update")
    assert np.any(wanted != density)
    assert kept[0] is old


def empty_batches_pass(bijector: tfb.Bijector, x: tf.Tensor, ndims: int) -> None:
    """No rows give no rows, and gradients of zero."""
    variables = bijector.trainable_variables
    for batch in ((0,), (2, 0)):
        none = tf.zeros((*batch, *x.shape[x.shape.rank - ndims :]), x.dtype)
        with tf.GradientTape() as tape:
            y, fldj = forward_pair(bijector, none, ndims)
            back, ildj = inverse_pair(bijector, y, ndims)
            loss = tf.reduce_sum(back) + tf.reduce_sum(fldj) - tf.reduce_sum(ildj)
        assert back.shape == none.shape
        assert fldj.shape == ildj.shape == batch
        for gradient in tape.gradient(loss, variables, unconnected_gradients="zero"):
            assert not np.any(gradient)


def far_inputs_are_finite(
    pair: Callable[..., tuple[tf.Tensor, tf.Tensor]], bijector: tfb.Bijector, x: tf.Tensor
) -> None:
    """Rows of sizes up to 1e4 have finite values, log-dets and gradients."""
    ndims = x.shape.rank - 1
    variables = bijector.trainable_variables
    with tf.GradientTape() as tape:
        tape.watch(x)
        value, log_det = pair(bijector, x, ndims)
        loss = tf.reduce_sum(log_det) - tf.reduce_sum(tf.square(value * 1e-4))
    for result in (value, log_det, *tape.gradient(loss, [x, *variables])):
        assert result is not None
        assert np.all(np.isfinite(result)), result


def reacts_to_the_condition(
    bind: Callable[[tf.Tensor], tfb.Bijector], conditions: tf.Tensor, x: tf.Tensor
) -> None:
    """Each part is bound to the condition, reads it, and moves with it.

    `bind` returns the bijector bound to a condition; conditions are [B, K], x is [*event].
    """
    bound, ndims = bind(conditions), x.shape.rank
    parts = [m for m in bound.submodules if isinstance(m, Bijector) and hasattr(m, "condition")]
    parts = [part for part in (bound, *parts) if getattr(part, "condition", None) is not None]
    assert parts, "no part is conditional"
    for part in parts:
        close(part.condition, conditions, 0.0, f"condition of {part.name}")
    with tf.GradientTape() as tape:
        value, log_det = forward_pair(bound, x, ndims)
        loss = _scrambled_sum(value, log_det)
    layers = [m.layer for m in bound.submodules if isinstance(m, KerasModule)]
    weights = [w for layer in layers for w in layer.trainable_variables]
    embeddings = [w.value for w in weights if w.path.startswith("condition")]
    kernels = embeddings or [w.value for w in weights if w.name == "projection"]
    assert len(kernels) == len(parts), f"{len(kernels)} kernels of {len(parts)} parts"
    for kernel, gradient in zip(kernels, tape.gradient(loss, kernels), strict=True):
        assert gradient is not None, f"{kernel.name} reads nothing"
        assert np.any(np.asarray(gradient) != 0), f"{kernel.name} reads zeros"
    rows = np.reshape(value, [len(conditions), -1])
    assert len(np.unique(rows, axis=0)) == len(conditions), "conditions share an answer"
