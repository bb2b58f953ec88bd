"""The mixture's map against SciPy's CDFs, and its digits far out in float32."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special, stats

from bijector_cases import normal
from checks import close
from tfflows import MixtureCDF

KINDS = ["logistic", "normal"]
every_kind = pytest.mark.parametrize("kind", KINDS)
K, C = 4, 3
BOUND, HALF = 5.0, 0.5 * np.log(0.5)


def made(kind, components=K):
    return MixtureCDF(components, kind)


def params(batch=(), seed=0, scale=1.0, dtype="float64"):
    return scale * normal((*batch, 3 * K * C), seed, dtype)


def reference(kind, y, parameters):
    """Returns latents and log-dets of data in float64, from logs of F and 1 - F by SciPy."""
    law = {"logistic": stats.logistic, "normal": stats.norm}[kind]
    means = law.ppf((np.arange(K) + 0.5) / K)
    means *= np.sqrt(0.5 * law.var() / np.mean(means**2))
    blocks = np.reshape(np.asarray(parameters, "float64"), [*parameters.shape[:-1], 3, K, C])
    log_weights = special.log_softmax(blocks[..., 0, :, :], axis=-2)
    means = blocks[..., 1, :, :] + means[:, None]
    log_scales = HALF + BOUND * np.tanh(blocks[..., 2, :, :] / BOUND)
    u = (np.asarray(y, "float64")[..., None, :] - means) / np.exp(log_scales)
    log_f = special.logsumexp(log_weights + law.logcdf(u), axis=-2)
    log_rest = special.logsumexp(log_weights + law.logsf(u), axis=-2)
    log_density = special.logsumexp(log_weights + law.logpdf(u) - log_scales, axis=-2)
    if kind == "logistic":
        x = log_f - log_rest
    else:
        x = np.where(log_f < log_rest, special.ndtri_exp(log_f), -special.ndtri_exp(log_rest))
    return x, log_density - law.logpdf(x)


@every_kind
def test_latents_are_the_laws_quantiles_of_the_mixtures_cdf(kind):
    y, p = 3.0 * normal((50, C), 1), params((50,))
    x, log_det = made(kind).inverse_and_log_det(y, p)
    wanted, wanted_log_det = reference(kind, y, p)
    close(x, wanted, 1e-12)
    close(log_det, wanted_log_det, 1e-12)


@every_kind
def test_cdfs_are_scipys(kind):
    """At the fixed start, where the components can be written down."""
    law = {"logistic": stats.logistic, "normal": stats.norm}[kind]
    means = law.ppf([0.25, 0.75])
    means *= np.sqrt(0.5 * law.var()) / means[1]
    y = np.linspace(-5.0, 5.0, 21)
    cdf = 0.5 * sum(law.cdf(y, m, np.sqrt(0.5)) for m in means)
    transformer = made(kind, 2)
    x, _ = transformer.inverse_and_log_det(tf.constant(y[:, None]), tf.zeros([6], "float64"))
    close(law.cdf(x[:, 0]), cdf, 1e-13)


@every_kind
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_round_trips_both_ways(kind, scale):
    transformer, p = made(kind), params((40,), scale=scale)
    x = 2.0 * normal((40, C), 2)
    y, fldj = transformer.forward_and_log_det(x, p)
    back, ildj = transformer.inverse_and_log_det(y, p)
    close(back, x, 1e-12)
    close(ildj, -fldj, 1e-11)
    data = 5.0 * normal((40, C), 3)
    latents, _ = transformer.inverse_and_log_det(data, p)
    close(transformer.forward_and_log_det(latents, p)[0], data, 1e-11)


@every_kind
def test_log_dets_are_those_of_gradients(kind):
    transformer, x, p = made(kind), normal((20, C), 2), params((20,))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, fldj = transformer.forward_and_log_det(x, p)
        back, ildj = transformer.inverse_and_log_det(y, p)
    close(np.log(tape.gradient(y, x)), fldj, 1e-11)
    close(np.log(tape.gradient(back, y)), ildj, 1e-11)


@every_kind
@pytest.mark.parametrize("deviations", [3.0, 10.0, 30.0])
def test_float32_keeps_its_digits_in_both_tails(kind, deviations):
    signs = np.sign(normal((40, C), 4)).astype("float32")
    y, p = tf.constant(deviations * signs), params((40,), scale=0.3, dtype="float32")
    x, log_det = made(kind).inverse_and_log_det(y, p)
    wanted, wanted_log_det = reference(kind, y, p)
    close(x, wanted.astype("float32"), 4e-6)
    close(log_det, wanted_log_det.astype("float32"), 1e-5)
    back, fldj = made(kind).forward_and_log_det(x, p)
    close(back, y, 1e-5)
    close(fldj, -log_det, 2e-5)


@every_kind
@pytest.mark.parametrize("deviations", [5.0, 10.0])
def test_float32_samples_from_far_latents(kind, deviations):
    x = tf.constant(deviations * np.sign(normal((40, C), 4)), "float32")
    p = params((40,), scale=0.3, dtype="float32")
    y, fldj = made(kind).forward_and_log_det(x, p)
    wide = tf.cast(x, "float64"), tf.cast(p, "float64")
    wanted, wanted_log_det = made(kind).forward_and_log_det(*wide)
    close(y, tf.cast(wanted, "float32"), 1e-5)
    close(fldj, tf.cast(wanted_log_det, "float32"), 1e-5)


@every_kind
def test_it_is_strictly_increasing(kind):
    grid = tf.constant(np.linspace(-30.0, 30.0, 4001)[:, None] * np.ones(C))
    for seed in range(5):
        x, _ = made(kind).inverse_and_log_det(grid, params((), seed, scale=0.7))
        assert np.all(np.diff(x, axis=0) > 0.0)


@every_kind
@pytest.mark.parametrize("size", [1e2, 1e4])
def test_far_inputs_have_finite_values_and_gradients_in_float32(kind, size):
    values = tf.constant(size * np.sign(normal((20, C), 4)), "float32")
    p = params((20,), scale=1.0, dtype="float32")
    transformer = made(kind)
    for one_pass in (transformer.forward_and_log_det, transformer.inverse_and_log_det):
        with tf.GradientTape() as tape:
            tape.watch([values, p])
            result, log_det = one_pass(values, p)
            loss = tf.reduce_sum(result) / size + tf.reduce_sum(log_det)
        for found in (result, log_det, *tape.gradient(loss, [values, p])):
            assert np.all(np.isfinite(found))


@every_kind
def test_gradients_of_both_directions_are_those_of_differences(kind):
    transformer, x, p = made(kind), normal((2, C), 5), params(scale=0.5)

    @tf.function
    def loss(x, p):
        y, fldj = transformer.forward_and_log_det(x, p)
        back, ildj = transformer.inverse_and_log_det(x, p)
        return tf.reduce_sum(tf.sin(y) + 2.0 * fldj + tf.cos(back) - ildj)

    with tf.GradientTape() as tape:
        tape.watch([x, p])
        value = loss(x, p)
    for at, found in enumerate(tape.gradient(value, [x, p])):
        wanted = np.zeros(found.shape)
        for index in np.ndindex(*found.shape):
            moved = []
            for step in (1e-5, -1e-5):
                values = [x.numpy().copy(), p.numpy().copy()]
                values[at][index] += step
                moved.append(loss(*[tf.constant(value) for value in values]))
            wanted[index] = (moved[0] - moved[1]) / 2e-5
        close(found, wanted, 1e-7)
        assert np.all(found != 0)


@pytest.mark.parametrize("kind", ["logistic", pytest.param("normal", marks=pytest.mark.slow)])
def test_xla_compiles_gradients(kind):
    transformer, x, p = made(kind), normal((5, C), 5), params((5,), scale=0.5)

    def gradients(x, p):
        with tf.GradientTape() as tape:
            tape.watch([x, p])
            y, fldj = transformer.forward_and_log_det(x, p)
            _, ildj = transformer.inverse_and_log_det(x, p)
            loss = tf.reduce_sum(tf.sin(y) + fldj - ildj)
        return tape.gradient(loss, [x, p])

    compiled = tf.function(gradients, jit_compile=True)
    for actual, wanted in zip(compiled(x, p), gradients(x, p), strict=True):
        close(actual, wanted, 1e-10)


@every_kind
def test_zeros_are_near_the_identity_with_components_that_differ(kind):
    transformer, deviation = MixtureCDF(8, kind), {"logistic": 1.8, "normal": 1.0}[kind]
    p = tf.constant(transformer.initial_params(C))
    assert not np.any(p)
    y = tf.constant(np.linspace(-2.0, 2.0, 41)[:, None] * deviation * np.ones(C))
    with tf.GradientTape() as tape:
        tape.watch(p)
        x, log_det = transformer.inverse_and_log_det(y, p)
        loss = tf.reduce_sum(log_det - 0.5 * (x - 1.0) ** 2)
    assert np.max(np.abs(x - y)) < 0.15 * deviation
    gradient = np.reshape(tape.gradient(loss, p), [3, 8, C])
    assert np.all(np.std(gradient, axis=1) > 1e-3), "components that move alike stay alike"


@every_kind
def test_one_component_is_affine(kind):
    transformer, y, p = made(kind, 1), 3.0 * normal((5, C)), normal((5, 3 * C), 1)
    x, log_det = transformer.inverse_and_log_det(y, p)
    _, mean, raw = tf.split(p, 3, axis=-1)
    log_scale = BOUND * tf.tanh(raw / BOUND)
    close(x, (y - mean) * tf.exp(-log_scale), 1e-12)
    close(log_det, -log_scale, 1e-12)
    close(transformer.forward_and_log_det(x, p)[0], y, 1e-13)


@every_kind
def test_log_scales_are_bounded(kind):
    transformer, y = MixtureCDF(2, kind, bound=2.0), tf.constant([[0.1, 50.0]], "float64")
    for raw in (-1e30, -50.0, 50.0, 1e30):
        p = tf.concat([tf.zeros([8], y.dtype), tf.fill([4], tf.constant(raw, y.dtype))], 0)
        _, log_det = transformer.inverse_and_log_det(y, p)
        assert np.all(np.isfinite(log_det))
        close(log_det[0, 1], -HALF - 2.0 * np.sign(raw), 0.3)  # far out the map is nearly affine


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: MixtureCDF(0), "`components` must be at least 1; received 0"),
        (lambda: MixtureCDF(kind="gauss"), r"`kind` must be one of \['logistic', 'normal'\]"),
        (lambda: MixtureCDF(bound=0.0), "`bound` must be positive; received 0.0"),
        (lambda: MixtureCDF(bound=float("nan")), "`bound` must be positive"),
    ],
)
def test_wrong_arguments(make, match):
    with pytest.raises(ValueError, match=match):
        make()
