"""What `FlowModel` adds to a density: units, noise, Keras's methods, checks of what it is given."""

import copy
import dataclasses
import math
import re

import keras
import numpy as np
import pytest
import tensorflow as tf

import uniform_family
import zoo
from models import CLASSES, conditional, data, fitted, randomize, real, size, twin, weights
from tensorflow_log import said
from tfflows import threefry
from zoo import FlowModel
from zoo.flow_model import EVALUATION
from zoo.model_spec import ModelSpec
from zoo.registry import FAMILIES, Training

IMAGE, VECTOR = "realnvp_digits", "realnvp_moons"
LN2 = math.log(2)


# Units


@pytest.fixture
def uniform(monkeypatch):
    """Makes models of pixels that are uniform on [0, levels)."""
    monkeypatch.setitem(FAMILIES, "uniform", "uniform_family")

    def make(levels, shape=(4, 4, 3)):
        config = uniform_family.UniformConfig(image_shape=shape, levels=levels)
        training = Training(steps=1)
        return FlowModel(ModelSpec(preset="uniform", config=config, training=training))

    return make


@pytest.mark.parametrize(("levels", "bits"), [(256, 8.0), (32, 5.0), (17, 4.087), (2, 1.0)])
def test_a_uniform_density_has_log2_levels_bits(uniform, levels, bits):
    model = uniform(levels)
    x = np.random.default_rng(0).integers(0, levels, (50, *model.event_shape))
    x[0], x[1] = 0, levels - 1
    found = model.bits_per_dim(x, draws=2)
    assert found.shape == (50,)
    assert np.abs(found - math.log2(levels)).max() < 1e-3
    assert found.mean() == pytest.approx(bits, abs=1e-3)
    nats = size(model) * math.log(levels)
    np.testing.assert_allclose(model.predict(x, verbose=0), -nats, rtol=1e-4)
    loss, reported = model.evaluate(x, verbose=0)
    assert (loss, reported) == (pytest.approx(nats, rel=1e-4), pytest.approx(bits, abs=1e-3))
    np.testing.assert_allclose(model.log_prob(x + 0.5), -nats, rtol=1e-4)


def test_a_model_without_weights_does_not_fit(uniform):
    model = uniform(17)
    with pytest.raises(ValueError, match="'uniform' has no trainable weights"):
        model.fit(np.zeros((4, 4, 4, 3), np.uint8), verbose=0)


@pytest.fixture(scope="module")
def constant():
    """A model that has seen nothing but one constant image, and that image."""
    model = twin(IMAGE, image_shape=(2, 2, 1), scales=1, steps=200, learning_rate=1e-2)
    image = np.full((20, *model.event_shape), 7, np.uint8)
    model.fit(image, verbose=0)
    return model, image[:1]


def test_a_constant_image_never_has_negative_bits(constant):
    """E log p(x + u) <= log E p(x + u) <= log 1, and P(log p(x + u) > t) <= exp(-t)."""
    model, image = constant
    draws = np.concatenate([model.bits_per_dim(image, seed=seed) for seed in range(100)])
    error = draws.std() / math.sqrt(len(draws))
    assert draws.mean() > -3 * error
    assert draws.mean() < 0.5, "it has not learned the image"
    nats = -draws * size(model) * LN2
    assert np.mean(np.exp(nats)) < 1 + 3 * np.exp(nats).std() / math.sqrt(len(draws))
    assert nats.max() < math.log(100 * 100)
    assert model.bits_per_dim(image, draws=100) == pytest.approx(draws.mean(), abs=5 * error)


def test_a_density_at_the_middle_of_a_pixel_is_no_bound():
    """Why there is noise: a normal on a constant pixel would score -0.47 bits."""
    model = twin(IMAGE, image_shape=(2, 2, 1), scales=1)
    image = np.full((20, *model.event_shape), 7, np.uint8)
    model.initialize(image)  # a normal around the pixel
    assert np.all(model.log_prob(image + 0.5) > 0)
    assert model.bits_per_dim(image, draws=50).mean() > 0


# Noise


