"""A long training does not grow."""

import os
import pathlib

import pytest

from models import data, twin
from zoo.prepare import ArrayRows, from_step

STATM = pathlib.Path("/proc/self/statm")


def resident_bytes():
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
def test_memory_does_not_grow_over_five_thousand_steps():
    model = twin("realnvp_digits", schedule="constant")
    rows = ArrayRows({"x": data(model, 400)})
    batches = from_step(rows, model.form, batch_size=20, seed=0)

    def fit(steps):
        model.fit(batches, steps_per_epoch=100, epochs=steps // 100, verbose=0)

    fit(1_000)
    before = resident_bytes()
    fit(5_000)
    assert resident_bytes() - before < 20e6
