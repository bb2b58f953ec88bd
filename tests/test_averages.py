import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from models import data, randomize, twin
from zoo.model_spec import ModelSpec
from zoo.optimizer import FusedAdam
from zoo.registry import Training

EMA = 0.9


def small(**overrides):
    """A model whose step sees all 40 rows, and whose loss has no noise."""
    options = {"couplings": 2, "units": 4, "schedule": "constant", "learning_rate": 1e-2}
    return twin("realnvp_moons", **{**options, "ema": EMA, "batch_size": 40, **overrides})


@pytest.fixture(scope="module")
def rows():
    model = small()
    return data(model, 40), data(model, 20, seed=1)


def fit(model, x, steps, **options):
    return model.fit(x, epochs=steps, shuffle=False, verbose=0, **options)


def weights(model):
    return {v.path: v.numpy() for v in model.networks.variables}


def state(model):
    """Weights and slots by path, and where the averages are."""
    slots = {v.path: v.numpy() for v in model.optimizer.variables}
    return {**weights(model), **slots}


def check_equal(one, other):
    assert one.keys() == other.keys()
    for path, value in one.items():
        np.testing.assert_array_equal(value, other[path], err_msg=path)


def both(model):
    """Trained weights and averages; the model holds what it held."""
    held, found = model.averaged, []
    for averaged in (False, True):
        model.averaged = averaged
        assert model.averaged is averaged
        found.append([v.numpy() for v in model.trainable_variables])
    model.averaged = held
    return found


def loss(model, x):
    return model.evaluate(x, verbose=0)


class Record(keras.callbacks.Callback):
    """Keeps the weights after each step."""

    def __init__(self):
        super().__init__()
        self.steps = []

    def on_train_batch_end(self, batch, logs=None):
        self.steps.append([v.numpy() for v in self.model.trainable_variables])


def averages(steps, decay):
    """The averages by the formula."""
    found = [np.zeros_like(v) for v in steps[0]]
    for t, values in enumerate(steps):
        rate = max(1 - decay, 9 / (9 + t))
        found = [a + rate * (v - a) for a, v in zip(found, values, strict=True)]
    return found


# The optimizer


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("decay", [0.5, 0.999])
def test_averages_are_those_of_the_formula(decay, jit):
    variable = keras.Variable(np.arange(4.0) - 1.5, dtype="float64")
    optimizer, steps = FusedAdam(0.1, use_ema=True, ema_momentum=decay), []
    optimizer.build([variable])

    @tf.function(jit_compile=jit)
    def step():
        optimizer.apply([2 * variable.value], [variable])

    for _ in range(30):
        step()
        steps.append([variable.numpy()])
    wanted = averages(steps, decay)[0]
    optimizer.averaged = True
    np.testing.assert_allclose(variable, wanted, rtol=1e-9)
    optimizer.averaged = True
    optimizer.averaged = False
    np.testing.assert_array_equal(variable, steps[-1][0])


def test_averages_follow_the_last_steps_from_the_start():
    """At a constant 0.999 the first weights would have most of the weight after 100 steps."""
    steps = [[np.full(1, float(t))] for t in range(100)]
    assert 80 < averages(steps, 0.999)[0][0] < 99


def test_there_are_no_averages_before_the_first_step():
    variable = keras.Variable(np.ones(3), dtype="float32")
    optimizer = FusedAdam(use_ema=True)
    assert not optimizer.averaged
    optimizer.build([variable])
    optimizer.averaged = True
    optimizer.finalize_variable_values([variable])
    assert not optimizer.averaged
    np.testing.assert_array_equal(variable, np.ones(3))


def test_an_optimizer_without_averages_refuses():
    optimizer = FusedAdam()
    optimizer.build([keras.Variable(np.ones(3))])
    optimizer.averaged = False
    with pytest.raises(ValueError, match="`averaged` can be True only .* `use_ema=True`"):
        optimizer.averaged = True


def test_a_model_of_another_kind_keeps_both_too():
    x, y = np.ones([8, 3], "float32"), np.ones([8, 2], "float32")
    found = []
    for use_ema in (False, True):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input([3]), keras.layers.Dense(2)])
        model.compile(FusedAdam(0.1, use_ema=use_ema, ema_momentum=EMA), loss="mse")
        model.fit(x, y, epochs=5, verbose=0)
        assert model.optimizer.averaged is use_ema
        model.optimizer.averaged = False
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


# Fitting


