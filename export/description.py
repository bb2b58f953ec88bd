"""What an export says of itself: `assets.extra/model.json`."""

import hashlib
import json
import math
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from export.signatures import Signature
from zoo import FlowModel
from zoo.runs.config import version_of

FILE = pathlib.Path("assets.extra", "model.json")
"""Where it lies in a SavedModel; servers leave that folder alone."""

PACKAGES = ("tfflows", "tensorflow", "tensorflow-probability", "keras")


def write(
    path: pathlib.Path,
    model: FlowModel,
    signatures: Sequence[Signature],
    measured: Mapping[str, Any] | None,
) -> None:
    """Writes the description into a SavedModel.

    Args:
        path: of the SavedModel.
        model: that was saved.
        signatures: that it answers.
        measured: figures of the model, such as a run's results; None if there are none.
    """
    file = path / FILE
    file.parent.mkdir(exist_ok=True)
    described = describe(model, signatures, measured)
    file.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def describe(
    model: FlowModel, signatures: Sequence[Signature], measured: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Returns the description as plain data; arguments as of `write`."""
    trained = model.learnable_variables
    return {
        "name": model.name,
        "spec": model.spec.to_json(),
        "weights": {"sha256": fingerprint(model), "trained": sum(map(_size, trained))},
        "units": units(model),
        "signatures": {s.name: _signature(s) for s in signatures},
        "measured": measured,
        "versions": {name: version_of(name) for name in PACKAGES},
    }


def fingerprint(model: FlowModel) -> str:
    """Returns the SHA-256 of all weights, by name, with their dtypes and shapes."""
    digest = hashlib.sha256()
    for variable in sorted(model.networks.variables, key=lambda v: v.path):
        value = np.ascontiguousarray(variable)
        digest.update(f"{variable.path} {value.dtype.str} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()


def units(model: FlowModel) -> dict[str, str]:
    """Returns the unit of each input and output, in words."""
    levels = model.levels
    found = {
        "x": "the data's own" if levels is None else f"grey levels in [0, {levels})",
        "z": "standard deviations of the base distribution",
        "log_prob": "nats, of the density per unit of x in every dimension",
    }
    if levels is not None:
        found["bits_per_dim"] = "bits per dimension, a bound by one draw of uniform noise"
    if model.form.num_classes is not None:
        found["condition"] = f"class numbers in [0, {model.form.num_classes})"
    elif model.form.conditional:
        found["condition"] = "the condition's own"
    return found


def _size(variable: keras.Variable) -> int:
    return math.prod(variable.shape)


def _signature(signature: Signature) -> dict[str, Any]:
    inputs = {
        name: {"dtype": spec.dtype.name, "shape": list(spec.shape)}
        for name, spec in signature.inputs.items()
    }
    return {"inputs": inputs, "output": signature.output}
