"""`zoo.load`: a model from the file or the folder that it was saved to."""

import json
import os
import pathlib
import zipfile
from typing import Any

import keras

from zoo import weights_file
from zoo.flow_model import FlowModel
from zoo.model_spec import ModelSpec
from zoo.runs.folder import load_model

REMEDY = "Restore the file, or train again."


def load(path: str | os.PathLike[str]) -> FlowModel:
    """Returns a saved model with its weights, compiled if it was when it was saved.

    Args:
        path: a file that `model.save('x.keras')` wrote, whose optimizer continues where it was, or
            the folder of a run, whose model is compiled anew as its preset says.

    Raises:
        TypeError: if `path` is no path.
        ValueError: if there is no such model, or it is damaged, of another version or of another
            kind; the message names the file and what to do.
    """
    if not isinstance(path, str | os.PathLike):
        msg = f"`path` must be a file or folder; received {path!r}."
        raise TypeError(msg)
    path = pathlib.Path(path)
    if path.is_dir():
        return load_model(path)
    if not path.exists():
        msg = f"`path` must be a .keras file or the folder of a run; there is no {path}."
        raise ValueError(msg)
    if path.name.endswith(weights_file.SUFFIX):
        msg = (
            f"`path` must be a whole model; {path} holds weights alone. Build their model, "
            "model = zoo.get(name, ...), and call model.load_weights(path)."
        )
        raise ValueError(msg)
    if path.suffix != ".keras":
        msg = f"`path` must be a .keras file or the folder of a run; received {path}."
        raise ValueError(msg)
    return _whole_model(path)


def _whole_model(path: pathlib.Path) -> FlowModel:
    try:
        _check(path)
        return keras.saving.load_model(path)  # pyright: ignore[reportReturnType] - checked above
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split()).partition(" Full object config:")[0]
        msg = f"{path} cannot be used: {reason} {REMEDY}"
        raise ValueError(msg) from error


def _check(path: pathlib.Path) -> None:
    """Raises a ValueError unless the file is intact and holds a model of this version."""
    with zipfile.ZipFile(path) as archive:
        broken = archive.testzip()
        if broken is not None:
            msg = f"its part {broken} is damaged."
            raise ValueError(msg)
        saved: Any = json.loads(archive.read("config.json"))
    kind = saved.get("registered_name") if isinstance(saved, dict) else None
    if kind != keras.saving.get_registered_name(FlowModel):
        found = saved.get("class_name") if isinstance(saved, dict) else saved
        msg = f"it holds no FlowModel but {found!r}."
        raise ValueError(msg)
    ModelSpec.from_json(saved["config"]["spec"])
