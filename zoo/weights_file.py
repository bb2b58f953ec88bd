"""Weights on disk, keyed by the names of the networks."""

import os
import pathlib

import h5py
import keras

from zoo.networks import Networks

SUFFIX = ".weights.h5"


class Shelf(keras.Model):
    """A model that holds the networks and nothing else: no optimizer, no metric.

    Keras writes all that a model holds, so that weights of a compiled model could not be loaded
    into one that is not compiled yet.

    Args:
        networks: the layers of a flow, by their names.
    """

    def __init__(self, networks: Networks) -> None:
        """Takes the networks."""
        super().__init__(name="weights")
        self.networks = networks
        self.built = True


def save(networks: Networks, path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Writes the weights to a file that ends in '.weights.h5'."""
    _shelf(networks, path).save_weights(path, overwrite=overwrite)


def load(networks: Networks, path: str | os.PathLike[str]) -> None:
    """Reads weights that `save` wrote for networks of the same names and shapes.

    Raises:
        ValueError: for a missing or damaged file, and for missing, unknown or misshapen weights;
            the networks then keep the weights they had.
    """
    shelf = _shelf(networks, path)
    if not pathlib.Path(path).is_file():
        msg = f"`filepath` must be a file; there is no {path}."
        raise ValueError(msg)
    kept = [v.numpy() for v in networks.variables]
    try:
        _check_names(networks, path)
        shelf.load_weights(path)
    except (OSError, KeyError, ValueError) as error:
        for variable, value in zip(networks.variables, kept, strict=True):
            variable.assign(value)
        msg = f"the weights in {path} do not fit or are damaged: {error}"
        raise ValueError(msg) from error


def _shelf(networks: Networks, path: str | os.PathLike[str]) -> Shelf:
    if not str(path).endswith(SUFFIX):
        msg = f"`filepath` must end in {SUFFIX!r}; received {str(path)!r}."
        raise ValueError(msg)
    return Shelf(networks)


def _check_names(networks: Networks, path: str | os.PathLike[str]) -> None:
    """Compares the names: Keras would pass over names that only the file has."""
    with h5py.File(path) as file:
        group = file["layers/networks"]  # a KeyError for files of other models
        saved = set(group.keys() if isinstance(group, h5py.Group) else ()) - {"vars"}
    own = set(networks.names)
    parts = [
        f"{words} {', '.join(sorted(names)[:5])}"
        for words, names in (("it lacks", own - saved), ("it has also", saved - own))
        if names
    ]
    if parts:
        msg = f"it is of another architecture: {' and '.join(parts)}."
        raise ValueError(msg)
