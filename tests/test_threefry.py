import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from tfflows import threefry

# Numbers are the same at every run; bounds are 4 standard deviations or p = 1e-4, since some two
# dozen statistics are looked at.
SEED = (5, 0)
MODES = {
    "graph": tf.function(autograph=False),
    "xla": tf.function(autograph=False, jit_compile=True),
}


def digits(rows, event=(6, 6, 1), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (rows, *event), dtype=np.uint8)


def row_noise(rows, seed=SEED, size=30_000):
    return threefry.uniform(threefry.row_keys(rows, seed), [size]).numpy()


def correlation(a, b):
    return abs(np.corrcoef(np.ravel(a), np.ravel(b))[0, 1])


@pytest.mark.parametrize(
    ("key", "counter", "words"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_block_gives_the_published_vectors(key, counter, words):
    key, counter = tf.constant(key, tf.uint32), tf.constant(counter, tf.uint32)
    np.testing.assert_array_equal(threefry.block(key, counter), words)


def test_block_broadcasts_keys_against_counters():
    keys = threefry.index_keys(3, SEED)
    words = threefry.block(keys[:, None, :], threefry.index_keys(4, SEED))
    assert words.shape == (3, 4, 2)
    np.testing.assert_array_equal(words[2, 1], threefry.block(keys[2], keys[1]))


def test_numbers_never_change():
    keys = threefry.row_keys(tf.constant([[0, 1, 255]]), (1, 2))
    np.testing.assert_array_equal(keys, [[877654277, 3981069358]])
    uniform = threefry.uniform(keys, [5]) * 2**16
    np.testing.assert_array_equal(uniform, [[21065, 981, 54791, 30795, 39555]])
    normal = threefry.normal(keys, [3], "float64")
    np.testing.assert_allclose(
        normal, [[0.50410137838, -0.14621932449, -1.59025049246]], atol=1e-10
    )


@pytest.mark.parametrize("mode", MODES)
def test_graph_and_xla_equal_eager(mode):
    def noise(rows, seed, keys):
        numbers = threefry.uniform(keys, [7, 3]), threefry.normal(keys, [7, 3], "float64")
        return threefry.row_keys(rows, seed), *numbers, threefry.normal(keys, [7, 3])

    arguments = (
        tf.constant(digits(50).astype("float32") - 100.0),
        tf.constant([-3, 2**31 - 1]),
        threefry.index_keys(20, SEED),
    )
    unknown_batch = [tf.TensorSpec([None, *a.shape[1:]], a.dtype) for a in arguments]
    traced = MODES[mode](noise).get_concrete_function(*unknown_batch)
    keys, uniform, *normals = traced(*arguments)
    expected_keys, expected_uniform, *expected_normals = noise(*arguments)
    np.testing.assert_array_equal(keys, expected_keys)
    np.testing.assert_array_equal(uniform, expected_uniform)
    for normal, expected, atol in zip(normals, expected_normals, (4e-15, 2e-6), strict=True):
        atol = atol if mode == "xla" else 0.0
        np.testing.assert_allclose(normal, expected, rtol=0, atol=atol)


def test_a_row_has_the_same_noise_alone_in_any_batch_and_in_any_order():
    rows = digits(9)
    together = row_noise(rows, size=33)
    order = np.random.default_rng(1).permutation(9)
    np.testing.assert_array_equal(row_noise(rows[order], size=33), together[order])
    for i in range(9):
        np.testing.assert_array_equal(row_noise(rows[i : i + 1], size=33)[0], together[i])


def test_a_normal_row_is_the_same_alone_to_the_last_bits():
    keys = threefry.index_keys(6, SEED)
    together = threefry.normal(keys, [7])
    alone = tf.concat([threefry.normal(keys[i : i + 1], [7]) for i in range(6)], axis=0)
    np.testing.assert_allclose(alone, together, rtol=0, atol=2e-6)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float16", "float32", "float64"])
def test_equal_whole_numbers_have_equal_keys_in_every_dtype(dtype):
    values = np.random.default_rng(0).integers(-128, 128, (4, 5))
    expected = threefry.row_keys(tf.constant(values, tf.int32), SEED)
    np.testing.assert_array_equal(threefry.row_keys(values.astype(dtype), SEED), expected)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_unsigned_rows_have_the_keys_of_signed_ones(dtype):
    rows = digits(4)
    expected = threefry.row_keys(rows.astype("int32"), SEED)
    np.testing.assert_array_equal(threefry.row_keys(rows.astype(dtype), SEED), expected)


def test_any_change_gives_unrelated_noise():
    rows = digits(1)
    pixel = rows.copy()
    pixel[0, 3, 2, 0] ^= 1
    noise = row_noise(rows)
    others = {
        "one pixel": row_noise(pixel),
        "element order": row_noise(rows[:, ::-1]),
        "another row": row_noise(digits(1, seed=1)),
        "step": row_noise(rows, (5, 1)),
        "seed": row_noise(rows, (6, 0)),
        "seed and step swapped": row_noise(rows, (0, 5)),
    }
    for change, other in others.items():
        assert correlation(noise, other) < 0.024, change


def test_keys_of_near_rows_do_not_collide():
    # 32 bits would give about 10 collisions among so many rows, 64 bits give none.
    rows = np.unique(np.random.default_rng(0).integers(-4, 4, (300_000, 8)), axis=0)
    keys = threefry.row_keys(rows, SEED).numpy().view(np.uint64)
    assert len(np.unique(keys)) == len(rows) > 290_000


def test_uniform_is_uniform_and_independent_across_elements():
    u = threefry.uniform(threefry.index_keys(20, SEED), [10_000], "float64").numpy()
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-4
    assert abs(u.mean() - 1 / 2) < 4 * np.sqrt(1 / 12 / u.size)
    assert abs(u.var() - 1 / 12) < 4 * np.sqrt(1 / 180 / u.size)
    # One block fills the elements j, j + 2500, j + 5000 and j + 7500.
    parts = np.moveaxis(u.reshape(20, 4, 2500), 1, 0).reshape(4, -1)
    off_diagonal = np.corrcoef(np.vstack([parts, np.roll(parts, 1, axis=1)]))[
        ~np.eye(8, dtype=bool)
    ]
    assert np.abs(off_diagonal).max() < 0.02


def test_uniform_takes_every_value_of_15_bits_and_no_other():
    u = threefry.uniform(threefry.index_keys(100, SEED), [10_000]).numpy()
    b = u.astype("float64") * 2**15 - 0.5
    np.testing.assert_array_equal(np.unique(b), np.arange(2**15))


def test_normal_is_normal_and_independent_across_elements():
    x = threefry.normal(threefry.index_keys(20, SEED), [10_000], "float64").numpy()
    assert stats.kstest(x.ravel(), "norm").pvalue > 1e-4
    for power, moment in ((1, 0), (2, 1), (3, 0), (4, 3), (6, 15)):
        values = x**power
        assert abs(values.mean() - moment) < 4 * values.std() / np.sqrt(x.size), power
    cosine, sine = x[:, :5000], x[:, 5000:]  # of one block
    assert correlation(cosine, sine) < 0.013
    assert correlation(cosine**2, sine**2) < 0.013


@pytest.mark.parametrize("mode", ["eager", *MODES])
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_normal_is_finite_for_extreme_words_and_passes_6_sd(mode, dtype):
    words = tf.constant([0, 1, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1], tf.uint32)

    def extremes(words):
        return tf.stack(threefry._box_muller(words[:, None], words, dtype))

    x = MODES.get(mode, lambda f: f)(extremes)(words).numpy()
    assert np.isfinite(x).all()
    assert 6.7 < x.max() < 6.8
    assert -6.8 < x.min() < -6.7


def test_normal_is_the_same_in_float64():
    keys = threefry.index_keys(10, SEED)
    x = threefry.normal(keys, [1000])
    np.testing.assert_allclose(threefry.normal(keys, [1000], "float64"), x, rtol=0, atol=1e-4)


def test_uniform_and_normal_numbers_of_one_key_are_independent():
    keys = threefry.index_keys(4, SEED)
    u = threefry.uniform(keys, [20_000]).numpy()[:, :5000]
    x = threefry.normal(keys, [10_000]).numpy()
    radius = np.hypot(x[:, :5000], x[:, 5000:])
    assert correlation(u, radius) < 0.03


@pytest.mark.parametrize("draw", [threefry.uniform, threefry.normal])
@pytest.mark.parametrize("n", [0, 3])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (4, 0)])
def test_shapes(draw, n, shape):
    assert draw(threefry.index_keys(n, SEED), shape).shape == (n, *shape)


