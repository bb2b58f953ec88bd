"""`python -m zoo fit` after a kill, a signal or a damage: the same command, the same bits."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import filelock
import numpy as np
import pytest
import tensorflow as tf

from command_line import zoo_main
from zoo.checkpoints import manifest
from zoo.runs.folder import RunFolder, load_model

STEPS = 600
SIZES = [
    *("--set", "couplings=2", "--set", "units=8", "--set", "layers=1"),
    *("--set", "weight_decay=0.01"),
]
SMALL = ["--steps", str(STEPS), "--batch-size", "64", *SIZES]
INTERVAL = STEPS // 15


def command(run, steps=STEPS):
    options = ["--run", str(run), "--steps", str(steps), "--batch-size", "64", *SIZES]
    return [sys.executable, "-m", "zoo", "fit", "realnvp_moons", *options]


def final_state(run, steps=STEPS):
    """Returns every array of the last checkpoint, by name."""
    folder = RunFolder(run).checkpoints
    assert manifest.steps(folder)[-1] == steps
    reader = tf.train.load_checkpoint(str(manifest.path(folder, steps) / "state"))
    names = reader.get_variable_to_shape_map()
    return {name: reader.get_tensor(name) for name in names if "OBJECT_GRAPH" not in name}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that nothing interrupts."""
    run = tmp_path_factory.mktemp("straight") / "run"
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", run, *SMALL)
    assert code == 0, err
    assert "resumed" not in err
    return run


def assert_same_run(run, straight, total=STEPS):
    ours, theirs = final_state(run, total), final_state(straight, total)
    assert ours.keys() == theirs.keys()
    assert len(ours) > 20
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)
    results, expected = (RunFolder(path).read_results() for path in (run, straight))
    assert results["mean"] == expected["mean"]
    for path in (run, straight):
        steps = RunFolder(path).read_history()["step"]
        assert steps == sorted(set(steps))
        assert steps[-1] == total


def wait_for(run, step, process):
    """Waits until the run has come to a step, and then a moment that no two kills share."""
    folder = RunFolder(run)
    while process.poll() is None:
        steps = manifest.steps(folder.checkpoints)
        if steps and steps[-1] >= step:
            time.sleep(random.uniform(0, 0.1))
            return
        time.sleep(0.002)


def killed(run, step, steps):
    """Runs the command until it trains, and about a step; kills it, and returns what it wrote."""
    process = subprocess.Popen(command(run, steps=steps), stderr=subprocess.PIPE, text=True)
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("building the first step"):
            break
    wait_for(run, step, process)
    process.kill()
    return "".join(lines) + process.communicate()[1]


def assert_survives(run, straight, kills, steps):
    """Kills a run again and again between 30 and 90 % of its steps, then lets it end."""
    resumed = []
    for k in range(kills):
        before = manifest.steps(RunFolder(run).checkpoints)
        err = killed(run, steps * (0.3 + 0.6 * k / kills), steps)
        if before:
            found = re.search(r"resumed at step (\d+)", err)
            assert found, err
            assert before[-1] == int(found[1])
            resumed.append(int(found[1]))
    assert len(resumed) == kills - 1
    assert resumed == sorted(resumed)
    last = subprocess.run(command(run, steps=steps), capture_output=True, text=True, check=True)
    assert "resumed at step" in last.stderr
    assert "held-out nats" in last.stdout
    assert_same_run(run, straight, steps)


def test_a_run_survives_three_kills(straight, tmp_path):
    assert_survives(tmp_path / "run", straight, 3, STEPS)


@pytest.mark.slow
def test_a_run_survives_twenty_kills(tmp_path):
    steps = 10 * STEPS
    subprocess.run(command(tmp_path / "straight", steps=steps), check=True)
    assert_survives(tmp_path / "run", tmp_path / "straight", 20, steps)


