"""What is saved comes back, or one error names the file, what differs and what to do."""

import copy
import dataclasses
import json
import os
import re
import subprocess
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from models import conditions, data, randomize, real, twin
from zoo import FlowModel, weights_file
from zoo.registry import resolve
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder

IMAGE, VECTOR = "realnvp_digits", "realnvp_moons"
SMALL = {"couplings": 2, "units": 4}


def small(**overrides):
    return twin(VECTOR, **{**SMALL, **overrides})


def state(model):
    """Returns weights and optimizer slots, in their order."""
    slots = model.optimizer.variables if model.compiled else []
    return [v.numpy() for v in (*model.networks.variables, *slots)]


def assert_same_state(one, other):
    ours, theirs = state(one), state(other)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def trained():
    model = small(warmup_steps=2, steps=8)
    model.fit(data(model), epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def whole(trained, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "model.keras"
    trained.save(path)
    return path


# Whole models


def test_a_keras_file_continues_where_it_was(trained, whole):
    """Slots, step and schedule: after one more epoch both are equal to the last bit."""
    continued, again = copy.deepcopy(trained), zoo.load(whole)
    assert type(again) is FlowModel
    assert again.spec == trained.spec
    assert_same_state(again, trained)
    assert again.optimizer.iterations == 4
    assert again.optimizer.learning_rate == trained.optimizer.learning_rate
    for model in (continued, again):
        model.fit(data(model), epochs=1, verbose=0)
    assert again.optimizer.iterations == 6
    assert_same_state(again, continued)
    assert not np.array_equal(state(again)[3], state(trained)[3])


def test_keras_loads_it_too(trained, whole):
    assert_same_state(keras.saving.load_model(whole), trained)
    assert_same_state(zoo.load(str(whole)), trained)


def test_a_fresh_process_loads_it(trained, whole):
    probe = real(trained, 3)
    # Importing the module first must not hide the function of the lazy package.
    code = (
        f"import zoo.loading; print(*zoo.load({str(whole)!r}).log_prob({probe.tolist()!r}).numpy())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found = np.array(done.stdout.split(), np.float32)
    np.testing.assert_allclose(found, trained.log_prob(probe), rtol=1e-6)


def test_an_uncompiled_model_comes_back_uncompiled(tmp_path, trained):
    FlowModel(trained.spec).save(tmp_path / "a.keras")
    model = zoo.load(tmp_path / "a.keras")
    assert not model.compiled
    model.fit(data(model), epochs=1, verbose=0)
    assert model.optimizer.iterations == 2


def test_compile_options_come_back(tmp_path):
    model = small()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), steps_per_execution=2, jit_compile=False)
    model.fit(data(model), epochs=1, verbose=0)
    model.save(tmp_path / "a.keras")
    again = zoo.load(tmp_path / "a.keras")
    assert type(again.optimizer) is keras.optimizers.SGD
    assert (again.steps_per_execution, again.jit_compile) == (2, False)
    assert_same_state(again, model)


def test_xla_is_the_choice_of_the_machine_that_loads(tmp_path):
    model = small()
    assert model.get_compile_config()["jit_compile"] == "auto"
    model.compile(jit_compile=True)
    assert model.get_compile_config()["jit_compile"] is True


def test_frozen_networks_stay_frozen_and_keep_the_optimizer(tmp_path):
    model = small()
    model.networks.coupling1.trainable = False
    model.compile()
    model.fit(data(model), epochs=1, verbose=0)
    model.save(tmp_path / "a.keras")
    again = zoo.load(tmp_path / "a.keras")
    assert not again.networks.coupling1.trainable
    assert_same_state(again, model)
    assert [v.path for v in again.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]


def test_a_frozen_model_stays_frozen(tmp_path):
    model = small()
    model.trainable = False
    model.save(tmp_path / "a.keras")
    again = zoo.load(tmp_path / "a.keras")
    assert not again.trainable_variables
    again.trainable = True
    assert len(again.trainable_variables) == len(small().trainable_variables)


def test_a_copy_has_the_optimizer_too(trained):
    assert_same_state(copy.deepcopy(trained), trained)


OTHERS = {
    VECTOR: {
        "event_shape": (3,),
        "couplings": 4,
        "units": 5,
        "layers": 1,
        "reorder": "lu",
        "num_classes": 3,
        "condition_dim": 2,
        "dtype": "float64",
        "seed": 3,
    },
    IMAGE: {
        "image_shape": (4, 8, 1),
        "levels": 5,
        "alpha": 0.01,
        "scales": 1,
        "couplings": 3,
        "last_couplings": 3,
        "filters": 3,
        "blocks": 2,
        "flow_norm": "batchnorm",
        "net_norm": "batch",
        "num_classes": 3,
        "condition_dim": 2,
    },
}
"""Every field of two families' configs, off the value that the twin has."""

EVERY_OTHER = [
    pytest.param(name, field, marks=() if name == VECTOR else pytest.mark.slow)
    for name, fields in OTHERS.items()
    for field in fields
]


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_is_moved(name):
    fields = {f.name for f in dataclasses.fields(resolve(name, {}).config)}
    assert fields == OTHERS[name].keys() - {"dtype", "seed"}


@pytest.mark.parametrize(("name", "field"), EVERY_OTHER)
def test_every_field_survives(name, field, tmp_path):
    sizes = SMALL if name == VECTOR else {"couplings": 2, "filters": 2}
    model = twin(name, **{**sizes, field: OTHERS[name][field]})
    assert model.spec != twin(name, **sizes).spec
    again = FlowModel.from_config(json.loads(json.dumps(model.get_config())))
    assert (repr(again.spec), hash(again.spec)) == (repr(model.spec), hash(model.spec))
    given = (conditions(model, 5),) if model.form.conditional else ()
    model.initialize(data(model), *((conditions(model),) if given else ()))
    randomize(model, 0.05)
    model.save(tmp_path / "a.keras")
    model.save_weights(tmp_path / "a.weights.h5")
    again.load_weights(tmp_path / "a.weights.h5")
    wanted = model.log_prob(real(model, 5), *given)
    for other in (again, zoo.load(tmp_path / "a.keras")):
        assert other.spec == model.spec
        np.testing.assert_allclose(other.log_prob(real(model, 5), *given), wanted, rtol=1e-6)


# Run folders


@pytest.fixture
def run(tmp_path, trained):
    folder = RunFolder(tmp_path / "run")
    folder.create(RunConfig(spec=trained.spec, data="moons"))
    folder.save_weights(trained)
    return folder


def test_a_run_of_an_impossible_model_is_named(run):
    saved = json.loads(run.config.read_text())
    saved["config"]["couplings"] = 1
    run.config.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=r"config\.json cannot be used: `couplings`.*train again"):
        zoo.load(run.path)


