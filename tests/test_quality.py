"""How well fitted presets know their data, against the truth and against scikit-learn.

Everything is fitted on the 10,000 training rows of a toy and judged on fresh rows of another seed,
with three seeds. KL is the divergence from the known density to the model, in nats.

Two samples are compared by the energy distance (Szekely and Rizzo 2013) of 1,000 rows each, with
199 permutations of the rows: p is the share of permutations with a distance at least as large.
"""

import functools

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity

import zoo
from zoo import datasets, registry
from zoo.datasets.toys import TOYS
from zoo.datasets.toys_1d import TOYS_1D

pytestmark = pytest.mark.slow

FRESH = 20_000
SEEDS = (0, 1, 2)
LINE = [
    "activation_mixture",
    "activation_skewed",
    "cdf_heavy_tail",
    "cdf_mixture",
    "cdf_skewed",
    "elementwise_heavy_tail",
    "elementwise_mixture",
    "elementwise_skewed",
]
PLANE = ["maf_checkerboard", "maf_eight_gaussians", "maf_pinwheel", "maf_rings"]
SAMPLED = ["maf_moons", "maf_rings", "spline_moons"]
BEST = {"heavy_tail": "cdf_heavy_tail", "skewed": "elementwise_skewed"} | {
    name: f"maf_{name}" for name in ("checkerboard", "moons", "pinwheel", "rings")
}
"""The preset of each set that is no mixture of Gaussians: of those the mixture is the truth."""

every_seed = pytest.mark.parametrize("seed", SEEDS)


@functools.cache
def fitted(name, seed):
    model = zoo.get(name, seed=seed)
    history = model.fit(datasets.load(registry.preset(name).dataset, seed=seed).train, verbose=0)
    assert np.all(np.isfinite(history.history["loss"]))
    return model


def fresh(dataset, seed, rows=FRESH):
    return {**TOYS, **TOYS_1D}[dataset](rows, (seed, 2))


def log_likelihood(name, seed):
    """Returns the log density of fresh rows, [N] nats."""
    rows = fresh(registry.preset(name).dataset, seed)
    return fitted(name, seed).predict(rows, batch_size=1_000, verbose=0).astype(np.float64)


def divergence(name, seed):
    dataset = registry.preset(name).dataset
    truth = datasets.log_density(dataset)(fresh(dataset, seed))
    return (truth - log_likelihood(name, seed)).mean()


# Against the truth


@every_seed
@pytest.mark.parametrize("name", [*LINE, "affine_correlated"])
def test_numbers_are_known_to_two_hundredths_of_a_nat(name, seed):
    assert divergence(name, seed) < 0.02


@every_seed
@pytest.mark.parametrize("name", PLANE)
def test_the_plane_is_known_to_five_hundredths_of_a_nat(name, seed):
    assert divergence(name, seed) < 0.05


def energy_p_value(one, other, seed):
    """Returns the p-value of the energy distance of two samples [N, D] by permutations."""
    both = np.concatenate([one, other]).astype(np.float64)
    distances = np.sqrt(((both[:, None] - both[None]) ** 2).sum(axis=2))
    signs = np.repeat([1.0, -1.0], len(one))
    random = np.random.default_rng(seed)
    columns = np.stack([signs, *(random.permutation(signs) for _ in range(199))], axis=1)
    energies = -np.einsum("ij,ij->j", columns, distances @ columns)
    return (energies >= energies[0]).mean()


@every_seed
@pytest.mark.parametrize("name", SAMPLED)
def test_samples_are_not_told_from_rows(name, seed):
    samples = fitted(name, seed).sample(1_000, seed=seed).numpy()
    assert np.all(np.isfinite(samples))
    rows = fresh(registry.preset(name).dataset, seed, 1_000)
    assert energy_p_value(rows, samples, seed) > 0.01


def test_samples_of_independent_variables_are_told_from_rows():
    samples = fitted("elementwise_moons", 0).sample(1_000, seed=0).numpy()
    assert energy_p_value(fresh("moons", 0, 1_000), samples, 0) < 0.01


@every_seed
def test_couplings_keep_what_elementwise_maps_lose(seed):
    gain = log_likelihood("spline_moons", seed) - log_likelihood("elementwise_moons", seed)
    assert gain.mean() > 0.3


# Against scikit-learn


@functools.cache
def best_mixture(dataset, seed):
    """Returns the Gaussian mixture of up to 32 components that BIC prefers."""
    rows = datasets.load(dataset, seed=seed).train
    mixtures = [
        GaussianMixture(k, n_init=1, random_state=seed, max_iter=500).fit(rows)
        for k in (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 28, 32)
    ]
    return min(mixtures, key=lambda mixture: mixture.bic(rows))


@functools.cache
def best_kernels(dataset, seed):
    """Returns the kernel density whose bandwidth is best in three-fold cross-validation."""
    rows = datasets.load(dataset, seed=seed).train
    widths = rows.std() * np.geomspace(0.01, 0.5, 14)
    search = GridSearchCV(KernelDensity(rtol=1e-4), {"bandwidth": widths}, cv=3)
    return search.fit(rows).best_estimator_


@every_seed
@pytest.mark.parametrize("other", [best_mixture, best_kernels])
@pytest.mark.parametrize("dataset", BEST)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_flow_beats_scikit_learn(dataset, other, seed):
    rows = fresh(dataset, seed)
    gain = log_likelihood(BEST[dataset], seed) - other(dataset, seed).score_samples(rows)
    assert gain.mean() > 0


@every_seed
def test_kernels_are_beaten_where_a_mixture_is_the_truth(seed):
    rows = fresh("mixture", seed)
    gain = log_likelihood("cdf_mixture", seed) - best_kernels("mixture", seed).score_samples(rows)
    assert gain.mean() > 0
