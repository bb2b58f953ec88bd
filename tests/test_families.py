"""What belongs to one family of vectors alone; `test_presets.py` has what belongs to all."""

import numpy as np
import pytest
import tensorflow as tf

import zoo
from models import conditions, data, randomize
from tfflows import PLU, Chain, Coupling, Elementwise, Householder, LeakyReLU, Permute, Reverse
from zoo import registry
from zoo.registry import resolve

LINES = ["activation", "cdf", "elementwise"]
COUPLINGS = ["nice", "realnvp", "spline"]
QUICK = {"steps": 20, "batch_size": 20}


def get(family, event_shape=3, seed=0, **changes):
    """Returns a model of a family at random weights."""
    if family in COUPLINGS:
        changes = {"units": 8, "layers": 2, "couplings": 6, **changes}
    model = zoo.get(family, event_shape=event_shape, seed=seed, **QUICK, **changes)
    model.initialize(data(model), conditions(model) if model.form.conditional else None)
    return randomize(model)


def jacobians(model, rows=5):
    """Returns the derivatives [rows, D, D] of latents by data."""
    x = tf.constant(data(model, rows))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        z, _ = model.flow.inverse_and_log_det(x)
        latents = tf.unstack(z, axis=1)
    return np.stack([tape.gradient(latent, x) for latent in latents], axis=1)


def parts(model, kind):
    return [part for part in model.flow.submodules if isinstance(part, kind)]


def comes_back(model):
    x = data(model)
    np.testing.assert_allclose(model.decode(model.encode(x)), x, atol=2e-3)


# Maps of single variables


@pytest.mark.parametrize("family", LINES)
def test_variables_are_independent(family):
    found = jacobians(get(family))
    assert np.all(np.abs(found[:, ~np.eye(3, dtype=bool)]) == 0)
    diagonal = found[:, np.eye(3, dtype=bool)]
    assert np.all(diagonal > 0)
    assert np.ptp(diagonal, axis=0).min() > 1e-3  # and bent


@pytest.mark.parametrize("transformer", ["affine", "spline", "cdf"])
def test_elementwise_takes_every_transformer(transformer):
    model = get("elementwise", transformer=transformer, layers=3)
    assert len(parts(model, Elementwise)) == 3
    comes_back(model)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "leaky_relu", "mixed"])
def test_activations_are_those_of_the_config(activation):
    model = get("activation", activation=activation, layers=6)
    kinks = {"leaky_relu": 6, "mixed": 2}.get(activation, 0)
    assert len(parts(model, LeakyReLU)) == kinks
    assert len(parts(model, Elementwise)) == 7 + 6 - kinks
    comes_back(model)


def test_activations_start_as_the_identity_and_bend_at_different_points():
    model = zoo.get("activation", event_shape=2, layers=5)
    x = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    np.testing.assert_allclose(model.encode(x), x, atol=1e-5)
    first = [p for p in parts(model, Elementwise) if p.name.startswith("affine")]
    points = np.cumsum([p._state.layer.params[:2] for p in first], axis=0)
    assert np.abs(points[-1]).max() < 1e-5
    assert len(np.unique(points[:-1])) == 10


# The affine flow


@pytest.mark.parametrize("matrix", ["plu", "dense", "householder+scale"])
def test_an_affine_flow_is_affine_and_full(matrix):
    model = get("affine", matrix=matrix)
    found = jacobians(model)
    np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), atol=1e-5)
    assert np.abs(found[0]).min() > 1e-3
    assert len(parts(model, Householder)) == (matrix == "householder+scale")
    comes_back(model)


def test_an_affine_flow_fits_the_covariance():
    model = zoo.get("affine", event_shape=3, steps=400, learning_rate=3e-2)
    random = np.random.default_rng(0)
    x = random.normal(size=(4_000, 3)) @ random.normal(size=(3, 3)) + [5.0, 0.0, -2.0]
    x = x.astype(np.float32)
    model.fit(x, verbose=0)
    covariance = np.cov(x.T)
    best = -0.5 * (np.linalg.slogdet(2 * np.pi * np.e * covariance)[1])
    assert float(np.mean(model.log_prob(x))) == pytest.approx(best, abs=0.01)


