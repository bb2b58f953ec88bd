"""Data in files: NumPy's .npy and .npz, and folders of PNG and JPEG images."""

import os
import pathlib
from typing import Any

import numpy as np

from zoo.datasets import image_folder
from zoo.prepare import Form


def read(path: str | os.PathLike[str], form: Form, *, resize: bool = False) -> Any:  # noqa: ANN401
    """Returns what a file or a folder holds, for `prepare`'s argument `x`.

    - A .npy file is an array. It is never unpickled.
    - A .npz file is a dict of its named arrays, such as x or image, and label or condition. Arrays
      without names are x, or (x, condition).
    - A folder is all PNG and JPEG images in it and in its subfolders, in the order of their paths.
      Grey images for a model of colours, colours for a grey one, and palettes are converted; what
      is transparent is laid on white, unless the model has four channels; rotations noted by a
      camera are carried out. For a class-conditional model the subfolders are the classes, in
      alphabetical order. More than 1 GiB of images are read while they are used.

    Args:
        path: the file or folder.
        form: what the model wants.
        resize: whether images of another size are scaled and cropped around the centre; otherwise
            they are refused.

    Returns:
        An array, a tuple (x, condition), a dict of arrays, or `ImageFiles`.

    Raises:
        ValueError: if there is nothing to read, or it cannot be read or used.
    """
    path = pathlib.Path(path).expanduser()
    if path.is_dir():
        return image_folder.read(path, form, resize=resize)
    if not path.exists():
        msg = f"`path` must be a file or a folder; received {path}, which does not exist."
        raise ValueError(msg)
    if path.suffix.lower() not in (".npy", ".npz"):
        msg = f"`path` must be a .npy or .npz file, or a folder of images; received {path}."
        raise ValueError(msg)
    return _arrays(path)


def _arrays(path: pathlib.Path) -> Any:  # noqa: ANN401 - an array, a tuple or a dict
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            arrays = dict(loaded)
    except Exception as error:
        # Foreign bytes make NumPy and zipfile raise all kinds of errors, MemoryError among them.
        msg = f"`path` must be a file of arrays of numbers; {path} cannot be read: {error}"
        raise ValueError(" ".join(msg.split())) from error
    unnamed = [f"arr_{i}" for i in range(len(arrays))]
    if set(arrays) != set(unnamed) or not arrays:
        return arrays
    parts = tuple(arrays[name] for name in unnamed)
    return parts[0] if len(parts) == 1 else parts
