"""Properties of every preset, on reduced twins: see `models.py`."""

import functools
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from models import (
    ALWAYS_ALIKE,
    CONDITIONS,
    PRESETS,
    QUICK,
    SMALL,
    conditional,
    conditions,
    data,
    fitted,
    fresh,
    marked,
    randomize,
    real,
    size,
    takes_conditions,
    twin,
    weights,
)
from tfflows import Autoregressive, Coupling, Elementwise, KerasModule
from zoo import registry

VECTORS = [name for name in PRESETS if registry.preset(name).config.levels is None]
IMAGES = [name for name in PRESETS if name not in VECTORS]
FIRST = {name: "vectors" if name in VECTORS else "classes" for name in PRESETS}
CONDITIONAL = [
    pytest.param(
        name, kind, marks=() if kind == FIRST[name] and name in QUICK else pytest.mark.slow
    )
    for name in PRESETS
    if takes_conditions(name)
    for kind in CONDITIONS
]
TESTS = pathlib.Path(__file__).parent

every_preset = pytest.mark.parametrize("name", marked(PRESETS))
every_vector_preset = pytest.mark.parametrize("name", marked(VECTORS))
every_image_preset = pytest.mark.parametrize("name", marked(IMAGES))
every_conditional_twin = pytest.mark.parametrize(("name", "kind"), CONDITIONAL)


def gradients(tape, value, model):
    raw_variables = [v.value for v in model.trainable_variables]
    return list(zip(model.trainable_variables, tape.gradient(value, raw_variables), strict=True))


def assert_finite(tape, value, model):
    assert np.all(np.isfinite(value))
    for variable, gradient in gradients(tape, value, model):
        assert np.all(np.isfinite(gradient)), variable.path


def raw(variables):
    """Returns the TensorFlow variables, which TFP and Keras must share."""
    return {id(v.value if isinstance(v, keras.Variable) else v) for v in variables}


def test_every_family_has_a_twin():
    assert {registry.preset(name).config.family for name in PRESETS} == set(SMALL)
    assert VECTORS
    assert IMAGES


# Weights


@every_preset
def test_keras_and_tfp_see_the_same_weights(name):
    model = twin(name)
    trainable = raw(model.trainable_variables)
    assert len(trainable) == len(model.trainable_variables) > 0
    assert raw(model.flow.trainable_variables) == trainable
    assert raw(model.distribution.trainable_variables) == trainable
    assert raw(model.networks.variables) == raw(model.flow.variables)
    every = [v.path for v in model.variables]
    assert len(set(every)) == len(every)


@every_preset
def test_every_weight_gets_a_gradient_by_model_and_by_distribution(name):
    model = randomize(twin(name))
    x = tf.constant(real(model))
    with tf.GradientTape(persistent=True) as tape:
        values = {"model": model(data(model)), "distribution": model.distribution.log_prob(x)}
    for call, value in values.items():
        for variable, gradient in gradients(tape, value, model):
            assert gradient is not None, (call, variable.path)
            assert np.any(gradient != 0), (call, variable.path)


@every_preset
def test_every_weight_moves_in_twenty_steps(name):
    start = twin(name)
    start.initialize(data(start))
    assert fitted(name).optimizer.iterations == 20
    assert fitted(name).spec.training.weight_decay == 0  # it would move what nothing trains
    before = weights(start)
    moved = {v.path: np.abs(v - before[v.path]).max() for v in fitted(name).trainable_variables}
    assert not [path for path, distance in moved.items() if distance < 2e-6]


@every_preset
def test_seeds_make_models(name):
    one, same, other = twin(name, seed=1), twin(name, seed=1), twin(name, seed=2)
    assert weights(one).keys() == weights(other).keys()
    equal = [np.array_equal(a, weights(same)[path]) for path, a in weights(one).items()]
    assert all(equal)
    drawn = [v for v in one.trainable_variables if not np.array_equal(v, weights(other)[v.path])]
    assert bool(drawn) == (one.spec.config.family not in ALWAYS_ALIKE)


# Densities


