"""Questions for a model: inputs for each of its signatures."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from export.signatures import Signature

ROWS = 3

Inputs = dict[str, np.ndarray]


def questions(signatures: Sequence[Signature]) -> dict[str, Inputs]:
    """Returns inputs of a few rows for each signature, with the model's own samples as data.

    Args:
        signatures: of one model; the functions for samples and latents are called.

    Raises:
        ValueError: if the samples or their latents are not finite.
    """
    by_name = {signature.name: signature for signature in signatures}
    given: Inputs = {}
    for name in ("sample_rows", "encode", "sample_rows_bytes"):
        if name in by_name:
            asked = by_name[name]
            answer = asked.function(*map(tf.constant, inputs(asked, ROWS, given).values()))
            given[asked.output] = answer[asked.output].numpy()
            require_finite(name, given[asked.output])
    return {signature.name: inputs(signature, ROWS, given) for signature in signatures}


def inputs(signature: Signature, rows: int, given: Mapping[str, np.ndarray]) -> Inputs:
    """Returns inputs of a signature's own shapes and dtypes.

    Args:
        signature: it need not be traced.
        rows: size of every unknown dimension, and the number of samples.
        given: values by the inputs' names. Where there are none, seeds count up from 0,
            temperatures are 1 and conditions are 0.
    """
    return {name: _value(name, spec, rows, given) for name, spec in signature.inputs.items()}


def require_finite(name: str, answer: np.ndarray) -> None:
    """Raises a ValueError unless the answer of the model's signature of this name is finite.

    The image files of rows that are not finite are empty.
    """
    good = answer != b"" if answer.dtype == object else np.isfinite(answer)
    if not np.all(good):
        msg = f"`model` must give finite numbers; its {name!r} does not: train it again."
        raise ValueError(msg)


def _value(
    name: str, spec: tf.TensorSpec, rows: int, given: Mapping[str, np.ndarray]
) -> np.ndarray:
    shape = [rows if size is None else size for size in spec.shape]
    counted = np.arange(math.prod(shape)).reshape(shape)
    values = {"num": rows, "seed": counted, "temperature": 1, "condition": 0, **given}
    return np.broadcast_to(values[name], shape).astype(spec.dtype.as_numpy_dtype)
