import numpy as np
import pytest

from pages import executed


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("joint")
        patch.chdir(folder)
        return folder, executed("joint_distributions")


def test_the_prior_has_learned(page):
    _, names = page
    assert names["losses"][0] > 1.5
    assert np.mean(names["losses"][-50:]) < 1.25  # a normal distribution has 1.9


def test_evidence_and_posterior_mean_are_those_of_quadrature(page):
    _, names = page
    error = names["evidence_error"]
    assert error < 0.03 * names["evidence"]
    assert abs(names["evidence"] - names["true_evidence"]) < 4 * error
    assert np.all(names["mean_error"] < 0.05)
    assert np.all(np.abs(names["posterior_mean"] - names["true_mean"]) < 4 * names["mean_error"])


def test_wrappers_and_compositions(page):
    _, names = page
    assert names["drawn"]["effect"].shape == (7, 2)
    assert (names["together"].batch_shape, names["together"].event_shape) == ((), (5, 2))
    assert (names["several"].batch_shape, names["several"].event_shape) == ((5,), (4, 2))
    assert names["mixture_gap"] < 1e-5
    assert names["chain_gap"] < 1e-5


def test_the_picture_is_drawn(page):
    folder, _ = page
    assert (folder / "joint_distributions.png").stat().st_size > 10_000
