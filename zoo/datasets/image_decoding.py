"""One PNG or JPEG image in the form of a model."""

import os

import numpy as np
from PIL import Image, ImageOps

from zoo.prepare import Form

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def decode(file: os.PathLike[str], form: Form, *, resize: bool) -> np.ndarray:
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
