"""MiniBooNE from prepared files: what is read, what is refused, and what is said."""

import os

import numpy as np
import pytest

from zoo import datasets
from zoo.datasets import miniboone

DATA_DIR = os.environ.get("TFFLOWS_DATA_DIR")


@pytest.fixture
def folder(tmp_path):
    """A data_dir with few training rows in two files."""
    (tmp_path / "miniboone").mkdir()
    rows = np.random.default_rng(0).normal(size=(12, 43))
    for name, part in {"train1": rows[:4], "train2": rows[4:8], "test": rows[8:]}.items():
        np.save(tmp_path / "miniboone" / f"{name}.npy", part)
    return tmp_path


def test_parts_of_the_training_rows_are_used_and_that_is_said(folder):
    with pytest.warns(UserWarning, match="holds 8 of the 29,556 training rows; they are used"):
        splits = datasets.load("miniboone", data_dir=folder)
    rows = np.random.default_rng(0).normal(size=(12, 43)).astype(np.float32)
    np.testing.assert_array_equal(splits.train, rows[:8])
    np.testing.assert_array_equal(splits.test, rows[8:])
    assert splits.train.dtype == splits.test.dtype == np.float32
    assert splits.train_labels is splits.test_labels is None


def test_whole_data_are_read_without_a_warning(folder):
    np.save(folder / "miniboone" / "train.npy", np.zeros((miniboone.TRAIN_ROWS, 43), np.float32))
    assert len(datasets.load("miniboone", data_dir=folder).train) == miniboone.TRAIN_ROWS + 8


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("train*.npy", r"`data_dir` must hold miniboone/.*there is no train\*.npy in"),
        ("test.npy", r"`data_dir` must hold miniboone/.*there is no test.npy in"),
        ("*.npy", r"there is no train\*.npy and no test.npy in"),
    ],
)
def test_a_missing_file_is_named(folder, missing, words):
    for path in (folder / "miniboone").glob(missing):
        path.unlink()
    with pytest.raises(ValueError, match=words):
        datasets.load("miniboone", data_dir=folder)


def test_without_a_folder_it_is_said_what_is_wanted():
    with pytest.raises(ValueError, match=r"`data_dir` must be given for 'miniboone'.*N, 43"):
        datasets.load("miniboone")


@pytest.mark.parametrize(
    "rows", [np.zeros((3, 42)), np.zeros((3, 43), int), np.zeros(43), np.zeros((0, 43)), None]
)
def test_other_arrays_are_refused(folder, rows):
    path = folder / "miniboone" / "train1.npy"
    np.save(path, rows) if rows is not None else path.write_bytes(b"no array")
    with pytest.raises(ValueError, match=r"`data_dir` must hold .*train1.npy"):
        datasets.load("miniboone", data_dir=folder)


def test_the_words_for_what_is_held_out():
    assert "test.npy" in datasets.held_out("miniboone")


@pytest.mark.skipif(not DATA_DIR, reason="$TFFLOWS_DATA_DIR is unset")
@pytest.mark.filterwarnings("ignore:.*of the 29,556 training rows:UserWarning")
def test_the_real_rows_are_standardised():
    splits = datasets.load("miniboone", data_dir=DATA_DIR)
    assert splits.test.shape == (3648, 43)
    assert np.abs(splits.test.mean(axis=0)).max() < 0.2
    assert np.abs(splits.test.std(axis=0) - 1).max() < 0.5
    assert np.abs(splits.train.mean(axis=0)).max() < 0.2
