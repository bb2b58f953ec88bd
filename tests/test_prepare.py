import dataclasses
import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.prepare import Form, prepare, reading, validation_split

N = 10
X = np.random.default_rng(0).integers(0, 256, (N, 4, 3, 1)).astype(np.uint8)
Y = np.arange(N) % 3
C = np.random.default_rng(1).normal(size=(N, 2)).astype(np.float32)
V = np.random.default_rng(2).normal(size=(N, 5)).astype(np.float32)
NAMES = np.array([f"train_{i}" for i in range(N)])

IMAGE = Form(event_shape=(4, 3, 1), levels=256)
LABELLED = dataclasses.replace(IMAGE, num_classes=3)
CONDITIONED = dataclasses.replace(IMAGE, condition_dim=2)
VECTOR = Form(event_shape=(5,))
FORMS = {"image": IMAGE, "labelled": LABELLED, "conditioned": CONDITIONED, "vector": VECTOR}

slices = tf.data.Dataset.from_tensor_slices


def read(x, form=IMAGE, y=None, **options):
    """Returns the batches of prepared data."""
    options = {"batch_size": 4, "shuffle": False, **options}
    data = prepare(x, y, form, **options)
    with reading(data):
        batches = list(data.batches)
    assert all(isinstance(batch, tuple) and len(batch) == 1 for batch in batches)
    return [batch for (batch,) in batches]


def joined(batches):
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


class Batches(keras.utils.PyDataset):
    """A PyDataset of what `give` returns for a slice of rows."""

    def __init__(self, give, **kwargs):
        super().__init__(**kwargs)
        self.give = give
        self.epochs = 0

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self.give(slice(4 * index, 4 * index + 4))

    def on_epoch_end(self):
        self.epochs += 1


