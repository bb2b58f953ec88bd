"""Examples of requests to a model server, made from the signatures."""

import base64
import json
import math
import shlex

import numpy as np
import tensorflow as tf

from export.questions import Inputs, inputs
from export.server_files import REST_PORT
from export.signatures import Signature
from zoo.prepare import Form


def example(form: Form, signature: Signature, rows: int = 1) -> Inputs:
    """Returns inputs that show what a signature takes; they are the same for all weights.

    Args:
        form: of the model's data.
        signature: of the model; it is not called.
        rows: number of rows, all of the same data.
    """
    pattern = np.arange(math.prod(form.event_shape)).reshape(form.event_shape)
    z = (pattern % 5 - 2) / 4
    x = z if form.levels is None else pattern % form.levels + 0.5
    given = {"x": x, "z": z}
    if "image_bytes" in signature.inputs:
        given["image_bytes"] = np.array(tf.io.encode_png(x.astype(np.uint8)).numpy(), object)
    return inputs(signature, rows, given)


def body(name: str, request: Inputs) -> str:
    """Returns the JSON of a REST request: by rows, or by columns where an input is a scalar.

    Args:
        name: of the signature.
        request: its inputs.
    """
    columns = {key: value.tolist() for key, value in request.items()}
    if all(value.ndim for value in request.values()):
        rows = zip(*columns.values(), strict=True)
        data = {"instances": [dict(zip(columns, row, strict=True)) for row in rows]}
    else:
        data = {"inputs": columns}
    return json.dumps({"signature_name": name, **data}, default=_base64)


def curl(model: str, name: str, request: Inputs) -> str:
    """Returns a command of the shell that sends a request to the REST port of this machine.

    Args:
        model: name of the model on the server.
        name: of the signature.
        request: its inputs.
    """
    url = f"http://localhost:{REST_PORT}/v1/models/{model}:predict"
    return shlex.join(["curl", "-d", body(name, request), url])


def _base64(value: bytes) -> dict[str, str]:
    """Returns bytes, of an image for one, as REST takes them."""
    return {"b64": base64.b64encode(value).decode()}
