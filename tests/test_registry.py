import dataclasses

import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.registry import Preset, Training, config_class, resolve


def test_presets_are_listed_by_pattern():
    assert zoo.list() == sorted(zoo.list())
    assert {"realnvp_digits", "realnvp_moons"} <= set(zoo.list())
    assert zoo.list("*_mnist") == ["nice_mnist", "realnvp_mnist"]
    assert zoo.list("no such") == []


@pytest.mark.parametrize("name", zoo.list())
def test_a_preset_is_complete(name):
    preset = registry.preset(name)
    assert preset.name == name
    assert preset.config.family in registry.FAMILIES
    assert preset.unit == ("nats" if preset.config.levels is None else "bits/dim")
    assert preset.description
    assert "arXiv:" in preset.paper
    assert config_class(preset.config.family) is type(preset.config)


@pytest.mark.parametrize("name", zoo.list())
def test_presets_cannot_be_changed(name):
    preset = registry.preset(name)
    for part in (preset, preset.config, preset.training):
        field = dataclasses.fields(part)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, field, None)


def test_a_taken_name_is_refused():
    taken = registry.preset("realnvp_moons")
    with pytest.raises(ValueError, match=r"`name` must be new.*realnvp_moons"):
        registry.register(taken)


def test_a_new_preset_is_listed(monkeypatch):
    monkeypatch.setattr(registry, "_presets", dict(registry._presets))
    new = dataclasses.replace(registry.preset("realnvp_moons"), name="realnvp_spirals")
    assert registry.register(new) is new
    assert zoo.list("*spirals") == ["realnvp_spirals"]
    assert registry.preset("realnvp_spirals") is new


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("realnvp_digit", ("`name`", "'realnvp_digit'", "Did you mean realnvp_digits")),
        ("moons", ("maf_moons",)),
        ("xyzzy", ("There are: ", *zoo.list())),
    ],
)
def test_an_unknown_preset_offers_near_names(name, words):
    with pytest.raises(ValueError, match="must be a preset") as raised:
        registry.preset(name)
    assert all(word in str(raised.value) for word in words), raised.value


def test_an_unknown_option_offers_near_names():
    with pytest.raises(ValueError, match="`unit` is no option of 'realnvp_moons'.*units"):
        resolve("realnvp_moons", {"unit": 3})
    with pytest.raises(ValueError, match="`learn_rate`.*learning_rate"):
        resolve("realnvp_moons", {"learn_rate": 3})


def test_an_unknown_family_is_refused():
    with pytest.raises(ValueError, match="`family` must be one of .*realnvp_image.*'glown'"):
        config_class("glown")


def test_overrides_reach_config_and_training():
    resolved = resolve("realnvp_moons", {"units": 7, "steps": 3})
    assert (resolved.config.units, resolved.training.steps) == (7, 3)
    original = registry.preset("realnvp_moons")
    assert (original.config.units, original.training.steps) != (7, 3)
    assert resolved.config == dataclasses.replace(original.config, units=7)
    assert resolve("realnvp_moons", {}) == original


@pytest.mark.parametrize(
    ("overrides", "field", "value"),
    [
        ({"image_shape": [6, 4, 3]}, "image_shape", (6, 4, 3)),
        ({"image_shape": np.array([6, 4, 3])}, "image_shape", (6, 4, 3)),
        ({"filters": np.int64(3)}, "filters", 3),
        ({"num_classes": 3}, "num_classes", 3),
        ({"num_classes": None}, "num_classes", None),
        ({"alpha": np.float32(0.25)}, "alpha", 0.25),
    ],
)
def test_lists_and_numpy_numbers_become_plain(overrides, field, value):
    found = getattr(resolve("realnvp_digits", overrides).config, field)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"filters": "32"}, ("`filters`", "int", "'32'")),
        ({"filters": 32.0}, ("`filters`", "int", "32.0")),
        ({"filters": True}, ("`filters`", "int", "True")),
        ({"image_shape": 8}, ("`image_shape`", "tuple[int, ...]", "8")),
        ({"image_shape": (8, 8.5, 1)}, ("`image_shape`", "tuple[int, ...]", "8.5")),
        ({"learning_rate": "1e-3"}, ("`learning_rate`", "float", "'1e-3'")),
        ({"clip_norm": "5"}, ("`clip_norm`", "float", "'5'")),
        ({"num_classes": 2.5}, ("`num_classes`", "int", "2.5")),
        ({"flip": 1}, ("`flip`", "bool", "1")),
        ({"flow_norm": None}, ("`flow_norm`", "str", "None")),
    ],
)
def test_a_value_of_another_type_is_refused(overrides, words):
    with pytest.raises(TypeError) as raised:
        resolve("realnvp_digits", overrides)
    assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    "values",
    [
        {"steps": 0},
        {"batch_size": 0},
        {"warmup_steps": -1},
        {"learning_rate": 0.0},
        {"learning_rate": float("nan")},
        {"weight_decay": -0.1},
        {"clip_norm": 0.0},
        {"schedule": "linear"},
    ],
)
def test_impossible_training_is_refused(values):
    ((field, value),) = values.items()
    with pytest.raises(ValueError, match=f"`{field}` must.*received {value!r}"):
        Training(**{"steps": 1, **values})


def test_a_preset_is_made_of_keywords():
    with pytest.raises(TypeError):
        Preset("name")
