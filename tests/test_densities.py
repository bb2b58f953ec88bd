"""The known densities of the toys: they integrate to one, and are those of the rows."""

import numpy as np
import pytest

from zoo import datasets
from zoo.datasets.densities import LOG_DENSITIES
from zoo.datasets.toys import TOYS
from zoo.datasets.toys_1d import TOYS_1D

LINE = [name for name in LOG_DENSITIES if name in TOYS_1D]
PLANE = [name for name in LOG_DENSITIES if name in TOYS]


def cells(name):
    """Returns the probability of each of 20 x 20 cells of [-5, 5]^2, by the density."""
    points = (np.arange(400) + 0.5) / 40 - 5
    grid = np.stack(np.meshgrid(points, points, indexing="ij"), -1).reshape(-1, 2)
    density = np.exp(LOG_DENSITIES[name](grid)).reshape(20, 20, 20, 20)
    return density.sum(axis=(1, 3)) / 40**2


def distribution(name):
    """Returns points of the line, closer near zero, and the distribution function there."""
    points = np.sinh(np.linspace(-9, 9, 200_001))
    density = np.exp(LOG_DENSITIES[name](points[:, None]))
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(points)
    return points, np.concatenate([[0.0], np.cumsum(steps)])


def test_every_toy_but_moons_has_a_density():
    assert {*TOYS, *TOYS_1D} - {*LOG_DENSITIES} == {"moons"}
    assert datasets.log_density("rings") is LOG_DENSITIES["rings"]
    assert datasets.log_density("moons") is None
    assert datasets.log_density("digits") is None


@pytest.mark.parametrize("name", LINE)
def test_a_density_of_the_line_is_that_of_the_rows(name):
    points, below = distribution(name)
    assert below[-1] == pytest.approx(1, abs=1e-5)
    rows = np.sort(TOYS_1D[name](20_000, 5)[:, 0].astype(np.float64))
    gap = np.abs(np.interp(rows, points, below) - (np.arange(20_000) + 0.5) / 20_000).max()
    assert gap * np.sqrt(20_000) < 1.95  # Kolmogorov and Smirnov, p = 0.001


@pytest.mark.parametrize("name", PLANE)
def test_a_density_of_the_plane_is_that_of_the_rows(name):
    expected = cells(name)
    assert expected.sum() == pytest.approx(1, abs=1e-3)
    rows = TOYS[name](20_000, 5)
    edges = np.linspace(-5, 5, 21)
    found, *_ = np.histogram2d(*rows.T, bins=(edges, edges))
    large = 20_000 * expected > 5
    wanted = 20_000 * expected[large]
    chi_square, freedom = ((found[large] - wanted) ** 2 / wanted).sum(), large.sum() - 1
    assert abs(chi_square - freedom) < 4 * np.sqrt(2 * freedom)
    assert found[~large].sum() == pytest.approx(20_000 * expected[~large].sum(), abs=40)


@pytest.mark.parametrize("name", [name for name in PLANE if name != "checkerboard"])
def test_no_mass_is_missing_in_the_tails(name):
    """A row in ten thousand that is far too unlikely would hide what a model lacks."""
    points = np.linspace(-8, 8, 801)
    grid = np.stack(np.meshgrid(points, points, indexing="ij"), -1).reshape(-1, 2)
    mass = sum(np.exp(LOG_DENSITIES[name](part)).sum() for part in np.array_split(grid, 20))
    assert mass * (16 / 800) ** 2 == pytest.approx(1, abs=1e-6)
    assert LOG_DENSITIES[name](TOYS[name](50_000, 6)).min() > -25


@pytest.mark.parametrize("name", LOG_DENSITIES)
def test_no_point_is_nan(name):
    size = 1 if name in TOYS_1D else 2
    far = np.concatenate([[[0.0] * size], np.random.default_rng(0).normal(size=(50, size)) * 1e3])
    values = LOG_DENSITIES[name](far)
    assert values.shape == (51,)
    assert not np.isnan(values).any()
    assert (values < 1).all()
    with pytest.raises(ValueError, match=rf"`x` must be rows \[N, {size}\]; received"):
        LOG_DENSITIES[name](np.zeros((4, size + 1)))
