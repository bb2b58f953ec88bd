import importlib.util

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from command_line import zoo_main
from models import data, twin
from zoo.runs.observers.board import Board
from zoo.runs.observers.gallery import Gallery
from zoo.runs.observers.monitor import Monitor
from zoo.runs.table import Table


def events(folder):
    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    accumulator.Reload()
    return accumulator


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What a board wrote of four steps, two each virtual epoch, and what it had to write."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.runs.observers.share.Share.due", property(lambda self: True))
        model = twin("realnvp_digits")
        rows = data(model)
        model.initialize(rows)
        monitor = Monitor(model, rows, Table(folder / "layers.csv"), total=4, tell=pytest.fail)
        gallery = Gallery(model, rows, folder / "pictures", tell=pytest.fail)
        board = Board(folder / "board", monitor, gallery)
        history = model.fit(
            rows,
            epochs=2,
            verbose=0,
            validation_data=rows[:8],
            callbacks=[monitor, gallery, board],
        ).history
    return events(folder / "board"), history, monitor, gallery


def values(accumulator, tag):
    from tensorflow import make_ndarray

    return [(event.step, make_ndarray(event.tensor_proto)) for event in accumulator.Tensors(tag)]


def test_scalars_are_those_of_the_history(shown):
    accumulator, history, _, _ = shown
    for tag, name in (
        ("training/loss", "loss"),
        ("training/bits_per_dim", "bits_per_dim"),
        ("validation/bits_per_dim", "val_bits_per_dim"),
    ):
        read = values(accumulator, tag)
        assert [step for step, _ in read] == [2, 4]
        np.testing.assert_allclose([value for _, value in read], history[name], rtol=1e-6)


def test_layers_are_those_of_the_monitor(shown):
    accumulator, _, monitor, _ = shown
    step, figures = monitor.measured
    for name in set(figures) - {"step"}:
        last, value = values(accumulator, f"layers/{name}")[-1]
        assert last == step == 4
        assert value == pytest.approx(figures[name], rel=1e-5)


def test_pictures_are_those_of_the_gallery(shown):
    accumulator, _, _, gallery = shown
    for what, file in gallery.drawn.pictures.items():
        ((width, height, *_),) = [values(accumulator, f"pictures/{what}")[-1][1]]
        from PIL import Image

        with Image.open(file) as image:
            assert (int(width), int(height)) == image.size
    steps = [step for step, _ in values(accumulator, "latents")]
    assert steps == [2, 4]


def test_without_tensorboard_fit_says_what_to_install(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *more: None if name == "tensorboard" else find(name, *more),
    )
    code, out, err = zoo_main("fit", "realnvp_moons", "--run", tmp_path / "run", "--tensorboard")
    assert (code, out) == (2, "")
    assert "pip install tfflows[tensorboard]" in err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_a_run_has_a_board_if_it_is_asked_for(tmp_path):
    small = ["--steps", "4", "--set", "couplings=2", "--set", "units=8"]
    for name, options in (("with", ["--tensorboard"]), ("without", [])):
        code, _, err = zoo_main("fit", "realnvp_moons", "--run", tmp_path / name, *small, *options)
        assert code == 0, err
    assert not (tmp_path / "without" / "board").exists()
    read = values(events(tmp_path / "with" / "board"), "validation/loss")
    assert [step for step, _ in read] == [1, 2, 3, 4]
