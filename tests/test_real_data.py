"""`fit` on the real data sets, where they are prepared in $TFDS_DATA_DIR or TFDS's own folder."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from models import twin

SMALL = {"scales": 2, "couplings": 2, "last_couplings": 2, "filters": 4, "blocks": 1}


def prepared(name):
    """Returns TFDS's builder of a data set that is there, or skips the test."""
    builder = tfds.builder(name)
    if not builder.is_prepared():
        pytest.skip(f"{name} is not prepared in {builder.data_dir}")
    return builder


def small(name, shape):
    return twin(name, **SMALL, image_shape=shape, batch_size=32)


CASES = {"mnist": ("realnvp_mnist", (28, 28, 1)), "cifar10": ("realnvp_cifar", (32, 32, 3))}
every_set = pytest.mark.parametrize("name", CASES)


@every_set
def test_a_split_as_tfds_loads_it(name):
    builder = prepared(name)
    model = small(*CASES[name])
    rows = builder.as_dataset(split="train[:128]")  # dicts, unbatched; CIFAR-10's have a string
    history = model.fit(rows, epochs=2, verbose=0).history
    assert model.optimizer.iterations == 8
    assert np.all(np.isfinite(history["bits_per_dim"]))
    assert history["bits_per_dim"][1] < history["bits_per_dim"][0]


@pytest.mark.slow
@every_set
def test_a_split_trains_under_xla(name):
    builder = prepared(name)
    model = small(*CASES[name])
    model.compile(jit_compile=True)
    rows = builder.as_dataset(split="train[:64]", batch_size=32)
    losses = model.fit(rows, epochs=1, verbose=0).history["loss"]
    assert np.all(np.isfinite(losses))
    assert model.optimizer.iterations == 2


@every_set
def test_labels_of_a_split_are_its_conditions(name):
    builder = prepared(name)
    preset, shape = CASES[name]
    model = twin(preset, **SMALL, image_shape=shape, batch_size=32, num_classes=10)
    rows = builder.as_dataset(split="train[:64]", as_supervised=True)
    model.fit(rows, epochs=1, verbose=0)
    held_out = builder.as_dataset(split="test[:20]", as_supervised=True)
    assert model.bits_per_dim(held_out).shape == (20,)
