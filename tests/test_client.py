"""`export.load`: a client of an exported model."""

import functools
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import export
from exported import model, served
from models import conditions, data, real

MOONS, DIGITS, CLASSES = "realnvp_moons", "realnvp_digits", "realnvp_moons classes"
ROWS = 4
SEEDS = np.array([[7, 0], [7, 2], [3, 1], [0, 0]])


@functools.cache
def client(name):
    return export.load(served(name))


def given(name, rows=ROWS):
    return conditions(model(name), rows) if model(name).form.conditional else None


def assert_near(answer, wanted):
    wanted = np.asarray(wanted)
    assert answer.dtype == wanted.dtype
    np.testing.assert_allclose(answer, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


# What it answers


@pytest.mark.parametrize("name", [MOONS, DIGITS, CLASSES])
def test_it_answers_as_the_model_does(name):
    asked, own, condition = client(name), model(name), given(name)
    x = real(own, ROWS)
    assert_near(asked.log_prob(x, condition), own.log_prob(x, condition))
    z = own.encode(x, condition).numpy()
    assert_near(asked.encode(x, condition), z)
    assert_near(asked.decode(z, condition), own.decode(z, condition))
    samples = own.sample(3, seed=7, condition=condition).numpy()
    assert_near(asked.sample(3, 7, condition), samples)
    rows = asked.sample_rows(SEEDS, condition=condition)
    third = rows[1] if condition is None else asked.sample(3, 7, condition[1:2])[:, 0][2]
    assert_near(rows[1], samples[2] if condition is None else third)


def test_a_row_may_have_a_temperature_of_its_own_or_all_one():
    cold = client(MOONS).sample_rows(SEEDS[:2], [1, 0.5])
    assert_near(cold[:1], client(MOONS).sample_rows(SEEDS[:1]))
    assert_near(cold[1:], client(MOONS).sample_rows(SEEDS[1:2], 0.5))
    assert_near(client(MOONS).sample(1, 7), model(MOONS).sample(1, 7))
    assert np.abs(cold[1] - client(MOONS).sample_rows(SEEDS[1:2])[0]).max() > 1e-3


def test_bits_per_dim_are_the_model_s_by_the_seed_of_a_row_or_of_all():
    x, own = data(model(DIGITS), ROWS), model(DIGITS)
    for seed in (0, 5):
        assert_near(
            client(DIGITS).bits_per_dim(x, seed=seed).astype(float), own.bits_per_dim(x, seed=seed)
        )
    mixed = client(DIGITS).bits_per_dim(x, seed=[0, 5, 0, 5])
    wanted = np.where(np.arange(ROWS) % 2, own.bits_per_dim(x, seed=5), own.bits_per_dim(x, seed=0))
    assert_near(mixed.astype(float), wanted)


def test_it_takes_what_numpy_takes():
    x = [[0, 1], [2, 3]]
    wanted = model(MOONS).log_prob(np.array(x, np.float32))
    assert_near(client(MOONS).log_prob(x), wanted)
    assert_near(client(MOONS).log_prob(np.array(x, np.float64)), wanted)
    assert_near(client(MOONS).log_prob(tf.constant(x, tf.float64)), wanted)
    assert_near(
        client(CLASSES).log_prob(x, 3), model(CLASSES).log_prob(np.array(x, np.float32), [3, 3])
    )
    whole = data(model(DIGITS), 2).astype(np.int64)
    assert_near(client(DIGITS).bits_per_dim(whole).astype(float), model(DIGITS).bits_per_dim(whole))
    assert client(MOONS).log_prob(np.empty([0, 2])).shape == (0,)


def test_rows_that_no_model_takes_are_nan():
    x = np.array([[0.0, 1.0], [np.nan, 0.0], [1e300, 0.0]])
    assert np.isnan(client(MOONS).log_prob(x)).tolist() == [False, True, True]
    assert np.isnan(client(CLASSES).log_prob(x[:1].repeat(2, 0), [9, 10])).tolist() == [False, True]


FRESH = """
import sys
for blocked in ("keras", "tf_keras", "tensorflow_probability", "tfflows", "zoo"):
    sys.modules[blocked] = None
import numpy as np
import export
client = export.load(sys.argv[1])
x = np.load(sys.argv[2])
np.savez(sys.argv[3], log_prob=client.log_prob(x), z=client.encode(x), sample=client.sample(2, 3))
"""


def test_it_needs_tensorflow_alone(tmp_path):
    x = real(model(MOONS), ROWS)
    np.save(tmp_path / "x.npy", x)
    command = [
        sys.executable,
        "-c",
        FRESH,
        served(MOONS).parent,
        tmp_path / "x.npy",
        tmp_path / "y",
    ]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = np.load(tmp_path / "y.npz")
    assert_near(answers["log_prob"], model(MOONS).log_prob(x))
    assert_near(answers["z"], model(MOONS).encode(x))
    assert_near(answers["sample"], model(MOONS).sample(2, seed=3))


# What it is of


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """A folder of versions, with what a server does not serve beside them."""
    folder = tmp_path_factory.mktemp("versions")
    for number in ("2", "10", "9"):
        (folder / number).symlink_to(served(MOONS))
    (folder / ".writing-1").symlink_to(served(MOONS))
    (folder / "11").mkdir()
    (folder / "notes.txt").touch()
    return folder


def test_the_highest_version_is_taken_or_the_one_that_is_asked_for(versions):
    assert export.load(versions).version == 10
    older = export.load(str(versions), version=2)
    assert (older.version, older.path) == (2, versions / "2")
    assert export.load(versions / "9").version == 9
    assert export.load(versions / ".writing-1").version is None


def test_what_is_no_export_is_refused(versions, tmp_path):
    for folder in (tmp_path, tmp_path / "none", versions / "notes.txt", versions / "11"):
        with pytest.raises(ValueError, match=f"`directory` must hold exported .*{folder}"):
            export.load(folder)
    with pytest.raises(ValueError, match=r"`version` must be one of \[2, 9, 10\].*received 3"):
        export.load(versions, 3)


def test_it_says_what_it_answers():
    signatures = client(CLASSES).signatures
    assert set(signatures) == {
        *("log_prob", "encode", "decode", "sample", "sample_rows", "serving_default")
    }
    assert {key: spec.shape.as_list() for key, spec in signatures["sample_rows"].items()} == {
        "seed": [None, 2],
        "temperature": [None],
        "condition": [None],
    }
    assert signatures["log_prob"]["condition"].dtype == tf.int32


def test_it_has_what_the_export_says_of_the_model(tmp_path):
    copy = shutil.copytree(served(MOONS), tmp_path / "1")
    shutil.rmtree(copy / "assets.extra", ignore_errors=True)
    assert export.load(tmp_path).info == {}
    (copy / "assets.extra").mkdir()
    (copy / "assets.extra" / "model.json").write_text(json.dumps({"preset": "moons"}))
    assert export.load(tmp_path).info == {"preset": "moons"}


# What it refuses


WRONG = [
    (
        MOONS,
        "bits_per_dim",
        {"x": np.zeros([1, 2])},
        ValueError,
        r"`signature` must be one of .*'e",
    ),
    (MOONS, "log_prob", {"x": np.zeros([2])}, ValueError, r"`x` .* shape \[N, 2\]; received \[2\]"),
    (MOONS, "log_prob", {"x": np.zeros([3, 1])}, ValueError, r"received \[3, 1\]"),
    (MOONS, "log_prob", {"x": [["a", "b"]]}, TypeError, "`x` must hold numbers; received <U1"),
    (MOONS, "log_prob", {"x": [[True, False]]}, TypeError, "received bool"),
    (MOONS, "decode", {"z": np.zeros([1, 2], complex)}, TypeError, "`z` .* received complex128"),
    (MOONS, "encode", {"x": [[0, 1]], "condition": [1]}, ValueError, "`condition` must be None"),
    (
        CLASSES,
        "encode",
        {"x": [[0, 1]]},
        ValueError,
        r"`condition` must be given.*'condition', 'x'",
    ),
    (CLASSES, "log_prob", {"x": np.zeros([3, 2]), "condition": [1, 2]}, ValueError, "as many rows"),
    (
        CLASSES,
        "log_prob",
        {"x": [[0, 1]], "condition": [0.5]},
        TypeError,
        "whole numbers; received",
    ),
    (
        CLASSES,
        "sample",
        {"num": 2, "seed": 0, "condition": 3},
        ValueError,
        r"`condition` .* \[N\];",
    ),
    (MOONS, "sample", {"num": -1, "seed": 0}, ValueError, "`num` must be at least 0; received -1"),
    (MOONS, "sample", {"num": 2.0, "seed": 0}, TypeError, "`num` must hold whole numbers"),
    (MOONS, "sample", {"num": 2, "seed": 2**31}, ValueError, r"`seed` must be in -2147483648\.\."),
    (MOONS, "sample", {"num": 2, "seed": [1]}, ValueError, r"`seed` .* shape \[\]; received \[1\]"),
    (
        MOONS,
        "sample_rows",
        {"seeds": [[1, 2, 3]]},
        ValueError,
        r"shape \[N, 2\]; received \[1, 3\]",
    ),
    (DIGITS, "log_prob", {"x": np.zeros([1, 8, 8, 1], int)}, TypeError, "use `bits_per_dim`"),
    (DIGITS, "encode", {"x": np.zeros([1, 8, 8, 1], np.uint8)}, TypeError, "use `bits_per_dim`"),
    (
        DIGITS,
        "bits_per_dim",
        {"x": np.zeros([1, 4, 4, 1])},
        TypeError,
        "whole numbers; received fl",
    ),
    (
        DIGITS,
        "bits_per_dim",
        {"x": np.full([1, 4, 4, 1], 300)},
        ValueError,
        r"0\.\.255; received 300",
    ),
]


@pytest.mark.parametrize(("name", "method", "arguments", "error", "message"), WRONG)
def test_what_does_not_fit_is_refused_early(name, method, arguments, error, message):
    with pytest.raises(error, match=message):
        getattr(client(name), method)(**arguments)


def test_it_asks_any_signature_and_bytes_stay_as_they_are(tmp_path):
    module = tf.Module()
    length = tf.function(
        lambda image: {"bytes": tf.strings.length(image)},
        [tf.TensorSpec([None], tf.string, "image")],
        autograph=False,
    ).get_concrete_function()
    tf.saved_model.save(module, str(tmp_path), signatures={"length": length})
    asked = export.load(tmp_path)
    assert asked.ask("length", image=[b"\x00a\x00\x00", b""])["bytes"].tolist() == [4, 0]
    with pytest.raises(TypeError, match="`image` must hold bytes; received str"):
        asked.ask("length", image=["a"])
