import keras
import numpy as np
import pytest

from zoo.model_spec import ModelSpec
from zoo.registry import resolve
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder
from zoo.runs.patience import Patience, waited


@pytest.fixture
def folder(tmp_path):
    folder = RunFolder(tmp_path)
    folder.create(RunConfig(spec=ModelSpec.of(resolve("realnvp_moons", {})), data="moons"))
    return folder


class History(keras.callbacks.Callback):
    """Writes given figures as the history."""

    def __init__(self, folder, figures):
        super().__init__()
        self.folder, self.figures = folder, figures

    def on_epoch_end(self, epoch, logs=None):
        step = int(self.model.optimizer.iterations)
        self.folder.append_history({"step": step, "val_loss": self.figures[step - 1]})


def fit(folder, figures, patience, *, done=0):
    """Trains a step a virtual epoch, from `done` steps on; returns the steps and what was told."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.optimizer.iterations.assign(done)
    told = []
    stops = Patience(folder, score="val_loss", patience=patience, tell=told.append)
    rows = np.ones((4, 1), np.float32)
    model.fit(
        rows,
        rows,
        epochs=len(figures) - done,
        callbacks=[History(folder, figures), stops],
        verbose=0,
    )
    return int(model.optimizer.iterations), told


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([], 0),
        ([3.0], 0),
        ([3.0, 2.0, 1.0], 0),
        ([3.0, 1.0, 2.0, 2.0], 2),
        ([1.0, 1.0, 1.0], 2),
        ([np.nan, 1.0, np.nan], 1),
        ([np.nan, np.nan], 1),
    ],
)
def test_waited_counts_what_follows_the_first_minimum(figures, expected):
    assert waited(figures) == expected


def test_a_training_stops_when_its_patience_ends(folder):
    steps, told = fit(folder, [3.0, 1.0, 2.0, 0.9, 2.0, 2.0, 2.0, 0.1], patience=3)
    assert steps == 7
    (line,) = told
    assert line.startswith("stopped early at step 7: val_loss has had no new minimum for 3 ")


def test_a_training_that_gets_better_does_not_stop(folder):
    assert fit(folder, [5.0, 4.0, 4.5, 3.0, 3.5], patience=2) == (5, [])


def test_a_run_that_goes_on_has_waited_already(folder):
    for step, figure in ((1, 1.0), (2, 2.0)):
        folder.append_history({"step": step, "val_loss": figure})
    steps, told = fit(folder, [1.0, 2.0, 2.0, 2.0, 2.0], patience=2, done=2)
    assert (steps, len(told)) == (3, 1)


def test_a_run_that_has_stopped_stays_stopped(folder):
    stops = Patience(folder, score="val_loss", patience=2, tell=pytest.fail)
    assert not stops.exhausted
    for step, figure in ((1, 1.0), (2, 2.0), (3, 3.0)):
        assert not stops.exhausted
        folder.append_history({"step": step, "val_loss": figure})
    assert stops.exhausted


def test_no_patience_is_refused(folder):
    with pytest.raises(ValueError, match="`patience` must be at least 1; received 0"):
        Patience(folder, score="val_loss", patience=0, tell=pytest.fail)