@pytest.mark.parametrize("event", [(), (3,), (2, 2), (0,)])
def test_row_keys_take_any_event_and_empty_batches(event):
    assert threefry.row_keys(np.zeros((0, *event), "uint8"), SEED).shape == (0, 2)
    assert threefry.row_keys(np.zeros((4, *event), "uint8"), SEED).shape == (4, 2)


def test_static_shapes_survive_an_unknown_batch():
    @tf.function(autograph=False, input_signature=[tf.TensorSpec([None, 3], tf.uint8)])
    def draw(rows):
        keys = threefry.row_keys(rows, SEED)
        shapes.extend([keys.shape, threefry.uniform(keys, [2, 3]).shape])

    shapes = []
    draw.get_concrete_function()
    assert [s.as_list() for s in shapes] == [[None, 2], [None, 2, 3]]


def test_index_keys_do_not_depend_on_n():
    keys = threefry.index_keys(10, SEED)
    np.testing.assert_array_equal(threefry.index_keys(3, SEED), keys[:3])
    from_tensor = tf.function(threefry.index_keys, autograph=False)(tf.constant(10), SEED)
    np.testing.assert_array_equal(from_tensor, keys)
    assert len(np.unique(np.vstack([keys, threefry.index_keys(10, (5, 1))]), axis=0)) == 20


