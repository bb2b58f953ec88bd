import io
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import zoo
from command_line import files_below, zoo_main
from zoo.__main__ import main
from zoo.runs.folder import RunFolder, load_model
from zoo.runs.last_good import LastGood

ROOT = pathlib.Path(__file__).parents[1]
SMALL_MOONS = ["--steps", "4", "--set", "couplings=2", "--set", "units=8"]


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A complete run of a small model: its folder, what it printed, and its progress."""
    run = tmp_path_factory.mktemp("runs") / "small digits"
    sizes = [f"--set={key}=2" for key in ("couplings", "last_couplings")]
    code, out, err = zoo_main(
        *("fit", "realnvp_digits", "--run", run, "--steps", 4, "--batch-size", 32, "--seed", 5),
        *("--set", "filters=8", *sizes),
    )
    assert code == 0, err
    return RunFolder(run), out, err


@pytest.fixture(scope="module")
def trained(digits):
    return load_model(digits[0].path)


def test_the_command_line_in_a_shell():
    command = [sys.executable, "-m", "zoo"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.startswith("Usage: python -m zoo ")
    assert all(
        f"\n  {name} " in done.stdout
        for name in ("evaluate", "fit", "info", "list", "plot", "sample")
    )
    assert "130 interrupted" in " ".join(done.stdout.split())
    assert not done.stderr


def test_list_is_plain_in_a_pipe():
    code, out, _ = zoo_main("list")
    lines = [re.split(" {2,}", line) for line in out.splitlines()]
    assert code == 0
    assert lines[0] == ["name", "data", "size", "parameters", "paper", "ours"]
    assert [line[0] for line in lines[1:]] == zoo.list()
    assert ["realnvp_digits", "digits", "8x8x1, 17 levels"] in [line[:3] for line in lines]


def test_list_is_a_table_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        main(["list"])
    shown = sys.stdout.getvalue()
    assert "realnvp_digits" in shown
    assert "\N{BOX DRAWINGS LIGHT VERTICAL}" in shown


def test_list_takes_a_pattern():
    assert len(zoo_main("list", "*moons")[1].splitlines()) == 1 + len(zoo.list("*moons"))
    code, out, err = zoo_main("list", "zebra*")
    assert (code, out) == (2, "")
    assert "realnvp_digits" in err


@pytest.mark.parametrize("name", zoo.list())
def test_info_has_the_paper_and_every_option(name):
    code, out, _ = zoo_main("info", name)
    text = " ".join(out.split())
    assert code == 0
    shown = zoo.registry.preset(name)
    assert shown.paper in text
    assert f"steps={shown.training.steps}" in text
    assert "num_classes=None" in text


def card(*args):
    code, out, err = zoo_main("info", *args)
    assert code == 0, err
    return " ".join(out.split())


def test_info_has_the_latents_and_the_protocol_of_the_figures():
    text = card("realnvp_cifar")
    assert "latents 32x32x3, 3,072 in all, standard normal" in text
    assert "held out TFDS's split 'test'" in text
    assert "uniform noise; one draw a row with seed 0" in text
    assert "standard error sd / sqrt(rows)" in text
    assert "without noise" in card("realnvp_moons")


def test_info_counts_on_request():
    sizes = [f"--set={key}" for key in ("event_shape=4", "couplings=2", "units=3", "layers=1")]
    text = card("realnvp", *sizes, "--count")
    model = zoo.get("realnvp", event_shape=4, couplings=2, units=3, layers=1)
    trained = sum(weight.numpy().size for weight in model.trainable_weights)
    others = sum(weight.numpy().size for weight in model.non_trainable_weights)
    assert f"parameters {trained:,} that are trained; {others:,} numbers" in text
    assert "couplings=2 units=3" in text


@pytest.mark.parametrize("name", ["realnvp", "nice"])
def test_info_of_a_family_explains_its_sizes(name):
    text = card(name)
    assert "--set event_shape=12 (number of variables" in text
    assert ("--set image_shape=64,64,1 (height" in text) == (name == "realnvp")
    assert "couplings=" in text
    assert "steps=" in text


@pytest.mark.parametrize("command", ["list", "info", "fit", "evaluate", "sample", "plot"])
def test_help_has_examples_on_lines_of_their_own(command):
    code, out, _ = zoo_main(command, "--help")
    assert code == 0
    assert f"\n  Examples:\n    python -m zoo {command}" in out
    assert "\\b" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_fit_ends_with_the_figure_and_the_way_on(digits):
    folder, out, _ = digits
    results = folder.read_results()
    lines = dict(re.split(" {2,}", line, maxsplit=1) for line in out.splitlines())
    assert list(lines) == ["held-out bits/dim", "samples", "run", "next"]
    figure = f"{results['mean']:.3f} +- {results['standard_error']:.3f} "
    assert lines["held-out bits/dim"].startswith(figure)
    assert "360 held-out rows of digits; uniform noise, 1 draw, seed 0" in out
    assert lines["run"] == str(folder.path)
    words = ["python", "-m", "export", str(folder.path), "served/small digits"]
    assert shlex.split(lines["next"]) == words


def test_fit_leaves_a_whole_run_folder(digits):
    folder, _, _ = digits
    names = {"config.json", "curve.png", "history.csv", "results.json", "samples.png"}
    names |= {"weights.weights.h5", "checkpoints", ".lock"}
    names |= {"history.json", "layers.csv", "layers.json"}
    found = {p.name for p in folder.path.iterdir()}
    assert found - {"pictures"} == names  # a slow machine has time for these
    history = folder.read_history()
    assert history["step"] == [1, 2, 3, 4]
    assert {"bits_per_dim", "val_bits_per_dim", "seconds"} <= set(history)
    spec = folder.read_config().spec
    assert (spec.preset, spec.seed) == ("realnvp_digits", 5)
    assert (spec.config.filters, spec.training.steps, spec.training.batch_size) == (8, 4, 32)
    for picture in (folder.samples, folder.curve):
        with Image.open(picture) as image:
            assert image.size > (400, 300)


def test_fit_shows_progress_on_standard_error(digits):
    _, _, err = digits
    lines = err.splitlines()
    assert re.fullmatch(r"step 4/4  \d\.\d{3} bits/dim  [\d,]+ images/s", lines[-1])
    assert not [line for line in lines if "oneDNN" in line or "cuda" in line]


def test_the_saved_weights_are_those_that_were_measured(digits, trained):
    folder, _, _ = digits
    results = folder.read_results()
    rows = trained.bits_per_dim(zoo.datasets.load("digits").test, seed=0, draws=1)
    assert len(rows) == results["rows"] == 360
    assert rows.mean() == pytest.approx(results["mean"], abs=1e-5)
    error = rows.std(ddof=1) / np.sqrt(360)
    assert error == pytest.approx(results["standard_error"], rel=1e-4)
    assert results["mean"] < folder.read_history()["val_bits_per_dim"][0]
    assert results["mean"] < np.log2(17)


def test_the_folder_of_another_run_is_not_written_over(digits):
    folder, _, _ = digits
    before = files_below(folder.path)
    code, out, err = zoo_main("fit", "realnvp_digits", "--run", folder.path)
    assert (code, out) == (2, "")
    assert "`filters` is 8 there and 32 here" in err
    assert "another --run" in err
    assert files_below(folder.path) == before


REFUSED = [
    ("realnvp_digit", [], "realnvp_digits"),
    ("realnvp_digits", ["--set", "filtres=3"], "filters"),
    ("realnvp_digits", ["--set", "filters"], "key=value"),
    ("realnvp_digits", ["--set", "filters=many"], "`filters` must be of type int"),
    ("realnvp_digits", ["--set", "steps=5", "--steps", "6"], "once"),
    ("realnvp_digits", ["--steps", "0"], "`steps` must be at least 1"),
    ("realnvp_digits", ["--steps", "1.5"], "--steps"),
    ("realnvp_digits", ["--batch-size", "-1"], "`batch_size`"),
    ("realnvp_digits", ["--seed", "-1"], "--seed"),
    ("realnvp_digits", ["--seed", str(2**31)], "seed"),
    ("realnvp_digits", ["--data", "moons"], "`data` must have rows of shape (8, 8, 1)"),
    ("realnvp_digits", ["--set", "scales=9"], "`scales`"),
    ("realnvp_digits", ["--set", "num_classes=3"], "[0, 3)"),
    ("realnvp_moons", ["--set", "num_classes=2"], "condition"),
    ("realnvp_moons", ["--set", "levels=2"], "levels"),
    ("realnvp_moons", ["--frobnicate"], "No such option"),
    ("realnvp_moons", ["--epochs", "2", "--steps", "2"], "exclude each other"),
    ("realnvp_moons", ["--epochs", "2", "--set", "steps=2"], "exclude each other"),
    ("realnvp_moons", ["--resize"], "--resize"),
    ("realnvp_moons", ["--batch-size", "10001"], "at most 10000"),
    ("realnvp", [], "--set image_shape=64,64,1 or --set event_shape=12"),
    ("realnvp", ["--set", "event_shape=2", "--set", "image_shape=2,2,1"], "one size"),
    ("realnvp", ["--set", "event_shape=many"], "`event_shape` must be of type"),
    ("realnvp", ["--set", "event_shape=2"], "`data` must be given"),
    ("realnvp", ["--set", "event_shape=2", "--set", "filters=3", "--data", "moons"], "`filters`"),
    ("nice", ["--set", "image_shape=8,8,1"], "--set event_shape=12"),
]


@pytest.mark.parametrize(("name", "options", "named"), REFUSED)
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, name, options, named):
    code, out, err = zoo_main("fit", name, "--run", tmp_path / "run", *options)
    last = err.splitlines()[-1]
    assert code == 2
    assert not out
    assert last.startswith("error: ")
    assert named in last
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()


@pytest.fixture
def _interrupts():
    """Python's own handling of SIGINT, which processes in the background are started without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_interrupts")
