"""XLA trains every preset with the same numbers; sizes of batches cost few traces."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import PRESETS, data, marked, real, twin

VECTOR, IMAGE = "realnvp_moons", "realnvp_digits"

every_preset = pytest.mark.parametrize("name", marked(PRESETS))
every_preset_slowly = pytest.mark.parametrize(
    "name", [n if n == VECTOR else pytest.param(n, marks=pytest.mark.slow) for n in PRESETS]
)


class Steps(keras.callbacks.Callback):
    """The logs of every step."""

    def on_train_begin(self, logs=None):
        self.logs = []

    def on_train_batch_end(self, batch, logs=None):
        self.logs.append([logs[key] for key in sorted(logs)])


def values(model):
    return np.concatenate([np.ravel(v) for v in model.trainable_variables])


def trained(name, *, jit):
    """Start and end of five steps, the last batch smaller, and the logs of each."""
    model, steps = twin(name), Steps()
    model.compile(jit_compile=jit)
    x = data(model, 95)
    model.initialize(x)
    start = values(model)
    model.fit(x, epochs=1, callbacks=[steps], verbose=0)
    assert model.jit_compile is jit
    return start, values(model), steps.logs


@every_preset_slowly
def test_compiled_training_has_the_same_numbers(name):
    (start, plain, wanted), (_, compiled, found) = (trained(name, jit=jit) for jit in (False, True))
    assert np.all(np.isfinite(wanted))
    assert np.shape(wanted)[0] == 5
    # Of other noise they would differ in the first digits.
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    moved = np.linalg.norm(plain - start)
    assert moved > 0
    assert np.linalg.norm(compiled - plain) < 1e-3 * moved


@every_preset_slowly
def test_compiled_gradients_are_the_same(name):
    def gradient_of_a_new_twin(jit):  # a call in training moves running statistics
        model = twin(name)
        x = tf.constant(data(model, 20))
        model.initialize(x)

        @tf.function(jit_compile=jit)
        def gradient():
            with tf.GradientTape() as tape:
                loss = -tf.reduce_mean(model(x, training=True))
            return tape.gradient(loss, [v.value for v in model.trainable_variables])

        return np.concatenate([np.ravel(g) for g in gradient()])

    wanted, found = gradient_of_a_new_twin(jit=False), gradient_of_a_new_twin(jit=True)
    assert np.linalg.norm(found - wanted) < 1e-5 * np.linalg.norm(wanted)


@pytest.mark.parametrize("training", [False, True])
def test_compiled_noise_is_equal_to_the_bit(training):
    model = twin(IMAGE)
    x = tf.constant(data(model, 20))
    seed = tf.constant([5, 3 if training else -1])
    plain, _ = model._noise(x, seed)
    compiled, _ = tf.function(model._noise, jit_compile=True)(x, seed)
    np.testing.assert_array_equal(compiled, plain)


HOST = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "Print", "PrintV2", "StringFormat", "Assert"}
"""Operations that only a host can do."""

FOLDED = {"BroadcastGradientArgs", "FusedBatchNormV3", "FusedBatchNormGradV3", "ZerosLike"}
"""Operations that XLA does while it compiles: which axes to sum over, from known shapes; and batch
norms, some of whose outputs, and the zeros that are their gradients, have no shape and no use."""


def nodes(graph):
    definition = graph.as_graph_def(add_shapes=True)
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


@every_preset
def test_a_step_is_fit_for_a_tpu(name):
    """No host has a part in it, nothing is float64, and no shape is open if the batch's is not."""
    model = twin(name)
    x = data(model, 20)

    @tf.function(autograph=False)
    def step(x):
        return model.train_step((x,))

    graph = step.get_concrete_function(tf.TensorSpec(x.shape, x.dtype)).graph
    found = list(nodes(graph))
    assert len(found) > 100
    assert not HOST & {node.op for node in found}
    for node in found:
        dtypes = {value.type for value in node.attr.values() if value.WhichOneof("value") == "type"}
        assert not dtypes & {tf.float64.as_datatype_enum, tf.string.as_datatype_enum}, node.name
        for shape in node.attr["_output_shapes"].list.shape if node.op not in FOLDED else ():
            assert not shape.unknown_rank, node.name
            assert all(dim.size >= 0 for dim in shape.dim), node.name


def test_endless_data_has_batches_of_known_size():
    model = twin(IMAGE)
    x = data(model, 50)
    assert model.prepared(x, repeat=True).batches.element_spec[0].shape[0] == 20
    assert model.prepared(x).batches.element_spec[0].shape[0] is None


COMPILATIONS = """
from models import data, twin
model = twin({name!r})
model.compile(jit_compile=True)
model.fit(data(model, {rows}), epochs={epochs}, verbose=0)
assert model.optimizer.iterations == {steps}
"""


def compilations(folder, *, rows, epochs):
    """How many XLA programs of the training step a fit takes."""
    flags = f"--xla_dump_to={folder} --xla_dump_hlo_as_text"
    steps = epochs * -(-rows // 20)
    code = COMPILATIONS.format(name=VECTOR, rows=rows, epochs=epochs, steps=steps)
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    programs = folder.glob("*one_step_on_data*before_optimizations.txt")
    return len(list(programs))


@pytest.mark.slow
def test_a_smaller_last_batch_costs_one_more_compilation(tmp_path):
    whole, ragged = tmp_path / "whole", tmp_path / "ragged"
    assert compilations(whole, rows=40, epochs=3) == 1
    assert compilations(ragged, rows=50, epochs=3) == 2


def traces(model, method):
    """A list that grows by one whenever TensorFlow traces the step `method`."""
    step, seen = getattr(model, method), []

    def counted(data):
        seen.append(method)
        return step(data)

    setattr(model, method, counted)
    return seen


SIZES = range(1, 21)


@pytest.mark.parametrize("options", [{}, {"steps_per_epoch": 2}])
def test_twenty_batch_sizes_cost_two_traces_at_most(options):
    model = twin(VECTOR, schedule="constant", couplings=2)
    x = data(model)
    model.initialize(x)
    seen = traces(model, "train_step")
    for size in SIZES:
        model.fit(x, batch_size=size, epochs=1, verbose=0, **options)
    assert 1 <= len(seen) <= 2


def test_twenty_sizes_of_evaluation_cost_two_traces_at_most():
    model = twin(VECTOR, couplings=2)
    x = data(model)
    seen = [traces(model, "test_step"), traces(model, "predict_step")]
    for size in SIZES:
        model.evaluate(x, batch_size=size, verbose=0)
        model.predict(x[:size], batch_size=size, verbose=0)
    assert all(1 <= len(each) <= 2 for each in seen)


def test_twenty_sample_counts_cost_two_traces_at_most():
    model = twin(IMAGE)
    for size in SIZES:
        model.log_prob(model.sample(size, seed=0))
        model.decode(model.encode(real(model, size)))
        model.bits_per_dim(data(model, size))
    functions = [f for f in vars(model).values() if hasattr(f, "experimental_get_tracing_count")]
    counts = [f.experimental_get_tracing_count() for f in functions]
    assert len(counts) == 5
    assert all(1 <= count <= 2 for count in counts)