def test_sigterm_saves_after_the_step_and_exits_143(straight, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(command(run), stderr=subprocess.PIPE, text=True)
    wait_for(run, 3 * INTERVAL, process)
    process.terminate()
    _, err = process.communicate()
    assert process.returncode == 143, err
    last = err.splitlines()[-1]
    step = manifest.steps(RunFolder(run).checkpoints)[-1]
    assert last.startswith(f"terminated: step {step} is kept in")
    assert 3 * INTERVAL <= step < STEPS
    load_model(run)
    code, _, err = zoo_main("fit", "realnvp_moons", "--run", run, *SMALL)
    assert (code, f"resumed at step {step}" in err) == (0, True)
    assert_same_run(run, straight)


# What is refused


def refused(run, *options, name="realnvp_moons"):
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    code, out, err = zoo_main("fit", name, "--run", run, *options)
    assert (code, out) == (2, "")
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before
    return err.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--set", "learning_rate=0.01"], "`learning_rate` is 0.001 there and 0.01 here"),
        (["--seed", "1"], "`seed` is 0 there and 1 here"),
        (["--set", "warmup_steps=3", "--set", "clip_norm=1"], "`clip_norm` is 5.0 there and 1 "),
        (["--data", "rings"], "`data` is 'moons' there and 'rings' here"),
        (["--epochs", "3"], "`steps` is 600 there and"),
    ],
)
def test_another_run_in_the_folder_is_refused_by_name(straight, options, named):
    small = ["--batch-size", "64", *SIZES] if "--epochs" in options else SMALL
    last = refused(straight, *small, *options)
    assert named in last
    assert "another --run" in last


def test_another_preset_in_the_folder_is_refused(straight):
    assert "`preset` is 'realnvp_moons' there" in refused(straight, *SMALL, name="realnvp_rings")


def test_other_rows_of_the_same_name_are_refused(tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    options = ["--data", tmp_path / "rows.npy", "--steps", "4", "--batch-size", "8", *SIZES]
    run = tmp_path / "run"
    assert zoo_main("fit", "realnvp_moons", "--run", run, *options)[0] == 0
    np.save(tmp_path / "rows.npy", rows + 1)
    assert "are others than they were" in refused(run, *options)


def test_a_folder_in_use_is_locked(straight):
    with filelock.FileLock(straight / ".lock"):
        assert "another process trains in" in refused(straight, *SMALL)


# What goes on


def test_a_run_that_has_ended_is_measured_again(straight):
    before = final_state(straight)
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", straight, *SMALL)
    assert code == 0
    assert f"resumed at step {STEPS}" in err
    assert "held-out nats" in out
    assert final_state(straight).keys() == before.keys()


def test_a_damaged_checkpoint_is_said_and_the_one_before_is_used(straight, tmp_path):
    run = tmp_path / "run"
    subprocess.run(["cp", "-r", straight, run], check=True)
    file = next(manifest.path(RunFolder(run).checkpoints, STEPS).glob("state.data*"))
    file.write_bytes(file.read_bytes()[:-1])
    code, _, err = zoo_main("fit", "realnvp_moons", "--run", run, *SMALL)
    assert code == 0
    assert f"the checkpoint of step {STEPS} is damaged" in err
    assert f"resumed at step {STEPS - INTERVAL}" in err
    assert_same_run(run, straight)


def test_a_disk_that_fails_does_not_end_the_run(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.checkpoints.manifest.write", full)
    monkeypatch.setattr(RunFolder, "save_weights", full)
    run = tmp_path / "run"
    options = ["--steps", "30", "--batch-size", "64", *SIZES]
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", run, *options)
    assert code == 0
    assert "held-out nats" in out
    assert err.count("could not be written: [Errno 28]") == 30  # checkpoints and weights
    assert not list(RunFolder(run).checkpoints.iterdir())


def test_steps_of_epochs_go_on_too(tmp_path):
    run = tmp_path / "run"
    options = ["--epochs", "1", "--batch-size", "1000", *SIZES]
    for words in ("building the first step", "resumed at step 10"):
        code, _, err = zoo_main("fit", "realnvp_moons", "--run", run, *options)
        assert code == 0
        assert words in err
    assert json.loads((run / "config.json").read_text())["training"]["steps"] == 10


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
def test_sigterm_before_the_first_step_ends_at_once(tmp_path):
    process = subprocess.Popen(command(tmp_path / "run"), stderr=subprocess.PIPE, text=True)
    assert process.stderr.readline().startswith("loading TensorFlow")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 143
    assert "nothing was saved yet" in err.splitlines()[-1]