@pytest.mark.parametrize("epoch", [0, 2])
def test_an_interrupt_keeps_the_last_step_and_the_command_goes_on(tmp_path, monkeypatch, epoch):
    saves = LastGood.on_epoch_end

    def interrupted(self, index, logs=None):
        if index == epoch:
            os.kill(os.getpid(), signal.SIGINT)
        saves(self, index, logs)

    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(LastGood, "on_epoch_end", interrupted)
        code, out, err = zoo_main("fit", "realnvp_moons", "--run", run, *SMALL_MOONS)
    step = epoch + 2  # the signal came between the steps, and is seen at the next
    assert (code, out) == (130, "")
    assert err.splitlines()[-1].startswith(f"interrupted: step {step} is kept in")
    assert np.isfinite(load_model(run).predict(np.zeros((1, 2), np.float32), verbose=0)).all()
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", run, *SMALL_MOONS)
    assert code == 0
    assert f"resumed at step {step}" in err


@pytest.mark.usefixtures("_interrupts")
def test_a_second_interrupt_ends_at_once(tmp_path, monkeypatch):
    def interrupted(self, index, logs=None):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(LastGood, "on_epoch_end", interrupted)
    run = tmp_path / "run"
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", run, *SMALL_MOONS)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1].startswith("interrupted: nothing was saved yet")
    monkeypatch.undo()
    assert zoo_main("fit", "realnvp_moons", "--run", run, *SMALL_MOONS)[0] == 0


def test_a_training_that_diverges_says_so_and_keeps_the_last_good_weights(tmp_path):
    options = [*SMALL_MOONS, "--set", "learning_rate=1e25", "--set", "schedule=constant"]
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", tmp_path, *options)
    assert (code, out) == (1, "")
    last = err.splitlines()[-1]
    where = "by step 1, at the values of 'coupling0_norm', which is not finite"
    assert last.startswith(f"error: the training diverged {where}: step 1 is kept in")
    assert "learning_rate" in last
    assert json.loads((tmp_path / "config.json").read_text())["training"]["learning_rate"] == 1e25
    load_model(tmp_path)
