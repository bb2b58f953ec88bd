"""Answers requests by SavedModels where nothing but TensorFlow can be imported.

    python fresh_process.py FOLDER...

A FOLDER holds SavedModel `model` and `requests/<signature>-<label>.npz`; each answer, or the error
it came to, goes to `answers/` under the same name.
"""

import pathlib
import sys

for blocked in ("keras", "tf_keras", "tensorflow_probability", "tfflows", "zoo", "export"):
    sys.modules[blocked] = None

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402


def answer(function, request):
    inputs = {name: tf.constant(value) for name, value in np.load(request).items()}
    try:
        return {name: plain(value.numpy()) for name, value in function(**inputs).items()}
    except tf.errors.InvalidArgumentError as error:
        return {"error": np.array(error.message)}


def plain(value):
    """Returns the array as files hold it: bytes are objects to TensorFlow."""
    return value.astype("S") if value.dtype == object else value


for folder in map(pathlib.Path, sys.argv[1:]):
    signatures = tf.saved_model.load(str(folder / "model")).signatures
    (folder / "answers").mkdir()
    for request in (folder / "requests").iterdir():
        answered = answer(signatures[request.name.partition("-")[0]], request)
        np.savez(folder / "answers" / request.name, **answered)
