"""The SavedModel of every preset, on reduced twins: what it holds and answers elsewhere."""

import contextlib
import dataclasses
import functools
import json
import pathlib
import resource
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

import export
import zoo
from export import description, saved_model
from export.learned import has_learned
from models import PRESETS as ALL
from models import QUICK as PRESETS
from models import conditional, conditions, data, fitted, moved, randomize, real, twin
from zoo import registry

ROWS = 5
SEEDS = np.array([[7, 0], [7, 1], [3, 2], [7, 2], [0, 0]], np.int32)
TEMPERATURES = np.array([1, 1, 0.5, 0, 2], np.float32)
NOISE_SEEDS = np.array([0, 0, 1, 2, 0], np.int32)
OTHERS = [name for name in ALL if name not in PRESETS]
CONDITIONAL = [
    "realnvp_moons classes",
    "realnvp_digits classes",
    "realnvp_digits vectors",
    "activation_skewed classes",
    "affine_correlated vectors",
    "cdf_heavy_tail classes",
    "elementwise_moons vectors",
    "iaf_moons classes",
    "maf_miniboone vectors",
    "nice_checkerboard classes",
    "spline_checkerboard vectors",
]
SOON = [*PRESETS, "realnvp_moons vectors"]
LATER = [*OTHERS, *CONDITIONAL]

# In a session of the same kernels a row answers alike to the last bits; a batch of another size
# has other kernels. Samples and data are compared relative to their range.
SAME_BATCH, OTHER_BATCH = 1e-5, 1e-4


@dataclasses.dataclass(frozen=True)
class Case:
    """An exported model, and where its answers are.

    Args:
        model: the model; tests share it and must not change it.
        folder: of the export, the requests and the answers.
    """

    model: zoo.FlowModel
    folder: pathlib.Path

    @property
    def path(self):
        return self.folder / "model"

    def answer(self, name, label="plain"):
        return dict(np.load(self.folder / "answers" / f"{name}-{label}.npz"))

    def value(self, name, label="plain"):
        """Returns the one output of an answer; of image files the pixels, NaN where none is."""
        (found,) = self.answer(name, label).values()
        if found.dtype.kind != "S":
            return found
        none = np.full(self.model.event_shape, np.nan)
        images = [tf.io.decode_image(file).numpy() if file else none for file in found]
        return np.reshape(images, (-1, *self.model.event_shape))


def models(name):
    preset, _, kind = name.partition(" ")
    if kind:
        return conditional(preset, kind)
    return fitted(preset) if preset in PRESETS else moved(preset)


def marked(names):
    return [name if name in SOON else pytest.param(name, marks=pytest.mark.slow) for name in names]


def images(names):
    presets = {name: registry.preset(name.partition(" ")[0]) for name in names}
    return [name for name, preset in presets.items() if preset.config.levels is not None]


every_case = pytest.mark.parametrize("name", marked(SOON + LATER))
every_image = pytest.mark.parametrize("name", marked(images(SOON + LATER)))


@pytest.fixture(scope="module")
def soon(tmp_path_factory):
    return answered(SOON, tmp_path_factory)


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    return answered(LATER, tmp_path_factory)


@pytest.fixture
def cases(request):
    """Returns a function from a name to its case; the export and the answers are made once."""
    return lambda name: request.getfixturevalue("soon" if name in SOON else "later")[name]


def answered(names, tmp_path_factory):
    made = {name: exported(name, tmp_path_factory.mktemp("export")) for name in names}
    for case in made.values():
        write_requests(case)
    run("tests/fresh_process.py", *(case.folder for case in made.values()))
    return made


def exported(name, folder):
    path = export.save(models(name), folder / "served")
    path.rename(folder / "model")  # which must not matter
    return Case(models(name), folder)


def run(script, *arguments, cwd="/"):
    script = pathlib.Path(__file__).parents[1] / script
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The requests: all inputs of a signature by name


def extra(model):
    if not model.form.conditional:
        return {}
    return {"condition": conditions(model, ROWS).astype(model.form.dtypes["condition"])}