def test_a_row_has_its_bits_alone_in_any_batch_and_order():
    model = fitted(IMAGE)
    x = data(model, 10)
    wanted = model.bits_per_dim(x, seed=3)
    order = np.random.default_rng(0).permutation(10)
    found = {
        "again": model.bits_per_dim(x, seed=3),
        "batches of 7": model.bits_per_dim(x, seed=3, batch_size=7),
        "a data set": model.bits_per_dim(tf.data.Dataset.from_tensor_slices(x).batch(4), seed=3),
        "alone": np.concatenate([model.bits_per_dim(x[i : i + 1], seed=3) for i in range(10)]),
        "order": model.bits_per_dim(x[order], seed=3)[np.argsort(order)],
        "integers": model.bits_per_dim(x.astype(np.int64), seed=3),
        "twice": model.bits_per_dim(np.concatenate([x, x]), seed=3)[10:],
    }
    for how, bits in found.items():
        np.testing.assert_allclose(bits, wanted, atol=2e-5, err_msg=how)
    assert np.abs(model.bits_per_dim(x, seed=4) - wanted).min() > 1e-4


def test_draws_are_averaged():
    model = fitted(IMAGE)
    x = data(model, 5)
    singles = []
    for k in range(3):
        keys = threefry.row_keys(x, [2, EVALUATION - k])
        y = x + threefry.uniform(keys, model.event_shape)
        singles.append(-model.log_prob(y) / (size(model) * LN2))
    np.testing.assert_allclose(model.bits_per_dim(x, seed=2), singles[0], rtol=1e-5)
    found = model.bits_per_dim(x, seed=2, draws=3)
    np.testing.assert_allclose(found, np.mean(singles, axis=0), rtol=1e-5)
    assert found.dtype == np.float64


def test_noise_of_training_follows_the_step():
    model = twin(IMAGE)
    x = data(model, 3)
    first = model(x, training=True)
    np.testing.assert_array_equal(model(x, training=True), first)
    model.optimizer.iterations.assign(1)
    assert np.all(model(x, training=True) != first)
    np.testing.assert_allclose(model(x), model.predict(x, verbose=0), rtol=1e-5)


# Keras


def test_fit_takes_the_presets_steps_and_keeps_a_history():
    model = twin(IMAGE, steps=10, batch_size=20)
    x = data(model)
    history = model.fit(x, validation_data=data(model, 10, seed=1), verbose=0)
    assert model.optimizer.iterations == 10
    assert history.epoch == [0, 1, 2, 3, 4]
    assert set(history.history) == {"loss", "bits_per_dim", "val_loss", "val_bits_per_dim"}
    nats = size(model) * LN2
    for prefix in ("", "val_"):
        loss = history.history[f"{prefix}loss"]
        np.testing.assert_allclose(
            loss, np.multiply(history.history[f"{prefix}bits_per_dim"], nats), rtol=1e-5
        )
    assert history.history["loss"][-1] < history.history["loss"][0]
    held_out = model.bits_per_dim(data(model, 10, seed=1)).mean()
    assert history.history["val_bits_per_dim"][-1] == pytest.approx(held_out, rel=1e-5)
    assert model.initialized


def test_evaluate_and_predict_are_the_bits_per_dim():
    model = fitted(IMAGE)
    x = data(model, 30)
    bits = model.bits_per_dim(x)
    found = model.evaluate(x, batch_size=7, verbose=0, return_dict=True)
    nats = size(model) * LN2
    assert found.keys() == {"loss", "bits_per_dim"}
    assert found["bits_per_dim"] == pytest.approx(bits.mean(), rel=1e-5)
    assert found["loss"] == pytest.approx(bits.mean() * nats, rel=1e-5)
    np.testing.assert_allclose(model.predict(x, verbose=0), -bits * nats, rtol=1e-5)


def test_every_form_of_data_has_the_same_evaluation():
    model = fitted(VECTOR)
    x = data(model, 30)
    wanted = -np.mean(model.log_prob(x))
    slices = tf.data.Dataset.from_tensor_slices
    names = np.array(["row"] * 30)
    forms = {
        "array": x,
        "list": x.tolist(),
        "rows": slices(x),
        "batches": slices(x).batch(7),
        "tuples": slices((x,)).batch(7),
        "labels": slices((x, np.arange(30))).batch(7),
        "dicts": slices({"x": x, "name": names}).batch(7),
    }
    for how, form in forms.items():
        assert model.evaluate(form, verbose=0) == pytest.approx(wanted, rel=1e-5), how


