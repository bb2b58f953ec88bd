"""`python -m export RUN DIR`, and `tfflows`."""

import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

import zoo.__main__
from command_line import refusal
from export import __main__ as export_main
from export import server_files
from models import fitted
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder

HEAVY = {"keras", "tensorflow", "tensorflow_probability", "tensorflow_serving", "grpc"}
FILES = ["batching.config", "models.config"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of the reduced moons."""
    model = fitted("realnvp_moons")
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "moons of 'mine'")
    folder.create(RunConfig(spec=model.spec, data="moons"))
    folder.save_weights(model)
    return folder


def main(monkeypatch, *arguments):
    """Runs the command line in this process and returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["export", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        export_main.main()
    return stopped.value.code or 0


def error(arguments):
    """Returns the one line of an error that came before anything heavy was imported."""
    line, modules = refusal(*arguments)
    assert not HEAVY & modules
    return line


def test_a_run_becomes_a_version_and_the_last_line_asks_it(run, tmp_path, monkeypatch, capfd):
    served = tmp_path / "served moons"
    served.mkdir()
    own = served / "batching.config"
    own.write_text("max_batch_size { value: 8 }\n")
    assert main(monkeypatch, run.path, served) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert sorted(p.name for p in served.iterdir()) == ["1", *FILES]
    assert f"SavedModel  {served}/1 (" in out
    for signature in ("log_prob(x: float32 [N, 2]) -> log_prob", "sample(num: int32, seed: int32)"):
        assert signature in out
    said = dict(re.findall(r"^(\S+) +(.*)$", out, re.M))
    assert shlex.split(said["server"]) == server_files.command(served)
    assert said["kept"] == f"{own}, which was there"
    assert own.read_text() == "max_batch_size { value: 8 }\n"
    program, _, body, url = shlex.split(said["request"])
    assert (program, url) == ("curl", "http://localhost:8501/v1/models/served_moons:predict")
    assert json.loads(body) == {
        "signature_name": "sample_rows",
        "instances": [{"seed": [0, 1], "temperature": 1.0}],
    }
    last = out.splitlines()[-1].removeprefix("query       ")
    assert shlex.split(last)[:2] == ["python", "-c"]
    exec(shlex.split(last)[2], {})
    printed = capfd.readouterr().out
    wanted = fitted("realnvp_moons").sample(4, seed=0)
    numbers = [float(number) for number in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", printed)]
    np.testing.assert_allclose(np.reshape(numbers, [4, 2]), wanted, rtol=1e-4)


@pytest.mark.slow
def test_the_commands_work_in_a_shell(run, tmp_path):
    served = tmp_path / 'it\'s "served" for $1'
    command = shlex.join([sys.executable, "-m", "export", str(run.path), str(served)])
    printed = shell(f"{command} && {command}", ".")
    assert [p.name for p in sorted(served.iterdir())] == ["1", "2", *FILES]
    query = printed.splitlines()[-1].removeprefix("query       ")
    assert query.startswith("python ")
    query = query.replace("python", shlex.quote(sys.executable), 1)
    assert "shape=(4, 2)" in shell(query, tmp_path)


def shell(line, folder):
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_version_takes_a_number(run, tmp_path, monkeypatch):
    called = []

    def save(model, directory, version, *, untrained, measured, onnx):
        called.append((directory, version, untrained, measured))
        raise OSError("no space left on device")

    monkeypatch.setattr("export.saved_model.save", save)
    run.write_results({"mean": 2.5})
    assert main(monkeypatch, run.path, tmp_path, "--version", 20) == 2
    assert main(monkeypatch, run.path, tmp_path, "--untrained") == 2
    measured = {"mean": 2.5}
    assert called == [(str(tmp_path), 20, False, measured), (str(tmp_path), None, True, measured)]


def test_errors_are_one_line_and_quick(run, tmp_path):
    assert f"there is no folder {tmp_path}/none" in error([tmp_path / "none", tmp_path / "served"])
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in error([tmp_path / "empty", tmp_path / "served"])
    (tmp_path / "empty" / "config.json").write_bytes(run.config.read_bytes())
    assert "has no weights.weights.h5" in error([tmp_path / "empty", tmp_path / "served"])
    (tmp_path / "empty" / "config.json").write_text("{")
    assert "config.json cannot be used" in error([tmp_path / "empty", tmp_path / "served"])
    assert not (tmp_path / "served").exists()


def test_errors_about_versions_and_usage_are_one_line_and_quick(run, tmp_path):
    (tmp_path / "3").mkdir()
    assert "version 3 already" in error([run.path, tmp_path, "--version", "3"])
    assert "`version` must be in 1" in error([run.path, tmp_path, "--version", "0"])
    assert "'x' is not a valid integer" in error([run.path, tmp_path, "--version", "x"])
    (tmp_path / "file").touch()
    assert "`directory` must be a folder" in error([run.path, tmp_path / "file"])
    line = error([run.path])
    assert "Missing argument 'DIR'" in line
    assert "python -m export --help" in line


def test_damaged_weights_are_one_line(run, tmp_path, monkeypatch, capfd):
    damaged = RunFolder(tmp_path / "run")
    damaged.path.mkdir()
    damaged.config.write_bytes(run.config.read_bytes())
    damaged.weights.write_bytes(run.weights.read_bytes()[:1000])
    assert main(monkeypatch, damaged.path, tmp_path / "served") == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"error: {damaged.weights} cannot be used")
    assert not (tmp_path / "served").exists()


def test_tfflows_has_the_commands_of_the_zoo_and_export(monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", ["tfflows", "--help"])
    with pytest.raises(SystemExit) as stopped:
        export_main.tfflows()
    out = capfd.readouterr().out
    assert not stopped.value.code
    assert "Usage: tfflows" in out
    commands = [line.split()[0] for line in out.partition("Commands:")[2].splitlines() if line]
    assert {"export", *zoo.__main__.main.commands} <= set(commands)
    assert "export" not in zoo.__main__.main.commands