def plain(model):
    """Returns a request for each signature that answers row by row."""
    shape = (ROWS, *model.event_shape)
    latents = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    inputs = {
        "log_prob": {"x": real(model, ROWS)},
        "encode": {"x": real(model, ROWS)},
        "decode": {"z": latents},
        "sample_rows": {"seed": SEEDS, "temperature": TEMPERATURES},
    }
    if model.levels is not None:
        pixels = data(model, ROWS)
        inputs["bits_per_dim"] = {"x": pixels, "seed": NOISE_SEEDS}
        inputs["bits_per_dim_bytes"] = {"image_bytes": files(pixels), "seed": NOISE_SEEDS}
        inputs["encode_bytes"] = {"image_bytes": files(pixels)}
        inputs["sample_rows_bytes"] = inputs["sample_rows"]
    return {name: {**request, **extra(model)} for name, request in inputs.items()}


def files(images, encode=tf.io.encode_png):
    return np.array([encode(image).numpy() for image in images])


def spoiled(name, request, model):
    """Returns the request with a row 1 that no model takes."""
    levels, (height, width, channels) = model.levels, (*model.event_shape, 1, 1)[:3]
    (larger,) = files(np.zeros([1, height + 1, width, channels], np.uint8))
    bright = larger
    if levels is not None and levels < 256:
        (bright,) = files(np.full([1, height, width, channels], levels, np.uint8))
    wrong = {
        "bits_per_dim_bytes": ("image_bytes", larger),
        "encode_bytes": ("image_bytes", bright),
        "sample_rows_bytes": ("temperature", -1.0),
        "log_prob": ("x", np.nan),
        "encode": ("x", np.inf),
        "decode": ("z", np.nan),
        "sample_rows": ("temperature", -1.0),
        "bits_per_dim": ("x", levels),
    }
    key, value = wrong[name]
    changed = request[key].copy()
    changed.reshape(ROWS, -1)[1, 0] = value
    return {**request, key: changed}


def write_requests(case):
    (case.folder / "requests").mkdir()
    number = {"num": np.int32(3), **extra(case.model)}
    for label, seed in (("plain", 7), ("again", 7), ("other", 8)):
        write(case, "sample", label, {**number, "seed": np.int32(seed)})
    write(case, "sample", "none", {**number, "num": np.int32(0), "seed": np.int32(0)})
    write(case, "sample", "negative", {**number, "num": np.int32(-1), "seed": np.int32(0)})
    for name, request in plain(case.model).items():
        write(case, name, "plain", request)
        write(case, name, "alone", {key: value[2:3] for key, value in request.items()})
        write(case, name, "backwards", {key: value[::-1] for key, value in request.items()})
        write(case, name, "empty", {key: value[:0] for key, value in request.items()})
        write(case, name, "spoiled", spoiled(name, request, case.model))
        first = next(iter(request))
        write(case, name, "flat", {**request, first: request[first][..., None]})
        if len(request) > 1:
            write(case, name, "uneven", {**request, first: request[first][:1]})
    if case.model.form.conditional:
        request = plain(case.model)["log_prob"]
        unknown = request["condition"].copy()
        unknown[1] = -1 if case.model.form.num_classes else np.nan
        write(case, "log_prob", "unknown", {**request, "condition": unknown})


def write(case, name, label, request):
    np.savez(case.folder / "requests" / f"{name}-{label}.npz", **request)


# What the SavedModel holds


def proto(path):
    (graph,) = saved_model_pb2.SavedModel.FromString(
        (path / "saved_model.pb").read_bytes()
    ).meta_graphs
    return graph


def nodes(graph):
    yield from graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield from function.node_def


def python_traces(graph):
    """Returns what in a graph needs Python or XLA, or draws numbers of its own."""
    stateful = ("Random", "Rng", "StatefulRandom", "StatefulUniform", "StatefulStandardNormal")
    functions = graph.graph_def.library.function
    compiled = [f.signature.name for f in functions if f.attr["_XlaMustCompile"].b]
    compiled += [n.op for n in nodes(graph) if n.attr["_XlaMustCompile"].b]
    return compiled + [n.op for n in nodes(graph) if "PyFunc" in n.op or n.op.startswith(stateful)]


