"""What a model server makes of the JSON of REST requests, by the rules of its API.

Of a single input the API also takes bare values; here inputs are always named.
"""

import base64
import json

import tensorflow as tf


def specs(signature):
    """Returns the inputs of a loaded signature: shape and dtype by name."""
    return signature.structured_input_signature[1]


def tensors(text, signatures):
    """Returns the signature's name and its inputs by name.

    Args:
        text: the JSON.
        signatures: of a loaded SavedModel.
    """
    body = json.loads(text)
    name = body.pop("signature_name", "serving_default")
    wanted = specs(signatures[name])
    ((form, values),) = body.items()
    rows = values if form == "instances" else [values]
    if form not in {"instances", "inputs"} or not rows:
        raise ValueError(form)
    if any(row.keys() != wanted.keys() for row in rows):
        raise ValueError(rows)
    columns = values if form == "inputs" else {key: [row[key] for row in rows] for key in wanted}
    return name, {key: tensor(columns[key], spec.dtype) for key, spec in wanted.items()}


def tensor(value, dtype):
    return tf.constant(typed(value, dtype), dtype)


def typed(value, dtype):
    """Returns the number, the bytes, or nested lists of them; no other type is cast."""
    if isinstance(value, list):
        return [typed(item, dtype) for item in value]
    if dtype == tf.string:
        ((key, text),) = value.items()
        if key != "b64":
            raise ValueError(key)
        return base64.b64decode(text)
    if type(value) is not int and not (type(value) is float and dtype.is_floating):
        raise TypeError(value)
    return value
