"""Files for a model server to start with, beside the versions that it serves. No TensorFlow."""

import json
import os
import pathlib
import re

from zoo.runs.table import write_text

MODELS, BATCHING = "models.config", "batching.config"

GRPC_PORT, REST_PORT = 8500, 8501
"""The ports of the server's own documentation."""

# Without `num_batch_threads` the server has as many as its machine has cores. Without
# `allowed_batch_sizes` no batch is padded: kernels of this model take every size.
_BATCHING = """\
# Requests of up to this many rows are answered, in batches of fewer.
max_batch_size { value: 1024 }
max_execution_batch_size { value: 64 }
enable_large_batch_splitting { value: true }
# A request that is alone waits this long for company.
batch_timeout_micros { value: 1000 }
# Beyond this many, requests fail at once instead of waiting.
max_enqueued_batches { value: 100 }
"""


def model_name(directory: str | os.PathLike[str]) -> str:
    """Returns the name of the model on a server: the folder's, of letters that URLs take."""
    name = pathlib.Path(os.path.abspath(directory)).name
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_") or "model"


def command(directory: str | os.PathLike[str]) -> list[str]:
    """Returns the words of the command that serves the folder, over gRPC and REST."""
    folder = pathlib.Path(directory)
    return [
        "tensorflow_model_server",
        f"--port={GRPC_PORT}",
        f"--rest_api_port={REST_PORT}",
        f"--model_config_file={folder / MODELS}",
        "--enable_batching",
        f"--batching_parameters_file={folder / BATCHING}",
    ]


def write(directory: str | os.PathLike[str]) -> None:
    """Writes the files that are not there; those that are may be somebody's own.

    Args:
        directory: the folder of the versions, which exists.
    """
    for path, text in _texts(directory).items():
        if not path.exists():
            write_text(path, text)


def kept(directory: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Returns the files that hold something else than `write` would write, and so were kept."""
    return [path for path, text in _texts(directory).items() if path.read_bytes() != text.encode()]


def _texts(directory: str | os.PathLike[str]) -> dict[pathlib.Path, str]:
    folder = pathlib.Path(directory)
    # JSON's strings are those of the text form of protocol buffers.
    path = json.dumps(os.path.abspath(directory), ensure_ascii=False)
    models = f"""\
model_config_list {{
  config {{
    name: "{model_name(directory)}"
    base_path: {path}
    model_platform: "tensorflow"
  }}
}}
"""
    return {folder / MODELS: models, folder / BATCHING: _BATCHING}
