"""`python -m zoo plot`: the pictures of a run, drawn again."""

import re
import shutil

import numpy as np
import pytest
from matplotlib import image
from PIL import Image

from command_line import files_below, zoo_main
from zoo.plots import grid

SIZES = {
    "realnvp_digits": ["filters=8", "couplings=2", "last_couplings=2", "blocks=1"],
    "realnvp_moons": ["couplings=2", "units=8"],
    "cdf_mixture": ["components=3"],
    "nice_mnist": ["couplings=2", "units=8", "layers=1", "event_shape=8,8,1", "levels=17"],
}


def trained(folder, name, *options):
    sizes = [f"--set={size}" for size in SIZES[name]]
    code, _, err = zoo_main(
        *("fit", name, "--run", folder, "--steps", 4, "--batch-size", 32, *sizes, *options)
    )
    assert code == 0, err
    return folder


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "digits", "realnvp_digits")


@pytest.fixture(scope="module")
def moons(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "moons", "realnvp_moons")


def plotted(*args):
    code, out, err = zoo_main("plot", *args)
    assert code == 0, err
    lines = dict(re.split(" {2,}", line, maxsplit=1) for line in out.splitlines())
    return lines, err


GRIDS = ["curve", "samples", "temperatures", "interpolation"]
IMAGES = [*GRIDS, "layers", "scales", "latents"]


def test_the_pictures_of_images(digits, tmp_path):
    before = files_below(digits)
    lines, _ = plotted(digits, "--out", tmp_path / "new" / "pictures")
    assert list(lines) == IMAGES
    for name, path in lines.items():
        assert path == str(tmp_path / "new" / "pictures" / f"{name}.png")
        with Image.open(path) as picture:
            assert min(picture.size) > 100
    assert files_below(digits) == before


def test_curve_and_samples_are_those_of_the_training(digits, tmp_path):
    plotted(digits, "--out", tmp_path)
    for name in ("curve.png", "samples.png"):
        assert (tmp_path / name).read_bytes() == (digits / name).read_bytes()


def test_without_a_folder_they_go_to_the_run(digits, tmp_path):
    run = shutil.copytree(digits, tmp_path / "run")
    (run / "curve.png").unlink()
    lines, _ = plotted(run)
    assert {run / f"{name}.png" for name in IMAGES} <= set(run.iterdir())
    assert list(lines) == IMAGES


def test_chosen_temperatures_are_the_columns(digits, tmp_path):
    wide, narrow = tmp_path / "wide", tmp_path / "narrow"
    plotted(digits, "--out", wide)
    plotted(digits, "--out", narrow, "--temperature", "0", "--temperature", "0.5")
    shown = [image.imread(folder / "temperatures.png")[..., 0] for folder in (wide, narrow)]
    assert shown[0].shape[0] == shown[1].shape[0]
    assert shown[0].shape[1] > shown[1].shape[1]
    top = grid.MARGIN + grid.TITLE
    lines = [shown[1][top + line * (96 + grid.GAP) :][:96] for line in (0, 1)]
    left, right = (slice(grid.MARGIN + k * (96 + grid.GAP), None) for k in (0, 1))
    at_zero, at_half = ([line[:, side][:, :96] for line in lines] for side in (left, right))
    np.testing.assert_array_equal(*at_zero)  # where all latents are one
    assert (at_half[0] != at_half[1]).any()


def test_the_pictures_of_two_variables(moons, tmp_path):
    lines, _ = plotted(moons, "--out", tmp_path)
    assert list(lines) == ["curve", "samples", "latents"]


def test_the_pictures_of_one_variable(tmp_path):
    run = trained(tmp_path / "run", "cdf_mixture")
    assert list(plotted(run)[0]) == ["curve", "warp", "warps", "latents"]
    with Image.open(run / "warp.png") as one, Image.open(run / "warps.png") as several:
        assert several.width > 1.5 * one.width
    for file in ("warps.csv", "warps.json", "warps.png"):
        (run / file).unlink()  # a run of before there was such a file
    assert list(plotted(run)[0]) == ["curve", "warp", "latents"]


@pytest.mark.slow
def test_images_of_one_scale_have_no_picture_of_scales(tmp_path):
    run = trained(tmp_path / "run", "nice_mnist", "--data", "digits")
    assert list(plotted(run)[0]) == [*GRIDS, "layers", "latents"]


@pytest.mark.slow
def test_classes_have_pictures_too(tmp_path):
    run = trained(tmp_path / "run", "realnvp_digits", "--set", "num_classes=10")
    assert list(plotted(run)[0]) == IMAGES


def test_data_that_has_gone_leaves_out_what_shows_it(tmp_path):
    rows = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    np.save(tmp_path / "rows.npy", rows)
    run = trained(tmp_path / "run", "realnvp_moons", "--data", tmp_path / "rows.npy")
    (tmp_path / "rows.npy").unlink()
    lines, err = plotted(run, "--out", tmp_path / "new")
    assert list(lines) == ["curve"]
    assert "which cannot be had" in err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--temperature", "-1"], "--temperature"),
        (["--temperature", "nan"], "--temperature"),
        (["--temperature", "1"] * 17, "at most 16"),
        (["--out", "{file}"], "`--out` must be a folder"),
        (["--out", "{file}/below"], "`--out` must be a folder"),
    ],
)
def test_bad_input_is_one_line_and_draws_nothing(digits, tmp_path, options, named):
    file = tmp_path / "file"
    file.write_text("mine")
    before = files_below(digits)
    code, out, err = zoo_main("plot", digits, *(o.format(file=file) for o in options))
    assert (code, out) == (2, "")
    assert named in err.splitlines()[-1]
    assert files_below(digits) == before
    assert file.read_text() == "mine"


def test_temperatures_of_vectors_are_refused(moons):
    code, _, err = zoo_main("plot", moons, "--temperature", "1")
    assert code == 2
    assert "models of images" in err.splitlines()[-1]


def test_what_is_no_run_is_refused(tmp_path):
    code, _, err = zoo_main("plot", tmp_path / "nowhere")
    assert code == 2
    assert "there is no folder" in err.splitlines()[-1]


def test_help_has_examples_on_lines_of_their_own():
    code, out, _ = zoo_main("plot", "--help")
    assert code == 0
    assert "\n  Examples:\n    python -m zoo plot" in out
    assert max(map(len, out.splitlines())) <= 100
