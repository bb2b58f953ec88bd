"""The warm-up of an export: its records, replayed as a model server replays them."""

import importlib.util
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

import export
from export import report, server_files, warmup
from export.questions import ROWS
from export.signatures import signatures
from models import data, randomize, twin
from served import MODELS


def moons():
    model = twin("realnvp_moons", couplings=2)
    model.initialize(data(model))
    return randomize(model)


CASES = {**MODELS, "moons": moons}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Returns the model and the SavedModel of each case."""
    folder = tmp_path_factory.mktemp("served")
    models = {name: make() for name, make in CASES.items()}
    return {name: (model, export.save(model, folder / name)) for name, model in models.items()}


def records(path):
    serialized = tf.data.TFRecordDataset(str(path / warmup.FILE)).as_numpy_iterator()
    return [prediction_log_pb2.PredictionLog.FromString(record) for record in serialized]


def replayed(path):
    """Returns each signature's answer, or the error that would keep a server from loading."""
    loaded = tf.saved_model.load(str(path)).signatures
    answers = {}
    for record in records(path):
        request = record.predict_log.request
        inputs = {name: tf.make_ndarray(proto) for name, proto in request.inputs.items()}
        try:
            function = loaded[request.model_spec.signature_name]
            (answer,) = function(**{k: tf.constant(v) for k, v in inputs.items()}).values()
        except (KeyError, TypeError, ValueError, tf.errors.OpError) as error:
            answer = error
        answers[request.model_spec.signature_name] = answer
    return answers


@pytest.mark.parametrize("name", CASES)
def test_every_signature_of_rows_is_warmed_up_and_answers(exported, name):
    model, path = exported[name]
    answers = replayed(path)
    wanted = {s.name for s in signatures(model)} - {"sample"} | {"serving_default"}
    assert answers.keys() == wanted
    assert len(records(path)) == len(wanted)
    for answer in answers.values():
        assert answer.shape[0] == ROWS
        assert answer.dtype == tf.string or np.all(np.isfinite(answer))


@pytest.mark.parametrize("name", CASES)
def test_no_record_has_what_a_batching_server_refuses(exported, name):
    for record in records(exported[name][1]):
        for proto in record.predict_log.request.inputs.values():
            assert tf.make_ndarray(proto).shape[0] == ROWS


def wrong_shape(request):
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.zeros([3, 7], np.float32)))


def wrong_dtype(request):
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.zeros([3, 2], np.float64)))


def missing_input(request):
    del request.inputs["x"]


def unknown_signature(request):
    request.model_spec.signature_name = "likelihood"


@pytest.mark.parametrize("break_it", [wrong_shape, wrong_dtype, missing_input, unknown_signature])
def test_a_broken_record_is_found(exported, tmp_path, break_it):
    path = tmp_path / "1"
    shutil.copytree(exported["moons"][1], path)
    record = records(path)[0]
    assert record.predict_log.request.model_spec.signature_name == "log_prob"
    break_it(record.predict_log.request)
    with tf.io.TFRecordWriter(str(path / warmup.FILE)) as file:
        file.write(record.SerializeToString())
    (answer,) = replayed(path).values()
    assert isinstance(answer, Exception)


def test_nothing_is_written_without_the_messages_and_the_report_says_so(
    exported, tmp_path, monkeypatch
):
    model, path = exported["moons"]
    assert dict(report.lines(model, path, 1.0))["warm-up"].startswith("a request for each")
    path = tmp_path / "1"
    path.mkdir()
    server_files.write(tmp_path)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: find(name) if name != "tensorflow_serving" else None,
    )
    warmup.write(path, {"sample_rows": {"seed": np.zeros([3, 2], np.int32)}})
    assert list(path.iterdir()) == []
    said = dict(report.lines(model, path, 1.0))["warm-up"]
    assert said == "none was written: pip install 'tfflows[serving]', then export again"


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("export.warmup.write", tf.errors.ResourceExhaustedError(None, None, "no space")),
        ("export.server_files.write", OSError("no space")),
    ],
)
def test_a_disk_that_is_full_by_then_gets_no_version(exported, tmp_path, monkeypatch, place, error):
    def full(*_):
        raise error

    monkeypatch.setattr(place, full)
    with pytest.raises(OSError, match="no space"):
        export.save(exported["moons"][0], tmp_path / "served")
    assert list(tmp_path.iterdir()) == []
