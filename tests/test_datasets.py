import pathlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from zoo import datasets
from zoo.datasets import toys, toys_1d

ALL_TOYS = {**toys.TOYS, **toys_1d.TOYS_1D}


def test_the_built_in_names():
    assert datasets.names() == sorted(["digits", *ALL_TOYS])


def test_digits_are_whole_grey_levels_with_labels():
    digits = datasets.load("digits")
    assert digits.train.shape == (1437, 8, 8, 1)
    assert digits.test.shape == (360, 8, 8, 1)
    assert digits.train.dtype == digits.test.dtype == np.uint8
    assert {digits.train.min(), digits.test.min()} == {0}
    assert {digits.train.max(), digits.test.max()} == {16}
    assert digits.train_labels.shape == (1437,)
    assert digits.test_labels.shape == (360,)
    assert set(digits.train_labels) == set(digits.test_labels) == set(range(10))


def test_a_fifth_of_each_digit_is_held_out_and_no_row_twice():
    digits, every = datasets.load("digits"), load_digits()
    train, test = np.bincount(digits.train_labels), np.bincount(digits.test_labels)
    assert np.abs(test - (train + test) / 5).max() < 1
    rows = np.concatenate([digits.train, digits.test]).reshape(-1, 64)
    labels = np.concatenate([digits.train_labels, digits.test_labels])
    ours = sorted(map(tuple, np.column_stack([rows, labels]).astype(int)))
    theirs = sorted(map(tuple, np.column_stack([every.data, every.target]).astype(int)))
    assert ours == theirs
    assert len(set(ours)) == len(ours), "equal rows would make the check above blind"


def test_the_held_out_digits_are_always_those_of_random_state_0():
    every = load_digits()
    _, expected, _, labels = train_test_split(
        every.images, every.target, test_size=0.2, stratify=every.target, random_state=0
    )
    for seed in (0, 7):
        digits = datasets.load("digits", seed=seed)
        np.testing.assert_array_equal(digits.test[..., 0], expected)
        np.testing.assert_array_equal(digits.test_labels, labels)


@pytest.mark.parametrize("name", ALL_TOYS)
def test_a_toy_has_two_independent_parts(name):
    splits = datasets.load(name, seed=3)
    columns = 1 if name in toys_1d.TOYS_1D else 2
    assert splits.train.shape == (10_000, columns)
    assert splits.test.shape == (5_000, columns)
    assert splits.train_labels is None
    assert splits.test_labels is None
    np.testing.assert_array_equal(splits.train, ALL_TOYS[name](10_000, 3))
    np.testing.assert_array_equal(splits.test, ALL_TOYS[name](5_000, (3, 1)))
    shared = {tuple(row) for row in splits.train.tolist()} & set(map(tuple, splits.test.tolist()))
    assert len(shared) <= (10 if columns == 1 else 0)  # float32 numbers of one kind may coincide


def test_a_wrong_seed_is_refused():
    with pytest.raises(ValueError, match="`seed` must be a whole number >= 0"):
        datasets.load("moons", seed=-1)


def test_built_in_data_sets_need_no_tensorflow():
    code = (
        "import sys; from zoo import datasets; [datasets.load(n) for n in datasets.names()]; "
        "assert not {'tensorflow', 'tensorflow_datasets'} & set(sys.modules)"
    )
    root = pathlib.Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