def test_seed_key_takes_integers_modulo_2_to_the_32():
    np.testing.assert_array_equal(threefry.seed_key((-1, 7)), [2**32 - 1, 7])
    np.testing.assert_array_equal(threefry.seed_key(np.array([2**32 + 3, -2])), [3, 2**32 - 2])


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "`seed` must hold integers", lambda: threefry.seed_key((0.5, 1.0))),
        (ValueError, r"`seed` must have shape \[2\]", lambda: threefry.seed_key((1, 2, 3))),
        (ValueError, r"`seed` must have shape \[2\]", lambda: threefry.index_keys(3, 1)),
        (TypeError, "`rows` must hold whole", lambda: threefry.row_keys([[True]], SEED)),
        (ValueError, r"`rows` must be \[B", lambda: threefry.row_keys(3, SEED)),
        (ValueError, "`keys` must be uint32", lambda: threefry.uniform(tf.zeros([1, 2]), [3])),
        (ValueError, "`shape` must be static", lambda: _draw(shape=tf.TensorShape([None]))),
        (ValueError, "`dtype` must be float32 or", lambda: _draw(dtype="float16")),
    ],
)
def test_errors_name_the_argument(error, message, call):
    with pytest.raises(error, match=message):
        call()


def _draw(shape=(3,), dtype="float32"):
    return threefry.normal(threefry.index_keys(2, SEED), shape, dtype)


def test_row_keys_refuse_an_unknown_event_shape():
    with pytest.raises(ValueError, match="static"):
        tf.function(threefry.row_keys, autograph=False).get_concrete_function(
            tf.TensorSpec([None, None], tf.uint8), tf.constant(SEED)
        )