def test_vectors_have_no_bits():
    model = fitted(VECTOR)
    assert set(model.evaluate(data(model), verbose=0, return_dict=True)) == {"loss"}
    with pytest.raises(ValueError, match="`bits_per_dim` is for images; 'realnvp_moons'"):
        model.bits_per_dim(data(model))


def test_a_frozen_model_does_not_fit():
    model = twin(VECTOR)
    model.trainable = False
    with pytest.raises(ValueError, match="no trainable weights; set `trainable = True`"):
        model.fit(data(model), verbose=0)
    model.trainable = True
    model.fit(data(model), epochs=1, verbose=0)


def test_a_frozen_network_stays_while_the_others_move():
    model = twin(VECTOR)
    model.initialize(data(model))
    model.networks.coupling1.trainable = False
    model.compile(run_eagerly=True)
    before = weights(model)
    model.fit(data(model), epochs=3, verbose=0)
    still = {path for path, value in weights(model).items() if np.all(value == before[path])}
    fixed = {path for path in before if path.startswith(("coupling1", "standardize"))}
    fixed -= {path for path in before if path.startswith("coupling1_norm")}
    assert still == fixed | {path for path in before if path.endswith("initialized")}


def test_a_copy_after_fit_is_equal_and_independent():
    model = twin(VECTOR)
    x = data(model)
    model.fit(x, epochs=1, verbose=0)
    before, density = model.predict(x, verbose=0), model.log_prob(x).numpy()
    copied = copy.deepcopy(model)
    np.testing.assert_array_equal(copied.predict(x, verbose=0), before)
    np.testing.assert_array_equal(copied.log_prob(x), density)
    raw = {id(v.value) for v in model.variables}
    assert not raw & {id(v.value) for v in copied.variables}
    mine = {id(v) for v in copied.flow.variables}
    assert mine == {id(v.value) for v in copied.networks.variables}
    copied.fit(x, epochs=2, verbose=0)
    assert np.all(copied.predict(x, verbose=0) != before)
    assert np.all(copied.log_prob(x) != density)
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)
    np.testing.assert_array_equal(model.log_prob(x), density)
    kept = copied.log_prob(x).numpy()
    model.fit(x, epochs=1, verbose=0)
    assert np.all(model.log_prob(x) != density)
    np.testing.assert_array_equal(copied.log_prob(x), kept)


def test_a_copy_of_an_image_model_is_equal_and_independent():
    model = fitted(IMAGE)
    x = data(model)
    before = model.bits_per_dim(x)
    copied = copy.deepcopy(model)
    np.testing.assert_array_equal(copied.bits_per_dim(x), before)
    randomize(copied, 0.05)
    assert np.all(copied.bits_per_dim(x) != before)
    np.testing.assert_array_equal(model.bits_per_dim(x), before)


def test_few_traces_for_many_sizes():
    model = twin(VECTOR)
    for n in range(1, 21):
        x = real(model, n)
        model.decode(model.encode(x))
        model.log_prob(x)
        model.sample(n, seed=n, temperature=n / 20)
    functions = [f for f in vars(model).values() if hasattr(f, "experimental_get_tracing_count")]
    counts = [f.experimental_get_tracing_count() for f in functions]
    assert sum(count > 0 for count in counts) == 4
    assert max(counts) <= 2
    images = fitted(IMAGE)
    for n in range(1, 21):
        images.bits_per_dim(data(images, n))
    assert images._compiled_bound.experimental_get_tracing_count() <= 2


def test_float64_to_the_end():
    for name in (IMAGE, VECTOR):
        model = randomize(twin(name, dtype="float64"), 0.05)
        model.initialize(data(model))
        x = real(model)
        assert {v.dtype for v in model.trainable_variables} == {"float64"}
        z = model.encode(x)
        assert z.dtype == model.log_prob(x).dtype == model.sample(2).dtype == tf.float64
        assert model.distribution.dtype == tf.float64
        np.testing.assert_allclose(model.decode(z), x, atol=1e-9)
        assert model(data(model)).dtype == tf.float64
    model.compile(run_eagerly=True)
    model.fit(data(model), epochs=1, verbose=0)
    assert np.all(np.isfinite(model.log_prob(data(model))))


def test_float32_and_float64_twins_start_alike():
    single, double = twin(VECTOR), twin(VECTOR, dtype="float64")
    for path, value in weights(single).items():
        np.testing.assert_allclose(value, weights(double)[path], rtol=1e-6, err_msg=path)