def assert_densities_agree(distribution, one_pass, n, dimensions):
    """However a sample is scored, the number is the same."""
    y, scored = distribution.experimental_sample_and_log_prob(n, seed=[1, 2])
    tolerance = {"atol": 1e-4 * dimensions, "rtol": 1e-4}
    assert np.all(np.isfinite(scored))
    np.testing.assert_allclose(one_pass(y), scored, **tolerance)
    np.testing.assert_allclose(distribution.log_prob(y.numpy()), scored, **tolerance)
    compiled = tf.function(distribution.log_prob, autograph=False)
    np.testing.assert_allclose(compiled(y), scored, **tolerance)
    return y


@every_preset
def test_densities_in_one_pass_and_two_agree(name):
    model = fitted(name)

    def one_pass(y):
        z, log_det = model.flow.inverse_and_log_det(y, len(model.event_shape))
        return model.base.log_prob(z) + log_det

    y = assert_densities_agree(model.distribution, one_pass, 10_000, size(model))[:500]
    if model.levels is not None:  # `log_prob` refuses the few in the logit's margin
        y = tf.clip_by_value(y, 0.0, float(model.levels))
    tolerance = {"atol": 1e-4 * size(model), "rtol": 1e-4}
    np.testing.assert_allclose(model.log_prob(y), one_pass(y), **tolerance)


@every_preset
def test_latents_give_the_data_back(name):
    model = fitted(name)
    x = real(model)
    tolerance = 1e-3 if model.levels is None else 0.05
    np.testing.assert_allclose(model.decode(model.encode(x)), x, atol=tolerance)
    z = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    np.testing.assert_allclose(model.flow.inverse(model.decode(z)), z, atol=1e-3)


@every_preset
def test_a_fit_is_better_than_the_start(name):
    start, model = twin(name), fitted(name)
    held_out = data(model, seed=9)
    start.initialize(data(start))
    assert np.mean(model(held_out)) > np.mean(start(held_out)) + 0.01


