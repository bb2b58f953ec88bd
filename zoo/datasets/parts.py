"""The parts of a file or folder: what it holds for training, and what it holds out itself."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from zoo.datasets import files
from zoo.prepare import Form

TRAIN, HELD_OUT = "train", ("test", "validation", "val", "valid")


def read(path: str | os.PathLike[str], form: Form, *, resize: bool = False) -> tuple[Any, Any, str]:
    """Returns the two parts of a file or folder, each as `files.read` returns data, and a name.

    A folder has parts if its subfolders are called train and test (or validation, val, valid), and
    an .npz file if its arrays are: train and test, or x_train, y_train, x_test and y_test.

    Args:
        path: the file or folder.
        form: what the model wants.
        resize: as of `files.read`.

    Returns:
        (training data, held-out data, 'test' or what it is called), or (all of the data, None, '')
        where it has no such parts.

    Raises:
        ValueError: as of `files.read`.
    """
    folder = pathlib.Path(path).expanduser()
    name = _folder_part(folder)
    if name:
        train, test = (files.read(folder / part, form, resize=resize) for part in (TRAIN, name))
        return train, test, name
    data = files.read(path, form, resize=resize)
    name = _array_part(data)
    if not name:
        return data, None, ""
    return _arrays(data, TRAIN), _arrays(data, name), name


def _folder_part(folder: pathlib.Path) -> str:
    if not folder.is_dir():
        return ""
    inside = {p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")}
    called = [name for name in HELD_OUT if name in inside]
    return called[0] if called and TRAIN in inside and inside <= {TRAIN, *HELD_OUT} else ""


def _array_part(data: Any) -> str:
    if not isinstance(data, Mapping):
        return ""
    names = {key.removeprefix("x_") for key in data if not key.startswith("y_")}
    called = [name for name in HELD_OUT if name in names]
    return called[0] if called and TRAIN in names else ""


def _arrays(data: Mapping[str, Any], part: str) -> Any:
    x = data[part] if part in data else data[f"x_{part}"]
    return (x, data[f"y_{part}"]) if f"y_{part}" in data else x