def test_a_model_is_its_config():
    model = fitted(VECTOR)
    rebuilt = FlowModel.from_config(model.get_config())
    assert rebuilt.spec == model.spec
    assert rebuilt.name == model.name == VECTOR
    assert weights(rebuilt).keys() == weights(model).keys()
    assert not rebuilt.compiled
    rebuilt.fit(data(model), epochs=1, verbose=0)
    assert rebuilt.optimizer.iterations == 2


@pytest.mark.parametrize("options", [{"jit_compile": True}, {"steps_per_execution": 2}])
def test_compile_takes_kerass_options(options):
    model = twin(VECTOR)
    model.compile("adam", **options)
    history = model.fit(data(model), epochs=2, verbose=0)
    assert model.optimizer.iterations == 4
    assert np.all(np.isfinite(history.history["loss"]))


def test_a_gradient_step_follows_the_mean_over_rows():
    model = twin(VECTOR)
    x = data(model)
    model.initialize(x)
    loss = model.compute_loss(y_pred=model(x))
    assert float(loss) == pytest.approx(-np.mean(model.log_prob(x)), rel=1e-5)


# Samples


def test_a_sample_depends_on_the_seed_and_its_place():
    model = fitted(VECTOR)
    first = model.sample(6, seed=1).numpy()
    np.testing.assert_allclose(model.sample(3, seed=1), first[:3], atol=1e-6)
    assert len(np.unique(first, axis=0)) == 6
    assert not np.any(np.isclose(model.sample(6, seed=2), first))
    assert not np.any(np.isclose(model.sample(6), model.sample(6)))
    assert model.sample(0).shape == (0, 2)
    assert model.sample(tf.constant(2), seed=tf.constant(1)).shape == (2, 2)
    middle = model.decode(np.zeros((1, 2), np.float32))
    np.testing.assert_allclose(model.sample(1, temperature=0.0), middle, atol=1e-6)


def test_samples_follow_the_density():
    model = fitted(VECTOR)
    y = model.sample(20_000, seed=0).numpy()
    z = model.encode(y).numpy()
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=4 / math.sqrt(20_000))
    np.testing.assert_allclose(np.cov(z.T), np.eye(2), atol=6 / math.sqrt(20_000))


# Bad input


def image(dtype=np.float32, rows=2, shape=(4, 4, 1), fill=1):
    return np.full((rows, *shape), fill, dtype)


NAN = np.full((2, 4, 4, 1), np.nan, np.float32)
VECTORS = np.ones((2, 2), np.float32)
LABELS = [0, 1]