@pytest.mark.parametrize("jit", [False, True])
def test_fit_and_fit_again_equal_one_fit(rows, jit):
    once, twice = small(), small()
    for model in (once, twice):
        model.compile(jit_compile=jit)
    fit(once, rows[0], 20)
    fit(twice, rows[0], 10)
    assert twice.averaged
    fit(twice, rows[0], 10)
    assert once.averaged
    check_equal(state(once), state(twice))


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}, {"steps_per_execution": 5}])
def test_the_model_holds_the_averages_and_the_optimizer_the_weights(rows, options):
    model, plain, record = small(), small(ema=None), Record()
    model.compile(**options)
    several = np.tile(rows[0], (5, 1))
    for each, callbacks in ((model, []), (plain, [record])):
        fit(each, several, 2, callbacks=callbacks, validation_data=rows[1])
    trained, averaged = both(model)
    assert model.averaged
    assert not plain.averaged
    # Adam's first steps make of XLA's other rounding of a gradient near zero what they like.
    close = {"atol": 1e-3} if "jit_compile" in options else {"rtol": 1e-6, "atol": 1e-7}
    formula = averages(record.steps, EMA)
    for found, wanted in zip([*trained, *averaged], [*record.steps[-1], *formula], strict=True):
        np.testing.assert_allclose(found, wanted, **close)
    assert all(np.any(one != other) for one, other in zip(trained, averaged, strict=True))


def test_all_that_reports_uses_the_averages(rows):
    model = small()
    history = fit(model, rows[0], 12, validation_data=rows[1]).history
    plain = small(ema=None)
    plain.set_weights(model.get_weights())
    assert loss(model, rows[1]) == loss(plain, rows[1])
    assert history["val_loss"][-1] == pytest.approx(loss(plain, rows[1]), rel=1e-6)
    np.testing.assert_array_equal(*[m.predict(rows[1], verbose=0) for m in (model, plain)])
    np.testing.assert_array_equal(*[m.log_prob(rows[1]) for m in (model, plain)])
    np.testing.assert_array_equal(*[m.sample(5, seed=1) for m in (model, plain)])
    model.averaged = False
    assert loss(model, rows[1]) != loss(plain, rows[1])


@pytest.fixture(scope="module")
def stopped(rows, tmp_path_factory):
    """A model that stopped after its best epoch, its history, and what was saved of that."""
    folder, model = tmp_path_factory.mktemp("stopped"), small()
    model.compile(FusedAdam(1e-2, use_ema=True, ema_momentum=EMA))
    spoiling = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-2 if epoch < 3 else 1.0)
    checkpoint = keras.callbacks.ModelCheckpoint
    callbacks = [
        spoiling,
        checkpoint(folder / "best.keras", save_best_only=True),
        checkpoint(folder / "best.weights.h5", save_best_only=True, save_weights_only=True),
        keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True),
    ]
    history = fit(model, rows[0], 9, validation_data=rows[1], callbacks=callbacks).history
    return model, history["val_loss"], folder


def test_callbacks_of_an_epochs_end_have_the_averages(stopped, rows):
    model, losses, folder = stopped
    assert 3 <= len(losses) < 9
    best = pytest.approx(min(losses), rel=1e-5)
    assert loss(model, rows[1]) == best
    plain = small(ema=None, seed=4)
    plain.load_weights(folder / "best.weights.h5")
    assert loss(plain, rows[1]) == best
    whole = zoo.load(folder / "best.keras")
    assert whole.averaged
    assert loss(whole, rows[1]) == best
    whole.averaged = False
    assert loss(whole, rows[1]) != best


def test_a_single_callback_and_none_are_taken(rows):
    record = Record()
    fit(small(), rows[0], 2, callbacks=record)
    assert len(record.steps) == 2


