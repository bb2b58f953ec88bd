"""docs/neutra.md reaches what it says: effective samples per gradient, and the funnel's moments."""

import pytest

from pages import drawn

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return drawn("neutra", tmp_path_factory.mktemp("page"))


def test_the_flow_is_close_to_the_funnel(page):
    assert -0.02 < page["divergence"] < 0.1  # three seeds: 0.006


def test_both_chains_had_the_same_gradients(page):
    for states, leapfrogs in [("plain", "PLAIN_LEAPFROGS"), ("neutra", "NEUTRA_LEAPFROGS")]:
        assert page[states].shape[0] * page[leapfrogs] == page["GRADIENTS"]
        assert page[states].shape[1] == page["CHAINS"]


def test_effective_samples_per_gradient(page):
    plain, neutra = page["found"]["HMC"], page["found"]["NeuTra"]
    # Three seeds: 80 times at least.
    assert neutra["per gradient"] > 20 * plain["per gradient"]
    with_training = page["CHAINS"] * page["GRADIENTS"] * 1.5  # and burn-in
    with_training += page["TRAINING_STEPS"] * page["TRAINING_DRAWS"]
    before = page["CHAINS"] * page["GRADIENTS"] * 1.5
    assert neutra["ess"] / with_training > 20 * plain["ess"] / before


def test_moments_of_v_are_right_through_the_flow(page):
    row = page["found"]["NeuTra"]
    assert row["mean error"] < 0.05
    assert abs(row["mean"]) < 5 * row["mean error"]
    assert abs(row["stddev"] - 3.0) < 5 * row["stddev error"]


def test_plain_hmc_misses_the_lower_end(page):
    row = page["found"]["HMC"]
    assert row["mean"] > 0.2  # three seeds: 0.59, 0.70, 0.93
    assert row["stddev"] < 2.8  # three seeds: 2.43, 2.42, 2.53
