"""Folders of PNG and JPEG images."""

import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from zoo.datasets.image_decoding import MODES
from zoo.datasets.image_files import ImageFiles
from zoo.prepare import Form

IMAGES = (".png", ".jpg", ".jpeg")
IN_MEMORY_BYTES = 2**30


def read(path: pathlib.Path, form: Form, *, resize: bool) -> Any:  # noqa: ANN401
    """Returns the images of a folder, with their classes if the model wants them.

    Returns:
        images, uint8 [N, H, W, C], or (images, labels [N]); `ImageFiles` if they take more than
        1 GiB.

    Raises:
        ValueError: if there are no images, or they cannot be read or used.
    """
    if form.levels is None or len(form.event_shape) != 3 or form.event_shape[2] not in MODES:
        msg = (
            f"`path` must be a .npy or .npz file for a model of rows of shape {form.event_shape}; "
            f"received {path}, a folder."
        )
        raise ValueError(msg)
    files = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in IMAGES and not file.name.startswith(".") and file.is_file()
    )
    if not files:
        msg = f"`path` must hold images ({', '.join(IMAGES)}); found none in {path}."
        raise ValueError(msg)
    labels = None if form.num_classes is None else _labels(path, files, form.num_classes)
    images = ImageFiles(files, labels, form, resize=resize)
    if len(files) * np.prod(form.event_shape, dtype=np.int64) > IN_MEMORY_BYTES:
        return images
    return images.decoded() if labels is None else (images.decoded(), labels)


def _labels(path: pathlib.Path, files: Sequence[pathlib.Path], num_classes: int) -> np.ndarray:
    folders = [file.relative_to(path).parts[0] for file in files]
    classes = sorted(set(folders))
    if len(classes) != num_classes or files[0].parent == path:
        msg = (
            f"`path` must hold {num_classes} folders of images, one a class; "
            f"received {', '.join(classes[:12])}{' ...' * (len(classes) > 12)} in {path}."
        )
        raise ValueError(msg)
    return np.searchsorted(classes, folders).astype(np.int64)