@every_case
def test_the_graph_holds_no_trace_of_python_and_no_randomness_of_its_own(cases, name):
    graph = proto(cases(name).path)
    assert len(list(nodes(graph))) > 500
    assert python_traces(graph) == []


PLANTED = {
    "numpy": lambda module, x: tf.numpy_function(np.sin, [x], tf.float32),
    "python": lambda module, x: tf.py_function(tf.sin, [x], tf.float32),
    "random": lambda module, x: x + tf.random.normal([2]),
    "generator": lambda module, x: x + module.generator.normal([2]),
    "xla": lambda module, x: tf.function(tf.sin, jit_compile=True)(x),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_traces_of_python_are_found(tmp_path, planted):
    module = tf.Module()
    module.generator = tf.random.Generator.from_seed(1)
    function = functools.partial(PLANTED[planted], module)
    traced = tf.function(function, [tf.TensorSpec([2])], autograph=False).get_concrete_function()
    tf.saved_model.save(module, str(tmp_path), signatures={"planted": traced})
    assert python_traces(proto(tmp_path))


@every_case
def test_the_signatures_are_the_contract(cases, name):
    case = cases(name)
    form = case.model.form
    graph = proto(case.path)
    assert list(graph.meta_info_def.tags) == ["serve"]
    row = [-1, *form.event_shape]
    with_condition = {}
    if form.conditional:
        with_condition = {"condition": [-1, *form.shapes["condition"]]}
    wanted = {
        "log_prob": ({"x": row}, {"log_prob": [-1]}),
        "encode": ({"x": row}, {"z": row}),
        "decode": ({"z": row}, {"x": row}),
        "sample_rows": ({"seed": [-1, 2], "temperature": [-1]}, {"x": row}),
        "sample": ({"num": [], "seed": []}, {"x": [-1, *row] if form.conditional else row}),
    }
    wanted["serving_default"] = wanted["log_prob"]
    if form.levels is not None:
        bits, files = {"bits_per_dim": [-1]}, {"image_bytes": [-1]}
        wanted["bits_per_dim"] = ({"x": row, "seed": [-1]}, bits)
        wanted["bits_per_dim_bytes"] = ({**files, "seed": [-1]}, bits)
        wanted["encode_bytes"] = (files, {"z": row})
        wanted["sample_rows_bytes"] = (wanted["sample_rows"][0], files)
    signatures = dict(graph.signature_def)
    assert signatures.pop("__saved_model_init_op")
    assert {
        name: (shapes(signature.inputs), shapes(signature.outputs))
        for name, signature in signatures.items()
    } == {
        name: ({**inputs, **with_condition}, outputs) for name, (inputs, outputs) in wanted.items()
    }


def shapes(tensors):
    return {key: [d.size for d in t.tensor_shape.dim] for key, t in tensors.items()}


@pytest.mark.parametrize("name", PRESETS)
def test_the_variables_are_the_weights_that_a_density_reads_and_no_others(cases, name):
    case = cases(name)
    saved = tf.train.list_variables(str(case.path / "variables" / "variables"))
    weights = [shape for key, shape in saved if key.startswith("weights/")]
    flow = [list(v.shape) for v in case.model.flow.variables if v.dtype.is_floating]
    assert sorted(weights) == sorted(flow)
    assert len(saved) - len(weights) <= 1  # the object graph


# What it answers in a process that has only TensorFlow


def assert_near(answer, wanted, tolerance):
    wanted = np.asarray(wanted)
    scale = np.max(np.abs(wanted), initial=0) if wanted.ndim > 1 else np.maximum(abs(wanted), 1)
    assert answer.shape == wanted.shape
    assert np.all(np.isfinite(wanted))
    assert np.max(np.abs(answer - wanted) / scale, initial=0) <= tolerance


@every_case
def test_densities_and_latents_are_the_model_s(cases, name):
    case = cases(name)
    requests = plain(case.model)
    for signature in ("log_prob", "encode", "decode"):
        wanted = getattr(case.model, signature)(*requests[signature].values())
        assert_near(case.value(signature), wanted, SAME_BATCH)


@every_case
def test_samples_are_the_model_s_by_seed(cases, name):
    case = cases(name)
    wanted = case.model.sample(3, seed=7, **extra(case.model))
    assert_near(case.answer("sample")["x"], wanted, SAME_BATCH)
    np.testing.assert_array_equal(case.answer("sample")["x"], case.answer("sample", "again")["x"])
    assert np.abs(case.answer("sample", "other")["x"] - wanted).max() > 0.1
    assert case.answer("sample", "none")["x"].shape[0] == 0


@every_case
def test_a_row_sampled_by_seed_and_index_is_that_row_of_the_sample(cases, name):
    case = cases(name)
    given = extra(case.model).get("condition")
    for i, (seed, index) in enumerate(SEEDS):
        temperature = float(TEMPERATURES[i])
        if given is None:
            wanted = case.model.sample(index + 1, int(seed), temperature)[index]
        else:
            repeated = np.repeat(given[i : i + 1], index + 1, axis=0)
            wanted = case.model.sample(1, int(seed), temperature, repeated)[0, index]
        assert_near(case.answer("sample_rows")["x"][i : i + 1], wanted[None], OTHER_BATCH)


@every_image
def test_bits_per_dim_is_the_model_s_by_a_row_s_seed(cases, name):
    case = cases(name)
    request = plain(case.model)["bits_per_dim"]
    by_seed = [
        case.model.bits_per_dim(request["x"], request.get("condition"), seed=seed)
        for seed in range(3)
    ]
    wanted = np.choose(NOISE_SEEDS, by_seed)
    assert np.ptp(by_seed, axis=0).min() > 1e-3  # else the seed would not show
    assert_near(case.answer("bits_per_dim")["bits_per_dim"], wanted, SAME_BATCH)


@every_case
def test_a_row_is_answered_alike_alone_in_any_order_and_beside_a_bad_one(cases, name):
    case = cases(name)
    for signature in plain(case.model):
        whole = case.value(signature)
        assert_near(case.value(signature, "alone"), whole[2:3], OTHER_BATCH)
        assert_near(case.value(signature, "backwards"), whole[::-1], OTHER_BATCH)
        bad = case.value(signature, "spoiled")
        assert np.all(np.isnan(bad[1]))
        others = [0, 2, 3, 4]
        assert_near(bad[others], whole[others], SAME_BATCH)


@every_case
def test_no_rows_are_no_answers(cases, name):
    case = cases(name)
    for signature in plain(case.model):
        whole, empty = (case.value(signature, label) for label in ("plain", "empty"))
        assert empty.shape == (0, *whole.shape[1:])


@every_case
def test_what_does_not_fit_is_an_error(cases, name):
    case = cases(name)
    for signature, request in plain(case.model).items():
        assert "shape" in str(case.answer(signature, "flat")["error"])
        if len(request) > 1:
            error = str(case.answer(signature, "uneven")["error"])
            assert "must have as many rows as" in error
    assert "`num` must be at least 0" in str(case.answer("sample", "negative")["error"])


@pytest.mark.parametrize("name", marked([name for name in SOON + LATER if " " in name]))
def test_an_impossible_condition_is_no_density(cases, name):
    case = cases(name)
    answer, whole = (case.answer("log_prob", label)["log_prob"] for label in ("unknown", "plain"))
    assert np.isnan(answer[1])
    np.testing.assert_allclose(np.delete(answer, 1), np.delete(whole, 1), rtol=1e-5)


def test_a_pixel_out_of_range_is_no_density(cases):
    path = cases("realnvp_digits").path
    log_prob = tf.saved_model.load(str(path)).signatures["log_prob"]
    x = real(cases("realnvp_digits").model, 3)
    x[0].flat[0], x[1].flat[0], x[2].flat[0] = -0.01, 17.0, 17.01
    nan = np.isnan(log_prob(x=tf.constant(x))["log_prob"])
    assert nan.tolist() == [True, False, True]


@every_image
def test_image_files_are_answered_as_their_pixels(cases, name):
    case = cases(name)
    requests = plain(case.model)
    same = case.answer("bits_per_dim")["bits_per_dim"]
    assert_near(case.value("bits_per_dim_bytes"), same, SAME_BATCH)
    middles = requests["bits_per_dim"]["x"].astype(np.float32) + 0.5
    wanted = case.model.encode(middles, **extra(case.model))
    assert_near(case.value("encode_bytes"), wanted, SAME_BATCH)
    pictures = case.value("sample_rows_bytes")
    np.testing.assert_array_equal(pictures, np.floor(case.value("sample_rows")))
    assert 0 < pictures.mean() < case.model.levels - 1


def test_jpeg_is_read_too_and_what_is_no_image_is_an_error(cases):
    case = cases("realnvp_digits")
    served = tf.saved_model.load(str(case.path)).signatures["bits_per_dim_bytes"]
    white, seed = np.ones([1, *case.model.event_shape], np.uint8), tf.constant([5])
    found = [
        served(image_bytes=tf.constant(files(white, encode)), seed=seed)["bits_per_dim"]
        for encode in (tf.io.encode_png, functools.partial(tf.io.encode_jpeg, quality=100))
    ]
    np.testing.assert_array_equal(*found)
    with pytest.raises(tf.errors.InvalidArgumentError, match="Unknown image file format"):
        served(image_bytes=tf.constant([b"no image"]), seed=seed)


# The loader in C++


LOADER = [(name, signature) for name in PRESETS for signature in ("log_prob", "sample")]
LOADER += [("maf_miniboone", "sample"), ("spline_checkerboard", "log_prob")]


@pytest.mark.parametrize(
    ("name", "signature"),
    [LOADER[0], *(pytest.param(*case, marks=pytest.mark.slow) for case in LOADER[1:])],
)
def test_the_loader_of_servers_answers_the_same(cases, name, signature, tmp_path):
    case = cases(name)
    inputs = np.load(case.folder / "requests" / f"{signature}-plain.npz")
    files = []
    for key, array in inputs.items():
        np.save(tmp_path / f"{key}.npy", array)
        files.append(f"{key}={tmp_path / key}.npy")
    found = saved_model_cli(case.path, signature, ";".join(files), tmp_path)
    assert_near(np.load(found), case.value(signature), SAME_BATCH)


def saved_model_cli(path, signature, inputs, folder):
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run"]
    command += ["--dir", str(path), "--tag_set", "serve", "--signature_def", signature]
    command += ["--inputs", inputs, "--outdir", str(folder / signature)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (found,) = (folder / signature).iterdir()
    return found


# Refusals and failures


def test_a_model_that_has_learned_nothing_is_refused_unless_asked_for(tmp_path):
    model = twin("realnvp_moons")
    with pytest.raises(ValueError, match=r"`model` must be initialized; .*untrained=True"):
        export.save(model, tmp_path / "served")
    model.initialize(data(model))
    with pytest.raises(ValueError, match=r"`model` must be trained; .*untrained=True"):
        export.save(model, tmp_path / "served")
    assert list(tmp_path.iterdir()) == []
    path = export.save(model, tmp_path / "served", untrained=True)
    served = tf.saved_model.load(str(path)).signatures["log_prob"]
    x = real(model, 3)
    assert_near(served(x=tf.constant(x))["log_prob"], model.log_prob(x), SAME_BATCH)
    uninitialized = export.save(twin("realnvp_moons", seed=1), tmp_path / "served", untrained=True)
    assert uninitialized.name == "2"


@pytest.mark.parametrize("name", ALL)
def test_data_alone_teach_nothing_and_other_weights_have_learned(name):
    model = twin(name)
    model.initialize(data(model))
    assert not has_learned(model)
    assert has_learned(randomize(model, 1e-6))


@pytest.mark.parametrize("name", PRESETS)
def test_a_step_is_enough_to_have_learned(name):
    model = twin(name, steps=1)
    model.fit(data(model), epochs=1, steps_per_epoch=1, verbose=0)
    assert has_learned(model)


def test_an_export_describes_itself(cases, tmp_path):
    case = cases("realnvp_digits")
    described = json.loads((case.path / "assets.extra" / "model.json").read_text())
    assert described["spec"] == json.loads(json.dumps(case.model.spec.to_json()))
    assert described["name"] == "realnvp_digits"
    assert described["versions"]["tensorflow"] == tf.__version__
    assert described["units"]["x"] == f"grey levels in [0, {case.model.levels})"
    assert described["measured"] is None
    inputs = described["signatures"]["bits_per_dim"]["inputs"]
    assert inputs["x"] == {"dtype": "uint8", "shape": [None, *case.model.event_shape]}
    assert described["signatures"].keys() == plain(case.model).keys() | {"sample"}


def test_the_fingerprint_is_that_of_the_weights_alone():
    model, twins = fitted("realnvp_moons"), [twin("realnvp_moons", seed=seed) for seed in (0, 1)]
    found = {description.fingerprint(each) for each in (model, *twins)}
    assert len(found) == 3
    twins[1].set_weights(model.get_weights())
    assert description.fingerprint(twins[1]) == description.fingerprint(model)


def test_a_diverged_model_is_refused(tmp_path):
    model = twin("realnvp_moons")
    model.initialize(data(model))
    model.trainable_variables[0].assign(model.trainable_variables[0] * np.nan)
    with pytest.raises(ValueError, match="`model` must give finite numbers"):
        export.save(model, tmp_path / "served")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_version_is_refused_before_any_work(cases, tmp_path, monkeypatch):
    (tmp_path / "3").mkdir()
    monkeypatch.setattr(saved_model, "signatures", None)
    with pytest.raises(ValueError, match="holds version 3 already"):
        export.save(fitted("realnvp_moons"), tmp_path, version=3)


def other_weights(traced, path, write):
    weights = fitted("realnvp_moons").trainable_variables
    right = [weight.numpy() for weight in weights]
    try:
        for weight in weights:
            weight.assign_add(weight * 0 + 0.1)
        write(traced, path)
    finally:
        for weight, number in zip(weights, right, strict=True):
            weight.assign(number)


def keras_variables(traced, path, write):
    module = tf.Module()
    module.weights = fitted("realnvp_moons").variables
    graphs = {signature.name: signature.function for signature in traced}
    tf.saved_model.save(module, str(path), signatures=graphs)
    assert tf.saved_model.load(str(path)).signatures["log_prob"](x=tf.zeros([1, 2]))


def no_variables(traced, path, write):
    write(traced, path)
    for file in (path / "variables").iterdir():
        file.unlink()


def interrupted(traced, path, write):
    (path / "variables").mkdir(parents=True)
    raise KeyboardInterrupt("by hand")


@pytest.mark.parametrize(
    ("break_it", "error", "message"),
    [
        (other_weights, RuntimeError, "differs from the model's"),
        (keras_variables, tf.errors.FailedPreconditionError, "Could not find variable"),
        (no_variables, ValueError, "not a valid checkpoint"),
        (interrupted, KeyboardInterrupt, "by hand"),
    ],
)
def test_a_broken_export_is_never_published(tmp_path, monkeypatch, break_it, error, message):
    write = saved_model._write
    monkeypatch.setattr(saved_model, "_write", lambda traced, path: break_it(traced, path, write))
    with pytest.raises(error, match=message):
        export.save(fitted("realnvp_moons"), tmp_path / "served" / "moons")
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def files_of_at_most(size):
    """Makes the system refuse larger files, as a disk that is nearly full does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_full_disk_leaves_the_old_version_alone(tmp_path, size):
    model = fitted("realnvp_moons")
    served = tmp_path / "served"
    export.save(model, served)
    before = {file: file.read_bytes() for file in served.rglob("*") if file.is_file()}
    with files_of_at_most(size), pytest.raises(OSError, match=f"cannot be written to {served}"):
        export.save(model, served)
    assert before == {file: file.read_bytes() for file in served.rglob("*") if file.is_file()}
    assert export.save(model, served).name == "2"
