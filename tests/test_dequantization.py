import keras
import numpy as np
import pytest
import tensorflow as tf

from tfflows import UniformDequantization, threefry

SEED = tf.constant([3, 7])


def pixels(rows=5, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, (rows, 4, 4, 3)).astype(dtype)


@pytest.mark.parametrize(
    "dtype", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32"]
)
def test_floor_gives_the_data_back_and_the_dtype_does_not_matter(dtype):
    x = pixels(dtype=dtype)
    y, log_q = UniformDequantization()(x, SEED)
    assert y.dtype == log_q.dtype == tf.float32
    np.testing.assert_array_equal(tf.floor(y), x)
    np.testing.assert_array_equal(y, UniformDequantization()(pixels(), SEED)[0])
    np.testing.assert_array_equal(log_q, np.zeros(5))


def test_the_noise_is_that_of_the_rows_key():
    x = pixels()
    y, _ = UniformDequantization()(x, SEED)
    noise = threefry.uniform(threefry.row_keys(x, SEED), [4, 4, 3])
    np.testing.assert_array_equal(y - x.astype("float32"), noise)


def test_float32_never_reaches_the_next_level():
    x = np.full((64, 20_000), 255, "uint8")
    x[:, 0] = np.arange(64)
    y = UniformDequantization()(x, SEED)[0].numpy()[:, 1:]
    assert y.max() == 256 - 2**-16  # the largest noise there is did occur
    assert y.min() == 255 + 2**-16


def test_a_row_has_the_same_noise_in_any_batch_and_other_noise_at_the_next_step():
    x = pixels()
    layer = UniformDequantization()
    y, _ = layer(x, SEED)
    np.testing.assert_array_equal(layer(x[2:3], SEED)[0][0], y[2])
    np.testing.assert_array_equal(layer(x[::-1], SEED)[0][::-1], y)
    assert np.mean(layer(x, tf.constant([3, 8]))[0] == y) < 0.01


@pytest.mark.parametrize(("jit_compile", "rows"), [(False, 5), (False, 0), (True, 5)])
def test_graph_and_xla_equal_eager_with_an_unknown_batch(jit_compile, rows):
    layer = UniformDequantization()
    spec = [tf.TensorSpec([None, 4, 4, 3], tf.uint8), tf.TensorSpec([2], tf.int32)]
    traced = tf.function(layer, input_signature=spec, jit_compile=jit_compile, autograph=False)
    y, log_q = traced(pixels(rows), SEED)
    np.testing.assert_array_equal(y, layer(pixels(rows), SEED)[0])
    assert y.shape == (rows, 4, 4, 3)
    assert log_q.shape == (rows,)


def test_inside_a_data_pipeline():
    layer = UniformDequantization()
    data = tf.data.Dataset.from_tensor_slices(pixels(6)).batch(4)
    mapped = data.map(lambda x: layer(x, SEED)[0], num_parallel_calls=2)
    batches = np.concatenate(list(mapped.as_numpy_iterator()))
    np.testing.assert_array_equal(batches, layer(pixels(6), SEED)[0])


def test_inside_a_saved_model(tmp_path):
    layer = UniformDequantization()
    module = tf.Module()
    spec = [tf.TensorSpec([None, 4, 4, 3], tf.uint8), tf.TensorSpec([2], tf.int32)]
    module.noisy = tf.function(layer, input_signature=spec, autograph=False)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_array_equal(loaded.noisy(pixels(), SEED)[0], layer(pixels(), SEED)[0])


def test_it_is_built_without_weights_and_serialisable():
    layer = UniformDequantization(name="noise", dtype="float64")
    assert layer.built
    assert layer.variables == []
    twin = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(twin) is UniformDequantization
    assert twin.get_config() == layer.get_config()
    assert twin.name == "noise"
    y, log_q = twin(pixels(), SEED)
    assert y.dtype == log_q.dtype == tf.float64
    np.testing.assert_array_equal(y, layer(pixels(), SEED)[0])
    assert layer.variables == []


def test_a_mixed_policy_keeps_the_data_in_float32():
    x = pixels(dtype="float32") + 256.0  # bfloat16 would round them to even numbers
    y, _ = UniformDequantization(dtype="mixed_bfloat16")(x, SEED)
    assert y.dtype == tf.float32
    np.testing.assert_array_equal(tf.floor(y), x)


def test_finer_data_stay_below_the_next_level_in_float64():
    x = np.full((8, 20_000), 65_535, "uint16")
    y, _ = UniformDequantization(dtype="float64")(x, SEED)
    assert np.max(y) < 65_536


def test_half_precision_is_refused():
    with pytest.raises(ValueError, match="`dtype` must be float32 or float64; received bfloat16"):
        UniformDequantization(dtype="bfloat16")


def test_data_that_are_no_numbers_are_refused():
    with pytest.raises(TypeError, match="`rows` must hold whole numbers; received dtype bool"):
        UniformDequantization()(np.ones((2, 3), bool), SEED)