def test_a_run_folder_comes_back(run, trained):
    model = zoo.load(run.path)
    x = real(trained)
    np.testing.assert_array_equal(model.log_prob(x), trained.log_prob(x))
    assert (model.spec, model.compiled) == (trained.spec, True)
    assert model.optimizer.iterations == 0


# Checkpoints


def test_a_checkpoint_continues_where_it_was(trained, tmp_path):
    path = tf.train.Checkpoint(model=trained).write(str(tmp_path / "checkpoint"))
    model = small(warmup_steps=2, steps=8, seed=5)
    tf.train.Checkpoint(model=model).read(path).assert_consumed()
    assert_same_state(model, trained)


def test_a_checkpoint_holds_every_weight_once_by_name(trained, tmp_path):
    path = tf.train.Checkpoint(model=trained).write(str(tmp_path / "checkpoint"))
    shapes = tf.train.load_checkpoint(path).get_variable_to_shape_map()
    keys = {key.partition("/.ATTRIBUTES")[0] for key in shapes}
    held = {key for key in keys if not key.startswith(("model/optimizer", "_CHECKPOINT"))}
    names = {f"model/networks/{v.path}" for v in trained.networks.variables}
    assert held == names


# What is refused


def rewritten(whole, path, change):
    """Copies a .keras file with its config changed."""
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                saved = json.loads(content)
                change(saved["config"]["spec"])
                content = json.dumps(saved).encode()
            new.writestr(name, content)
    return path


