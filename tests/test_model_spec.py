import dataclasses
import json
import subprocess
import sys

import pytest

import zoo
from zoo.model_spec import SCHEMA, ModelSpec
from zoo.registry import config_class, resolve

# As version 0.1 wrote it: what it means must not change, or saved models change with it.
GOLDEN = {
    "schema": 1,
    "preset": "realnvp_moons",
    "family": "realnvp_vector",
    "config": {
        "event_shape": [2],
        "couplings": 8,
        "units": 64,
        "layers": 2,
        "num_classes": None,
        "condition_dim": None,
    },
    "training": {
        "steps": 1500,
        "batch_size": 256,
        "learning_rate": 0.001,
        "schedule": "cosine",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "clip_norm": 5.0,
        "flip": False,
    },
    "seed": 3,
    "dtype": "float32",
}


def spec(name="realnvp_moons", overrides=None, **options):
    return ModelSpec.of(resolve(name, overrides or {}), **options)


def through_json(value):
    return ModelSpec.from_json(json.loads(json.dumps(value.to_json())))


@pytest.mark.parametrize("name", zoo.list())
def test_json_gives_back_every_field(name):
    assert through_json(spec(name)) == spec(name)
    options = {"num_classes": 3, "steps": 7, "clip_norm": None, "ema": 0.5}
    other = spec(name, options, seed=5, dtype="float64")
    assert through_json(other) == other
    assert other != spec(name)
    assert hash(through_json(other)) == hash(other)


def test_every_default_is_written_out():
    saved = spec("realnvp_digits").to_json()
    assert saved["schema"] == SCHEMA
    assert saved["config"]["scales"] == 2
    assert saved["config"]["num_classes"] is None
    assert saved["training"]["learning_rate"] == 1e-3


def test_a_model_saved_by_the_first_version_is_read():
    # A preset's later values do not change what an old file says.
    first = spec(overrides={"couplings": 8, "steps": 1_500}, seed=3)
    training = {**GOLDEN["training"], "ema": None, "patience": None}
    newer = changed("config", "reorder", value="alternate")
    assert json.loads(json.dumps(first.to_json())) == {**newer, "training": training}
    assert ModelSpec.from_json(GOLDEN) == first


def test_a_field_that_was_added_later_means_its_default_where_a_file_lacks_it():
    for family, fields in {"nice": ["reorder"], "realnvp_vector": ["reorder"]}.items():
        later = [f for f in dataclasses.fields(config_class(family)) if f.metadata]
        assert [f.name for f in later] == fields
    assert ModelSpec.from_json(GOLDEN).config.reorder == "alternate"
    other = ModelSpec.from_json(changed("config", "reorder", value="lu"))
    assert other.config.reorder == "lu"
    assert through_json(other) == other


def changed(*path, value=None, drop=False):
    saved = json.loads(json.dumps(GOLDEN))
    inner = saved
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return saved


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (changed("schema", value=99), ("schema 99", f"schema {SCHEMA}")),
        (changed("schema", drop=True), ("schema None",)),
        ("no object", ("'no object'",)),
        (changed("seed", drop=True), ("the model", "lacks seed")),
        (changed("colour", value=1), ("the model", "unknown colour")),
        (changed("config", "units", drop=True), ("`config`", "lacks units")),
        (changed("config", "unitz", value=1), ("`config`", "unknown unitz")),
        (changed("training", "speed", value=1), ("`training`", "unknown speed")),
        (changed("training", value=3), ("`training`", "object", "3")),
        (changed("family", value="glown"), ("`family`", "'glown'")),
        (changed("training", "steps", value=0), ("`steps`", "0")),
        (changed("dtype", value="int8"), ("`dtype`", "'int8'")),
        (changed("seed", value=-1), ("`seed`", "-1")),
    ],
)
def test_what_this_version_cannot_read_is_refused(saved, words):
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the words are checked below
        ModelSpec.from_json(saved)
    assert all(word in str(raised.value) for word in words), raised.value


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"seed": True}, TypeError, "`seed` must be an integer; received True"),
        ({"seed": 1.0}, TypeError, "`seed` must be an integer; received 1.0"),
        ({"seed": 2**31}, ValueError, "`seed` must be in 0.*received 2147483648"),
        ({"dtype": "bfloat16"}, ValueError, "`dtype` must be.*'bfloat16'"),
    ],
)
def test_impossible_options_are_refused(options, error, words):
    with pytest.raises(error, match=words):
        spec(**options)


def test_a_spec_is_read_without_tensorflow():
    code = (
        "import sys, zoo, json; from zoo.model_spec import ModelSpec; "
        f"ModelSpec.from_json(json.loads({json.dumps(GOLDEN)!r})); "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
