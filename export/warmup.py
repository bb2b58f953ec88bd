"""Warm-up: requests that a model server answers to itself before it serves a version."""

import importlib
import importlib.util
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from export.questions import Inputs

FILE = pathlib.PurePath("assets.extra", "tf_serving_warmup_requests")
"""Where servers look for it in a SavedModel."""

INSTALL = "pip install 'tfflows[serving]'"


def write(path: pathlib.Path, requests: Mapping[str, Inputs]) -> None:
    """Writes a request for each signature that answers row by row into a SavedModel.

    A signature that takes a scalar has none: a server that batches requests refuses scalars, and
    a version with a request that fails is not served. Where the server's messages are not
    installed, nothing is written; `INSTALL` installs them.

    Args:
        path: the SavedModel.
        requests: inputs by the signatures' names.
    """
    if importlib.util.find_spec("tensorflow_serving") is None:
        return
    (path / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path / FILE)) as file:
        for name, inputs in requests.items():
            if all(value.ndim for value in inputs.values()):
                file.write(_record(name, inputs).SerializeToString(deterministic=True))


def _record(name: str, inputs: Inputs) -> Any:
    """Returns a PredictionLog. The server knows which model it is: no name is needed."""
    log = importlib.import_module("tensorflow_serving.apis.prediction_log_pb2").PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = name
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return log