CHANGED = {
    "schema": (lambda spec: spec.update(schema=9), "schema 9"),
    "lacks": (lambda spec: spec["config"].pop("units"), "lacks units"),
    "unknown": (lambda spec: spec["config"].update(width=3), "unknown width"),
    "training": (lambda spec: spec["training"].update(speed=3), "unknown speed"),
    "surplus": (lambda spec: spec.update(colour=3), "unknown colour"),
    "family": (lambda spec: spec.update(family="glown"), "'glown'"),
    "type": (lambda spec: spec["config"].update(units="many"), "`units`"),
    "value": (lambda spec: spec["config"].update(couplings=1), "`couplings`"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_model_of_another_version_says_what_differs(case, whole, tmp_path):
    change, words = CHANGED[case]
    path = rewritten(whole, tmp_path / "other.keras", change)
    message = refused(path)
    assert words in message
    assert str(path) in message
    with pytest.raises((ValueError, TypeError)) as raised:
        keras.saving.load_model(path)
    assert words in str(raised.value)


def refused(path):
    with pytest.raises(ValueError, match=r"train again|`path` must be|has no config") as raised:
        zoo.load(path)
    message = str(raised.value)
    assert "\n" not in message
    assert os.fspath(path) in message
    assert len(message) < 600
    return message


def test_what_is_no_model_is_refused(whole, trained, tmp_path):
    missing = [tmp_path / name for name in ("a.keras", "a.weights.h5", "a", "a.h5")]
    for path in missing:
        assert "there is no" in refused(path)
    trained.save_weights(tmp_path / "b.weights.h5")
    message = refused(tmp_path / "b.weights.h5")
    assert "zoo.get(" in message
    assert "load_weights" in message
    (tmp_path / "c.txt").write_text("words")
    assert "must be a .keras file" in refused(tmp_path / "c.txt")
    assert "no run" in refused(tmp_path)
    for path in (None, 3, [whole]):
        with pytest.raises(TypeError, match="`path` must be a file or folder"):
            zoo.load(path)


def test_another_kerass_model_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "a.keras")
    assert "Sequential" in refused(tmp_path / "a.keras")
    with zipfile.ZipFile(tmp_path / "b.keras", "w") as archive:
        archive.writestr("words.txt", "no model")
    assert "config.json" in refused(tmp_path / "b.keras")
    with zipfile.ZipFile(tmp_path / "c.keras", "w") as archive:
        archive.writestr("config.json", "[]")
    refused(tmp_path / "c.keras")


def test_a_damaged_file_is_named(whole, tmp_path):
    content = whole.read_bytes()
    path = tmp_path / "damaged.keras"
    parts = [content[: len(content) * k // 7] for k in range(7)]
    for damaged in [*parts, b"\x00" * 3000, b"words"]:
        path.write_bytes(damaged)
        refused(path)
    random = np.random.default_rng(0)
    for place in random.integers(0, len(content), 30):
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        path.write_bytes(flipped)
        try:  # what a zip does not check, such as times, does no harm
            zoo.load(path)
        except ValueError as error:
            assert "damaged.keras" in str(error)  # noqa: PT017


@keras.saving.register_keras_serializable("mine")
class Mine(keras.optimizers.SGD):
    """Somebody's optimizer, which another program may not know."""


def test_an_unknown_optimizer_is_named(tmp_path, monkeypatch):
    model = small()
    model.compile(Mine(0.1))
    model.save(tmp_path / "a.keras")
    assert type(zoo.load(tmp_path / "a.keras").optimizer) is Mine
    monkeypatch.delitem(keras.saving.get_custom_objects(), "mine>Mine")
    monkeypatch.delattr(sys.modules[__name__], "Mine")
    assert "Could not locate class 'Mine'" in refused(tmp_path / "a.keras")


# Weights of another config


DIFFERENT = {
    "units": ({"units": 8}, ["`units` is 4 in the file and 8 here"]),
    "more": ({"couplings": 3, "layers": 1}, ["`couplings` is 2", "`layers` is 2"]),
    "condition": ({"num_classes": 3}, ["`num_classes` is None in the file and 3 here"]),
}


@pytest.mark.parametrize("case", DIFFERENT)
def test_weights_of_another_config_name_its_fields(case, trained, tmp_path):
    overrides, words = DIFFERENT[case]
    trained.save_weights(tmp_path / "a.weights.h5")
    model = small(**overrides)
    before = state(model)
    with pytest.raises(ValueError, match="another config") as raised:
        model.load_weights(tmp_path / "a.weights.h5")
    assert all(word in str(raised.value) for word in words), raised.value
    for a, b in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_field_without_weights_must_match_too(tmp_path):
    """Another alpha is another density with the same weights."""
    twin(IMAGE, filters=2).save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match=r"`alpha` is 0\.05 in the file and 0\.01 here"):
        twin(IMAGE, filters=2, alpha=0.01).load_weights(tmp_path / "a.weights.h5")


def test_weights_of_another_family_are_refused(trained, tmp_path):
    trained.save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError, match="`family` is realnvp_vector in the file and realnvp_im"):
        twin(IMAGE).load_weights(tmp_path / "a.weights.h5")


def test_training_preset_seed_and_dtype_may_differ(trained, tmp_path):
    trained.save_weights(tmp_path / "a.weights.h5")
    training = dataclasses.replace(trained.spec.training, steps=3)
    options = {"preset": "mine", "training": training, "seed": 9, "dtype": "float64"}
    model = FlowModel(dataclasses.replace(trained.spec, **options))
    model.load_weights(tmp_path / "a.weights.h5")
    x = real(trained)
    np.testing.assert_allclose(model.log_prob(x), trained.log_prob(x), rtol=1e-4)


@pytest.fixture
def nameless(tmp_path):
    """Weights of an image model in a file that does not say what model it is."""
    path = tmp_path / "a.weights.h5"
    twin(IMAGE, filters=2, net_norm="batch").save_weights(path)
    with h5py.File(path, "r+") as file:
        del file.attrs[weights_file.SPEC]
    return path


def test_weights_of_another_shape_are_named(nameless):
    twin(IMAGE, filters=2, net_norm="batch").load_weights(nameless)
    with pytest.raises(ValueError, match="another architecture") as raised:
        twin(IMAGE, filters=3, net_norm="batch").load_weights(nameless)
    assert "in_kernel has the shape (3, 3, 2, 2) in the file and (3, 3, 2, 3) here" in str(
        raised.value
    )
    assert re.search(r"and \d+ more", str(raised.value))
    with pytest.raises(ValueError, match="it has also") as raised:
        twin(IMAGE, filters=2, net_norm="none").load_weights(nameless)
    assert "in_norm" in str(raised.value)


@pytest.mark.parametrize("inner", ["in_norm", "norms"])
def test_weights_within_a_network_are_compared(nameless, inner):
    with h5py.File(nameless, "r+") as file:
        group = file[f"layers/networks/scale0_checkerboard0/{inner}/vars"]
        name = next(iter(group))
        del group[name]
        group[name] = np.zeros((7, 7), np.float32)
    with pytest.raises(ValueError, match=rf"scale0_checkerboard0/{inner}/.* shape \(7, 7\)"):
        twin(IMAGE, filters=2, net_norm="batch").load_weights(nameless)
    with h5py.File(nameless, "r+") as file:
        del file[f"layers/networks/scale0_checkerboard0/{inner}/vars/{name}"]
    with pytest.raises(ValueError, match=rf"it lacks scale0_checkerboard0/{inner}/"):
        twin(IMAGE, filters=2, net_norm="batch").load_weights(nameless)


def test_a_whole_model_is_no_weights_file(trained, whole):
    with pytest.raises(ValueError, match=r"must end in '\.weights\.h5'.*`zoo\.load`"):
        trained.load_weights(whole)
