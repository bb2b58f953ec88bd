"""Reduced-size twins of every preset, and small data for each.

`test_presets.py` runs every property over `zoo.list()`; a new family needs an entry in `SMALL`.
"""

import dataclasses
import functools
import math

import numpy as np
import pytest
import tensorflow as tf

import zoo
from zoo import registry

CLASSES = 10


def small_image(config):
    channels = config.event_shape[-1]
    sizes = {"image_shape": (4, 4, channels), "scales": 2, "filters": 4, "blocks": 1}
    return {**sizes, "couplings": 2, "last_couplings": 2}


def few(config):
    """Returns the shape of vectors of at most two variables."""
    return (min(2, *config.event_shape),)


def small_vector(config):
    return {"event_shape": few(config), "couplings": 3, "units": 8}


def small_nice(config):
    shape = (4, 4, config.event_shape[-1]) if config.levels else few(config)
    return {"event_shape": shape, "couplings": 3, "units": 8, "layers": 2}


def small_autoregression(config):
    return {"event_shape": few(config), "flows": 2, "units": 8}


def small_elementwise(config):
    return {"layers": 2, "bins": 4, "components": 3, "units": 16}


def small_spline(config):
    return {"event_shape": few(config), "couplings": 3, "units": 8, "bins": 4, "bound": 4.0}


SMALL = {
    "activation": lambda config: {"layers": 3, "units": 16},
    "affine": lambda config: {"units": 16},
    "cdf": lambda config: {"components": 3, "units": 16},
    "elementwise": small_elementwise,
    "iaf": small_autoregression,
    "maf": small_autoregression,
    "nice": small_nice,
    "realnvp_image": small_image,
    "realnvp_vector": small_vector,
    "spline": small_spline,
}
"""Overrides of a family's config that make its smallest real member."""


def _small_config(name):
    config = registry.preset(name).config
    small = registry.resolve(name, SMALL[config.family](config)).config
    return small if small.levels is None else dataclasses.replace(small, levels=2)


_order = ["realnvp_digits", "realnvp_moons", *zoo.list()]
PRESETS = list({_small_config(name): name for name in reversed(_order)}.values())[::-1]
"""The first preset of each twin: presets that differ in their sizes alone have one twin."""

QUICK = ["realnvp_digits", "realnvp_moons"]
"""The presets whose twins every run tests; those of the others are slow tests."""


def marked(names):
    """Returns the names as parameters of a test, all but the quick ones marked slow."""
    return [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in names]


INDEPENDENT = ["activation", "cdf", "elementwise"]
"""The families whose variables are independent: they learn shapes, and no correlations."""

ALWAYS_ALIKE = ["cdf", "elementwise"]
"""The families without anything that a seed draws."""

CONDITIONS = {"classes": {"num_classes": CLASSES}, "vectors": {"condition_dim": 1}}
"""Overrides that make a conditional model, by kind."""


def twin(name, *, seed=0, dtype="float32", **overrides):
    """Returns a reduced model of a preset: its family, norms, levels and optimizer."""
    config = registry.preset(name).config
    options = {**SMALL[config.family](config), "batch_size": 20, "steps": 20, **overrides}
    return zoo.get(name, seed=seed, dtype=dtype, **options)


def data(model, rows=40, seed=0):
    """Returns rows as `fit` takes them: uint8 images, or vectors far from zero.

    The vectors are correlated, or skewed for those families that learn no correlations.
    """
    random = np.random.default_rng(seed)
    shape = (rows, *model.event_shape)
    if model.levels is None:
        vectors = random.normal(size=shape)
        skewed = model.spec.config.family in INDEPENDENT
        vectors = np.exp(vectors) - 2 if skewed else vectors @ np.tri(shape[-1])
        return (vectors + np.arange(shape[-1]) + 1).astype(model.form.dtype)
    bright = random.uniform(0.2, 0.8, (rows, *[1] * len(model.event_shape)))
    pixels = random.binomial(model.levels - 1, np.broadcast_to(bright, shape))
    return pixels.astype(np.uint8)


def real(model, rows=40, seed=0):
    """Returns rows as `log_prob` takes them: real numbers in the data's units."""
    x = data(model, rows, seed)
    if model.levels is None:
        return x
    return (x + np.random.default_rng(seed + 1).uniform(0.1, 0.9, x.shape)).astype(model.form.dtype)


def conditions(model, rows=40, seed=0):
    """Returns a condition for each row: class numbers or vectors."""
    random = np.random.default_rng(seed + 2)
    if model.form.num_classes:
        return random.integers(0, model.form.num_classes, rows)
    return random.normal(size=(rows, model.form.condition_dim)).astype(model.form.dtype)


def randomize(model, scale=0.1, seed=0):
    """Moves every trainable weight, so that no network is the zero it starts as."""
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        variable.assign_add(scale * random.normal(size=variable.shape))
    return model


def size(model):
    return math.prod(model.event_shape)


def weights(model):
    return {v.path: v.numpy() for v in model.variables if "optimizer" not in v.path}


@functools.cache
def fitted(name):
    """Returns a twin after 20 steps of Adam; tests share it and must not change its weights."""
    model = twin(name, weight_decay=0.0)
    model.fit(data(model), verbose=0)
    return model


@functools.cache
def moved(name):
    """Returns a twin at random weights, whose bytes may be no grey levels; tests share it."""
    levels = registry.preset(name).config.levels
    model = twin(name, **({} if levels is None else {"levels": 16}))
    model.initialize(data(model))
    return randomize(model, 0.1 if model.levels is None else 0.05)


@functools.cache
def conditional(name, kind):
    """Returns a conditional twin at random weights; tests share it and must not change it."""
    model = twin(name, **CONDITIONS[kind])
    model.initialize(data(model), conditions(model))
    randomize(model, 0.1 if model.levels is None else 0.05)
    return model


def takes_conditions(name):
    fields = {f.name for f in dataclasses.fields(registry.preset(name).config)}
    return {"num_classes", "condition_dim"} <= fields


fresh = tf.identity
"""TFP's cache answers for tensor objects: what is asked of TFP gets a new one."""
