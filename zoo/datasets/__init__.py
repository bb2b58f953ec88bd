"""Data sets by name: scikit-learn's digits, toys from a seed, MiniBooNE, and the images of TFDS.

`load` returns NumPy arrays, already split into training and held-out rows.
"""

import dataclasses
import difflib
import os
from collections.abc import Callable

import numpy as np

from zoo.datasets import miniboone
from zoo.datasets.densities import LOG_DENSITIES
from zoo.datasets.toys import TOYS
from zoo.datasets.toys_1d import TOYS_1D

TOY_TRAIN_ROWS, TOY_TEST_ROWS = 10_000, 5_000
HELD_OUT_FRACTION = 0.2
MINIBOONE = "miniboone"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Splits:
    """Training and held-out rows, which share none.

    Args:
        train: training rows, [N, H, W, C] whole grey levels or [N, D] real numbers.
        test: held-out rows, shaped like `train` but for N.
        train_labels: classes of the training rows, integers [N]; None where there are none.
        test_labels: classes of the held-out rows.
    """

    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray | None = None
    test_labels: np.ndarray | None = None


def names() -> list[str]:
    """Returns the names of the built-in data sets, which need neither files nor a network."""
    return sorted(["digits", *TOYS, *TOYS_1D])


def held_out(name: str) -> str:
    """Returns in words which rows of a data set `load` holds out."""
    if name in TOYS or name in TOYS_1D:
        return f"{TOY_TEST_ROWS:,} rows of another seed"
    if name == MINIBOONE:
        return "its file test.npy, as the data are prepared"
    if name == "digits":
        return "20 %, stratified by class, always the same"
    return "TFDS's split 'test', else 'validation', else the last fifth of 'train'"


def load(name: str, *, data_dir: str | os.PathLike[str] | None = None, seed: int = 0) -> Splits:
    """Returns the data set of that name.

    'digits' are scikit-learn's 1,797 handwritten digits: uint8 [N, 8, 8, 1] in 0..16 with classes
    0..9; 20 % are held out, stratified by class, always the same ones. The toys (`toys.py` and
    `toys_1d.py`) are 10,000 and 5,000 independent rows, float32 [N, 2] or [N, 1] without classes.
    'miniboone' (`miniboone.py`) is float32 [N, 43] without classes, read from files that you have
    prepared in `data_dir`/miniboone. Any other name is that of an image data set of TFDS ('mnist',
    'cifar10', 'imagenet_resized/32x32', ...), read from `data_dir`, and downloaded and prepared
    there first if it has to be.

    Args:
        name: one of `names()`, 'miniboone' or a name of TFDS.
        data_dir: folder of the prepared data sets; None is TFDS's own choice,
            ~/tensorflow_datasets or $TFDS_DATA_DIR, and nothing for 'miniboone'. Built-in data
            sets do not look at it.
        seed: seed of the toys, a whole number >= 0: training rows come from `seed`, held-out rows
            from `(seed, 1)`.

    Raises:
        ValueError: for an unknown name, with the nearest names; for a TFDS data set that is neither
            prepared nor can be downloaded, or holds no images of one size; for MiniBooNE where its
            files are missing.
    """
    toy = {**TOYS, **TOYS_1D}.get(name)
    if toy is not None:
        return Splits(train=toy(TOY_TRAIN_ROWS, seed), test=toy(TOY_TEST_ROWS, (seed, 1)))
    if name == "digits":
        return _digits()
    if name == MINIBOONE:
        train, test = miniboone.read(data_dir)
        return Splits(train=train, test=test)
    return _tfds(name, data_dir)


def log_density(name: str) -> Callable[[np.ndarray], np.ndarray] | None:
    """Returns the known log density of a data set; None where there is no formula.

    It takes rows [N, D] and returns nats [N]: `-log_density("rings")(test).mean()` is the lowest
    negative log-likelihood that a model can have on them.

    Args:
        name: name of a data set.
    """
    return LOG_DENSITIES.get(name)


def _digits() -> Splits:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    parts = train_test_split(
        np.asarray(pixels, np.uint8).reshape(-1, 8, 8, 1),
        np.asarray(labels, np.int64),
        test_size=HELD_OUT_FRACTION,
        stratify=labels,
        random_state=0,
    )
    train, test, train_labels, test_labels = (np.asarray(part) for part in parts)
    return Splits(train=train, test=test, train_labels=train_labels, test_labels=test_labels)


def _tfds(name: str, data_dir: str | os.PathLike[str] | None) -> Splits:
    # TFDS imports TensorFlow, which takes seconds that the built-in data sets should not cost.
    from zoo.datasets import tfds_images

    try:
        builder = tfds_images.find(name, data_dir)
    except LookupError as error:
        ours = [*names(), MINIBOONE]
        near = difflib.get_close_matches(name, [*ours, *tfds_images.names()], n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        msg = (
            f"`name` must be one of {', '.join(ours)}, or a data set of TFDS; "
            f"received {name!r}.{hint} ({error.args[0]})"
        )
        raise ValueError(msg) from error
    (train, train_labels), (test, test_labels) = tfds_images.read(builder)
    return Splits(train=train, test=test, train_labels=train_labels, test_labels=test_labels)
