"""Folders of PNG and JPEG images."""

import os
import pathlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from zoo.prepare import Form

IMAGES = (".png", ".jpg", ".jpeg")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
IN_MEMORY_BYTES = 2**30


def read(path: pathlib.Path, form: Form, *, resize: bool) -> Any:  # noqa: ANN401
    """Returns the images of a folder, with their classes if the model wants them.

    Returns:
        images, uint8 [N, H, W, C], or (images, labels [N]); more than 1 GiB of them as a
        `tf.data.Dataset` of such rows.

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
    if len(files) * np.prod(form.event_shape, dtype=np.int64) > IN_MEMORY_BYTES:
        return _streamed(files, labels, form, resize=resize)
    images = _stacked(files, form, resize=resize)
    return images if labels is None else (images, labels)


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


def _stacked(files: Sequence[pathlib.Path], form: Form, *, resize: bool) -> np.ndarray:
    images = np.empty((len(files), *form.event_shape), np.uint8)
    with ThreadPoolExecutor() as pool:
        try:
            for i, image in enumerate(pool.map(lambda f: decode(f, form, resize=resize), files)):
                images[i] = image
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return images


def _streamed(
    files: Sequence[pathlib.Path], labels: np.ndarray | None, form: Form, *, resize: bool
) -> tf.data.Dataset:
    # `prepare` shuffles 10,000 rows at a time: folders of classes have to be mixed beforehand.
    order = np.random.default_rng(0).permutation(len(files))

    def image(name: bytes) -> np.ndarray:
        return decode(pathlib.Path(os.fsdecode(name)), form, resize=resize)

    def load(name: tf.Tensor) -> tf.Tensor:
        pixels = tf.numpy_function(image, [name], tf.uint8)
        return tf.ensure_shape(pixels, form.event_shape)

    names = [os.fspath(files[i]) for i in order]
    images = tf.data.Dataset.from_tensor_slices(names).map(load, tf.data.AUTOTUNE)
    if labels is None:
        return images
    return tf.data.Dataset.zip((images, tf.data.Dataset.from_tensor_slices(labels[order])))


def decode(file: pathlib.Path, form: Form, *, resize: bool) -> np.ndarray:
    """Returns one image as uint8 [H, W, C].

    Raises:
        ValueError: if it is broken, of more than 8 bits, or of another size and not resized.
    """
    height, width, channels = form.event_shape
    try:
        with Image.open(file) as opened:
            image = ImageOps.exif_transpose(opened)
    except Exception as error:
        # Foreign bytes make Pillow's readers raise all kinds of errors.
        msg = f"`path`: the image {file} cannot be read: {error}."
        raise ValueError(" ".join(msg.split())) from error
    if image.mode.startswith(("I", "F")):
        msg = f"`path`: the image {file} must have 8 bits a channel; received mode {image.mode}."
        raise ValueError(msg)
    if image.size != (width, height) and not resize:
        msg = (
            f"`path`: the image {file} must have the size {height} x {width}; received "
            f"{image.height} x {image.width}. Images are scaled and cropped by `resize`."
        )
        raise ValueError(msg)
    if image.has_transparency_data and channels != 4:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert(MODES[channels])
    if image.size != (width, height):
        image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
    return np.asarray(image).reshape(form.event_shape)