class Interrupt(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if int(self.model.optimizer.iterations) == 5:
            raise KeyboardInterrupt


def test_an_interrupted_fit_leaves_the_averages_and_can_go_on(rows):
    model, straight = small(), small()
    with pytest.raises(KeyboardInterrupt):
        fit(model, rows[0], 10, callbacks=[Interrupt()])
    assert model.averaged
    fit(model, rows[0], 5)
    fit(straight, rows[0], 10)
    check_equal(state(model), state(straight))


def test_training_on_a_batch_trains_the_weights(rows):
    model, straight = small(), small()
    fit(model, rows[0], 5)
    model.train_on_batch(rows[0])
    assert not model.averaged
    fit(straight, rows[0], 6)
    model.averaged = True
    check_equal(state(model), state(straight))


def test_frozen_networks_stay(rows):
    model = randomize(small())
    model.initialize(rows[0])
    frozen = model.networks.coupling0
    frozen.trainable = False
    before = [v.numpy() for v in frozen.variables]
    fit(model, rows[0], 5)
    assert model.averaged
    for wanted, found in zip(before, frozen.variables, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["realnvp_digits", "realnvp_cifar"])
def test_images_train_as_without_averages(name):
    models = [twin(name, ema=ema) for ema in (None, EMA)]
    x = data(models[0])
    for model in models:
        fit(model, x, 5, validation_data=x)
    models[1].averaged = False
    check_equal(*[weights(model) for model in models])


# Files


@pytest.fixture(scope="module")
def trained(rows):
    """A model after ten steps; tests must not change it."""
    model = small()
    fit(model, rows[0], 10)
    return model


def through_keras_file(model, folder):
    model.save(folder / "a.keras")
    return zoo.load(folder / "a.keras")


def through_checkpoint(model, folder):
    path = tf.train.Checkpoint(model=model).save(str(folder / "a"))
    other = small(seed=3)
    tf.train.Checkpoint(model=other).restore(path).assert_existing_objects_matched()
    return other


@pytest.mark.parametrize("way", [through_keras_file, through_checkpoint])
@pytest.mark.parametrize("averaged", [False, True])
def test_both_are_saved_and_training_goes_on(trained, rows, way, averaged, tmp_path):
    trained.averaged = averaged
    again = way(trained, tmp_path)
    assert again.averaged is averaged
    trained.averaged = True
    for one, other in zip(both(trained), both(again), strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    fit(again, rows[0], 3)
    wanted = small()
    fit(wanted, rows[0], 13)
    check_equal(state(again), state(wanted))


def test_weights_files_hold_what_the_model_holds(trained, tmp_path):
    for averaged in (False, True):
        trained.averaged = averaged
        trained.save_weights(tmp_path / "a.weights.h5")
        other = small(ema=None, seed=3)
        other.load_weights(tmp_path / "a.weights.h5")
        check_equal(weights(other), weights(trained))
    assert trained.averaged


def test_averages_begin_anew_at_loaded_weights(trained, rows, tmp_path):
    trained.save_weights(tmp_path / "a.weights.h5")
    model = randomize(small(seed=3), 1.0)
    fit(model, rows[0], 5)
    model.load_weights(tmp_path / "a.weights.h5")
    wanted = [v.numpy() for v in trained.trainable_variables]
    for found in both(model):
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_array_equal(a, b)
    record = Record()
    fit(model, rows[0], 2, callbacks=[record])
    steps = [wanted, *record.steps]
    rates = [9 / (9 + t) for t in (5, 6)]
    average = wanted
    for rate, step in zip(rates, steps[1:], strict=True):
        average = [a + rate * (v - a) for a, v in zip(average, step, strict=True)]
    for a, b in zip(model.trainable_variables, average, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_compiling_anew_trains_on_from_what_the_model_holds(rows):
    model = small()
    fit(model, rows[0], 5)
    held = weights(model)
    model.compile()
    assert not model.averaged
    check_equal(weights(model), held)


# Options


def test_a_model_without_averages_refuses():
    model = small(ema=None)
    assert not model.averaged
    model.averaged = False
    with pytest.raises(ValueError, match="`averaged` can be True only in a model with `ema`"):
        model.averaged = True


@pytest.mark.parametrize("ema", [0, 1, 0.0, 1.0, -0.5, float("nan")])
def test_impossible_decays_are_refused(ema):
    with pytest.raises(ValueError, match="`ema` must be above 0 and below 1, or None; received"):
        Training(steps=1, ema=ema)


def test_a_decay_of_another_type_is_refused():
    with pytest.raises(TypeError, match="`ema`"):
        zoo.get("realnvp_moons", ema="0.9")


def test_the_option_reaches_the_optimizer_and_the_file():
    model = small()
    assert (model.optimizer.use_ema, model.optimizer.ema_momentum) == (True, EMA)
    assert ModelSpec.from_json(model.spec.to_json()).training.ema == EMA
    plain = small(ema=None)
    assert not plain.optimizer.use_ema
    slots = len(model.optimizer.variables) - len(plain.optimizer.variables)
    assert slots == len(model.trainable_variables) + 1


REPLICAS = """
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import zoo
from zoo.optimizer import FusedAdam
x = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
def train(strategy):
    with strategy.scope():
        model = zoo.get("realnvp_moons", couplings=2, units=4)
        # With a large epsilon not only the gradient's sign counts, which rounding may decide.
        model.compile(FusedAdam(0.1, epsilon=1.0, use_ema=True, ema_momentum=0.9))
    for _ in range(2):
        model.fit(x, batch_size=40, epochs=5, shuffle=False, validation_data=x, verbose=0)
    found = []
    for averaged in (False, True):
        model.averaged = averaged
        local = strategy.experimental_local_results
        found += [[r.numpy() for r in local(v.value)] for v in model.trainable_variables]
    assert model.averaged
    return found
double = train(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]))
single = train(tf.distribute.get_strategy())
for (first, second), (one,) in zip(double, single, strict=True):
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, one, atol=1e-5)
half = len(single) // 2
assert any(np.any(a[0] != b[0]) for a, b in zip(single[:half], single[half:], strict=True))
"""


@pytest.mark.slow
def test_replicas_average_as_one_device_does():
    subprocess.run([sys.executable, "-c", REPLICAS], check=True)
