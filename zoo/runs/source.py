"""Where a run's data comes from, told from what was typed. No TensorFlow."""

import os
import pathlib

from zoo import datasets

ARRAYS = (".npy", ".npz")


def locate(text: str, own: str | None) -> str:
    """Returns the name of a data set as it is, or the absolute path of a file or folder.

    A built-in name and the preset's own data set are names, and so is whatever is neither there
    nor looks like a path; './mnist' is a folder also where 'mnist' is a data set.

    Args:
        text: a name or a path.
        own: name of the preset's own data set.

    Raises:
        ValueError: for a path where there is nothing to read.
    """
    if not text.strip():
        msg = f"`data` must be the name of a data set, a file or a folder; received {text!r}."
        raise ValueError(msg)
    if text in datasets.names() or text == own:
        return text
    path = pathlib.Path(text).expanduser()
    if not path.exists():
        if _looks_like_a_path(text):
            msg = f"`data` must be a data set, a file or a folder; there is no {path}."
            raise ValueError(msg)
        return text
    if not path.is_dir() and path.suffix.lower() not in ARRAYS:
        msg = f"`data` must be a .npy or .npz file, or a folder of images; received {path}."
        raise ValueError(msg)
    return os.path.realpath(path)


def is_path(data: str) -> bool:
    """Tells whether what `locate` returned is a file or folder."""
    return os.path.isabs(data)


def check_resize(data: str, *, resize: bool) -> None:
    """Raises a ValueError where there are no images to resize."""
    if resize and not (is_path(data) and os.path.isdir(data)):
        msg = f"`--resize` is for a folder of images; `data` is {data}."
        raise ValueError(msg)


def held_out(data: str | None) -> str:
    """Returns in words which rows of the data are held out."""
    if data is None or is_path(data):
        return OWN_SPLIT
    return datasets.held_out(data)


OWN_SPLIT = (
    "the part called test or validation, where a folder or an .npz file has parts; else 10 % of "
    "the rows, drawn with seed 0"
)


def _looks_like_a_path(text: str) -> bool:
    # Versions of TFDS have dots too, behind a colon: 'imagenet_resized/32x32:0.1.0'.
    suffix = pathlib.Path(text).suffix and ":" not in text
    return bool(suffix) or os.path.isabs(text) or text[0] in ".~" or text[-1] in "/\\"
