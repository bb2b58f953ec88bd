import pathlib

import numpy as np
import pytest
from matplotlib import image, pyplot
from matplotlib.figure import Figure

from zoo import plots
from zoo.plots import grid, lines
from zoo.plots.changes import GONE, UNCHANGED

IMAGES = np.random.default_rng(0).integers(0, 17, (11, 8, 8, 1)).astype(np.uint8)
PLANE = np.random.default_rng(1).normal(size=(500, 2)).astype(np.float32)


def pixels(path):
    """Returns [height, width, 3] pixels in 0..255."""
    return np.round(255 * image.imread(path)[..., :3]).astype(int)


def normal_log_prob(points):
    assert points.dtype == np.float32
    return -0.5 * (points**2).sum(axis=1) - np.log(2 * np.pi)


def draw_grid(path):
    return plots.image_grid(IMAGES, path, levels=17)


def draw_curve(path):
    columns = {"step": [10, 20, 30], "training": [3.0, 2.0, 1.5], "validation": [3.1, 2.2, 1.7]}
    return plots.curve(columns, path, unit="nats", held_out=1.6, baseline=("mixture", 2.6))


def draw_plane(path):
    return plots.density_2d(normal_log_prob, PLANE, PLANE[::-1], path)


def draw_latents(path):
    return plots.latent_histogram(PLANE, path)


def normal_warp(x):
    assert x.dtype == np.float32
    return 2 * x + 1, np.full(len(x), np.log(2))


def draw_warp(path):
    return plots.warp(normal_warp, PLANE[:, :1], path)


def lattice(lines=3, points=5):
    """Returns lines through the plane along each axis, twice as far apart in x as in y."""
    ends, at = np.linspace(-1, 1, points), np.linspace(-1, 1, lines)
    along = np.stack(np.meshgrid(ends, at), axis=-1)
    return np.stack([along, along[..., ::-1]]) * [2.0, 1.0]


def draw_warped_plane(path):
    return plots.density_2d(normal_log_prob, PLANE, PLANE[::-1], path, warped=lattice())


def stage(slope):
    return plots.Warp.of(lambda x: (slope * x, np.full(len(x), np.log(slope))), PLANE[:, :1], 50)


def draw_warps(path):
    return plots.warps({"before": stage(0.5), "after": stage(1.0)}, PLANE[:, :1], path)


def draw_lines(path):
    return plots.image_lines({"first": IMAGES[:4], "second": IMAGES[4:7]}, path, levels=17)


def sizes():
    """Returns changes of a checkerboard of 11 images of 8 x 8; the last row has left."""
    of_pixels = np.indices((8, 8)).sum(axis=0) % 2 * np.ones((11, 1, 1))
    of_pixels[:, 7] = np.nan
    of_pixels[0, 0, 1] = 4.0
    return of_pixels


def draw_changes(path):
    return plots.changes(IMAGES, {"board": sizes()}, path, levels=17)


DRAW = [draw_grid, draw_curve, draw_plane, draw_latents, draw_warp]
DRAW += [draw_warped_plane, draw_warps, draw_lines, draw_changes]


@pytest.mark.parametrize("draw", DRAW)
def test_a_picture_is_written_and_its_path_returned(draw, tmp_path):
    path = draw(str(tmp_path / "picture.png"))
    assert path == tmp_path / "picture.png"
    assert [*tmp_path.iterdir()] == [path]
    assert pixels(path).std() > 5