@every_vector_preset
def test_probability_integrates_to_one_over_the_plane(name):
    model = twin(name, event_shape=(2,))
    x = data(model)
    model.compile(run_eagerly=True)
    model.fit(x, epochs=2, verbose=0)
    randomize(model)  # a few steps bend little
    edges = np.linspace(-12, 12, 601)
    axes = [edges * x[:, i].std() + x[:, i].mean() for i in range(2)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
    density = np.exp(model.log_prob(grid).numpy().astype(np.float64)).reshape(601, 601)
    total = np.trapezoid(np.trapezoid(density, axes[1]), axes[0])
    assert total == pytest.approx(1, abs=2e-3)


@every_image_preset
def test_probability_of_two_pixels_integrates_to_one(name):
    config = registry.preset(name).config
    if config.event_shape[-1] > 1:
        pytest.skip("two pixels of one channel are a plane")
    nice = config.family == "nice"  # its columns take turns, so it needs two
    sizes = {"event_shape": (1, 2, 1)} if nice else {"image_shape": (2, 1, 1), "scales": 1}
    model = twin(name, **sizes)
    model.compile(run_eagerly=True)
    model.fit(data(model), epochs=2, verbose=0)
    randomize(model, 0.05)
    # Where the density lives: the pixels and the logit's margin around them.
    margin = model.levels * model.spec.config.alpha / (1 - 2 * model.spec.config.alpha)
    cells = 700
    width = (model.levels + 2 * margin) / cells
    middles = (np.arange(cells) + 0.5) * width - margin
    grid = np.stack(np.meshgrid(middles, middles, indexing="ij"), -1)
    grid = grid.reshape(-1, *model.event_shape)
    log_prob = model.distribution.log_prob(grid.astype(np.float32)).numpy()
    assert np.exp(log_prob.astype(np.float64)).sum() * width**2 == pytest.approx(1, abs=2e-3)


# Extreme data


@every_vector_preset
@pytest.mark.parametrize("state", ["built", "random", "fitted"])
def test_far_data_is_finite_in_value_and_gradient(name, state):
    model = fitted(name) if state == "fitted" else twin(name)
    if state == "random":
        randomize(model)
    directions = np.random.default_rng(0).choice([-1.0, 1.0], (8, *model.event_shape))
    distances = np.reshape([0, 1, 10, 1e2, 1e3, 1e4], (6, 1, 1))
    with tf.GradientTape() as tape:
        log_prob = model.log_prob(np.concatenate(distances * directions))
    assert_finite(tape, log_prob, model)
    by_distance = np.reshape(log_prob, (6, 8))
    assert np.all(by_distance[5] < by_distance[1])


@every_image_preset
@pytest.mark.parametrize("state", ["random", "fitted"])
def test_black_and_white_are_finite_in_value_and_gradient(name, state):
    model = fitted(name) if state == "fitted" else randomize(twin(name))
    x = np.zeros((3, *model.event_shape), np.float32)
    x[1] = model.levels
    x[2, ::2] = model.levels
    with tf.GradientTape() as tape:
        log_prob = model.distribution.log_prob(tf.constant(x))
    assert_finite(tape, log_prob, model)
    z, _ = model.flow.inverse_and_log_det(x)
    assert np.all(np.isfinite(z))
    np.testing.assert_allclose(model.flow.forward(z), x, atol=0.05)


# Samples


@every_preset
def test_samples_are_finite_in_range_and_differ(name):
    model = fitted(name)
    for temperature in (0.0, 0.7, 1.0):
        y = model.sample(200, seed=0, temperature=temperature).numpy()
        assert y.shape == (200, *model.event_shape)
        assert y.dtype == np.float32
        assert np.all(np.isfinite(y))
        if model.levels is not None:
            assert y.min() >= 0
            assert y.max() < model.levels
        spread = np.ptp(y, axis=0).max()
        assert (spread > 0) == (temperature > 0)


@every_preset
def test_a_seed_is_a_sample_in_eager_graph_and_xla(name):
    model = fitted(name)
    first = model.sample(5, seed=3).numpy()

    def draw():
        return model.sample(5, seed=3)

    tolerance = {"atol": 1e-4, "rtol": 1e-4}
    np.testing.assert_allclose(tf.function(draw)(), first, **tolerance)
    np.testing.assert_allclose(tf.function(draw, jit_compile=True)(), first, **tolerance)
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        np.testing.assert_allclose(draw(), first, **tolerance)
    finally:
        tf.config.run_functions_eagerly(run_eagerly=False)
    np.testing.assert_allclose(model.sample(9, seed=3)[:5], first, **tolerance)
    assert np.all(np.abs(model.sample(5, seed=4) - first).max(axis=tuple(range(1, first.ndim))) > 0)


# Files


READ_IN_A_FRESH_PROCESS = """
import json, sys
import numpy as np
import keras, tensorflow as tf
import models
from zoo import FlowModel

found = {}
for name, folder in json.loads(sys.argv[1]).items():
    probe = np.load(folder + "/probe.npy")
    by_weights, by_checkpoint = models.twin(name, seed=7), models.twin(name, seed=7)
    by_weights.load_weights(folder + "/model.weights.h5")
    tf.train.Checkpoint(model=by_checkpoint).read(folder + "/checkpoint").assert_consumed()
    whole = keras.saving.load_model(folder + "/model.keras")
    for how, model in (("h5", by_weights), ("ckpt", by_checkpoint), ("keras", whole)):
        assert model.initialized, how
        np.save(f"{folder}/{how}.npy", model.distribution.log_prob(probe))
    assert whole.optimizer.iterations == 20
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Gives, by name, the folder in which a fresh process has read a twin from its three files.

    One process reads all the quick twins, and one all the others.
    """
    groups = functools.cache(lambda names: read_afresh(names, tmp_path_factory))
    quick = tuple(name for name in PRESETS if name in QUICK)
    slow = tuple(name for name in PRESETS if name not in QUICK)
    return lambda name: groups(quick if name in QUICK else slow)[name]


def read_afresh(names, tmp_path_factory):
    folders = {name: tmp_path_factory.mktemp(name) for name in names}
    for name, folder in folders.items():
        model = fitted(name)
        np.save(folder / "probe.npy", real(model))
        model.save_weights(folder / "model.weights.h5")
        model.save(folder / "model.keras")
        checkpoint = tf.train.Checkpoint(model=model)
        checkpoint.write(str(folder / "checkpoint"))
    argument = json.dumps({name: str(folder) for name, folder in folders.items()})
    command = [sys.executable, "-W", "error::UserWarning", "-c", READ_IN_A_FRESH_PROCESS, argument]
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folders


@every_preset
@pytest.mark.parametrize("how", ["h5", "ckpt", "keras"])
def test_a_fresh_process_reads_the_same_model(name, how, saved):
    model = fitted(name)
    found = np.load(saved(name) / f"{how}.npy")
    np.testing.assert_allclose(found, model.distribution.log_prob(real(model)), rtol=1e-6)


@every_preset
def test_weights_of_another_seed_load_before_any_call(name, saved):
    model = twin(name, seed=5)
    before = weights(model)
    model.load_weights(saved(name) / "model.weights.h5")
    wanted = weights(fitted(name))
    for path, value in weights(model).items():
        np.testing.assert_array_equal(value, wanted[path], err_msg=path)
    unmoved = [v.path for v in model.trainable_variables if np.array_equal(before[v.path], v)]
    assert not unmoved


@every_preset
def test_loaded_statistics_are_not_taken_again(name, saved):
    model = twin(name, seed=5)
    model.load_weights(saved(name) / "model.weights.h5")
    before, probe = weights(model), real(model)
    model.compile(keras.optimizers.SGD(1e-30), run_eagerly=True)
    other = data(model) * (100 if model.levels is None else 0)
    model.fit(other, epochs=1, verbose=0)
    # Running averages of a batch norm may move in training, what is set once may not.
    norms = [path.removesuffix("/variance") for path in before if path.endswith("/variance")]
    moving = {f"{norm}/{statistic}" for norm in norms for statistic in ("mean", "variance")}
    for path, value in weights(model).items():
        if path not in moving:
            np.testing.assert_array_equal(value, before[path], err_msg=path)
    if not moving:
        wanted = fitted(name).distribution.log_prob(probe)
        np.testing.assert_allclose(model.distribution.log_prob(probe), wanted, rtol=1e-6)


@every_preset
def test_a_checkpoint_holds_every_weight_once(name, saved):
    reader = tf.train.load_checkpoint(str(saved(name) / "checkpoint"))
    shapes = reader.get_variable_to_shape_map()
    # A key is the shortest path to a variable: to some, by the optimizer's list of them.
    ways = ("model/networks/", "model/optimizer/_trainable_variables/")
    assert sum(key.startswith(ways) for key in shapes) == len(weights(fitted(name)))
    others = ("model/optimizer/", "_CHECKPOINTABLE_OBJECT_GRAPH")
    assert all(key.startswith((*ways, *others)) for key in shapes)


# Conditions


@every_conditional_twin
def test_shapes_given_conditions(name, kind):
    model = conditional(name, kind)
    x, c = real(model, 6), conditions(model, 6)
    event = model.event_shape
    assert model.log_prob(x, c).shape == (6,)
    assert model.encode(x, c).shape == (6, *event)
    y = model.sample(4, seed=1, condition=c)
    assert y.shape == (4, 6, *event)
    assert model.sample(4, seed=1, condition=c[0]).shape == (4, *event)
    distribution = model.distribution_at(c)
    assert distribution.batch_shape == (6,)
    assert distribution.sample(4, seed=[0, 1]).shape == (4, 6, *event)
    assert distribution.log_prob(y).shape == (4, 6)
    np.testing.assert_allclose(
        distribution.log_prob(fresh(y))[2], model.log_prob(y[2], c), rtol=1e-4, atol=1e-3
    )


@every_conditional_twin
def test_a_condition_is_part_of_the_latents(name, kind):
    model = conditional(name, kind)
    x, c = real(model), conditions(model)
    other = (c + 1) % 10 if kind == "classes" else c + 1
    tolerance = 1e-3 if model.levels is None else 0.05
    axes = tuple(range(1, x.ndim))
    back = np.abs(model.decode(model.encode(x, c), c) - x).max(axis=axes)
    wrong = np.abs(model.decode(model.encode(x, c), other) - x).max(axis=axes)
    assert back.max() < tolerance
    assert wrong.min() > 5 * back.max()
    moved = np.abs(model.log_prob(x, c) - model.log_prob(x, other)) > 1e-4
    assert moved.mean() > 0.9  # two densities may cross at a row


@every_conditional_twin
def test_densities_given_conditions_agree(name, kind):
    model = conditional(name, kind)
    c = conditions(model, 5)

    def one_pass(y):
        bound = model.distribution_at(c).bijector
        z, log_det = bound.inverse_and_log_det(y, len(model.event_shape))
        return model.base.log_prob(z) + log_det

    assert_densities_agree(model.distribution_at(c), one_pass, 3, size(model))


def networks_of(model):
    """Returns the names of the networks that must see the condition: those of every such part."""
    kinds = (Autoregressive, Coupling)
    parts = list(model.flow.submodules)
    names = {part.name for part in parts if isinstance(part, kinds)}
    return names | {f"{part.name}_condition" for part in parts if isinstance(part, Elementwise)}


@every_conditional_twin
def test_every_conditional_network_reacts(name, kind, monkeypatch):
    model = conditional(name, kind)
    calls = []
    original = KerasModule.__call__

    def recorded(module, x, condition, event_ndims):
        calls.append((module, x, condition, event_ndims))
        return original(module, x, condition, event_ndims)

    monkeypatch.setattr(KerasModule, "__call__", recorded)
    model.distribution_at(conditions(model, 6)).log_prob(real(model, 6))
    assert {module.layer.name for module, *_ in calls} == networks_of(model)
    for module, x, condition, event_ndims in calls:
        params = original(module, x, condition, event_ndims)
        if condition is None:  # x is the condition
            others = original(module, tf.roll(x, 1, -1) + 0.5, None, event_ndims)
        else:
            others = original(module, x, tf.roll(condition, 1, -1) + 0.5, event_ndims)
        moved = np.abs(params - others).reshape(6, -1).max(axis=-1)
        assert np.all(moved > 1e-5), module.layer.name


@every_conditional_twin
def test_no_number_without_the_right_condition(name, kind):
    model = conditional(name, kind)
    x, c = real(model, 6), conditions(model, 6)
    z = np.zeros_like(x)
    wrong = [None, c[:5], np.zeros((6, 3), np.float32)]
    wrong += [c + 10, c.astype(float)] if kind == "classes" else [c * np.nan]
    for condition in wrong:
        for call in (model.log_prob, model.encode):
            with pytest.raises(ValueError, match="`condition` must"):
                call(x, condition)
        with pytest.raises(ValueError, match="`condition` must"):
            model.decode(z, condition)
    with pytest.raises(ValueError, match="`condition` must be given"):
        model.sample(2)
    with pytest.raises(ValueError, match="`condition` must be given"):
        model.distribution_at(None)
    for use in (lambda d: d.log_prob(x), lambda d: d.sample(2), lambda d: d.sample(6)):
        with pytest.raises(ValueError, match="condition"):
            use(model.distribution)
    with pytest.raises(ValueError, match="condition"):
        model.fit(data(model), verbose=0)


@every_preset
def test_an_unconditional_model_refuses_conditions(name):
    model = fitted(name)
    x, c = real(model, 6), np.zeros(6, np.int64)
    calls = [
        lambda: model.log_prob(x, c),
        lambda: model.encode(x, c),
        lambda: model.decode(x, c),
        lambda: model.sample(2, condition=c),
        lambda: model.distribution_at(c),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="`condition` must be None: .*unconditional"):
            call()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in VECTORS and name in QUICK else pytest.mark.slow)
        for name in PRESETS
        if takes_conditions(name)
    ],
)
def test_training_learns_the_classes(name):
    model = twin(name, num_classes=2, learning_rate=1e-2)
    labels = np.arange(80) % 2
    x = data(model, 80)
    if model.levels is None:
        x += 4 * labels[:, None].astype(x.dtype)
    else:
        x = np.where(labels[:, None, None, None] == 1, model.levels - 1 - x // 2, x // 2)
        x = x.astype(np.uint8)
    model.fit(x[:60], labels[:60], epochs=10, verbose=0)
    right = model.predict((x[60:], labels[60:]), verbose=0)
    wrong = model.predict((x[60:], 1 - labels[60:]), verbose=0)
    assert right.shape == (20,)
    assert right.mean() > wrong.mean() + 0.5
    dict_form = model.predict({"x": x[60:], "condition": labels[60:]}, verbose=0)
    np.testing.assert_allclose(dict_form, right, rtol=1e-5, atol=1e-4)


@every_vector_preset
def test_far_conditions_are_finite_and_many_are_one_call(name):
    model = conditional(name, "vectors")
    x = real(model, 4)
    with tf.GradientTape() as tape:
        log_prob = model.log_prob(x, np.float32([[0], [10], [1e3], [-1e3]]))
    assert_finite(tape, log_prob, model)
    y = model.sample(1, seed=0, condition=np.linspace(-1, 1, 10_000)[:, None])
    assert y.shape == (1, 10_000, *model.event_shape)


def test_the_twins_are_small():
    for name in PRESETS:
        assert twin(name).count_params() < 12_000, name
