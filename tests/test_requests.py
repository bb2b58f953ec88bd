"""Requests to a model server, in examples and in docs/serving.md, against what was exported."""

import contextlib
import functools
import json
import re
import shlex

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

import export
import rest
from export import examples
from export.signatures import signatures
from pages import PAGES
from served import MODELS

PAGE = PAGES["serving"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Returns a function from a model's name on the page to it and its loaded signatures."""

    @functools.cache
    def made(name):
        model = MODELS[name]()
        path = export.save(model, tmp_path_factory.mktemp("served") / name)
        return model, tf.saved_model.load(str(path)).signatures

    return made


def commands():
    """Returns model, body and text of every curl command of the page."""
    found = []
    for text in re.findall(r"^curl -d .*?:predict$", PAGE, re.S | re.M):
        program, option, body, url = shlex.split(text.replace("\\\n", ""))
        assert (program, option) == ("curl", "-d")
        found.append((re.fullmatch(r"http://localhost:8501/v1/models/(\w+):predict", url)[1], body))
    return found


def names(model):
    return [signature.name for signature in signatures(model)]


def test_numbers_and_bytes_become_json_by_rows():
    request = {"a": np.array([[1, 2], [3, 4]], np.int32), "image_bytes": np.array([b"\xff", b""])}
    assert json.loads(examples.body("any", {**request, "b": np.array([0.5, np.nan])})) == {
        "signature_name": "any",
        "instances": [
            {"a": [1, 2], "image_bytes": {"b64": "/w=="}, "b": 0.5},
            {"a": [3, 4], "image_bytes": {"b64": ""}, "b": pytest.approx(np.nan, nan_ok=True)},
        ],
    }


def test_scalars_become_json_by_columns():
    request = {"num": np.int32(3), "condition": np.array([[0.5]], np.float32)}
    assert json.loads(examples.body("sample", request)) == {
        "signature_name": "sample",
        "inputs": {"num": 3, "condition": [[0.5]]},
    }


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("rows", [1, 3])
def test_an_example_arrives_as_it_was_sent_and_is_answered(served, name, rows):
    model, loaded = served(name)
    for signature in signatures(model):
        request = examples.example(model.form, signature, rows)
        asked, inputs = rest.tensors(examples.body(signature.name, request), loaded)
        assert asked == signature.name
        for key, value in request.items():
            assert inputs[key].dtype == value.dtype
            np.testing.assert_array_equal(inputs[key], value)
        (answer,) = loaded[asked](**inputs).values()
        assert answer.shape[0] == rows
        assert answer.dtype == tf.string or np.all(np.isfinite(answer))


def test_the_page_has_a_curl_command_for_every_signature(served):
    asked = {(model, json.loads(body)["signature_name"]) for model, body in commands()}
    assert asked == {(model, name) for model in MODELS for name in names(served(model)[0])}


def test_the_curl_commands_of_the_page_are_the_examples(served):
    for name, body in commands():
        model, loaded = served(name)
        (signature,) = (
            s for s in signatures(model) if s.name == json.loads(body)["signature_name"]
        )
        example = examples.example(model.form, signature)
        wanted = shlex.split(examples.curl(name, signature.name, example))
        assert json.loads(body) == json.loads(wanted[2])
        assert wanted[3].endswith(f"/{name}:predict")
        asked, inputs = rest.tensors(body, loaded)
        (answer,) = loaded[asked](**inputs).values()
        assert answer.dtype == tf.string or np.all(np.isfinite(answer))


class Stub:
    """The gRPC of a model server, without the network between."""

    def __init__(self, served, asked):
        self._served = served
        self._asked = asked

    def __call__(self, channel):
        return self

    def Predict(self, request, timeout):  # noqa: N802 - the server's name
        request = predict_pb2.PredictRequest.FromString(request.SerializeToString())
        spec = request.model_spec
        function = self._served(spec.name)[1][spec.signature_name]
        inputs = {name: tf.constant(tf.make_ndarray(p)) for name, p in request.inputs.items()}
        for name, wanted in rest.specs(function).items():  # a server casts nothing
            assert inputs[name].dtype == wanted.dtype
            assert wanted.shape.is_compatible_with(inputs[name].shape)
        response = predict_pb2.PredictResponse()
        for name, answer in function(**inputs).items():
            assert answer.dtype == tf.string or np.all(np.isfinite(answer))
            response.outputs[name].CopyFrom(tf.make_tensor_proto(answer.numpy()))
        self._asked.add((spec.name, spec.signature_name))
        return predict_pb2.PredictResponse.FromString(response.SerializeToString())


def test_the_grpc_of_the_page_asks_every_signature(served, monkeypatch):
    asked = set()
    monkeypatch.setattr(prediction_service_pb2_grpc, "PredictionServiceStub", Stub(served, asked))
    monkeypatch.setattr(grpc, "insecure_channel", contextlib.nullcontext)
    (block,) = (b for b in re.findall(r"^```py\n(.*?)^```", PAGE, re.S | re.M) if "grpc" in b)
    namespace = {}
    exec(compile(block, "serving, gRPC", "exec"), namespace)
    wanted = {(model, name) for model in MODELS for name in names(served(model)[0])}
    assert asked == wanted
    assert namespace["images"].shape[1:] == (8, 8, 1)
