"""docs/energies.md reaches what it says: effective sample sizes, moments and normalisers."""

import numpy as np
import pytest

from pages import drawn
from tfflows import KerasModule

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return drawn("energies", tmp_path_factory.mktemp("page"))


@pytest.mark.parametrize("name", ["plane", "lattice"])
def test_a_draw_and_its_density_are_one_pass(page, name, monkeypatch):
    calls, original = [], KerasModule.__call__

    def recorded(self, *args, **kwargs):
        calls.append(self.layer.name)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(KerasModule, "__call__", recorded)
    page[name].experimental_sample_and_log_prob(5, seed=[0, 0])
    assert len(calls) == len(set(calls)) == 4


def test_effective_sample_sizes(page):
    assert page["wells_ess"] > 0.4  # three seeds: 0.60, 0.73, 0.74
    assert page["phi_ess"] > 0.4  # three seeds: 0.79 to 0.84


def test_the_moments_and_the_normaliser_of_the_wells(page):
    value, error = page["wells_log_z"]
    assert error < 0.02
    assert abs(value - page["WELLS_LOG_Z"]) < 5 * error
    for name, truth in page["wells_truth"].items():
        mean, error = page["wells_found"][name]
        assert error < 0.1
        assert abs(mean - truth) < 5 * error, name


def test_every_well_is_found(page):
    squares = np.sum((page["points"][:, None] - page["CENTRES"]) ** 2, -1)
    shares = np.bincount(squares.argmin(-1), page["point_weights"], minlength=8)
    np.testing.assert_allclose(shares, page["SHARES"], rtol=0.2)


def test_the_moments_of_the_lattice_are_those_of_hmc(page):
    for name, (truth, truth_error) in page["phi_truth"].items():
        mean, error = page["phi_found"][name]
        assert np.hypot(error, truth_error) < 0.03 * truth
        assert abs(mean - truth) < 5 * np.hypot(error, truth_error), name


def test_the_normaliser_of_the_lattice_is_the_same_from_both_sides(page):
    value, error = page["phi_log_z"]
    other, other_error = page["hmc_log_z"]
    assert error < 0.02
    assert abs(value - other) < 5 * np.hypot(error, other_error)
