"""A real model server, if TF_SERVING_BIN or PATH has one, with the files that an export writes."""

import concurrent.futures
import json
import threading

import numpy as np
import pytest
import tensorflow as tf

import export
from export import examples
from export.signatures import signatures
from model_server import BINARY, Refused, serving
from models import real
from served import digits

pytestmark = pytest.mark.skipif(not BINARY, reason="the REST surface was not exercised")


@pytest.fixture(scope="module")
def model():
    return digits()


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "batching"])
def server(request, model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("server") / "digits"
    export.save(model, directory)
    with serving(directory, batching=request.param) as (server, _):
        yield server


def cases(model, rows=3):
    """Returns each signature with a request and what Python answers."""
    for signature in signatures(model):
        request = examples.example(model.form, signature, rows)
        answer = signature.function(*map(tf.constant, request.values()))
        yield signature, request, answer[signature.output].numpy()


def of_scalars(request):
    return not all(value.ndim for value in request.values())


def assert_near(answer, wanted):
    if wanted.dtype == object:  # bytes, of images
        assert len(answer) == len(wanted)
        return
    assert answer.shape == wanted.shape
    assert np.max(np.abs(answer - wanted)) <= 1e-4 * (1 + np.max(np.abs(wanted)))


def log_prob_body(x):
    return examples.body("log_prob", {"x": x})


def test_rest_answers_every_signature_as_python_does(server, model):
    for signature, request, wanted in cases(model):
        text = examples.body(signature.name, request)
        if server.batching and of_scalars(request):
            with pytest.raises(Refused, match="at least one dimension"):
                server.ask(text)
        else:
            assert_near(server.ask(text), wanted)


def test_the_default_is_the_log_density(server, model):
    x = real(model, 2)
    body = json.loads(log_prob_body(x))
    del body["signature_name"]
    assert_near(server.ask(json.dumps(body)), model.log_prob(x).numpy())


def test_a_row_of_nan_is_answered_by_nan(server, model):
    x = real(model, 3)
    x[1] = np.nan
    answer = server.ask(log_prob_body(x))
    assert np.isnan(answer).tolist() == [False, True, False]


def test_what_does_not_fit_is_refused_and_the_server_goes_on(server, model):
    x = real(model, 2)
    with pytest.raises(Refused):
        server.ask(log_prob_body(x[:, :4]))
    with pytest.raises(Refused):
        server.ask(examples.body("likelihood", {"x": x}))
    assert_near(server.ask(log_prob_body(x)), model.log_prob(x).numpy())


def test_more_rows_than_a_batch_are_answered(server, model):
    x = real(model, 100)
    assert_near(server.ask(log_prob_body(x)), model.log_prob(x).numpy())


def test_grpc_answers_every_signature_as_python_does(server, model):
    grpc = pytest.importorskip("grpc")
    predict_pb2 = pytest.importorskip("tensorflow_serving.apis.predict_pb2")
    service = pytest.importorskip("tensorflow_serving.apis.prediction_service_pb2_grpc")
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = service.PredictionServiceStub(channel)
        for signature, inputs, wanted in cases(model):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = server.name
            request.model_spec.signature_name = signature.name
            for name, value in inputs.items():
                request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
            if server.batching and of_scalars(inputs):
                with pytest.raises(grpc.RpcError, match="at least one dimension"):
                    stub.Predict(request, timeout=60)
            else:
                answer = stub.Predict(request, timeout=60).outputs[signature.output]
                assert_near(tf.make_ndarray(answer), wanted)


def test_eight_clients_at_once_get_their_own_answers(server, model):
    requests = [real(model, 1 + number % 5, seed=number) for number in range(64)]
    wanted = [model.log_prob(x).numpy() for x in requests]
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(server.ask, map(log_prob_body, requests)))
    for answer, right in zip(answers, wanted, strict=True):
        assert_near(answer, right)


def test_a_new_version_takes_over_under_load_and_no_request_fails(model, tmp_path):
    directory = tmp_path / "digits"
    later = digits(seed=1)
    x = real(model, 2)
    before, after = (each.log_prob(x).numpy() for each in (model, later))
    assert np.abs(before - after).min() > 0.1
    export.save(model, directory)
    stop = threading.Event()

    def client(server):
        answers = []
        while not stop.is_set():
            answers.append(server.ask(log_prob_body(x)))
        return answers

    with (
        serving(directory, batching=True) as (server, wait),
        concurrent.futures.ThreadPoolExecutor(8) as clients,
    ):
        try:
            running = [clients.submit(client, server) for _ in range(8)]
            export.save(later, directory)
            wait(lambda: server.versions() == {2})
            last = server.ask(log_prob_body(x))
        finally:
            stop.set()
        answers = np.concatenate([run.result() for run in running])
    assert_near(last, after)
    old, new = (np.abs(answers - right).max(axis=-1) < 0.01 for right in (before, after))
    assert np.all(old ^ new)
    assert old.any()
