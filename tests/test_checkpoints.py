"""Checkpoints: complete or absent, checked, pruned, and restored to the same bits."""

import json
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from models import data, twin
from zoo.checkpoints import manifest

NAME = "realnvp_moons"


def small(**overrides):
    options = {"couplings": 2, "units": 4, "schedule": "constant"}
    return twin(NAME, **{**options, **overrides})


def state(model):
    return [v.numpy() for v in (*model.networks.variables, *model.optimizer.variables)]


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def rows():
    return data(small(), 40)


@pytest.fixture(scope="module")
def trained(rows, tmp_path_factory):
    """A folder of checkpoints at the steps 2, 4 and 6, and the states that they hold."""
    folder = tmp_path_factory.mktemp("checkpoints") / "deep" / "down"
    model, kept = small(), zoo.Checkpoints(folder)
    states = {}
    for score in (1.0, -1.0, 0.5):
        model.fit(rows, epochs=1, verbose=0)
        states[kept.save(model, score=score)] = state(model)
    return folder, states


@pytest.fixture
def copied(trained, tmp_path):
    folder = tmp_path / "copied"
    shutil.copytree(trained[0], folder)
    return folder


def restored(folder, **options):
    """Returns what `restore` returns, the model, and what was told."""
    told = []
    model = small(seed=5)
    model.compile()
    step = zoo.Checkpoints(folder, tell=told.append, **options).restore(model)
    return step, model, told


def test_a_checkpoint_holds_weights_slots_and_step(trained):
    folder, states = trained
    step, model, told = restored(folder)
    assert (step, told) == (6, [])
    assert model.optimizer.iterations == 6
    assert_same(state(model), states[6])
    assert model.initialized


def test_the_best_is_the_lowest_score(trained):
    folder, states = trained
    model = small()
    assert zoo.Checkpoints(folder).restore_best(model) == 4
    assert_same(state(model), states[4])


def test_an_empty_folder_is_a_start(tmp_path):
    model = small()
    assert zoo.Checkpoints(tmp_path / "none").restore(model) == 0
    with pytest.raises(ValueError, match="`restore_best` needs a checkpoint with a score"):
        zoo.Checkpoints(tmp_path / "none").restore_best(model)


def test_the_last_few_and_the_best_stay(rows, tmp_path):
    model, kept = small(), zoo.Checkpoints(tmp_path, keep=2)
    for score in (0.5, 0.1, None, 0.3, 0.2):
        model.fit(rows, epochs=1, verbose=0)
        kept.save(model, score=score)
    assert kept.steps == [4, 8, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-{step:09d}" for step in (4, 8, 10)
    ]


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "truncated": lambda path: _weights(path).write_bytes(_weights(path).read_bytes()[:-9]),
    "one bit": lambda path: flip_a_bit(_weights(path)),
    "no data": lambda path: _weights(path).unlink(),
    "no index": lambda path: (path / "state.index").unlink(),
    "empty manifest": lambda path: (path / manifest.NAME).write_text(""),
    "no manifest": lambda path: (path / manifest.NAME).unlink(),
    "another manifest": lambda path: (path / manifest.NAME).write_text("[1]"),
    "no checksums": lambda path: (path / manifest.NAME).write_text(
        json.dumps({"step": 6, "score": 0.5, "sha256": {}})
    ),
    "another step's": lambda path: (path / manifest.NAME).write_bytes(
        (path.parent / "step-000000004" / manifest.NAME).read_bytes()
    ),
}