@pytest.mark.parametrize("draw", DRAW)
def test_the_same_input_gives_the_same_bytes(draw, tmp_path):
    first, second = (draw(tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first == second


@pytest.mark.parametrize("draw", DRAW)
def test_pyplot_knows_nothing_of_the_pictures(draw, tmp_path):
    draw(tmp_path / "picture.png")
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("draw", DRAW)
def test_a_failed_write_leaves_the_old_picture(draw, tmp_path, monkeypatch):
    path = tmp_path / "picture.png"
    path.write_bytes(b"the old picture")

    def fill_the_disk(self, target, **_):
        pathlib.Path(target).write_bytes(b"half a pic")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        draw(path)
    assert path.read_bytes() == b"the old picture"
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("draw", DRAW)
def test_a_picture_replaces_the_old_one(draw, tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"the old picture")
    draw(path)
    assert pixels(path).ndim == 3


@pytest.mark.parametrize("shape", [(8, 8, 1), (32, 32, 3), (28, 28, 1), (5, 12, 3)])
@pytest.mark.parametrize("title", [None, "eleven images"])
def test_tile_i_j_shows_image_i_columns_j(shape, title, tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (11, *shape))
    path = plots.image_grid(images, tmp_path / "grid.png", levels=256, columns=4, title=title)
    shown = pixels(path)
    factor = round(grid.TILE / max(shape))
    high, wide = shape[0] * factor, shape[1] * factor
    above = grid.MARGIN + (0 if title is None else grid.TITLE)
    height = above + 3 * high + 2 * grid.GAP + grid.MARGIN
    assert shown.shape == (height, 2 * grid.MARGIN + 4 * wide + 3 * grid.GAP, 3)
    for index, expected in enumerate(images):
        top = above + index // 4 * (high + grid.GAP)
        left = grid.MARGIN + index % 4 * (wide + grid.GAP)
        tile = shown[top : top + high, left : left + wide]
        whole = expected.repeat(factor, axis=0).repeat(factor, axis=1)
        np.testing.assert_array_equal(tile, np.broadcast_to(whole, tile.shape))
        shown[top : top + high, left : left + wide] = 255
    assert (shown[above:] == 255).all(), "something besides the tiles is drawn"
    assert (shown < 128).any() == (title is not None)


def tile(path, left):
    """Returns the corner pixel of a tile of 8 x 8 images in the first row."""
    return pixels(path)[grid.MARGIN, grid.MARGIN + left * (96 + grid.GAP), 0]


def test_floats_are_floored_and_the_levels_span_black_to_white(tmp_path):
    values = np.array([0.0, 0.99, 8.0, 8.99, 16.0, 16.99, -3.0, 17.5])
    images = np.broadcast_to(values[:, None, None, None], (8, 8, 8, 1))
    path = plots.image_grid(images, tmp_path / "grid.png", levels=17)
    assert [tile(path, left) for left in range(8)] == [0, 0, 128, 128, 255, 255, 0, 255]


def test_a_grid_is_no_wider_than_its_images_but_holds_its_title(tmp_path):
    few = plots.image_grid(IMAGES[:2], tmp_path / "few.png", levels=17)
    assert pixels(few).shape[1] == 2 * grid.MARGIN + 2 * 96 + grid.GAP
    long = plots.image_grid(IMAGES[:2], tmp_path / "long.png", levels=17, title="samples " * 9)
    margin = pixels(long)[:, -grid.MARGIN + 1 :]
    assert pixels(long).shape[1] > 400
    assert (margin == 255).all(), "the title runs out of the picture"


def test_a_large_image_is_not_magnified(tmp_path):
    path = plots.image_grid(np.zeros((1, 200, 150, 3)), tmp_path / "grid.png", levels=256)
    assert pixels(path).shape[:2] == (200 + 2 * grid.MARGIN, 150 + 2 * grid.MARGIN)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (IMAGES[..., 0], {}, r"`images` must be \[N, H, W, 1 or 3\].*received \[11, 8, 8\]"),
        (IMAGES[:0], {}, r"`images` must be .* received \[0, 8, 8, 1\]"),
        (np.zeros((1, 8, 8, 2)), {}, r"`images` must be"),
        (np.full((1, 8, 8, 1), np.nan), {}, r"`images` must be finite"),
        (IMAGES, {"columns": 0}, r"`columns` must be at least 1; received 0"),
        (IMAGES, {"levels": 1}, r"`levels` must be at least 2; received 1"),
    ],
)
def test_what_is_no_grid_is_refused(images, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.image_grid(images, tmp_path / "grid.png", **{"levels": 17} | options)
    assert not [*tmp_path.iterdir()]


def figure_of(draw, monkeypatch, tmp_path):
    """Returns the figure that `draw` would have written."""
    figures = []

    def keep(self, target, **_):
        figures.append(self)
        pathlib.Path(target).touch()

    monkeypatch.setattr(Figure, "savefig", keep)
    draw(tmp_path / "picture.png")
    return figures[0]


def test_a_curve_says_what_it_shows(monkeypatch, tmp_path):
    figure = figure_of(draw_curve, monkeypatch, tmp_path)
    (axes,) = figure.axes
    assert axes.get_xlabel() == "step"
    assert axes.get_ylabel() == "negative log-likelihood (nats)"
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["mixture: 2.600", "held out: 1.600", "training", "validation"]
    drawn = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    np.testing.assert_array_equal(drawn["training"], [3.0, 2.0, 1.5])
    np.testing.assert_array_equal(drawn["validation"], [3.1, 2.2, 1.7])
    np.testing.assert_array_equal(drawn["held out: 1.600"], 1.6)


def test_the_first_fall_does_not_flatten_a_curve(monkeypatch, tmp_path):
    step = np.arange(1, 101)
    training = 2 + 1000 * np.exp(-step)
    figure = figure_of(
        lambda path: plots.curve({"step": step, "training": training}, path, unit="bits/dim"),
        monkeypatch,
        tmp_path,
    )
    low, high = figure.axes[0].get_ylim()
    assert low < 2 < high < 2.1


def test_a_curve_leaves_out_what_was_not_measured(monkeypatch, tmp_path):
    columns = {
        "step": [1, 2, 3, 100],
        "training": [3.0, 2.0, 1.0, np.nan],
        "validation": [np.nan, 2.5, np.nan, np.nan],
    }
    figure = figure_of(lambda path: plots.curve(columns, path, unit="nats"), monkeypatch, tmp_path)
    drawn = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].get_lines()}
    assert drawn == {"training": [[1, 3.0], [2, 2.0], [3, 1.0]], "validation": [[2, 2.5]]}


