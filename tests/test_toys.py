import numpy as np
import pytest

from zoo.datasets.toys import TOYS
from zoo.datasets.toys_1d import TOYS_1D

ALL_TOYS = {**TOYS, **TOYS_1D}

SCALES = {  # mean and standard deviation of each coordinate, as the docstrings state them
    "checkerboard": ((0.0, 0.0), (2.31, 2.31)),
    "correlated": ((0.5, -0.5), (0.9, 0.3)),
    "eight_gaussians": ((0.0, 0.0), (2.03, 2.03)),
    "moons": ((0.0, 0.3), (1.74, 1.01)),
    "pinwheel": ((0.0, 0.0), (1.48, 1.48)),
    "rings": ((0.0, 0.0), (1.45, 1.45)),
}


def test_every_toy_states_its_scale():
    assert SCALES.keys() == TOYS.keys()


@pytest.mark.parametrize("name", TOYS)
def test_rows_have_the_documented_scale(name):
    rows = TOYS[name](100_000, 0)
    assert rows.shape == (100_000, 2)
    assert rows.dtype == np.float32
    mean, deviation = SCALES[name]
    np.testing.assert_allclose(rows.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(rows.std(axis=0), deviation, atol=0.02)
    assert (np.abs(rows) > 4).any(axis=1).mean() < 5e-4


@pytest.mark.parametrize("name", ALL_TOYS)
def test_a_seed_decides_the_rows(name):
    toy = ALL_TOYS[name]
    np.testing.assert_array_equal(toy(50, 3), toy(50, 3))
    for other in (4, (3, 1)):
        assert not np.isin(toy(50, 3), toy(50, other)).any()


@pytest.mark.parametrize("name", ALL_TOYS)
def test_rows_are_independent_draws(name):
    rows = ALL_TOYS[name](40_000, 1)
    deviations = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    neighbours = (deviations[1:, :, None] * deviations[:-1, None, :]).mean(axis=0)
    assert np.abs(neighbours).max() < 0.03


def test_numbers_have_the_documented_scale():
    for name, (mean, deviation) in {"mixture": (-0.15, 2.23), "skewed": (0, np.sqrt(3))}.items():
        rows = TOYS_1D[name](100_000, 0)
        assert rows.shape == (100_000, 1)
        assert rows.dtype == np.float32
        assert rows.mean() == pytest.approx(mean, abs=0.03)
        assert rows.std() == pytest.approx(deviation, abs=0.03)


def test_heavy_tails_are_heavy_and_even():
    rows = TOYS_1D["heavy_tail"](200_000, 0)
    assert np.median(rows) == pytest.approx(0, abs=0.01)
    assert (np.abs(rows) > 10).mean() == pytest.approx(0.00213, rel=0.2)
    assert (rows > 10).sum() == pytest.approx((rows < -10).sum(), rel=0.3)


def test_correlated_variables_are():
    assert np.corrcoef(TOYS["correlated"](40_000, 0).T)[0, 1] == pytest.approx(0.9, abs=0.01)


def test_checkerboard_fills_the_dark_fields_alone_and_evenly():
    rows = TOYS["checkerboard"](32_000, 0)
    column, row = np.floor(rows / 2).astype(int).T
    assert ((column + row) % 2 == 0).all()
    _, counts = np.unique(4 * column + row, return_counts=True)
    assert len(counts) == 8
    np.testing.assert_allclose(counts, 4_000, rtol=0.06)


def test_rings_are_four_equal_circles():
    radius = np.linalg.norm(TOYS["rings"](40_000, 0), axis=1)
    nearest = np.rint(radius / 0.75)
    _, counts = np.unique(nearest, return_counts=True)
    np.testing.assert_allclose(counts, 10_000, rtol=0.05)
    np.testing.assert_allclose((radius - 0.75 * nearest).std(), 0.08, rtol=0.03)


def test_eight_gaussians_stand_on_a_circle():
    rows = TOYS["eight_gaussians"](40_000, 0)
    turn = np.rint(np.arctan2(rows[:, 1], rows[:, 0]) / (np.pi / 4)) * np.pi / 4
    around = rows - np.sqrt(8) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    np.testing.assert_allclose(around.std(axis=0), np.sqrt(1 / 8), rtol=0.03)
    _, counts = np.unique(np.rint(turn / (np.pi / 4)) % 8, return_counts=True)
    np.testing.assert_allclose(counts, 5_000, rtol=0.06)


def test_moons_follow_two_half_circles_evenly():
    rows = TOYS["moons"](40_000, 0)
    angle = np.pi * (np.arange(10) + 0.5) / 10
    upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    arcs = 2 * np.concatenate([upper, [1.0, 0.5] - upper]) + [-1.0, -0.2]
    distance = np.linalg.norm(rows[:, None] - arcs, axis=2)
    assert (distance.min(axis=1) < 0.9).all()
    _, counts = np.unique(distance.argmin(axis=1), return_counts=True)
    np.testing.assert_allclose(counts, 2_000, rtol=0.08)
    across = np.linalg.norm((rows - [-1.0, -0.2])[distance.argmin(axis=1) < 10], axis=1) - 2
    np.testing.assert_allclose(across.std(), 0.2, rtol=0.03)


def test_pinwheel_is_the_same_after_a_fifth_of_a_turn():
    rows = TOYS["pinwheel"](100_000, 0).astype(np.float64)
    angle = np.arctan2(rows[:, 1], rows[:, 0])
    harmonics = {k: np.abs(np.exp(1j * k * angle).mean()) for k in range(1, 6)}
    assert harmonics.pop(5) > 0.3
    assert max(harmonics.values()) < 0.015


@pytest.mark.parametrize("n", [0, -3, 2.5, "10"])
def test_a_wrong_number_of_rows_is_refused(n):
    with pytest.raises(ValueError, match=r"`n` must be a whole number >= 1; received"):
        TOYS["moons"](n, 0)


@pytest.mark.parametrize("seed", [-1, 1.5, "a", (), (1, -2), None])
def test_a_wrong_seed_is_refused(seed):
    with pytest.raises(ValueError, match=r"`seed` must be a whole number >= 0"):
        TOYS["moons"](10, seed)
