"""Weights on disk, keyed by the names of the networks, with the spec of their model beside them."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator

import h5py
import keras

from zoo.model_spec import ModelSpec
from zoo.networks import Networks

SUFFIX = ".weights.h5"
SPEC = "tfflows_spec"
"""Attribute of the file that holds the spec as JSON; files that Keras itself wrote have none."""

SHOWN = 5
"""Differences that an error names."""


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


def save(
    networks: Networks, spec: ModelSpec, path: str | os.PathLike[str], *, overwrite: bool
) -> None:
    """Writes the weights, and what model they are of, to a file that ends in '.weights.h5'."""
    _shelf(networks, path).save_weights(path, overwrite=overwrite)
    with h5py.File(path, "r+") as file:
        file.attrs[SPEC] = json.dumps(spec.to_json())


def load(networks: Networks, spec: ModelSpec, path: str | os.PathLike[str]) -> None:
    """Reads weights that `save` wrote for a model of the same config.

    Raises:
        ValueError: for a missing or damaged file, another config, and missing, unknown or misshapen
            weights, which it names; the networks then keep the weights they had.
    """
    shelf = _shelf(networks, path)
    if not pathlib.Path(path).is_file():
        msg = f"`filepath` must be a file; there is no {path}."
        raise ValueError(msg)
    kept = [v.numpy() for v in networks.variables]
    try:
        _compare(networks, spec, path)
        shelf.load_weights(path)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        for variable, value in zip(networks.variables, kept, strict=True):
            variable.assign(value)
        reason = " ".join(str(error).split())
        msg = f"the weights in {path} do not fit or are damaged: {reason}"
        raise ValueError(msg) from error


def _shelf(networks: Networks, path: str | os.PathLike[str]) -> Shelf:
    if not str(path).endswith(SUFFIX):
        msg = f"`filepath` must end in {SUFFIX!r}; received {str(path)!r}."
        if str(path).endswith(".keras"):
            msg += " A whole model is read by `zoo.load`."
        raise ValueError(msg)
    return Shelf(networks)


def _compare(networks: Networks, spec: ModelSpec, path: str | os.PathLike[str]) -> None:
    """Raises a ValueError that names what differs between the file and the model.

    Keras passes over what only the file has, and calls another shape a missing variable.
    """
    with h5py.File(path) as file:
        saved = file.attrs.get(SPEC)
        group = file["layers/networks"]  # a KeyError for files of other models
        shapes = _file_shapes(group) if isinstance(group, h5py.Group) else {}
        names = set(group) - {"vars"} if isinstance(group, h5py.Group) else set()
    if saved is not None:
        _refuse("config", _config_differences(ModelSpec.from_json(json.loads(saved)), spec))
    own = set(networks.names)
    _refuse("architecture", [*_only("it lacks", own - names), *_only("it has also", names - own)])
    _refuse("architecture", _shape_differences(shapes, networks))


def _refuse(what: str, differences: list[str]) -> None:
    if differences:
        more = len(differences) - SHOWN
        tail = f" and {more} more" if more > 0 else ""
        msg = f"it is of another {what}: {', '.join(differences[:SHOWN])}{tail}."
        raise ValueError(msg)


def _only(words: str, names: set[str]) -> list[str]:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{words} {', '.join(sorted(names)[:SHOWN])}{more}"] if names else []


def _config_differences(saved: ModelSpec, own: ModelSpec) -> list[str]:
    if saved.config.family != own.config.family:
        return [f"`family` is {saved.config.family} in the file and {own.config.family} here"]
    fields = dataclasses.asdict(own.config)  # pyright: ignore[reportArgumentType] - it is one
    return [
        f"`{name}` is {getattr(saved.config, name)!r} in the file and {value!r} here"
        for name, value in fields.items()
        if getattr(saved.config, name) != value
    ]


def _shape_differences(shapes: dict[str, tuple[int, ...]], networks: Networks) -> list[str]:
    own = {}
    for name in networks.names:
        own.update(_layer_shapes(getattr(networks, name), name))
    parts = [
        f"{own[key][0]} has the shape {shapes[key]} in the file and {own[key][1]} here"
        for key in own
        if key in shapes and shapes[key] != own[key][1]
    ]
    lacking = {own[key][0] for key in own.keys() - shapes.keys()}
    return [
        *parts,
        *_only("it lacks", lacking),
        *_only("it has also", shapes.keys() - own.keys()),
    ]


def _file_shapes(group: h5py.Group) -> dict[str, tuple[int, ...]]:
    """Returns the shape of every array in a file, by key."""
    shapes: dict[str, tuple[int, ...]] = {}

    def visit(key: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            shapes[key] = tuple(item.shape)

    group.visititems(visit)
    return shapes


def _layer_shapes(
    layer: keras.layers.Layer, key: str
) -> Iterator[tuple[str, tuple[str, tuple[int, ...]]]]:
    """Yields the key in a file, and name and shape, of each weight of a layer and those in it."""
    own: dict[str, keras.Variable] = {}
    layer.save_own_variables(own)
    for index, variable in own.items():
        yield f"{key}/vars/{index}", (f"{key}/{variable.name}", tuple(variable.shape))
    for name, child in vars(layer).items():
        if isinstance(child, keras.layers.Layer):
            yield from _layer_shapes(child, f"{key}/{name}")
