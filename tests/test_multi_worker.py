"""Two worker processes on loopback train as one process does: see `worker.py`."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

import zoo

pytestmark = pytest.mark.slow

SCRIPT = pathlib.Path(__file__).with_name("worker.py")
PATIENCE = 300
"""Seconds for the slowest run, on a machine that does other things too."""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def start(*arguments, workers):
    """Starts a process for each worker; a single one is alone and has no TF_CONFIG."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    processes = []
    for index in range(workers):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        config = {"TF_CONFIG": json.dumps(task), "no_proxy": "127.0.0.1"} if workers > 1 else {}
        command = [sys.executable, SCRIPT, *arguments]
        processes.append(subprocess.Popen(command, env={**os.environ, **config}))
    return processes


def stop(processes):
    for process in processes:
        process.kill()
        process.wait()


def run(*arguments, workers):
    processes = start(*arguments, workers=workers)
    try:
        assert [process.wait(PATIENCE) for process in processes] == [0] * workers
    finally:
        stop(processes)


def folders(tmp_path_factory, *arguments):
    """Runs a scenario in one process and in two; returns where each wrote."""
    made = []
    for workers in (1, 2):
        folder = tmp_path_factory.mktemp("workers")
        (folder / "written").mkdir()
        run(*[folder / a if isinstance(a, pathlib.Path) else a for a in arguments], workers=workers)
        made.append(folder)
    return made


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return folders(tmp_path_factory, "fit", pathlib.Path())


@pytest.fixture(scope="module")
def found(fitted):
    one, two = fitted
    return [np.load(path / f"worker{i}.npz") for path, i in ((one, 0), (two, 0), (two, 1))]


def distance(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def test_the_weights_are_those_of_one_process(found):
    one, first, second = found
    np.testing.assert_array_equal(first["weights"], second["weights"])
    assert distance(first["weights"], one["weights"]) < 1e-6


def test_history_and_progress_show_the_true_means(found):
    one, first, second = found
    keys = {key for key in one.files if key.startswith("history_")} | {"steps"}
    assert len(keys) == 5
    for key in keys:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)
        np.testing.assert_allclose(first[key], one[key], rtol=2e-6, err_msg=key)


def test_predictions_are_whole_and_in_order(found):
    one, first, second = found
    for each in (first, second):
        np.testing.assert_allclose(each["predicted"], one["predicted"], rtol=1e-4)


def test_workers_agree_on_the_start_from_data(found):
    one, first, second = found
    np.testing.assert_array_equal(first["start"], second["start"])
    np.testing.assert_array_equal(first["start"], one["start"])  # the first worker's rows


def test_the_chief_alone_writes(fitted):
    for folder in fitted:
        assert [path.name for path in (folder / "written").iterdir()] == ["last.keras"]
    one, two = (zoo.load(folder / "written" / "last.keras") for folder in fitted)
    assert two.optimizer.iterations == one.optimizer.iterations == 10
    for a, b in zip(one.optimizer.variables, two.optimizer.variables, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_keras_still_needs_the_second_mending(found):
    """When this fails, `DistributedModel.compute_metrics` need not shape its answers."""
    one, first, second = found
    assert str(one["message"]) == "none"
    for each in (first, second):
        assert "reduction dimension" in str(each["message"])


def test_a_run_whose_worker_was_killed_resumes_from_its_checkpoint(tmp_path):
    for name in ("whole", "whole_checkpoints", "killed", "checkpoints"):
        (tmp_path / name).mkdir()
    run("resume", tmp_path / "whole", tmp_path / "whole_checkpoints", workers=1)
    arguments = ("resume", tmp_path / "killed", tmp_path / "checkpoints")

    chief, other = processes = start(*arguments, "13", workers=2)
    try:
        assert other.wait(PATIENCE) == -signal.SIGKILL
        assert chief.poll() is None or chief.returncode != 0
    finally:
        stop(processes)  # as a scheduler does: the others cannot go on without it
    assert not list((tmp_path / "killed").iterdir())
    kept = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    assert {"checkpoint", "ckpt-5.index", "ckpt-10.index"} <= kept

    run(*arguments, workers=2)
    whole = np.load(tmp_path / "whole" / "worker0.npz")
    for index in (0, 1):
        resumed = np.load(tmp_path / "killed" / f"worker{index}.npz")
        assert resumed["start"] == 10
        assert distance(resumed["weights"], whole["weights"]) < 1e-6
        np.testing.assert_allclose(resumed["slots"], whole["slots"], rtol=1e-3, atol=1e-5)
