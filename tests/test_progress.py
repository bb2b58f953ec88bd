import io

import keras
import numpy as np
import pytest
from rich import console

from zoo.checkpoints.store import Checkpoints
from zoo.model_spec import ModelSpec
from zoo.registry import resolve
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder
from zoo.runs.last_good import LastGood
from zoo.runs.progress import Meter, Progress, duration
from zoo.runs.stop import Stop

ROWS = np.linspace(-1, 1, 64, dtype=np.float32).reshape(32, 2)


def small_model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[keras.metrics.MeanSquaredError(name="bits_per_dim")])
    return model


def fit(model, callbacks, *, steps, length, rows=ROWS):
    model.fit(
        rows,
        rows[:, :1],
        batch_size=4,
        epochs=-(-steps // length),
        steps_per_epoch=length,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )


def last_good(folder, steps):
    spec = ModelSpec.of(resolve("realnvp_moons", {"steps": steps}))
    folder.create(RunConfig(spec=spec, data="moons"))
    return LastGood(
        folder,
        Checkpoints(folder.checkpoints),
        total=steps,
        score="bits_per_dim",
        stop=Stop(),
        tell=pytest.fail,
    )


def progress_of(steps, out):
    return Progress(steps, batch_size=4, unit="bits/dim", rows="images", out=out)


def test_meter_leaves_the_first_step_out_and_foretells_the_rest():
    now = iter([100.0, 101.0, 103.0])
    meter = Meter(10, clock=lambda: next(now))
    meter.update(0)
    assert meter.steps_per_second is None
    meter.update(1)
    assert meter.seconds_left is None
    meter.update(3)
    assert meter.steps_per_second == 2.0
    meter.update(7)
    assert meter.steps_per_second == 2.0
    assert meter.seconds_left == 1.5


def test_meter_survives_a_clock_that_stands_still():
    meter = Meter(10, clock=lambda: 1.0)
    meter.update(1)
    meter.update(2)
    assert meter.steps_per_second is None


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3725, "1:02:05")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_outside_a_terminal_each_tenth_is_a_plain_line():
    out = io.StringIO()
    shown = progress_of(20, console.Console(file=out))
    fit(small_model(), [shown], steps=20, length=2)
    shown.close()
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("building")
    assert [line.split("  ")[0] for line in lines[1:]] == [f"step {n}/20" for n in range(2, 21, 2)]
    assert all("bits/dim" in line for line in lines[1:])
    assert "images/s" in lines[-1]
    assert "left" in lines[-2]
    assert "\x1b" not in out.getvalue()


def test_a_tenth_is_written_once_and_long_tenths_write_no_more(monkeypatch):
    monkeypatch.setattr("zoo.runs.step_callback.LOOK_SECONDS", 0.0)
    out = io.StringIO()
    fit(
        small_model(),
        [progress_of(40, console.Console(file=out))],
        steps=40,
        length=20,
        rows=np.tile(ROWS, (5, 1)),
    )
    tenths = [line.split()[1] for line in out.getvalue().splitlines()[1:]]
    assert tenths == [f"{n}/40" for n in range(4, 41, 4)]


def test_slow_runs_write_a_line_every_ten_seconds(monkeypatch):
    monkeypatch.setattr("zoo.runs.step_callback.LOOK_SECONDS", 0.0)
    monkeypatch.setattr("zoo.runs.progress.LINE_SECONDS", 0.0)
    out = io.StringIO()
    fit(small_model(), [progress_of(1000, console.Console(file=out))], steps=8, length=8)
    assert len(out.getvalue().splitlines()) == 1 + 8


def test_on_a_terminal_the_bar_ends_full_and_gives_the_cursor_back():
    out = io.StringIO()
    shown = progress_of(4, console.Console(file=out, force_terminal=True, width=100))
    fit(small_model(), [shown], steps=4, length=2)
    shown.close()
    assert "step 4/4" in out.getvalue()
    assert out.getvalue().count("\x1b[?25l") == out.getvalue().count("\x1b[?25h") == 1


def test_vectors_show_the_loss_in_nats():
    out = io.StringIO()
    shown = Progress(2, 4, unit="nats", rows="rows", out=console.Console(file=out))
    fit(small_model(), [shown], steps=2, length=1)
    assert "nats" in out.getvalue()
    assert "rows/s" in out.getvalue()


def test_last_good_stops_at_the_step_and_keeps_each_virtual_epoch(tmp_path):
    model, folder = small_model(), RunFolder(tmp_path)
    kept = last_good(folder, 7)
    fit(model, [kept], steps=7, length=3)
    assert int(model.optimizer.iterations) == 7
    assert Checkpoints(folder.checkpoints).steps == [3, 6, 7]
    assert kept.diverged_step is None
    history = folder.read_history()
    assert history["step"] == [3, 6, 7]
    assert sorted(history) == ["bits_per_dim", "loss", "seconds", "step"]
    assert history["seconds"] == sorted(history["seconds"])
    twin = small_model()
    twin.load_weights(folder.weights)
    for ours, theirs in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("look", [0.0, 1e9])
def test_a_nan_stops_the_run_and_the_weights_before_it_stay(tmp_path, monkeypatch, look):
    monkeypatch.setattr("zoo.runs.step_callback.LOOK_SECONDS", look)
    model, folder = small_model(), RunFolder(tmp_path)
    rows = ROWS.copy()
    rows[13:] = np.nan  # the batch of step 4
    kept = last_good(folder, 8)
    fit(model, [kept], steps=8, length=2, rows=rows)
    assert Checkpoints(folder.checkpoints).steps == [2]
    assert kept.diverged_step == 4
    assert int(model.optimizer.iterations) == 4
    assert folder.read_history()["step"] == [2]
    twin = small_model()
    twin.load_weights(folder.weights)
    assert all(np.isfinite(weight).all() for weight in twin.weights)


def test_weights_lost_in_the_last_step_are_not_saved(tmp_path):
    model, folder = small_model(), RunFolder(tmp_path)

    class Spoil(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                self.model.weights[0].assign(np.full((2, 1), np.inf))

    kept = last_good(folder, 8)
    fit(model, [Spoil(), kept], steps=8, length=2)
    assert (Checkpoints(folder.checkpoints).steps, kept.diverged_step) == ([2], 4)
