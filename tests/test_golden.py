"""Models that each version has saved load and answer as they did: `golden/make.py` made them."""

import json
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import FlowModel
from zoo.model_spec import ModelSpec

GOLDEN = pathlib.Path(__file__).parent / "golden"
VERSIONS = sorted(path.parent for path in GOLDEN.glob("*/answers.json"))
LARGEST = 100_000
"""Bytes of a file: the repository keeps them for good."""


def by_keras_file(folder, label, spec):
    return zoo.load(folder / f"{label}.keras")


def by_kerass_own_load(folder, label, spec):
    return keras.saving.load_model(folder / f"{label}.keras")


def by_weights(folder, label, spec):
    model = FlowModel(spec)
    model.load_weights(folder / f"{label}.weights.h5")
    return model


def by_checkpoint(folder, label, spec):
    model = FlowModel(spec)
    model.compile()
    path = str(folder / f"{label}.checkpoint")
    tf.train.Checkpoint(model=model).read(path).assert_consumed()
    return model


def by_run(folder, label, spec):
    return zoo.load(folder / label)


WAYS = [
    *[
        (label, way)
        for label in ("moons", "digits")
        for way in (by_keras_file, by_weights, by_checkpoint)
    ],
    ("moons", by_kerass_own_load),
    ("run", by_run),
]

every_version = pytest.mark.parametrize("folder", VERSIONS, ids=lambda folder: folder.name)


def test_there_are_golden_files():
    assert VERSIONS


@every_version
@pytest.mark.parametrize(("label", "way"), WAYS)
def test_a_saved_model_answers_as_it_did(folder, label, way):
    answers = json.loads((folder / "answers.json").read_text())[label]
    spec = ModelSpec.from_json(answers["spec"])
    model = way(folder, label, spec)
    assert model.spec == spec
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(model.log_prob(answers["real"]), answers["log_prob"], **close)
    rows = np.asarray(answers["rows"])
    np.testing.assert_allclose(model.predict(rows, verbose=0), answers["bound"], **close)
    np.testing.assert_allclose(np.ravel(model.sample(2, seed=1)), answers["sample"], **close)
    if way is by_weights:
        assert not model.compiled
        return
    slots = sum(np.abs(v).sum() for v in model.optimizer.variables)
    assert slots == pytest.approx(answers["optimizer"], rel=1e-5)


@every_version
def test_golden_files_are_small(folder):
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    assert max(sizes.values()) < LARGEST, sizes
