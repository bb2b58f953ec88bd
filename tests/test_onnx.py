"""The ONNX files of exported models, run by onnxruntime."""

import functools
import math
import re
import shutil
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf

import export
from command_line import refusal
from export import __main__ as export_main
from export.onnx import FOLDER, SIGNATURES, conversion, files
from export.onnx.place import in_place
from exported import model, served
from models import PRESETS, QUICK, conditions, fitted, real, takes_conditions
from pages import PAGES
from zoo import registry
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder

TOLERANCE = 1e-4
FAMILIES = {registry.preset(name).config.family: name for name in reversed(PRESETS)}
CONDITIONAL = [
    *(f"{name} classes" for name in FAMILIES.values() if takes_conditions(name)),
    *("realnvp_digits vectors", "realnvp_moons vectors"),
]
every_case = pytest.mark.parametrize(
    "name",
    [
        *QUICK,
        *(
            pytest.param(n, marks=pytest.mark.slow)
            for n in [*PRESETS, *CONDITIONAL]
            if n not in QUICK
        ),
    ],
)


def opened(model_file):
    return onnxruntime.InferenceSession(model_file, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Returns a function from a name to the folder of the ONNX files of a copy of its export."""

    @functools.cache
    def folder(name):
        path = shutil.copytree(served(name), tmp_path_factory.mktemp("onnx") / "1")
        files.write(path)
        return path / FOLDER

    return folder


def requests(name, rows):
    own = model(name)
    x = real(own, rows)
    given = {}
    if own.form.conditional:
        given = {"condition": conditions(own, rows).astype(own.form.dtypes["condition"])}
    z = np.random.default_rng(0).normal(size=x.shape).astype(np.float32)
    return {"log_prob": {"x": x, **given}, "encode": {"x": x, **given}, "decode": {"z": z, **given}}


@every_case
def test_the_files_answer_as_the_model_does_in_batches_of_any_size(name, written):
    folder = written(name)
    assert sorted(path.stem for path in folder.iterdir()) == sorted(SIGNATURES)
    for signature, inputs in requests(name, 7).items():
        session = opened(folder / f"{signature}.onnx")
        wanted = getattr(model(name), signature)(*inputs.values()).numpy()
        scale = max(1.0, np.abs(wanted).max())
        for size in (1, 2, 7):
            (answer,) = session.run(None, {key: value[:size] for key, value in inputs.items()})
            assert answer.shape == (size, *wanted.shape[1:])
            assert np.abs(answer - wanted[:size]).max() <= TOLERANCE * scale
        key = next(iter(inputs))
        spoiled = inputs[key].copy()
        spoiled.reshape(7, -1)[1, 0] = np.nan
        (answer,) = session.run(None, {**inputs, key: spoiled})
        assert np.isnan(answer[1]).all()
        others = [0, *range(2, 7)]
        assert np.abs(answer[others] - wanted[others]).max() <= TOLERANCE * scale


def test_names_shapes_and_dtypes_are_those_of_the_signatures(written):
    folder = written("realnvp_moons")
    session = opened(folder / "log_prob.onnx")
    (x,), (density,) = session.get_inputs(), session.get_outputs()
    assert (x.name, x.shape, x.type) == ("x", ["N", 2], "tensor(float)")
    assert (density.name, density.shape) == ("log_prob", ["N"])
    with pytest.raises(Exception, match="Got: 3 Expected: 2"):
        session.run(None, {"x": np.zeros([1, 3], np.float32)})
    assert onnx.load(folder / "log_prob.onnx").opset_import[0].version == conversion.OPSET


# The ops that tf2onnx does not convert, against NumPy in float64


def small(folder, signature, function, *specs):
    """Returns the path of a SavedModel of one function."""
    traced = tf.function(function, specs, autograph=False).get_concrete_function()
    tf.saved_model.save(tf.Module(), str(folder), signatures={signature: traced})
    return folder


def rows(name, *shape, dtype=tf.float32):
    return tf.TensorSpec([None, *shape], dtype, name)


def run_small(folder, function, **inputs):
    specs = [rows(k, *v.shape[1:], dtype=tf.as_dtype(v.dtype)) for k, v in inputs.items()]
    path = small(folder, "f", lambda *x: {"answer": function(*x)}, *specs)
    (answer,) = opened(conversion.converted(path, "f")).run(["answer"], inputs)
    return answer


def spread(least, most):
    """Returns numbers of both signs, many of them small."""
    powers = np.logspace(math.log10(least), math.log10(most), 2000)
    return np.concatenate([-powers, [0.0], powers]).astype(np.float32)


def test_log1p_keeps_the_digits_of_small_numbers(tmp_path):
    x = spread(1e-30, 1e30)
    x = np.append(x[x > -1.0], [-1.0, np.inf, np.nan, -2.0]).astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = np.log1p(x.astype(np.float64))
    np.testing.assert_allclose(run_small(tmp_path, tf.math.log1p, x=x), wanted, rtol=5e-7)


def test_expm1_keeps_the_digits_of_small_numbers(tmp_path):
    x = np.append(spread(1e-30, 80.0), [-1e30, -np.inf, np.inf, np.nan]).astype(np.float32)
    wanted = np.expm1(x.astype(np.float64))
    np.testing.assert_allclose(run_small(tmp_path, tf.math.expm1, x=x), wanted, rtol=1e-6)


def test_erfc_keeps_the_digits_of_its_tail(tmp_path):
    x = np.concatenate([np.linspace(-12, 9, 4001), [1e30, np.inf, np.nan]]).astype(np.float32)
    wanted = np.array([math.erfc(v) for v in x.astype(np.float64)])
    answer = run_small(tmp_path, tf.math.erfc, x=x)
    np.testing.assert_allclose(answer, wanted, rtol=1e-5, atol=1e-37)


def test_solving_by_a_constant_matrix(tmp_path):
    random = np.random.default_rng(0)
    matrix = np.float32(random.normal(size=(3, 3)) + 3 * np.eye(3))
    b = random.normal(size=(5, 3, 2)).astype(np.float32)

    def solve(b):
        lower = tf.linalg.triangular_solve(matrix, b)
        upper = tf.linalg.triangular_solve(matrix, b, lower=False)
        return tf.stack([lower, upper, tf.linalg.triangular_solve(matrix, b, adjoint=True)], 1)

    triangles = [np.tril(matrix), np.triu(matrix), np.tril(matrix).T]
    wanted = np.stack([np.linalg.solve(triangle, b) for triangle in triangles], 1)
    np.testing.assert_allclose(run_small(tmp_path, solve, b=b), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot_of_more_axes(tmp_path, axis):
    def chosen(x):
        truth = tf.one_hot(x, 3, on_value=True, off_value=False, axis=axis)
        return tf.where(truth, 2, tf.one_hot(x, 3, 5, 0, axis))

    x = np.array([[0, 1], [2, 3], [-1, 0]], np.int32)
    np.testing.assert_array_equal(run_small(tmp_path, chosen, x=x), chosen(x))


def test_a_permutation_is_inverted_in_its_own_dtype(tmp_path):
    def inverse(order):
        return tf.math.invert_permutation(order) + tf.cast(tf.size(order), order.dtype)

    for dtype in (np.int32, np.int64):
        order = np.array([2, 0, 3, 1], dtype)
        answer = run_small(tmp_path, inverse, order=order)
        assert answer.dtype == dtype
        assert answer.tolist() == [5, 7, 4, 6]


def test_shapes_broadcast_to_empty_ones_too(tmp_path):
    def both(x, y):
        return tf.broadcast_to(x, tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y)))

    x, y = np.ones([1, 2], np.float32), np.zeros([0, 2], np.float32)
    assert run_small(tmp_path, both, x=x, y=y).shape == (0, 2)


def test_the_gradient_of_a_sum_over_one_axis_of_unknown_sizes(tmp_path):
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_logsumexp(x, axis=-2)
        return tape.gradient(y, x)

    x = np.random.default_rng(0).normal(size=(4, 3, 2)).astype(np.float32)
    np.testing.assert_allclose(run_small(tmp_path, slope, x=x), slope(tf.constant(x)), rtol=1e-5)


def test_the_gradient_of_a_product_that_broadcasts_unknown_sizes(tmp_path):
    def slope(x, y):
        with tf.GradientTape() as tape:
            tape.watch(x)
            product = tf.sin(x * y)
        return tape.gradient(product, x)

    random = np.random.default_rng(0)
    for first, second in [((4, 3), (1, 3)), ((1, 3), (4, 3)), ((3, 1), (3, 4)), ((3,), (2, 3))]:
        x, y = (random.normal(size=s).astype(np.float32) for s in (first, second))
        folder = tmp_path / f"{first}{second}"
        wanted = slope(tf.constant(x), tf.constant(y))
        np.testing.assert_allclose(run_small(folder, slope, x=x, y=y), wanted, rtol=1e-5, atol=1e-6)


# What is refused


def solved_by_its_rows(x):
    return {"y": tf.linalg.triangular_solve(tf.linalg.diag(x), x[..., None])}


def special(x):
    return {"y": tf.math.lgamma(x)}


@pytest.mark.parametrize(
    ("function", "reason"),
    [(special, "Lgamma"), (solved_by_its_rows, "MatrixTriangularSolve: its matrix depends")],
)
def test_what_does_not_convert_is_named(tmp_path, function, reason):
    path = small(tmp_path, "log_prob", function, rows("x", 2))
    with pytest.raises(
        ValueError, match=rf"the model's 'log_prob' cannot be had .* TensorFlow's {reason}"
    ):
        conversion.converted(path, "log_prob")


WRONG = in_place(lambda op, x: op("Log", op("Add", x, 1.5)))


@pytest.mark.parametrize(
    ("handlers", "reason"),
    [
        pytest.param({}, "it has nothing for TensorFlow's Log1p", marks=pytest.mark.slow),
        ({"Log1p": (WRONG, [])}, "onnxruntime's answer is off by a share of"),
    ],
)
def test_a_model_that_does_not_convert_is_refused(tmp_path, monkeypatch, handlers, reason):
    monkeypatch.setattr(conversion, "HANDLERS", handlers)
    path = shutil.copytree(served("realnvp_digits"), tmp_path / "1")
    with pytest.raises(ValueError, match=f"`onnx` must be False: the model's 'log_prob'.*{reason}"):
        files.write(path)


def test_what_onnxruntime_does_not_open_is_refused_and_nothing_published(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "converted", lambda path, signature: b"no model")
    with pytest.raises(ValueError, match="'log_prob' cannot be had in ONNX; onnxruntime says: "):
        export.save(fitted("realnvp_moons"), tmp_path / "served", onnx=True)
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ValueError, match=r"need tf2onnx, .*pip install 'tfflows\[onnx\]'"):
        export.save(fitted("realnvp_moons"), tmp_path / "served", onnx=True)
    assert list(tmp_path.iterdir()) == []


# The command line and the page


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of the reduced moons."""
    trained = fitted("realnvp_moons")
    folder = RunFolder(tmp_path_factory.mktemp("onnx") / "runs" / "moons")
    folder.create(RunConfig(spec=trained.spec, data="moons"))
    folder.save_weights(trained)
    return folder


def test_the_command_line_writes_them_and_says_where(run, tmp_path, monkeypatch, capfd):
    def write(path):  # in place of the real one, which other tests run
        (path / FOLDER).mkdir(parents=True)
        for signature in SIGNATURES:
            (path / FOLDER / f"{signature}.onnx").touch()

    monkeypatch.setattr(files, "write", write)
    monkeypatch.setattr(sys, "argv", ["export", str(run.path), str(tmp_path), "--onnx"])
    with pytest.raises(SystemExit) as stopped:
        export_main.main()
    assert not stopped.value.code
    out, err = capfd.readouterr()
    assert err == ""
    for signature in SIGNATURES:
        path = tmp_path / "1" / FOLDER / f"{signature}.onnx"
        assert f"ONNX        {path}\n" in out
        assert path.is_file()
    assert out.splitlines()[-1].startswith("query ")


def test_the_command_line_says_what_is_missing_before_tensorflow_is_imported(run, tmp_path):
    arguments = (run.path, tmp_path / "served", "--onnx")
    line, modules = refusal(*arguments, without=["onnxruntime"])
    assert line.startswith("error: ONNX files need onnxruntime, ")
    assert not {"tensorflow", "keras", "tf2onnx", "onnx"} & modules
    assert list(tmp_path.iterdir()) == []


def test_the_code_of_the_page_runs(run, monkeypatch):
    monkeypatch.chdir(run.path.parent.parent)
    code = re.findall(r"^```py\n(.*?)^```", PAGES["onnx"], re.S | re.M)
    namespace = {}
    for block in code:
        exec(compile(block, "onnx.md", "exec"), namespace)
    assert namespace["x"].shape == (100, 2)
    wanted = fitted("realnvp_moons").decode(namespace["z"])
    np.testing.assert_allclose(namespace["x"], wanted, rtol=1e-4, atol=1e-4)


def test_the_page_has_a_row_for_each_family():
    table = re.findall(r"^\| `(\w+)`", PAGES["onnx"], re.M)
    assert sorted(table) == sorted(registry.FAMILIES)
