"""The images of a folder by number, decoded while they are used."""

import pathlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
import tensorflow as tf

from zoo.datasets.image_decoding import decode
from zoo.prepare import Form


class ImageFiles:
    """Image files as rows: a `zoo.prepare.RowSource`.

    Args:
        files: a file for each row.
        labels: a class for each row, or None.
        form: what the model wants.
        resize: whether images of another size are scaled and cropped.
    """

    def __init__(
        self,
        files: Sequence[pathlib.Path],
        labels: np.ndarray | None,
        form: Form,
        *,
        resize: bool,
    ) -> None:
        """Opens none of them."""
        self._files = np.array(files, object)
        self._labels = labels
        self._form, self._resize = form, resize

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self._files)

    def __getitem__(self, rows: Any) -> Self:
        """Returns some of the images: those of a slice, of numbers or of a mask."""
        labels = None if self._labels is None else self._labels[rows]
        return type(self)(list(self._files[rows]), labels, self._form, resize=self._resize)

    @property
    def names(self) -> list[str]:
        """The paths of the files."""
        return list(map(str, self._files))

    @property
    def labels(self) -> np.ndarray | None:
        """The class of each image, if the model wants them."""
        return self._labels

    def decoded(self) -> np.ndarray:
        """Returns all images, uint8 [N, H, W, C].

        Raises:
            ValueError: for an image that cannot be read or does not fit; it names the file.
        """
        images = np.empty((len(self), *self._form.event_shape), np.uint8)
        with ThreadPoolExecutor() as pool:
            try:
                for i, image in enumerate(pool.map(self._decode, self._files)):
                    images[i] = image
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return images

    def gather(self, index: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the rows of the numbers [B]."""
        images = tf.numpy_function(lambda rows: self[rows].decoded(), [index], tf.uint8)
        rows = {"x": tf.ensure_shape(images, [*index.shape, *self._form.event_shape])}
        rows["x"] = tf.cast(rows["x"], self._form.dtypes["x"])
        if self._labels is not None:
            rows["condition"] = tf.gather(
                tf.constant(self._labels, self._form.dtypes["condition"]), index
            )
        return rows

    def _decode(self, file: pathlib.Path) -> np.ndarray:
        image = decode(file, self._form, resize=self._resize)
        if self._form.levels is not None and image.max() >= self._form.levels:
            msg = (
                f"`path`: the image {file} must hold grey levels in [0, {self._form.levels}); "
                f"received {image.max()}."
            )
            raise ValueError(msg)
        return image
