import numpy as np
import pytest
from PIL import Image

from models import CONDITIONS, conditions, data, randomize, twin
from zoo.runs import pictures
from zoo.runs.observers import views
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.gallery import Gallery


def rows_of(model, rows=40):
    x = data(model, rows)
    return (x, conditions(model, rows)) if model.form.conditional else x


def ready(name, **overrides):
    model = twin(name, **overrides)
    model.initialize(rows_of(model))
    return randomize(model, 0.05)


@pytest.fixture(autouse=True)
def _always_due(monkeypatch):
    monkeypatch.setattr("zoo.runs.observers.gallery.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("zoo.runs.observers.gallery.SHARE", 1e9)


def fit(model, folder, tell=pytest.fail, epochs=2):
    rows = rows_of(model)
    gallery = Gallery(model, rows, folder, tell=tell)
    x, y = rows if isinstance(rows, tuple) else (rows, None)
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[gallery])
    return gallery


@pytest.mark.parametrize(
    ("name", "overrides", "both"),
    [
        ("realnvp_moons", {}, True),
        ("realnvp_digits", {}, True),
        ("realnvp_moons", CONDITIONS["vectors"], False),
        pytest.param("realnvp_digits", CONDITIONS["classes"], True, marks=pytest.mark.slow),
        pytest.param("realnvp_digits", CONDITIONS["vectors"], True, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_each_virtual_epoch_has_its_pictures_and_the_latest(tmp_path, name, overrides, both):
    model, folder = ready(name, **overrides), tmp_path / "pictures"
    gallery = fit(model, folder)
    kinds = ["-latents.png", ".png"] if both else ["-latents.png"]
    names = {f"{stem}{kind}" for stem in ("step-000002", "step-000004", "latest") for kind in kinds}
    assert {path.name for path in folder.iterdir()} == names
    for kind in kinds:
        last = (folder / f"step-000004{kind}").read_bytes()
        assert (folder / f"latest{kind}").read_bytes() == last
        assert last != (folder / f"step-000002{kind}").read_bytes()
    assert gallery.drawn.step == 4
    assert gallery.drawn.latents.shape == (len(gallery._rows.x), *model.event_shape)
    with Image.open(folder / "latest-latents.png") as image:
        assert image.size > (400, 300)


@pytest.mark.slow
def test_the_same_weights_give_the_same_pictures(tmp_path):
    shown = []
    for part in ("a", "b"):
        model = ready("realnvp_digits", learning_rate=1e-9)
        fit(model, tmp_path / part, epochs=1)
        shown.append((tmp_path / part / "latest.png").read_bytes())
    assert shown[0] == shown[1]


def test_a_picture_that_cannot_be_drawn_is_told(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.plots.latent_histogram", full)
    told = []
    gallery = fit(ready("realnvp_moons"), tmp_path / "pictures", tell=told.append)
    assert len(told) == 2
    assert told[0].startswith("there is no picture of step 2: [Errno 28]")
    assert gallery.drawn is None


def test_nothing_is_drawn_where_there_is_no_time(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.runs.observers.gallery.FIRST_SECONDS", 1e9)
    fit(ready("realnvp_moons"), tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()


# What is shown


def fixed(model, n=8):
    return FixedRows.of(model, rows_of(model), n)


@pytest.mark.parametrize("overrides", [{}, CONDITIONS["classes"], CONDITIONS["vectors"]], ids=str)
def test_an_interpolation_ends_at_the_rows(overrides):
    model = ready("realnvp_digits", **overrides)
    rows = fixed(model)
    ways = views.interpolation(model, rows, 2, columns=5).reshape(2, 5, *model.event_shape)
    for k, way in enumerate(ways):
        np.testing.assert_allclose(way[0], rows.real[2 * k], atol=1e-2)
        np.testing.assert_allclose(way[-1], rows.real[2 * k + 1], atol=1e-2)
        assert np.abs(way[2] - way[0]).max() > 0.1


def test_an_interpolation_goes_through_latents_of_the_same_size():
    model = ready("realnvp_digits")
    rows = fixed(model)
    way = views.interpolation(model, rows, 1, columns=3)
    ends, middle = model.encode(rows.real[:2]), model.encode(np.clip(way[1:2], 0, model.levels))
    np.testing.assert_allclose(middle[0], (ends[0] + ends[1]) / np.sqrt(2), atol=1e-2)


@pytest.mark.parametrize("overrides", [{}, CONDITIONS["classes"]], ids=str)
def test_temperatures_are_of_one_latent_each_line(overrides):
    model = ready("realnvp_digits", **overrides)
    rows = fixed(model)
    shown = views.temperatures(model, rows, 3, (0.0, 1.0)).reshape(3, 2, *model.event_shape)
    np.testing.assert_allclose(shown[:, 1], views.samples(model, rows, 3), atol=1e-3)
    if not overrides:
        np.testing.assert_array_equal(shown[0, 0], shown[2, 0])


def test_samples_are_those_of_the_seed():
    model = ready("realnvp_digits", seed=3)
    drawn = views.samples(model, fixed(model), 5)
    np.testing.assert_allclose(drawn, model.sample(8, seed=3)[:5], atol=1e-3)


def test_fixed_rows_have_always_the_same_noise():
    model = ready("realnvp_digits")
    one, other = fixed(model), fixed(model, 4)
    np.testing.assert_array_equal(one.real[:4], other.real)
    np.testing.assert_array_equal(np.floor(one.real), one.x)
    np.testing.assert_allclose(model(one.inputs), model.log_prob(one.real), rtol=1e-4)


def test_the_warped_lattice_is_one_of_latents():
    model = ready("realnvp_moons")
    warped = pictures.warped_lattice(model)
    lines, points = pictures.LINES, pictures.LINE_POINTS
    assert warped.shape == (2, lines, points, 2)
    latents = np.reshape(model.encode(warped.reshape(-1, 2)), warped.shape)
    ends, at = np.linspace(-3, 3, points), np.linspace(-3, 3, lines)
    for axis, along in enumerate(latents):
        np.testing.assert_allclose(along[..., axis], np.tile(ends, (lines, 1)), atol=1e-3)
        across = np.repeat(at[:, None], points, axis=1)
        np.testing.assert_allclose(along[..., 1 - axis], across, atol=1e-3)


def test_one_variable_is_shown_as_a_warp(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("zoo.plots.warp", lambda fn, data, path, title: drawn.append(fn(data)))

    class Config:
        levels, event_shape, num_classes, condition_dim = None, (1,), None, None

    class Model:
        spec = type("Spec", (), {"config": Config})
        form = type("Form", (), {"dtype": "float32"})
        flow = type("Flow", (), {"inverse_and_log_det": lambda self, x, _: (2 * x, x[:, 0])})()

    rows = np.ones((4, 1))
    fixed_rows = FixedRows(x=rows, real=rows, condition=None)
    assert views.draw(Model(), fixed_rows, tmp_path / "warp.png", "a title")
    ((z, log_det),) = drawn
    np.testing.assert_array_equal(z, 2 * rows)
    assert log_det.shape == (4,)