@pytest.mark.parametrize(
    ("history", "message"),
    [
        ({"step": [1]}, r"`history` must have the columns step and training; received \['step'\]"),
        ({"step": [1, 2], "training": [1.0]}, r"`history` must have equally long columns"),
        ({"step": [], "training": []}, r"`history` must have .* finite numbers"),
        ({"step": [1], "training": [np.nan]}, r"`history` must have .* finite numbers"),
    ],
)
def test_what_is_no_history_is_refused(history, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.curve(history, tmp_path / "curve.png", unit="nats")


def test_a_figure_that_is_not_finite_is_refused(tmp_path):
    history = {"step": [1], "training": [1.0]}
    with pytest.raises(ValueError, match="`held_out` and `baseline` must be finite"):
        plots.curve(history, tmp_path / "curve.png", unit="nats", held_out=np.nan)


def test_the_three_panels_share_one_square(monkeypatch, tmp_path):
    figure = figure_of(draw_plane, monkeypatch, tmp_path)
    assert [axes.get_title() for axes in figure.axes] == ["data", "learned density", "samples"]
    figure.draw_without_rendering()
    limits = {(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes}
    assert len(limits) == 1
    left, right, low, high = limits.pop()
    assert right - left == pytest.approx(high - low)
    assert {axes.get_aspect() for axes in figure.axes} == {1.0}
    shown = (PLANE > [left, low]) & (PLANE < [right, high])
    assert shown.all(axis=1).mean() > 0.995


def test_the_density_is_drawn_where_it_is(monkeypatch, tmp_path):
    def log_prob(points):  # a narrow normal at (1, -0.5)
        return -50 * ((points - [1.0, -0.5]) ** 2).sum(axis=1)

    figure = figure_of(
        lambda path: plots.density_2d(log_prob, PLANE, PLANE, path), monkeypatch, tmp_path
    )
    (drawn,) = figure.axes[1].get_images()
    left, right, low, high = drawn.get_extent()
    row, column = np.unravel_index(drawn.get_array().argmax(), drawn.get_array().shape)
    cells = drawn.get_array().shape[0]
    assert drawn.origin == "lower"
    assert left + (column + 0.5) / cells * (right - left) == pytest.approx(1.0, abs=0.03)
    assert low + (row + 0.5) / cells * (high - low) == pytest.approx(-0.5, abs=0.03)
    assert drawn.get_array().max() == 1.0


def test_data_and_samples_are_shown_by_equally_many_rows_of_each(monkeypatch, tmp_path):
    figure = figure_of(
        lambda path: plots.density_2d(normal_log_prob, PLANE, 2 * PLANE[:100], path),
        monkeypatch,
        tmp_path,
    )
    data, samples = (figure.axes[panel].collections[0].get_offsets() for panel in (0, 2))
    assert len(data) == len(samples) == 100
    np.testing.assert_allclose(samples, 2 * PLANE[:100])
    np.testing.assert_allclose(data[[0, -1]], PLANE[[0, -1]])  # from the whole, not its start


def test_a_warped_line_is_broken_where_it_is_not_finite(monkeypatch, tmp_path):
    warped = lattice()
    warped[0, 1, 2] = np.inf

    def draw(path):
        return plots.density_2d(normal_log_prob, PLANE, PLANE, path, warped=warped)

    lines = figure_of(draw, monkeypatch, tmp_path).axes[3].collections[0].get_paths()
    broken = np.isnan(lines[1].vertices).any(axis=1)
    assert broken.tolist() == [False, False, True, False, False]
    assert np.isfinite(lines[0].vertices).all()


def test_the_warped_grid_is_drawn_beside_the_samples(monkeypatch, tmp_path):
    figure = figure_of(draw_warped_plane, monkeypatch, tmp_path)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["data", "learned density", "samples", "warped grid"]
    shown = figure.axes[3].collections
    assert len(shown) == 2
    for drawn, wanted in zip(shown, lattice(), strict=True):
        np.testing.assert_array_equal(np.stack(drawn.get_segments()), wanted)
    assert len({str(drawn.get_color()) for drawn in shown}) == 2
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes}) == 1