def test_a_condition_scales_and_shifts_the_latents_of_an_affine_flow():
    model = get("affine", condition_dim=2)
    assert [part.name for part in parts(model, Elementwise)] == ["affine"]
    x, c = data(model, 6), np.random.default_rng(1).normal(size=(6, 2)).astype(np.float32)
    assert np.abs(model.log_prob(x, c) - model.log_prob(x, c + 1)).min() > 1e-4


# Couplings that take turns


@pytest.mark.parametrize("reorder", ["alternate", "reverse", "random", "lu"])
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("family", COUPLINGS)
def test_every_latent_depends_on_every_variable(family, size, reorder):
    model = get(family, size, reorder=reorder)
    assert np.abs(jacobians(model)).max(axis=0).min() > 1e-6


@pytest.mark.parametrize(
    ("reorder", "kinds"),
    [("alternate", []), ("reverse", [Reverse]), ("random", [Permute]), ("lu", [Permute, PLU])],
)
@pytest.mark.parametrize("family", COUPLINGS)
def test_what_stands_between_couplings(family, reorder, kinds):
    model = get(family, 4, reorder=reorder, couplings=3)
    assert isinstance(model.flow, Chain)
    found = [type(p) for p in model.flow.bijectors if isinstance(p, Reverse | Permute | PLU)]
    assert found == 2 * kinds
    first = next(p for p in model.flow.bijectors if isinstance(p, Coupling))
    assert first.name == "coupling0"


def test_permutations_are_the_seeds_and_never_nothing():
    def orders(seed, size):
        model = zoo.get("realnvp", event_shape=size, reorder="random", seed=seed, couplings=5)
        return [part._state.layer.order.numpy().tolist() for part in parts(model, Permute)]

    assert orders(0, 2) == 4 * [[1, 0]]
    assert orders(1, 6) == orders(1, 6) != orders(2, 6)
    assert len({tuple(order) for order in orders(1, 6)}) > 1


def test_images_of_nice_alternate():
    message = "`reorder` must be 'alternate' for images; received 'lu'"
    with pytest.raises(ValueError, match=message):
        zoo.get("nice", event_shape=(4, 4, 1), levels=2, reorder="lu")


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        *[(f, {"event_shape": (0,)}, r"`event_shape` must be \(D,\)") for f in LINES + ["affine"]],
        *[(f, {"event_shape": (2, 3)}, r"`event_shape` must be \(D,\)") for f in LINES],
        ("elementwise", {"layers": 0}, "`layers` must be at least 1; received 0"),
        ("activation", {"layers": -1}, "`layers` must be at least 1; received -1"),
        ("elementwise", {"transformer": "cubic"}, r"`transformer` must be one of \['affine', 'cdf"),
        ("elementwise", {"bins": 1}, "`bins` must be at least 2"),
        ("cdf", {"components": 0}, "`components` must be at least 1"),
        ("activation", {"activation": "relu"}, r"`activation` must be one of \['leaky_relu', 'mi"),
        ("affine", {"matrix": "lu"}, r"`matrix` must be one of \['dense', 'householder"),
        ("spline", {"event_shape": 1}, "at least 2 for couplings.*'elementwise'.*Received"),
        ("spline", {"couplings": 1}, "`couplings` must be at least 2; received 1"),
        *[(f, {"reorder": "lru"}, r"`reorder` must be one of \['alternate'") for f in COUPLINGS],
    ],
)
def test_impossible_configs_are_refused(family, changes, message):
    with pytest.raises(ValueError, match=message):
        zoo.get(family, **{"event_shape": 3, **changes})


def test_presets_of_a_family_have_its_name():
    for name in zoo.list():
        family = registry.preset(name).config.family.partition("_")[0]
        assert name.startswith(f"{family}_"), name
        assert resolve(name, {}).config.event_shape