class Table:
    """Like a table of another library: no array, but it can be made one."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array.astype(dtype or self.array.dtype)


class Again:
    """Can be iterated over again and again."""

    def __init__(self, give):
        self.give = give

    def __iter__(self):
        return iter(self.give())


def generated(spec, give):
    return tf.data.Dataset.from_generator(give, output_signature=spec)


OPEN = tf.TensorSpec(None, tf.uint8)
IMAGES = {
    "array": lambda: X,
    "array without channel": lambda: X[..., 0],
    "float array": lambda: X.astype(np.float32),
    "float64 array without channel": lambda: X[..., 0].astype(np.float64),
    "int64 array": lambda: X.astype(np.int64),
    "big-endian array": lambda: X.astype(">i4"),
    "list of arrays": lambda: list(X),
    "nested lists": lambda: X[..., 0].tolist(),
    "tensor": lambda: tf.constant(X),
    "table": lambda: Table(X),
    "(x, y)": lambda: (X, Y),
    "(x,)": lambda: (X,),
    "dict": lambda: {"image": X, "label": Y, "id": NAMES},
    "dict without channel": lambda: {"x": X[..., 0]},
    "dataset of rows": lambda: slices(X),
    "dataset of rows without channel": lambda: slices(X[..., 0]),
    "dataset of float rows": lambda: slices(X.astype(np.float32)),
    "dataset of (image, label)": lambda: slices((X, Y)),
    "dataset of dicts": lambda: slices({"id": NAMES, "image": X, "label": Y}),
    "dataset of ({},)": lambda: slices(({"id": NAMES, "image": X},)),
    "dataset of ({}, label)": lambda: slices(({"id": NAMES, "features": X}, Y)),
    "dataset of batches": lambda: slices(X).batch(4),
    "dataset of full batches": lambda: slices(X).batch(5, drop_remainder=True),
    "dataset of batches without channel": lambda: slices(X[..., 0]).batch(4),
    "dataset of batches (image, label)": lambda: slices((X, Y)).batch(4),
    "dataset of batches of dicts": lambda: slices({"id": NAMES, "image": X}).batch(4),
    "dataset of rows of unknown rank": lambda: generated(OPEN, lambda: X),
    "dataset of rows without channel of unknown rank": lambda: generated(OPEN, lambda: X[..., 0]),
    "dataset of batches of unknown rank": lambda: generated(OPEN, lambda: np.split(X, 5)),
    "dataset of rows of unknown size": lambda: generated(
        tf.TensorSpec([None, None, 1], tf.uint8), lambda: X
    ),
    "dataset of batches of unknown size": lambda: generated(
        tf.TensorSpec([None, None, None], tf.uint8), lambda: np.split(X[..., 0], 5)
    ),
    "dataset without a known length": lambda: slices(X).filter(lambda _: True),
    "PyDataset": lambda: Batches(lambda i: X[i]),
    "PyDataset of (image, label)": lambda: Batches(lambda i: (X[i], Y[i])),
    "PyDataset of lists": lambda: Batches(lambda i: [X[i, ..., 0], Y[i]]),
    "PyDataset of dicts": lambda: Batches(lambda i: {"image": X[i], "id": NAMES[i]}),
    "PyDataset with workers": lambda: Batches(lambda i: (X[i],), workers=2),
    "generator of rows": lambda: (x for x in X),
    "generator of rows without channel": lambda: (x for x in X[..., 0]),
    "generator of (image, label)": lambda: zip(X, Y, strict=True),
    "generator of dicts": lambda: ({"image": X[i], "id": NAMES[i]} for i in range(N)),
    "generator of batches": lambda: (X[i : i + 4] for i in range(0, N, 4)),
    "generator of tensors": lambda: (tf.constant(x) for x in X),
    "iterable of dicts": lambda: Again(lambda: ({"image": x} for x in X)),
    "iterable of batches": lambda: Again(lambda: np.split(X.astype(np.float64), 5)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_every_form_of_images_gives_the_same_rows(name):
    rows = joined(read(IMAGES[name]()))

    np.testing.assert_array_equal(rows, X)
    assert rows.dtype == np.uint8


VECTORS = {
    "array": lambda: V,
    "lists": lambda: V.tolist(),
    "float64 array": lambda: V.astype(np.float64),
    "dataset of rows": lambda: slices(V),
    "dataset of batches": lambda: slices(V.astype(np.float64)).batch(3),
    "dataset of features": lambda: slices({"features": V, "label": Y}),
    "generator": lambda: iter(V.tolist()),
    "PyDataset": lambda: Batches(lambda i: V[i]),
}


@pytest.mark.parametrize("name", VECTORS)
def test_every_form_of_vectors_gives_the_same_rows(name):
    rows = joined(read(VECTORS[name](), VECTOR))

    np.testing.assert_array_equal(rows, V)
    assert rows.dtype == np.float32


def test_whole_numbers_are_vectors_too():
    rows = joined(read(np.arange(20).reshape(4, 5), VECTOR))

    np.testing.assert_array_equal(rows, np.arange(20, dtype=np.float32).reshape(4, 5))


def test_a_vector_of_one_variable_needs_no_axis():
    form = Form(event_shape=(1,), dtype="float64")
    for x in (V[:, 0], slices(V[:, 0]), slices(V[:, 0]).batch(3), iter(V[:, 0])):
        rows = joined(read(x, form))
        np.testing.assert_array_equal(rows, V[:, :1])
        assert rows.dtype == np.float64


CONDITIONS = {
    "(x, condition)": lambda c: (X, c),
    "{x, condition}": lambda c: {"x": X, "condition": c, "id": NAMES},
    "dataset of (x, condition)": lambda c: slices((X, c)),
    "dataset of dicts": lambda c: slices({"image": X, "condition": c, "id": NAMES}),
    "dataset of batches": lambda c: slices((X, c)).batch(4),
    "dataset of ({}, condition)": lambda c: slices(({"x": X}, c)).batch(4),
    "dataset of unknown rank": lambda c: generated(
        {"x": OPEN, "condition": tf.TensorSpec(None, c.dtype)},
        lambda: ({"x": X[i], "condition": c[i]} for i in range(N)),
    ),
    "PyDataset": lambda c: Batches(lambda i: (X[i], c[i])),
    "generator": lambda c: zip(X, c, strict=True),
}


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize(("form", "c"), [(LABELLED, Y), (CONDITIONED, C)])
def test_every_form_of_condition_gives_the_same_rows(form, c, name):
    rows = joined(read(CONDITIONS[name](c), form))

    assert rows.keys() == {"x", "condition"}
    np.testing.assert_array_equal(rows["x"], X)
    np.testing.assert_array_equal(rows["condition"], c)
    assert rows["condition"].dtype == (np.int32 if form is LABELLED else np.float32)


LABELS = {
    "y": lambda: (X, Y),
    "y [N, 1]": lambda: (X, Y[:, None]),
    "y of whole floats": lambda: (X, Y.astype(np.float32)),
    "list": lambda: (X, Y.tolist()),
    "label of a dict": lambda: {"image": X, "label": Y},
    "label of a dataset": lambda: slices({"image": X, "label": Y}),
    "labels [B, 1] of a dataset": lambda: slices((X, Y[:, None])).batch(2),
    "condition rather than label": lambda: {"x": X, "condition": Y, "label": Y + 1},
    "second part rather than label": lambda: slices(({"x": X, "label": Y + 1}, Y)),
}


@pytest.mark.parametrize("name", LABELS)
def test_every_form_of_labels_gives_the_same_labels(name):
    np.testing.assert_array_equal(joined(read(LABELS[name](), LABELLED))["condition"], Y)


def test_fit_style_arguments_and_a_condition_of_width_one():
    form = dataclasses.replace(IMAGE, condition_dim=1)

    np.testing.assert_array_equal(joined(read(X, LABELLED, Y))["condition"], Y)
    np.testing.assert_array_equal(joined(read(X, form, C[:, 0]))["condition"], C[:, :1])
    np.testing.assert_array_equal(joined(read(X, IMAGE, Y)), X)


def late(array):
    """A generator, a dataset and a PyDataset whose last row is the only bad one."""
    return {
        "array": lambda: array,
        "generator": lambda: iter(array),
        "dataset": lambda: slices(array),
        "batches": lambda: slices(array).batch(2),
        "PyDataset": lambda: Batches(lambda i: array[i]),
    }


def spoilt(array, value):
    array = array.copy()
    array[-1].flat[0] = value
    return array


SCALED = X.astype(np.float32) / 255
SPLITS = {"train": slices(X), "test": slices(X)}
SIZES = [X[0], X[0, :3]]
REFUSED = {
    "splits": (lambda: SPLITS, "image", ["splits 'train', 'test'", "x['train']"]),
    "splits of arrays": (lambda: {"train": X, "test": X}, "image", ["splits 'train', 'test'"]),
    "(dataset, info)": (lambda: (slices(X), "info"), "image", ["tuple of _TensorSlice"]),
    "list of datasets": (lambda: [slices(X), slices(X)], "image", ["list of _TensorSliceDataset"]),
    "((x, y), (x, y))": (lambda: ((X, Y), (X, Y)), "image", ["tuple of tuple, tuple"]),
    "sample weights": (lambda: slices((X, Y, Y)), "image", ["3 parts", "weights"]),
    "wrong size": (lambda: X[:, :3], "image", ["(4, 3, 1)", "(4, 3)", "(10, 3, 3, 1)"]),
    "wrong size of rows": (lambda: slices(X[:, :3]), "image", ["(4, 3, 1)", "(3, 3, 1)"]),
    "wrong size of batches": (
        lambda: slices(X[:, :3]).batch(4),
        "image",
        ["(4, 3, 1)", "(None, 3, 3, 1)"],
    ),
    "wrong size of generated": (lambda: iter(X[:, :3]), "image", ["(4, 3, 1)", "(3, 3, 1)"]),
    "wrong size, PyDataset": (lambda: Batches(lambda i: X[i, :3]), "image", ["(4, 3, 3, 1)"]),
    "wrong size, unknown to the spec": (
        lambda: generated(tf.TensorSpec([None, None, 1], tf.uint8), lambda: X[:, :3]),
        "image",
        ["(4, 3, 1)", "[3 3 1]"],
    ),
    "wrong size of a later row": (
        lambda: generated(tf.TensorSpec([None, None, 1], tf.uint8), lambda: SIZES),
        "image",
        ["(4, 3, 1)", "[3 3 1]"],
    ),
    "rows of several sizes": (lambda: SIZES, "image", ["rows of one shape", "list"]),
    "channels first": (
        lambda: np.zeros((2, 1, 4, 3), np.uint8),
        "image",
        ["(2, 1, 4, 3)", "Channels go last"],
    ),
    "a single row": (lambda: X[0], "image", ["(4, 3, 1)", "one more axis in front"]),
    "a batch of PyDataset without axis": (lambda: Batches(lambda i: X[0]), "image", ["axis"]),
    "vector too short": (lambda: V[:, :4], "vector", ["(5,)", "(10, 4)"]),
    "no rows": (lambda: X[:0], "image", ["`x` must not be empty"]),
    "empty list": (lambda: [], "vector", ["(5,)", "(0,)"]),
    "empty dataset": (lambda: slices(X[:0]), "image", ["`x` must not be empty"]),
    "empty batches": (lambda: slices(X[:0]).batch(4), "image", ["`x` must not be empty"]),
    "filtered to nothing": (
        lambda: slices(X).filter(lambda _: False),
        "image",
        ["`x` must not be empty"],
    ),
    "empty, unknown rank": (lambda: generated(OPEN, lambda: X[:0]), "image", ["not be empty"]),
    "empty generator": (lambda: iter(X[:0]), "image", ["`x` must not be empty"]),
    "empty iterable": (lambda: Again(lambda: X[:0]), "image", ["`x` must not be empty"]),
    "strings": (lambda: NAMES, "vector", ["numbers", "str"]),
    "strings of a dataset": (lambda: slices({"x": NAMES}), "image", ["(4, 3, 1)", "()"]),
    "objects": (lambda: np.full((2, 5), None), "vector", ["numbers", "object"]),
    "complex": (lambda: V.astype(complex), "vector", ["numbers", "complex128"]),
    "dates": (lambda: np.zeros((2, 5), "datetime64[s]"), "vector", ["numbers", "datetime64"]),
    "ragged": (
        lambda: slices(tf.RaggedTensor.from_row_lengths(V[0], [2, 3])),
        "vector",
        ["dense", "Ragged"],
    ),
    "no field": (lambda: {"picture": X}, "image", ["'image'", "received 'picture'"]),
    "no field of a dataset": (lambda: slices({"id": NAMES}), "image", ["received 'id'"]),
    "scaled to [0, 1]": (lambda: SCALED, "image", ["whole", "0.", "from 0.0 to 1.0", "x * 255"]),
    "scaled rows": (lambda: slices(SCALED), "image", ["[0, 256)", "received 0.", "x * 255"]),
    "scaled batches": (lambda: slices(SCALED).batch(2), "image", ["[0, 256)", "x * 255"]),
    "scaled generator": (lambda: iter(SCALED), "image", ["[0, 256)", "x * 255"]),
    "scaled PyDataset": (lambda: Batches(lambda i: SCALED[i]), "image", ["[0, 256)", "x * 255"]),
    "negative pixel": (lambda: spoilt(X.astype(int), -1), "image", ["received -1"]),
    "infinite after the cast": (lambda: np.full((2, 5), 1e300), "vector", ["finite", "1e+300"]),
    "no label": (lambda: X, "labelled", ["condition", "[0, 3)", "'label'"]),
    "no label in a dataset": (lambda: slices({"image": X}), "labelled", ["condition", "[0, 3)"]),
    "no condition": (lambda: slices(X), "conditioned", ["condition", "width 2"]),
    "a label is no condition": (
        lambda: {"x": X, "label": Y},
        "conditioned",
        ["condition", "width 2"],
    ),
    "label too large": (lambda: (X, Y + 1), "labelled", ["`y`", "[0, 3)", "received 3"]),
    "no label is -1": (lambda: slices((X, Y * 0 - 1)), "labelled", ["`y`", "received -1"]),
    "label of a dict": (lambda: {"x": X, "label": Y + 1}, "labelled", ["`x['label']`"]),
    "fractional label": (lambda: (X, Y + 0.5), "labelled", ["`y`", "received 0.5"]),
    "one-hot": (lambda: (X, np.eye(3)[Y]), "labelled", ["`y`", "one number a row", "(10, 3)"]),
    "string labels": (lambda: (X, NAMES), "labelled", ["`y`", "numbers"]),
    "fewer labels": (lambda: (X, Y[:7]), "labelled", ["`y`", "received 7 and 10"]),
    "condition too wide": (lambda: (X, V), "conditioned", ["`y`", "(2,)", "(10, 5)"]),
    "NaN condition": (lambda: (X, spoilt(C, np.nan)), "conditioned", ["`y`", "received nan"]),
    "unwanted condition": (
        lambda: slices({"x": X, "condition": Y}),
        "image",
        ["no field 'condition'", "unconditional"],
    ),
    **{
        f"NaN pixel in the last of a {name}": (give, "image", ["whole", "received nan"])
        for name, give in late(spoilt(X.astype(np.float32), np.nan)).items()
    },
    **{
        f"256 in the last of a {name}": (give, "image", ["[0, 256)", "received 256"])
        for name, give in late(spoilt(X.astype(np.int32), 256)).items()
    },
    **{
        f"infinity in the last of a {name}": (give, "vector", ["finite", "received inf"])
        for name, give in late(spoilt(V, np.inf)).items()
    },
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_with_a_reason(name):
    give, form, words = REFUSED[name]
    with pytest.raises(ValueError, match="^`") as caught:
        read(give(), FORMS[form], batch_size=3)

    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("scaled", [slices(SCALED), slices(SCALED).batch(2), iter(SCALED)])
def test_the_first_batch_is_checked_before_any_is_read(scaled):
    with pytest.raises(ValueError, match="x \\* 255"):
        prepare(scaled, None, IMAGE, batch_size=3, shuffle=True)


def test_the_argument_is_named():
    for x in (X[:0], slices(X[:0]), iter(X[:0])):
        with pytest.raises(ValueError, match="`validation_data` must not be empty"):
            read(x, argument="validation_data")
    with pytest.raises(ValueError, match=r"`validation_data\[1\]` must hold whole numbers"):
        read((X, Y + 1), LABELLED, argument="validation_data")


@pytest.mark.parametrize(
    ("x", "kind", "words"),
    [
        (None, TypeError, "received None"),
        (3, TypeError, "received 3"),
        ("digits.npy", TypeError, "received the path 'digits.npy'.*zoo.datasets.files.read"),
        (slices(X), ValueError, "`y` must be None where `x` is a _TensorSliceDataset"),
    ],
)
def test_what_is_no_data_is_refused(x, kind, words):
    with pytest.raises(kind, match=words):
        prepare(x, None if kind is TypeError else Y, IMAGE, batch_size=4, shuffle=False)


def test_a_batch_has_a_row():
    with pytest.raises(ValueError, match="`batch_size` must be at least 1; received 0"):
        read(X, batch_size=0)


def test_few_levels():
    form = dataclasses.replace(IMAGE, levels=2)

    np.testing.assert_array_equal(joined(read(X > 9, form)), X > 9)
    np.testing.assert_array_equal(joined(read(slices(X > 9), form)), X > 9)
    with pytest.raises(ValueError, match=r"\[0, 2\); received 2"):
        read(slices(X % 3), form)


def test_many_levels():
    form = dataclasses.replace(IMAGE, levels=1000)
    rows = joined(read(slices(X.astype(np.uint16) + 700), form))

    np.testing.assert_array_equal(rows, X.astype(int) + 700)


@pytest.mark.parametrize("options", [{"flip": True}, {"num_classes": 2, "condition_dim": 2}])
def test_an_impossible_form_is_refused(options):
    with pytest.raises(ValueError, match="`flip` needs images|`num_classes` and `condition_dim`"):
        Form(event_shape=(5,), **options)


UNBATCHED = {
    "array": lambda: X,
    "dataset": lambda: slices(X),
    "generator": lambda: iter(X),
    "iterable": lambda: Again(lambda: X),
}


@pytest.mark.parametrize("name", UNBATCHED)
def test_rows_are_shuffled_by_seed_and_batched(name):
    batches, again = (read(UNBATCHED[name](), shuffle=True, seed=5) for _ in range(2))
    other = read(UNBATCHED[name](), shuffle=True, seed=6)

    assert [len(batch) for batch in batches] == [4, 4, 2]
    np.testing.assert_array_equal(joined(batches), joined(again))
    assert not np.array_equal(joined(batches), X)
    assert not np.array_equal(joined(batches), joined(other))
    assert sorted(x.tobytes() for x in joined(batches)) == sorted(x.tobytes() for x in X)


@pytest.mark.parametrize("name", ["array", "dataset"])
def test_each_epoch_has_an_order_of_its_own(name):
    data = prepare(UNBATCHED[name](), None, IMAGE, batch_size=4, shuffle=True)
    one, two = (joined([batch for (batch,) in data.batches]) for _ in range(2))

    assert not np.array_equal(one, two)


def test_looking_ahead_does_not_change_the_order():
    plain, looked = (prepare(X, None, IMAGE, batch_size=4, shuffle=True, seed=3) for _ in range(2))
    looked.first_batch()

    for (one,), (other,) in zip(plain.batches, looked.batches, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_are_taken_as_given():
    batches = read(slices(X).batch(7), shuffle=True, batch_size=4)

    assert [len(batch) for batch in batches] == [7, 3]
    np.testing.assert_array_equal(joined(batches), X)


@pytest.mark.parametrize("name", UNBATCHED)
def test_training_mirrors_at_random_by_seed(name):
    form = dataclasses.replace(IMAGE, flip=True)
    many = np.concatenate([X] * 20)
    give = {"array": many, "dataset": slices(many), "generator": iter(many)}.get(
        name, Again(lambda: many)
    )
    data = prepare(give, None, form, batch_size=200, shuffle=True, seed=1)
    ((batch,),) = data.batches
    either = {x.tobytes(): i for i, x in enumerate(X)}
    mirrored = [x.tobytes() not in either for x in batch.numpy()]
    turned = np.where(np.reshape(mirrored, (-1, 1, 1, 1)), batch[:, :, ::-1], batch)

    assert 70 < sum(mirrored) < 130
    assert sorted(either[x.tobytes()] for x in turned) == sorted([*range(N)] * 20)
    if name != "generator":
        ((again,),) = data.batches
        assert not np.array_equal([x.tobytes() not in either for x in again.numpy()], mirrored)


def test_nothing_is_mirrored_in_batches_nor_without_shuffling():
    form = dataclasses.replace(IMAGE, flip=True)

    np.testing.assert_array_equal(joined(read(slices(X).batch(4), form, shuffle=True)), X)
    np.testing.assert_array_equal(joined(read(X, form)), X)


@pytest.mark.parametrize(
    "x", [X, slices(X), slices(X).batch(4), Again(lambda: X), Batches(lambda i: X[i])]
)
def test_repeated_data_does_not_end(x):
    data = prepare(x, None, IMAGE, batch_size=4, shuffle=False, repeat=True)
    rows = joined([batch for (batch,) in itertools.islice(iter(data.batches), 8)])

    np.testing.assert_array_equal(rows[:25], np.concatenate([X, X, X])[:25])


@pytest.mark.parametrize(
    ("rows", "x", "form"),
    [
        (7, X, IMAGE),
        (7, slices(X), IMAGE),
        (7, slices(X).batch(4), IMAGE),
        (7, Batches(lambda i: (X[i], Y[i])), LABELLED),
        (1024, (X, C), CONDITIONED),
        (1024, slices((X, Y)), LABELLED),
    ],
)
def test_the_first_batch_is_what_the_model_receives(rows, x, form):
    data = prepare(x, None, form, batch_size=4, shuffle=True, repeat=True)
    batch = data.first_batch(rows)
    (of_keras,) = next(iter(data.batches))

    assert {len(part) for part in tf.nest.flatten(batch)} == {min(rows, N)}
    tf.nest.assert_same_structure(batch, of_keras)
    for part, other in zip(tf.nest.flatten(batch), tf.nest.flatten(of_keras), strict=True):
        assert part.dtype == other.dtype
        assert part.shape[1:] == other.shape[1:]
    if form is LABELLED:  # a row keeps its label
        pairs = {(x.tobytes(), y) for x, y in zip(X, Y, strict=True)}
        found = zip(batch["x"].numpy(), batch["condition"].numpy(), strict=True)
        assert {(x.tobytes(), y) for x, y in found} <= pairs


def test_the_first_batch_takes_nothing_from_a_generator():
    read_so_far = []

    def generator():
        for i, x in enumerate(X):
            read_so_far.append(i)
            yield x

    data = prepare(generator(), None, IMAGE, batch_size=4, shuffle=False)
    assert read_so_far == [0]
    np.testing.assert_array_equal(data.first_batch(3), X[:3])
    assert read_so_far == [0, 1, 2]
    np.testing.assert_array_equal(data.first_batch(1024), X)
    np.testing.assert_array_equal(joined([batch for (batch,) in data.batches]), X)


def test_looking_ahead_in_the_midst_of_a_generator_shows_what_is_still_to_come():
    data = prepare((x[None] for x in X), None, IMAGE, batch_size=4, shuffle=False)
    seen = [batch.numpy() for (batch,) in itertools.islice(iter(data.batches), 2)]
    ahead = data.first_batch(4)
    rest = [batch.numpy() for (batch,) in data.batches]

    np.testing.assert_array_equal(np.concatenate(seen), X[:2])
    np.testing.assert_array_equal(ahead[0], X[0])  # looked at beforehand
    assert len(rest) <= N - 2


def test_a_cached_dataset_is_read_without_a_complaint(capfd):
    source = slices(X.astype(np.float32)).cache()
    data = prepare(source, None, IMAGE, batch_size=4, shuffle=True)
    data.first_batch(2)
    assert len(list(data.batches)) == 3
    del data

    assert "did not fully read" not in capfd.readouterr().err


class Probe(keras.Model):
    """Keeps what Keras hands to `call` and `compute_loss`."""

    def __init__(self):
        super().__init__(dtype="float32")
        self.scale = self.add_weight(shape=(), initializer="ones")
        self.called, self.lost = [], []
        self.built = True

    def call(self, inputs, training=False):  # noqa: FBT002 - Keras's own signature
        self.called.append((inputs, training))
        x = inputs["x"] if isinstance(inputs, dict) else inputs
        return tf.reduce_mean(tf.cast(x, tf.float32), range(1, len(x.shape))) * self.scale

    def train_step(self, data):
        # Else Keras counts a step more at the end of data whose length is not known.
        with tf.control_dependencies(tf.nest.flatten(data)):
            return super().train_step(data)

    def compute_loss(self, x, y, y_pred, sample_weight, training):
        assert training in (True, False)
        self.lost.append((x, y, y_pred, sample_weight))
        return tf.reduce_mean(y_pred)


def fitted(x, form, **options):
    model = Probe()
    model.compile("sgd")
    repeat = "steps_per_epoch" in options
    data = prepare(x, None, form, batch_size=4, shuffle=True, repeat=repeat)
    with reading(data):
        history = model.fit(data.batches, shuffle=False, verbose=0, **options)
    return model, history


@pytest.mark.parametrize("give", [lambda: X, lambda: slices(X), lambda: Batches(lambda i: X[i])])
def test_an_unconditional_model_is_called_with_the_bare_batch(give):
    model, _ = fitted(give(), IMAGE)

    for inputs, training in model.called:
        assert inputs.dtype == tf.uint8
        assert inputs.shape[1:] == (4, 3, 1)
        assert training
    for x, y, y_pred, weight in model.lost:
        assert x.dtype == tf.uint8
        assert (y, weight) == (None, None)
        assert y_pred.shape.rank == 1


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_conditional_model_is_called_with_a_dict(name):
    model, _ = fitted(CONDITIONS[name](C.astype(np.float64)), CONDITIONED)

    for inputs, _ in model.called:
        assert inputs.keys() == {"x", "condition"}
        assert (inputs["x"].dtype, inputs["condition"].dtype) == (tf.uint8, tf.float32)
        assert inputs["condition"].shape[1:] == (2,)
    for x, y, _, _ in model.lost:
        assert x.keys() == {"x", "condition"}
        assert y is None


def test_evaluate_and_predict_read_prepared_data():
    model, _ = fitted(X, IMAGE)
    data = prepare(slices(X), None, IMAGE, batch_size=4, shuffle=False)
    predicted = model.predict(data.batches, verbose=0)

    np.testing.assert_allclose(predicted, X.mean((1, 2, 3)) * model.scale.numpy(), rtol=1e-6)
    assert model.evaluate(data.batches, verbose=0) == pytest.approx(predicted.mean())


@pytest.mark.parametrize("name", IMAGES)
def test_fit_reads_every_form_without_a_warning(name):
    model, history = fitted(IMAGES[name](), IMAGE)

    assert np.isfinite(history.history["loss"]).all()
    assert model.optimizer.iterations.numpy() in (2, 3, 5)


@pytest.mark.parametrize("x", [X, slices(X), slices(X).batch(4), Batches(lambda i: X[i])])
def test_steps_beyond_the_end_of_the_data_are_taken(x):
    model, history = fitted(x, IMAGE, steps_per_epoch=4, epochs=3)

    assert model.optimizer.iterations.numpy() == 12
    assert len(history.history["loss"]) == 3


def test_an_endless_generator_is_read_on_from_epoch_to_epoch():
    model, _ = fitted((X[i % N] for i in itertools.count()), IMAGE, steps_per_epoch=2, epochs=3)

    assert model.optimizer.iterations.numpy() == 6


def test_a_generator_has_one_epoch():
    with pytest.raises(ValueError, match="`x` must have rows left; received an iterator"):
        fitted(iter(X), IMAGE, epochs=2)


def test_an_iterable_has_many_epochs():
    model, _ = fitted(Again(lambda: X), IMAGE, epochs=3)

    assert model.optimizer.iterations.numpy() == 9


def test_a_py_dataset_is_told_of_its_epochs():
    source = Batches(lambda i: X[i])
    fitted(source, IMAGE, epochs=2)

    assert source.epochs >= 2


def test_a_bad_row_stops_fit_with_a_value_error():
    with pytest.raises(ValueError, match=r"^`x` must hold whole numbers in \[0, 256\)"):
        fitted(slices(spoilt(X.astype(np.float32), 0.5)).batch(2), IMAGE)


def test_strings_do_not_reach_a_compiled_step():
    model = Probe()
    model.compile("sgd", jit_compile=True)
    data = prepare(
        slices({"id": NAMES, "image": X}), None, IMAGE, batch_size=5, shuffle=True, seed=1
    )
    history = model.fit(data.batches, shuffle=False, verbose=0)

    assert np.isfinite(history.history["loss"]).all()


def test_errors_of_others_pass_through_reading():
    with pytest.raises(tf.errors.InvalidArgumentError), reading():
        tf.reshape(tf.constant([1.0, 2.0]), [3])
    with pytest.raises(KeyError), reading():
        raise KeyError(0)


@pytest.mark.parametrize(
    ("x", "y", "form"),
    [
        (X, None, IMAGE),
        (list(X), Y.tolist(), LABELLED),
        ((X, Y), None, LABELLED),
        ({"image": X, "label": Y, "id": NAMES}, None, LABELLED),
    ],
)
def test_validation_takes_the_last_rows(x, y, form):
    train, held_out = (read(part, form) for part in validation_split(x, y, fraction=0.25))
    rows = joined(train), joined(held_out)
    if form is LABELLED:
        np.testing.assert_array_equal(rows[0]["condition"], Y[:7])
        np.testing.assert_array_equal(rows[1]["condition"], Y[7:])
        rows = rows[0]["x"], rows[1]["x"]

    np.testing.assert_array_equal(rows[0], X[:7])
    np.testing.assert_array_equal(rows[1], X[7:])


def test_validation_splits_where_keras_does():
    for size in range(2, 40):
        for fraction in (0.1, 0.2, 0.25, 0.3, 1 / 3, 0.5):
            if not 0 < int(np.floor(size * (1 - fraction))) < size:
                continue
            train, held_out = validation_split(np.zeros((size, 1)), fraction=fraction)
            assert len(train) == int(np.floor(size * (1 - fraction)))
            assert len(train) + len(held_out) == size


@pytest.mark.parametrize(
    ("x", "y", "fraction", "words"),
    [
        (X, None, 0.0, "between 0 and 1; received 0.0"),
        (X, None, 1.5, "between 0 and 1; received 1.5"),
        (X[:1], None, 0.2, "rows on both sides; received 0.2 of 1"),
        (X, Y[:3], 0.2, r"equally many rows; received \[3, 10\]"),
        (slices(X), None, 0.2, "needs arrays as `x`; received a _TensorSliceDataset"),
    ],
)
def test_an_impossible_validation_split_is_refused(x, y, fraction, words):
    with pytest.raises(ValueError, match=words):
        validation_split(x, y, fraction=fraction)