def _weights(path):
    return next(path.glob("state.data*"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(copied, trained, damage):
    DAMAGES[damage](copied / "step-000000006")
    step, model, told = restored(copied)
    assert step == 4
    assert_same(state(model), trained[1][4])
    assert len(told) == 1
    assert re.search(r"checkpoint of step 6 is damaged: .*; going back to step 4\.$", told[0])


def test_where_all_are_damaged_nothing_starts_over(copied):
    for path in copied.iterdir():
        flip_a_bit(_weights(path))
    with pytest.raises(ValueError, match=r"no checkpoint in .* step 6 .* step 4 .* step 2 "):
        restored(copied)


def test_a_damaged_one_gives_way_to_the_next_of_its_step(copied, rows):
    flip_a_bit(_weights(copied / "step-000000006"))
    step, model, _ = restored(copied)
    model.fit(rows, epochs=1, verbose=0)
    assert step + 2 == zoo.Checkpoints(copied).save(model) == 6
    assert restored(copied)[0] == 6


@pytest.mark.parametrize(
    "other", [lambda: small(units=5), lambda: small(couplings=3), lambda: sgd(small())]
)
def test_checkpoints_of_another_model_are_refused(trained, other):
    with pytest.raises(ValueError, match="step-000000006 is a checkpoint of another model"):
        zoo.Checkpoints(trained[0]).restore(other())


def sgd(model):
    model.compile(keras.optimizers.SGD(1e-3))
    return model


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="`keep` must be at least 1; received 0"):
        zoo.Checkpoints(tmp_path, keep=0)
    bare = zoo.FlowModel(small().spec)
    with pytest.raises(ValueError, match="`model` must be compiled"):
        zoo.Checkpoints(tmp_path).save(bare)


# Disks that fail


def full(*_, **__):
    raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")


def test_a_full_disk_leaves_what_is_there(copied, trained, monkeypatch):
    before = {p: p.read_bytes() for p in copied.rglob("*") if p.is_file()}
    model = small()
    zoo.Checkpoints(copied).restore(model)
    model.optimizer.iterations.assign(8)
    monkeypatch.setattr(tf.train.Checkpoint, "write", full)
    with pytest.raises(OSError, match="No space left"):
        zoo.Checkpoints(copied).save(model)
    assert {p: p.read_bytes() for p in copied.rglob("*") if p.is_file()} == before


def test_a_training_goes_on_where_the_disk_fails(copied, rows, monkeypatch):
    told = []
    step, model, _ = restored(copied)
    monkeypatch.setattr(tf.train.Checkpoint, "write", full)
    save = zoo.SaveCheckpoints(zoo.Checkpoints(copied, tell=told.append))
    model.fit(rows, epochs=2, callbacks=[save], verbose=0)
    assert model.optimizer.iterations == step + 4
    assert len(told) == 2
    assert re.search(r"step 8 could not be written: No space.*last good one is of step 6", told[0])


def test_a_folder_that_cannot_be_made_is_told(tmp_path, rows):
    (tmp_path / "file").write_text("")
    told = []
    save = zoo.SaveCheckpoints(zoo.Checkpoints(tmp_path / "file" / "below", tell=told.append))
    small().fit(rows, epochs=1, callbacks=[save], verbose=0)
    assert len(told) == 1
    assert "still to come" in told[0]


# A training by Keras's `fit` that goes on


def batches_from(step):
    """Random batches, each a function of its number."""

    def batch(number):
        return tf.random.stateless_normal([20, 2], tf.stack([number, 7]))

    return tf.data.Dataset.range(step, 1000).map(batch)


def test_a_training_that_goes_on_ends_with_the_same_bits(tmp_path):
    straight = small(schedule="cosine", weight_decay=0.1)
    straight.fit(batches_from(0), steps_per_epoch=5, epochs=4, verbose=0)

    kept = zoo.Checkpoints(tmp_path)
    first = small(schedule="cosine", weight_decay=0.1)
    first.fit(
        batches_from(0),
        steps_per_epoch=5,
        epochs=2,
        callbacks=[zoo.SaveCheckpoints(kept)],
        verbose=0,
    )
    second = small(schedule="cosine", weight_decay=0.1)
    start = kept.restore(second)
    assert start == 10
    second.fit(batches_from(start), steps_per_epoch=5, epochs=2, verbose=0)
    assert_same(state(second), state(straight))
