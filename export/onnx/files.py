"""The ONNX files of a SavedModel, compared with it before anyone has them."""

import pathlib

import numpy as np
import onnxruntime

from export.client import Client
from export.onnx import FOLDER, SIGNATURES
from export.onnx.conversion import converted, refusal

SIZES = (1, 5)
"""Rows in a batch: a conversion may have taken the rows of its example for a constant."""

TOLERANCE = 1e-4
"""Of an answer's largest number, or of 1 where that is less."""

LOG_ERRORS = 3


def write(path: pathlib.Path) -> None:
    """Writes log_prob.onnx, encode.onnx and decode.onnx into a SavedModel's folder `FOLDER`.

    Their inputs and outputs have the names, shapes and dtypes of the signatures, with any number
    of rows. A row that the model cannot take is answered by NaN, as by the SavedModel. But inputs
    that differ in their rows are no error: ONNX has no assertions, and one row may be taken for
    all.

    Args:
        path: of a SavedModel that `export.save` wrote.

    Raises:
        ValueError: for a signature that does not convert, or that onnxruntime does not open, or
            answers otherwise; it names the signature, and the op if there is one to blame.
    """
    served = Client(path)
    rows = _rows(served)
    folder = path / FOLDER
    folder.mkdir(parents=True)
    for signature in SIGNATURES:
        model = converted(path, signature)
        inputs = {name: rows[name] for name in served.signatures[signature]}
        try:
            error = _error(model, served, signature, inputs)
        except Exception as reason:  # onnxruntime's are all classes of their own
            raise ValueError(refusal(signature, f"onnxruntime says: {reason}")) from reason
        if not error <= TOLERANCE:
            reason = f"onnxruntime's answer is off by a share of {error:.1e}"
            raise ValueError(refusal(signature, reason))
        (folder / f"{signature}.onnx").write_bytes(model)


def _rows(served: Client) -> dict[str, np.ndarray]:
    """Returns inputs by name: the model's own samples, their latents, and any condition."""
    number = max(SIZES)
    rows = {}
    if "condition" in served.signatures["encode"]:
        spec = served.signatures["encode"]["condition"]
        shape = [number, *spec.shape.as_list()[1:]]
        rows["condition"] = np.zeros(shape, spec.dtype.as_numpy_dtype)
    seeds = np.stack([np.zeros(number, np.int32), np.arange(number, dtype=np.int32)], axis=1)
    rows["x"] = served.sample_rows(seeds, **rows)
    rows["z"] = served.encode(**rows)
    return rows


def _error(model: bytes, served: Client, signature: str, inputs: dict[str, np.ndarray]) -> float:
    """Returns the largest difference of the answers, as a share of the largest number."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = LOG_ERRORS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    errors = []
    for size in SIZES:
        asked = {name: array[:size] for name, array in inputs.items()}
        ((output, wanted),) = served.ask(signature, **asked).items()
        (answer,) = session.run([output], asked)
        scale = max(1.0, float(np.max(np.abs(wanted))))
        errors.append(float(np.max(np.abs(np.asarray(answer) - wanted))) / scale)
    return float(np.max(errors))  # NaN if there is one
