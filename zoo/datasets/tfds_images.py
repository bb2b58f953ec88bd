"""Image data sets of TensorFlow Datasets (TFDS) as NumPy arrays."""

import os

import numpy as np
import requests
import tensorflow_datasets as tfds

TFDS_MIRROR = "https://storage.googleapis.com"
"""Where TFDS looks for a data set that somebody has prepared already."""


def names() -> list[str]:
    """Returns the names TFDS knows."""
    return tfds.list_builders(with_community_datasets=False)


def find(name: str, data_dir: str | os.PathLike[str] | None) -> tfds.core.DatasetBuilder:
    """Returns TFDS's builder of an image data set, prepared or not.

    Args:
        name: TFDS's name, with config and version if wanted: 'imagenet_resized/32x32:0.1.0'.
        data_dir: folder of the prepared data sets; None is TFDS's own choice.

    Raises:
        LookupError: if TFDS has no such data set.
    """
    folder = None if data_dir is None else os.path.expanduser(os.fspath(data_dir))
    try:
        return tfds.builder(name, data_dir=folder)
    except tfds.core.DatasetNotFoundError as error:
        msg = "TFDS does not know it."
        raise LookupError(msg) from error
    except Exception as error:
        # A misspelt config, version or name is a ValueError, an AssertionError, ... to TFDS.
        msg = f"TFDS says: {_first_line(error)}"
        raise LookupError(msg) from error


def read(
    builder: tfds.core.DatasetBuilder,
) -> tuple[tuple[np.ndarray, np.ndarray | None], tuple[np.ndarray, np.ndarray | None]]:
    """Returns the training and the held-out images with their labels, in TFDS's order.

    Held out are the split 'test', else 'validation', else the last fifth of 'train'.

    Args:
        builder: the data set; it is downloaded and prepared if it is not.

    Returns:
        ((images [N, H, W, C], labels [N] or None) of 'train', the same of the held-out split).

    Raises:
        ValueError: if the data set cannot be had or holds no images of one size.
    """
    fields = _fields(builder)
    if "image" not in fields:
        msg = f"`name` must be a data set with a field 'image'; {builder.name!r} has {fields}."
        raise ValueError(msg)
    if not builder.is_prepared():
        _prepare(builder)
    splits = builder.info.splits
    if "train" not in splits:
        msg = f"`name` must be a data set with a split 'train'; {builder.name!r} has {[*splits]}."
        raise ValueError(msg)
    held_out = [split for split in ("test", "validation") if split in splits]
    train, test = ("train", held_out[0]) if held_out else ("train[:80%]", "train[80%:]")
    return _arrays(builder, train), _arrays(builder, test)


def _fields(builder: tfds.core.DatasetBuilder) -> list[str]:
    features = builder.info.features
    return list(features) if isinstance(features, tfds.features.FeaturesDict) else []


def _arrays(builder: tfds.core.DatasetBuilder, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    import tensorflow as tf

    # Other fields are left undecoded: strings and boxes are of no use here.
    wanted = tfds.decode.PartialDecoding({"image", "label"} & {*_fields(builder)})
    # TFDS decorates this method so that type checkers do not see its arguments.
    rows = builder.as_dataset(split=split, decoders=wanted)  # pyright: ignore[reportCallIssue]
    # Not `batch_size=-1`, which pads images of different sizes with black.
    whole = rows.batch(builder.info.splits[split].num_examples)
    try:
        arrays = tfds.as_numpy(whole.get_single_element())
    except tf.errors.InvalidArgumentError as error:
        msg = f"`name` must be a data set of images of one size; those of {builder.name!r} differ."
        raise ValueError(msg) from error
    return arrays["image"], arrays.get("label")


def _prepare(builder: tfds.core.DatasetBuilder) -> None:
    if not _obtainable(builder):
        raise ValueError(_how_to_prepare(builder, "there is no connection to download it"))
    try:
        builder.download_and_prepare()
    except Exception as error:
        # Anything can go wrong here: network, checksums, disk, a package or a licence it wants.
        reason = f"preparing it failed: {_first_line(error)}"
        raise ValueError(_how_to_prepare(builder, reason)) from error


def _how_to_prepare(builder: tfds.core.DatasetBuilder, reason: str) -> str:
    name, folder = builder.info.full_name.rpartition("/")[0], builder.data_dir_root
    return (
        f"`name`: the data set {name!r} is not prepared in {folder}, and {reason}. "
        f"Pass the `data_dir` it is prepared in, or run `tfds build {name} "
        f"--data_dir={folder}` where there is a network."
    )


def _obtainable(builder: tfds.core.DatasetBuilder) -> bool:
    """Returns False where a download is needed and nothing can be reached.

    TFDS itself retries for minutes, with a page of warnings, before it gives up.
    """
    urls = [url for url in builder.url_infos or {} if url.startswith("http")]
    downloads = builder.data_dir_root / "downloads" / builder.name
    cached = downloads.exists() and any(path.is_file() for path in downloads.iterdir())
    return not urls or cached or _reachable(urls[0]) or _reachable(TFDS_MIRROR)


def _reachable(url: str) -> bool:
    try:
        requests.head(url, timeout=10)
    except requests.RequestException:
        return False
    return True


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