REFUSED = {
    # data of another shape
    "log_prob shape": (
        lambda m: m.log_prob(image(shape=(4, 5, 1))),
        "`x` [N, 4, 4, 1] (2, 4, 5, 1)",
    ),
    "log_prob one row": (lambda m: m.log_prob(image()[0]), "`x` [N, 4, 4, 1] (4, 4, 1)"),
    "encode shape": (lambda m: m.encode(image(shape=(4, 4, 3))), "`x` [N, 4, 4, 1] (2, 4, 4, 3)"),
    "decode shape": (lambda m: m.decode(image(shape=(16,))), "`z` [N, 4, 4, 1] (2, 16)"),
    "fit shape": (lambda m: m.fit(image(np.uint8, shape=(5, 4, 1))), "`x` (4, 4, 1) (2, 5, 4, 1)"),
    "bits shape": (
        lambda m: m.bits_per_dim(image(np.uint8, shape=(9,))),
        "`data` (4, 4, 1) (2, 9)",
    ),
    "initialize shape": (lambda m: m.initialize(image(np.uint8, shape=(9,))), "`x` (2, 9)"),
    # values
    "log_prob integers": (lambda m: m.log_prob(image(np.uint8)), "`x` real uint8 `bits_per_dim`"),
    "log_prob list": (lambda m: m.log_prob(image(int).tolist()), "`x` real int64 `predict`"),
    "encode integers": (lambda m: m.encode(image(np.int32)), "`x` real int32"),
    "log_prob range": (lambda m: m.log_prob(image(fill=17.5)), "`x` [0, 17] 17.5"),
    "log_prob negative": (lambda m: m.log_prob(image(fill=-0.1)), "`x` [0, 17] -0.1"),
    "log_prob nan": (lambda m: m.log_prob(NAN), "`x` finite NaN"),
    "log_prob strings": (lambda m: m.log_prob(np.full((2, 4, 4, 1), "a")), "`x` numbers"),
    "decode nan": (lambda m: m.decode(NAN), "`z` finite NaN"),
    "fit fractions": (lambda m: m.fit(image(fill=0.5)), "`x` whole [0, 17)"),
    "fit levels": (lambda m: m.fit(image(np.uint8, fill=17)), "`x` [0, 17) 17"),
    "fit negative": (lambda m: m.fit(image(int, fill=-1)), "`x` [0, 17) -1"),
    "fit nan": (lambda m: m.fit(NAN), "`x` whole nan"),
    "evaluate levels": (lambda m: m.evaluate(image(np.uint8, fill=200)), "`x` [0, 17) 200"),
    "predict levels": (lambda m: m.predict(image(np.uint8, fill=200)), "`x` [0, 17) 200"),
    "validation levels": (
        lambda m: m.fit(image(np.uint8), validation_data=image(np.uint8, fill=99)),
        "`validation_data` [0, 17) 99",
    ),
    "fit empty": (lambda m: m.fit(image(np.uint8, rows=0)), "`x` empty"),
    "bits empty": (lambda m: m.bits_per_dim(image(np.uint8, rows=0)), "`data` empty"),
    "fit nothing": (lambda m: m.fit(None), "`x` None"),
    "fit path": (lambda m: m.fit("digits.npy"), "`x` 'digits.npy'"),
    "fit splits": (lambda m: m.fit({"train": image(), "test": image()}), "`x` 'train', 'test'"),
    # options
    "sample negative": (lambda m: m.sample(-1), "`n` -1"),
    "sample fraction": (lambda m: m.sample(1.5), "`n` 1.5"),
    "sample text": (lambda m: m.sample("3"), "`n` '3'"),
    "sample seed": (lambda m: m.sample(1, seed=1.5), "`seed` 1.5"),
    "sample seed range": (lambda m: m.sample(1, seed=-1), "`seed` -1"),
    "sample temperature": (lambda m: m.sample(1, temperature=-0.5), "`temperature` -0.5"),
    "sample nan": (lambda m: m.sample(1, temperature=math.nan), "`temperature` nan"),
    "sample warm": (lambda m: m.sample(1, temperature="warm"), "`temperature` 'warm'"),
    "bits draws": (lambda m: m.bits_per_dim(image(np.uint8), draws=0), "`draws` 0"),
    "bits seed": (lambda m: m.bits_per_dim(image(np.uint8), seed="a"), "`seed` 'a'"),
    "fit batch_size": (lambda m: m.fit(image(np.uint8), batch_size=0), "`batch_size` 0"),
    "evaluate weights": (
        lambda m: m.evaluate(image(np.uint8), sample_weight=[1, 1]),
        "`sample_weight` None",
    ),
    # conditions
    "log_prob condition": (lambda m: m.log_prob(image(), LABELS), "`condition` None unconditional"),
    "sample condition": (lambda m: m.sample(1, condition=0), "`condition` None unconditional"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_one_readable_error(case):
    call, words = REFUSED[case]
    refused_with(lambda: call(fitted(IMAGE)), words)


def refused_with(call, words):
    with pytest.raises((ValueError, TypeError)) as raised:
        call()
    message = str(raised.value)
    assert "\n" not in message, message
    for word in re.findall(r"\[[^]]*[\])]|\([^)]*\)|\S+", words):
        assert word in message, f"{word!r} is not in {message!r}"


REFUSED_CONDITIONS = {
    "missing": (lambda m: m.log_prob(VECTORS), "`condition` given class numbers"),
    "too few": (lambda m: m.log_prob(VECTORS, [1]), "`condition` 2 rows (1,)"),
    "no class": (lambda m: m.log_prob(VECTORS, [3, CLASSES]), "`condition` 0..9 [10]"),
    "real": (lambda m: m.encode(VECTORS, [0.5, 1.0]), "`condition` class numbers float32"),
    "text": (lambda m: m.sample(2, condition="one"), "`condition` class numbers string"),
    "fit without": (lambda m: m.fit(VECTORS), "`x` condition label 10)"),
    "fit no class": (lambda m: m.fit(VECTORS, [3, CLASSES]), "[0, 10) 10"),
    "fit too few": (lambda m: m.fit(VECTORS, [3]), "2 1"),
}


@pytest.mark.parametrize("case", REFUSED_CONDITIONS)
def test_a_bad_condition_is_one_readable_error(case):
    call, words = REFUSED_CONDITIONS[case]
    refused_with(lambda: call(conditional(VECTOR, "classes")), words)


REFUSED_MODELS = {
    "name": (lambda: zoo.get("realnvp_digit"), "`name` 'realnvp_digit' realnvp_digits"),
    "option": (lambda: zoo.get(VECTOR, unit=3), "`unit` 'realnvp_moons' units"),
    "type": (lambda: zoo.get(VECTOR, units="many"), "`units` int 'many'"),
    "units": (lambda: zoo.get(VECTOR, units=0), "`units` 0"),
    "couplings": (lambda: zoo.get(VECTOR, couplings=1), "`couplings` 2 1"),
    "one variable": (lambda: zoo.get(VECTOR, event_shape=(1,)), "`event_shape` (1,)"),
    "no vector": (lambda: zoo.get(VECTOR, event_shape=(2, 2)), "`event_shape` (2, 2)"),
    "both": (
        lambda: zoo.get(VECTOR, num_classes=2, condition_dim=3),
        "`num_classes` `condition_dim`",
    ),
    "classes": (lambda: zoo.get(VECTOR, num_classes=0), "`num_classes` 0"),
    "condition": (lambda: zoo.get(VECTOR, condition_dim=-1), "`condition_dim` -1"),
    "seed": (lambda: zoo.get(VECTOR, seed=-1), "`seed` -1"),
    "dtype": (lambda: zoo.get(VECTOR, dtype="float16"), "`dtype` 'float16'"),
    "steps": (lambda: zoo.get(VECTOR, steps=0), "`steps` 0"),
    "flip": (lambda: zoo.get(VECTOR, flip=True), "`flip` (2,)"),
    "image": (lambda: zoo.get(IMAGE, image_shape=(8, 8)), "`image_shape` (8, 8)"),
    "scales": (lambda: zoo.get(IMAGE, scales=5), "`scales` 5 8 x 8"),
    "levels": (lambda: zoo.get(IMAGE, levels=1), "`levels` 1"),
    "alpha": (lambda: zoo.get(IMAGE, alpha=0.5), "`alpha` 0.5"),
    "norm": (lambda: zoo.get(IMAGE, flow_norm="layer"), "`flow_norm` 'layer'"),
    "net norm": (lambda: zoo.get(IMAGE, net_norm="layer"), "'layer'"),
    "filters": (lambda: zoo.get(IMAGE, filters=0), "`filters` 0"),
}


@pytest.mark.parametrize("case", REFUSED_MODELS)
def test_an_impossible_model_is_one_readable_error(case):
    refused_with(*REFUSED_MODELS[case])


def test_weights_of_another_model_are_refused(tmp_path):
    fitted(VECTOR).save_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError):  # noqa: PT011 - Keras's words
        twin(VECTOR, couplings=4).load_weights(tmp_path / "a.weights.h5")
    with pytest.raises(ValueError):  # noqa: PT011
        twin(VECTOR, units=9).load_weights(tmp_path / "a.weights.h5")


@pytest.mark.slow
def test_memory_does_not_grow():
    model = twin(VECTOR, batch_size=8)
    x = data(model, 64)
    model.compile(keras.optimizers.Adam())
    used = []
    for _ in range(3):
        for _ in range(500):
            model.log_prob(x)
            model.distribution.log_prob(tf.constant(x))
        model.fit(x, epochs=60, verbose=0)
        with open("/proc/self/statm") as statm:
            used.append(int(statm.read().split()[1]) * 4096 / 2**20)
    assert used[2] - used[1] < 20, used


def test_specs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        fitted(VECTOR).spec.seed = 1


def test_many_models_are_not_taken_for_one_that_is_traced_again_and_again():
    with said() as messages:
        for seed in range(7):
            twin("affine_correlated", seed=seed).log_prob(np.zeros((3, 2), np.float32))
    assert not [text for text in messages if "retracing" in text]