@pytest.mark.parametrize(
    ("warped", "message"),
    [
        (PLANE, r"`warped` must be \[2, L, M, 2\].*received \[500, 2\]"),
        (lattice()[:1], r"`warped` must be .*received \[1, 3, 5, 2\]"),
    ],
)
def test_what_is_no_warped_grid_is_refused(warped, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.density_2d(normal_log_prob, PLANE, PLANE, tmp_path / "p.png", warped=warped)


def test_a_density_of_zero_everywhere_has_a_picture(tmp_path):
    def nowhere(points):
        return np.full(len(points), -np.inf)

    assert plots.density_2d(nowhere, PLANE, PLANE, tmp_path / "plane.png").exists()


@pytest.mark.parametrize(
    ("data", "samples", "value", "message"),
    [
        (PLANE[:, :1], PLANE, 0.0, r"`data` must be \[N, 2\].*received \[500, 1\]"),
        (PLANE, PLANE[:0], 0.0, r"`samples` must be \[N, 2\].*received \[0, 2\]"),
        (PLANE, PLANE * np.nan, 0.0, r"`samples` must be finite"),
        (PLANE, PLANE, np.nan, r"`log_prob_fn` must .*received 57600 times NaN or infinity"),
        (PLANE, PLANE, np.inf, r"`log_prob_fn` must"),
    ],
)
def test_what_is_no_plane_is_refused(data, samples, value, message, tmp_path):
    def constant(points):
        return np.full(len(points), value)

    with pytest.raises(ValueError, match=message):
        plots.density_2d(constant, data, samples, tmp_path / "plane.png")


def test_latents_are_compared_with_densities_of_area_one(monkeypatch, tmp_path):
    latents = np.random.default_rng(3).normal(size=(4000, 3, 2))
    figure = figure_of(lambda path: plots.latent_histogram(latents, path), monkeypatch, tmp_path)
    for axes in figure.axes:
        (line,) = axes.get_lines()
        x, density = line.get_data()
        assert density.sum() * (x[1] - x[0]) == pytest.approx(1.0, abs=0.01)
        (bars,) = axes.patches
        heights, edges, _ = bars.get_data()
        assert (heights * np.diff(edges)).sum() == pytest.approx(1.0, abs=0.01)
        centres = (edges[1:] + edges[:-1]) / 2
        np.testing.assert_allclose(heights, np.interp(centres, x, density), atol=0.15)
    assert figure.axes[1].get_legend().get_texts()[1].get_text() == "chi-squared(6) / 6"


def test_latents_out_of_the_picture_are_counted(monkeypatch, tmp_path):
    latents = np.concatenate([np.zeros((90, 1)), np.full((10, 1), 100.0)])
    figure = figure_of(lambda path: plots.latent_histogram(latents, path), monkeypatch, tmp_path)
    assert figure.axes[0].get_xlabel() == "z, 10.0 % outside"


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros(5), r"`latents` must be \[N, ...\] .* received \[5\]"),
        (np.zeros((0, 2)), r"`latents` must be"),
        (np.full((2, 2), np.nan), r"`latents` must be finite"),
    ],
)
def test_what_are_no_latents_is_refused(latents, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.latent_histogram(latents, tmp_path / "latents.png")


def test_a_warp_has_the_density_that_it_makes(monkeypatch, tmp_path):
    figure = figure_of(draw_warp, monkeypatch, tmp_path)
    density, warp, slope = (axes.get_lines()[0].get_data() for axes in figure.axes)
    x = density[0]
    wanted = 2 * np.exp(-0.5 * (2 * x + 1) ** 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(density[1], wanted, atol=1e-6)
    np.testing.assert_allclose(warp[1], 2 * x + 1, rtol=1e-6)
    np.testing.assert_allclose(slope[1], 2.0)
    (bars,) = figure.axes[0].patches
    heights, edges, _ = bars.get_data()
    assert (heights * np.diff(edges)).sum() > 0.995
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


@pytest.mark.parametrize(
    ("data", "value", "message"),
    [
        (PLANE, 0.0, r"`data` must be \[N, 1\].*received \[500, 2\]"),
        (PLANE[:0, :1], 0.0, r"`data` must be"),
        (PLANE[:, :1], np.nan, r"`inverse_fn\(x\)` must be finite"),
    ],
)
def test_what_is_no_warp_is_refused(data, value, message, tmp_path):
    def constant(x):
        return np.full_like(x, value), np.full(len(x), value)

    with pytest.raises(ValueError, match=message):
        plots.warp(constant, data, tmp_path / "warp.png")


def test_warps_are_columns_at_one_scale(monkeypatch, tmp_path):
    figure = figure_of(draw_warps, monkeypatch, tmp_path)
    panels = np.array(figure.axes).reshape(3, 2)
    assert [axes.get_title() for axes in panels[0]] == ["before", "after"]
    for column, slope in zip(panels.T, (0.5, 1.0), strict=True):
        (x, density), (_, z), (_, slopes) = (axes.get_lines()[0].get_data() for axes in column)
        normal = np.exp(-0.5 * (slope * x) ** 2) / np.sqrt(2 * np.pi)
        np.testing.assert_allclose(density, slope * normal, rtol=1e-5)
        np.testing.assert_allclose(z, slope * x, rtol=1e-5)
        np.testing.assert_allclose(slopes, slope, rtol=1e-5)
    for row in panels:
        assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in row}) == 1
        low, high = row[0].get_ylim()
        drawn = np.concatenate([axes.get_lines()[0].get_ydata() for axes in row])
        assert low <= drawn.min() < drawn.max() <= high
    assert panels[2, 0].get_ylim()[0] == 0
    assert [axes.get_ylabel() for axes in panels[:, 0]] == ["density", "warp z = f(x)", "dz / dx"]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({}, "`stages` must hold at least one map"),
        (
            {"odd": plots.Warp(x=np.ones(2), z=np.full(2, np.nan), log_slope=np.ones(2))},
            r"`stages\['odd'\]` must be finite",
        ),
    ],
)
def test_what_are_no_stages_is_refused(stages, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        plots.warps(stages, PLANE[:, :1], tmp_path / "warps.png")


def line_of(shown, number):
    """Returns the pixels of a line of 8 x 8 images in a picture of captioned lines."""
    top = grid.MARGIN + lines.CAPTION + number * (96 + lines.CAPTION + grid.GAP)
    return shown[top : top + 96, grid.MARGIN :]


def test_each_line_has_its_images_and_its_caption(tmp_path):
    shown = pixels(draw_lines(tmp_path / "lines.png"))
    for number, images in enumerate((IMAGES[:4], IMAGES[4:7])):
        drawn = line_of(shown, number)
        for k, one in enumerate(images):
            tile = drawn[:, k * (96 + grid.GAP) :][:, :96]
            wanted = np.round(one * (255 / 16)).repeat(12, axis=0).repeat(12, axis=1)
            np.testing.assert_array_equal(tile, np.broadcast_to(wanted, tile.shape))
        assert (line_of(shown, number)[:, 4 * (96 + grid.GAP) :] == 255).all()
        top = grid.MARGIN + number * (96 + lines.CAPTION + grid.GAP)
        caption = shown[top : top + lines.CAPTION]
        assert (caption < 128).any(), "no caption"
        assert (caption[[0, -1]] == 255).all(), "the caption is cut"


def test_no_line_is_refused(tmp_path):
    with pytest.raises(ValueError, match="`lines` must hold at least one"):
        plots.image_lines({}, tmp_path / "lines.png", levels=17)


def test_changed_unchanged_and_gone_pixels_differ(tmp_path):
    shown = pixels(draw_changes(tmp_path / "changes.png"))
    first = line_of(shown, 1)[6::12, 6::12][:8, :8]  # the middle of each pixel of the first image
    of_pixels = sizes()[0]
    np.testing.assert_array_equal((first == UNCHANGED).all(-1), of_pixels == 0)
    np.testing.assert_array_equal((first == GONE).all(-1), np.isnan(of_pixels))
    darkest = np.unravel_index(first.sum(axis=-1).argmin(), (8, 8))
    assert darkest == (0, 1)
    others = first[(of_pixels == 1)]
    assert (others == others[0]).all()


def test_a_layer_that_changes_nothing_has_a_line(monkeypatch, tmp_path):
    def draw(path):
        return plots.changes(IMAGES, {"still": np.zeros((11, 8, 8))}, path, levels=17)

    figure = figure_of(draw, monkeypatch, tmp_path)
    assert "still: changes of up to 0" in [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("wrong", [sizes()[1:], -sizes(), sizes()[..., None]])
def test_what_are_no_changes_is_refused(wrong, tmp_path):
    with pytest.raises(ValueError, match=r"`sizes\['board'\]` must be \[11, 8, 8\] numbers"):
        plots.changes(IMAGES, {"board": wrong}, tmp_path / "changes.png", levels=17)
