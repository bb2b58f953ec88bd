"""The signatures that take and give images as PNG or JPEG bytes."""

from typing import Any

import tensorflow as tf

from export.answers import Answer, Answers, where
from zoo.prepare import Form

CHANNELS = (1, 3, 4)
"""Channels that an image file is decoded to."""


def has_files(form: Form) -> bool:
    """Tells whether the rows of a model can be image files: bytes of grey levels."""
    return form.levels is not None and form.levels <= 256 and form.event_shape[-1] in CHANNELS


class ImageAnswers:
    """The functions behind the signatures whose inputs or outputs are image files.

    A file's bytes are the grey levels as they are: those of a model of 17 levels are 0 to 16. An
    image of another size, or with a level that the model has not, is answered by NaN; what is no
    image is an error. PNG, JPEG, BMP and GIF are read, of a GIF the first frame; PNG is written.

    Args:
        answers: what answers arrays.
        form: of the model's data; `has_files` holds.
    """

    def __init__(self, answers: Answers, form: Form) -> None:
        """Takes what answers arrays."""
        self._answers, self._form = answers, form

    def bits_per_dim_bytes(
        self, image_bytes: tf.Tensor, seed: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Answer:
        """Answers the bound [N] of image files [N], noise by seeds [N]."""
        x, fits = self._decoded(image_bytes)
        bits = self._answers.bits_per_dim(x, seed, condition)["bits_per_dim"]
        return {"bits_per_dim": where(fits, bits)}

    def encode_bytes(self, image_bytes: tf.Tensor, condition: tf.Tensor | None = None) -> Answer:
        """Answers the latents [N, *event] of the middles of the grey levels of image files [N]."""
        x, fits = self._decoded(image_bytes)
        z = self._answers.encode(tf.cast(x, self._form.dtype) + 0.5, condition)["z"]
        return {"z": where(fits, z)}

    def sample_rows_bytes(
        self, seed: tf.Tensor, temperature: tf.Tensor, condition: tf.Tensor | None = None
    ) -> Answer:
        """Answers what `sample_rows` does as PNG files [N], empty where that is NaN."""
        x = self._answers.sample_rows(seed, temperature, condition)["x"]
        return {"image_bytes": tf.map_fn(_png, x, fn_output_signature=tf.string)}

    def _decoded(self, image_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the grey levels [N, *event] of files, and for which rows [N] there are any."""
        height, width, channels = self._form.event_shape

        def one(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = tf.io.decode_image(file, channels, expand_animations=False)
            fits = tf.reduce_all(tf.shape(image) == [height, width, channels])
            # Where it does not, anything of the right size.
            padded = tf.pad(image[:height, :width], _missing(image, height, width))
            return tf.ensure_shape(padded, self._form.event_shape), fits

        row = tf.TensorSpec(self._form.event_shape, tf.uint8)
        return tf.map_fn(one, image_bytes, fn_output_signature=(row, tf.TensorSpec([], tf.bool)))


def _missing(image: tf.Tensor, height: int, width: int) -> Any:
    """Returns the rows and columns that an image lacks, as `tf.pad` takes them."""
    sizes = tf.shape(image)
    return [
        [0, tf.maximum(height - sizes[0], 0)],
        [0, tf.maximum(width - sizes[1], 0)],
        [0, 0],
    ]


def _png(x: tf.Tensor) -> tf.Tensor:
    known = tf.reduce_all(tf.math.is_finite(x))
    levels = tf.cast(tf.floor(tf.where(known, x, tf.zeros_like(x))), tf.uint8)
    return tf.where(known, tf.io.encode_png(levels), tf.constant(b""))
