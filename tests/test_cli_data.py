"""`fit`, `evaluate` and `sample` on people's own files, in one process."""

import json
import re

import numpy as np
import pytest
from PIL import Image

import zoo
from command_line import files_below, zoo_main
from models import fitted
from zoo.prepare import Form
from zoo.runs import data, source
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder, load_model

IMAGES = Form(event_shape=(8, 8, 3), levels=256)
CLASSES = Form(event_shape=(8, 8, 3), levels=256, num_classes=2)
TABLE = Form(event_shape=(3,))
SMALL_IMAGES = ["--set=image_shape=8,8,3", "--set=scales=1", "--set=last_couplings=2"]
SMALL_IMAGES += ["--set=filters=4", "--set=blocks=1", "--set=flow_norm=actnorm"]
SMALL_TABLE = ["--set=event_shape=3", "--set=couplings=2", "--set=units=8"]


def save_images(folder, n, size=(8, 8), seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for i in range(n):
        pixels = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")


def rows(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def ran(*args):
    code, out, err = zoo_main(*args)
    assert code == 0, err
    return out, err


def run_folder(path, model, data):
    folder = RunFolder(path)
    folder.create(RunConfig(spec=model.spec, data=data))
    folder.save_weights(model)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A table, larger photographs of two kinds, and a run on each."""
    world = tmp_path_factory.mktemp("world")
    np.save(world / "table.npy", rows(40))
    for seed, kind in enumerate(("ants", "bees")):
        save_images(world / "photos" / kind, 15, (9, 12), seed)
    options = ["--data", world / "table.npy", "--epochs", 3, "--batch-size", 16]
    table = ran("fit", "realnvp", "--run", world / "table", *options, *SMALL_TABLE)
    options = ["--data", world / "photos", "--resize", "--steps", 2, "--batch-size", 8]
    classes = [*SMALL_IMAGES, "--set=num_classes=2"]
    photos = ran("fit", "realnvp", "--run", world / "classes", *options, *classes)
    return world, {"table": table, "classes": photos}


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    return run_folder(tmp_path_factory.mktemp("runs") / "m", fitted("realnvp_moons"), "moons")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    sizes = {"scales": 1, "last_couplings": 2, "filters": 4, "blocks": 1}
    model = zoo.get("realnvp_digits", **sizes)
    model.initialize(zoo.datasets.load("digits").train)
    return run_folder(tmp_path_factory.mktemp("runs") / "d", model, "digits")


def test_fit_on_a_file_says_what_is_held_out(world):
    folder, printed = world
    out, err = printed["table"]
    path = folder / "table.npy"
    split = "10 % of the rows, drawn with seed 0"
    assert f"36 rows of {path} to train on, 3.11 times each; 4 held out: {split}" in err
    assert f"(4 held-out rows of {path}, {split})" in out
    run = RunFolder(folder / "table")
    assert run.read_config().spec.training.steps == 7  # 3 epochs of 36 rows, 16 a step
    assert run.read_config().data == str(path)
    assert (run.read_results()["training_rows"], run.read_results()["rows"]) == (36, 4)
    assert not run.samples.exists()


def test_the_tenth_held_out_is_always_the_same_and_was_not_trained_on(world):
    folder, _ = world
    first, second = (
        data.read(str(folder / "table.npy"), TABLE, data_dir=None, resize=False) for _ in range(2)
    )
    np.testing.assert_array_equal(first.held_out, second.held_out)
    both = np.concatenate([first.train, first.held_out])
    np.testing.assert_array_equal(np.unique(both, axis=0), np.unique(rows(40), axis=0))


def test_fit_on_a_folder_of_classes_with_images_of_another_size(world):
    folder, printed = world
    out, _ = printed["classes"]
    run = RunFolder(folder / "classes")
    assert run.read_config().resize
    assert re.search(r"held-out bits/dim +\d\.\d{3} \+- \d\.\d{3} \(3 held-out rows", out)
    with Image.open(run.samples) as image:
        assert image.size[1] < 300 < image.size[0]  # two rows of eight


@pytest.mark.parametrize("name", ["table", "classes"])
def test_evaluate_repeats_the_figure_of_fit(world, name):
    folder, _ = world
    run = RunFolder(folder / name)
    before = run.read_results()
    evaluated = [ran("evaluate", run.path) for _ in range(2)]
    assert evaluated[0] == evaluated[1]
    assert evaluated[0][0].startswith(f"held-out {before['unit']} ")
    (entry,) = run.read_results()["evaluations"]  # the second took the place of the first
    assert entry["mean"] == pytest.approx(before["mean"], abs=1e-5)
    assert entry["standard_error"] == pytest.approx(before["standard_error"], rel=1e-3)
    assert {k: v for k, v in run.read_results().items() if k != "evaluations"} == before


def test_evaluations_by_other_protocols_are_kept_side_by_side(digits):
    for draws, seed in ((2, 0), (3, 1), (2, 0)):
        out, _ = ran("evaluate", digits.path, "--draws", draws, "--seed", seed)
        assert f"uniform noise, {draws} draw{'s' * (draws > 1)}, seed {seed}" in out
    entries = digits.read_results()["evaluations"]
    assert [(e["draws"], e["noise_seed"]) for e in entries] == [(3, 1), (2, 0)]
    held_out = zoo.datasets.load("digits").test
    figures = load_model(digits.path).bits_per_dim(held_out, seed=1, draws=3)
    assert entries[0]["mean"] == pytest.approx(figures.mean(), abs=1e-6)
    assert entries[0]["standard_error"] == pytest.approx(figures.std(ddof=1) / 360**0.5)
    assert entries[0]["averaging"] == "log-likelihoods over draws, then rows"


def test_evaluate_measures_all_of_another_file_and_the_test_part_where_there_is_one(world):
    folder, _ = world
    run = folder / "table"
    np.save(folder / "new.npy", rows(12, seed=5))
    np.savez(folder / "parts.npz", train=rows(20), test=rows(6, seed=5))
    out, _ = ran("evaluate", run, "--data", folder / "new.npy")
    assert out.startswith("nats ")
    assert f"(12 rows of {folder / 'new.npy'}, all of its rows)" in out
    out, _ = ran("evaluate", run, "--data", folder / "parts.npz")
    assert f"(6 rows of {folder / 'parts.npz'}, its own part 'test')" in out


def test_data_that_has_changed_is_refused(tmp_path, world):
    folder, _ = world
    run = run_folder(tmp_path / "run", load_model(folder / "table"), str(tmp_path / "t.npy"))
    run.write_results({"training_rows": 36, "rows": 4})
    np.save(tmp_path / "t.npy", rows(40))
    ran("evaluate", run.path)
    np.save(tmp_path / "t.npy", rows(50))
    before = files_below(tmp_path)
    code, _, err = zoo_main("evaluate", run.path)
    assert code == 2
    assert "had 36 training and 4 held-out rows then" in err
    assert files_below(tmp_path) == before


def test_parts_of_a_folder_are_its_split(tmp_path):
    save_images(tmp_path / "train" / "a", 4)
    save_images(tmp_path / "train" / "b", 4, seed=1)
    save_images(tmp_path / "test" / "a", 1, seed=2)
    save_images(tmp_path / "test" / "b", 2, seed=3)
    read = data.read(str(tmp_path), CLASSES, data_dir=None, resize=False)
    assert (data.count(read.train), data.count(read.held_out)) == (8, 3)
    assert read.split == "its own part 'test'"
    assert read.held_out[1].tolist() == [0, 1, 1]


def test_parts_of_an_npz_file_are_its_split(tmp_path):
    pixels = np.zeros((4, 8, 8, 3), np.uint8)
    parts = {"x_train": pixels, "y_train": [0, 1, 0, 1], "x_test": pixels[:2], "y_test": [1, 0]}
    np.savez(tmp_path / "parts.npz", **parts)
    for form in (IMAGES, CLASSES):
        read = data.read(str(tmp_path / "parts.npz"), form, data_dir=None, resize=False)
        assert (data.count(read.train), data.count(read.held_out)) == (4, 2)


def test_labels_are_split_with_their_rows(tmp_path):
    pixels = np.arange(30, dtype=np.uint8)[:, None, None, None] * np.ones((8, 8, 3), np.uint8)
    np.savez(tmp_path / "x.npz", image=pixels, label=np.arange(30) % 2, name=["x"] * 30)
    read = data.read(str(tmp_path / "x.npz"), CLASSES, data_dir=None, resize=False)
    for images, labels in (read.train, read.held_out):
        np.testing.assert_array_equal(images[:, 0, 0, 0] % 2, labels)
    assert len(read.held_out[1]) == 3


def test_images_that_are_read_while_they_are_used_are_split_too(tmp_path, monkeypatch):
    save_images(tmp_path, 20)
    monkeypatch.setattr("zoo.datasets.image_folder.IN_MEMORY_BYTES", 0)
    read = data.read(str(tmp_path), IMAGES, data_dir=None, resize=False)
    train, held_out = (
        {image.tobytes() for image in part.decoded()} for part in (read.train, read.held_out)
    )
    assert (len(train), len(held_out)) == (18, 2) == (18, data.count(read.held_out))
    assert not train & held_out
    assert data.count(data.first(read.train, 3)) == 3


def test_a_name_is_told_from_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("moons", "mnist", "photos"):
        (tmp_path / name).mkdir()
    assert source.locate("moons", None) == "moons"
    assert source.locate("mnist", "mnist") == "mnist"
    assert source.locate("cifar10", "mnist") == "cifar10"
    assert source.locate("imagenet_resized/32x32:0.1.0", None) == "imagenet_resized/32x32:0.1.0"
    for path in ("photos", "photos/", "./photos", "./mnist", "./moons"):
        assert source.is_path(source.locate(path, "mnist"))
    assert source.locate("mnist", None) == str(tmp_path / "mnist")


def test_sample_draws_a_grid(digits, tmp_path):
    out, _ = ran("sample", digits.path, "--out", tmp_path / "grid.png", "--n", 5)
    assert out == f"5 samples in {tmp_path / 'grid.png'}\n"
    with Image.open(tmp_path / "grid.png") as image:
        assert image.size > (400, 90)


def test_sample_writes_whole_grey_levels(digits, tmp_path):
    for name, n in (("a", 6), ("b", 3)):
        out, _ = ran("sample", digits.path, "--out", tmp_path / f"{name}.npy", "--n", n)
    assert out == f"uint8 array 3 x 8 x 8 x 1 in {tmp_path / 'b.npy'}\n"
    a, b = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    np.testing.assert_array_equal(a[:3], b)
    drawn = np.asarray(load_model(digits.path).sample(3, seed=0))
    np.testing.assert_array_equal(b, np.floor(drawn))


def test_temperature_and_seed_change_the_samples(digits, tmp_path):
    arrays = []
    for k, options in enumerate(([], ["--seed", 1], ["--temperature", 0])):
        ran("sample", digits.path, "--out", tmp_path / f"{k}.npy", "--n", 4, *options)
        arrays.append(np.load(tmp_path / f"{k}.npy"))
    assert (arrays[0] != arrays[1]).any()
    assert (arrays[2] == arrays[2][:1]).all()


def test_sample_draws_a_row_for_each_class(world, tmp_path):
    run = world[0] / "classes"
    ran("sample", run, "--out", tmp_path / "all.npy")
    ran("sample", run, "--out", tmp_path / "one.npy", "--classes", 1, "--n", 3)
    ran("sample", run, "--out", tmp_path / "rows.png", "--classes", "0-1,1", "--n", 2)
    assert np.load(tmp_path / "all.npy").shape == (2, 8, 8, 8, 3)
    assert np.load(tmp_path / "one.npy").shape == (1, 3, 8, 8, 3)
    with Image.open(tmp_path / "rows.png") as image:
        assert image.size[0] - 20 <= image.size[1] <= image.size[0] + 150  # 3 rows of 2, a title


def test_sample_draws_a_density_beside_the_data(moons, tmp_path):
    out, _ = ran("sample", moons.path, "--out", tmp_path / "plane.png")
    assert out.startswith("5,000 samples in ")
    with Image.open(tmp_path / "plane.png") as image:
        assert image.size > (1000, 400)


def test_sample_takes_vectors_as_conditions(tmp_path):
    model = zoo.get("realnvp", event_shape=2, condition_dim=2, couplings=2, units=4)
    run = run_folder(tmp_path / "run", model, "moons")
    conditions = ["--condition", "0.5,1", "--condition", "-1,2"]
    ran("sample", run.path, "--out", tmp_path / "x.npy", "--n", 3, *conditions)
    drawn = model.sample(3, seed=0, condition=np.array([[0.5, 1.0], [-1.0, 2.0]]))
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), np.swapaxes(drawn, 0, 1), atol=1e-6)


def test_a_file_that_is_there_is_replaced_by_force_alone(digits, tmp_path):
    out = tmp_path / "mine.npy"
    out.write_bytes(b"mine")
    code, _, err = zoo_main("sample", digits.path, "--out", out)
    assert code == 2
    assert "pass --force" in err
    assert out.read_bytes() == b"mine"
    ran("sample", digits.path, "--out", out, "--n", 2, "--force")
    assert np.load(out).shape == (2, 8, 8, 1)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.npy"]


def test_a_write_that_fails_leaves_the_file_that_was_there(digits, tmp_path, monkeypatch):
    out = tmp_path / "mine.npy"
    out.write_bytes(b"mine")

    def full(file, array, allow_pickle):
        file.write(b"half")
        msg = "no space left on device"
        raise OSError(msg)

    monkeypatch.setattr(np, "save", full)
    code, _, err = zoo_main("sample", digits.path, "--out", out, "--n", 2, "--force")
    assert code == 2
    assert "no space left" in err
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == {out: b"mine"}


def test_results_survive_an_evaluation_that_cannot_be_written(digits, monkeypatch):
    before = files_below(digits.path)

    def full(*_):
        msg = "no space left on device"
        raise OSError(msg)

    monkeypatch.setattr("os.replace", full)
    code, _, err = zoo_main("evaluate", digits.path, "--seed", 9)
    assert code == 2
    assert "no space left" in err
    monkeypatch.undo()
    after = files_below(digits.path)
    assert {p: b for p, b in after.items() if not p.name.endswith(".writing")} == before
    ran("evaluate", digits.path, "--seed", 9)
    assert not list(digits.path.glob("*.writing"))


def test_the_list_of_evaluations_is_json(world):
    folder, _ = world
    saved = json.loads((folder / "table" / "results.json").read_text())
    for entry in saved.get("evaluations", []):
        assert {"data", "unit", "mean", "standard_error", "rows", "split"} <= set(entry)
