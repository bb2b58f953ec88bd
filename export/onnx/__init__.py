"""ONNX files of what an exported model answers without random numbers; an extra.

Importing this package imports neither TensorFlow nor what the extra installs.
"""

import importlib.util

SIGNATURES = ("log_prob", "encode", "decode")
"""What becomes a file; ONNX has none of the integer operations that seeds need."""

FOLDER = "assets.extra/onnx"
"""Where the files are within a SavedModel; servers and loaders do not look there."""


def check_installed() -> None:
    """Raises a ValueError unless the extra `onnx` is installed."""
    needed = ("tf2onnx", "onnx", "onnxruntime")
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        msg = f"ONNX files need {', '.join(missing)}, of an extra: pip install 'tfflows[onnx]'"
        raise ValueError(msg)
