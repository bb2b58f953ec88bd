"""The list of presets: frozen data that names a model, and nothing that imports TensorFlow."""

import dataclasses
import difflib
import fnmatch
import math
import types
from collections.abc import Mapping
from typing import Any, Protocol, get_args, get_origin, get_type_hints

ADDED_LATER = {"added_later": True}
"""Metadata of a config's field that files of earlier versions lack: there it has its default."""


class Config(Protocol):
    """What every family's frozen config answers, so that `FlowModel` need not know the family."""

    @property
    def family(self) -> str:
        """Name of the family, a key of `FAMILIES`."""
        ...

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one data point: (H, W, C) or (D,)."""
        ...

    @property
    def levels(self) -> int | None:
        """Number of grey levels of an image model; None for real vectors."""
        ...

    @property
    def num_classes(self) -> int | None:
        """Number of classes of a class-conditional model, else None."""
        ...

    @property
    def condition_dim(self) -> int | None:
        """Width of the condition of a vector-conditional model, else None."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How a preset is trained by default.

    Args:
        steps: optimizer steps of a full run.
        batch_size: rows a step.
        learning_rate: peak learning rate of Adam.
        schedule: 'cosine' (to zero at `steps`) or 'constant'.
        warmup_steps: steps of linear warm-up.
        weight_decay: decoupled weight decay.
        clip_norm: largest global norm of the gradient; None does not clip.
        ema: decay of running averages of the weights, such as 0.99, with which the trained model is
            evaluated, sampled and exported; None keeps no averages.
        flip: whether images are mirrored at random.
        patience: virtual epochs without a better figure of a tenth of the training rows, set apart
            for it, after which `python -m zoo fit` stops and takes the best weights; None trains
            to the end.
    """

    steps: int
    batch_size: int = 128
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    warmup_steps: int = 0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    ema: float | None = dataclasses.field(default=None, metadata=ADDED_LATER)
    flip: bool = False
    patience: int | None = dataclasses.field(default=None, metadata=ADDED_LATER)

    def __post_init__(self) -> None:
        """Refuses numbers that no training could use."""
        if self.patience is not None and self.patience < 1:
            msg = f"`patience` must be at least 1 or None; received {self.patience}."
            raise ValueError(msg)
        for name, least in (("steps", 1), ("batch_size", 1), ("warmup_steps", 0)):
            if getattr(self, name) < least:
                msg = f"`{name}` must be at least {least}; received {getattr(self, name)}."
                raise ValueError(msg)
        if not 0 < self.learning_rate < math.inf:
            msg = f"`learning_rate` must be positive and finite; received {self.learning_rate}."
            raise ValueError(msg)
        if not 0 <= self.weight_decay < math.inf:
            msg = f"`weight_decay` must be finite and not negative; received {self.weight_decay}."
            raise ValueError(msg)
        if self.clip_norm is not None and not self.clip_norm > 0:
            msg = f"`clip_norm` must be positive or None; received {self.clip_norm}."
            raise ValueError(msg)
        if self.ema is not None and not 0 < self.ema < 1:
            msg = f"`ema` must be above 0 and below 1, or None; received {self.ema}."
            raise ValueError(msg)
        if self.schedule not in ("cosine", "constant"):
            msg = f"`schedule` must be 'cosine' or 'constant'; received {self.schedule!r}."
            raise ValueError(msg)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """A named model: what it is, how it is trained, and whose number stands beside ours.

    Args:
        name: `<family>_<data>`, or a family's name alone where the size is the caller's.
        config: the architecture, a frozen dataclass of its family.
        training: the default training.
        dataset: name for `zoo.datasets.load`, or None.
        description: one line.
        paper: title and arXiv number.
        paper_result: the paper's held-out figure on this data in `unit`, or None.
        unit: 'bits/dim' or 'nats' (negative log-likelihood a row).
        measured: our own held-out figure and its conditions, in words, or None.
        parameters: how many numbers of the preset as it is are trained; None where nobody counted.
    """

    name: str
    config: Config
    training: Training
    dataset: str | None
    description: str
    paper: str
    unit: str
    paper_result: float | None = None
    measured: str | None = None
    parameters: int | None = None


FAMILIES = {
    "activation": "zoo.families.activation",
    "affine": "zoo.families.affine",
    "cdf": "zoo.families.cdf",
    "elementwise": "zoo.families.elementwise",
    "iaf": "zoo.families.iaf",
    "maf": "zoo.families.maf",
    "nice": "zoo.families.nice",
    "realnvp_image": "zoo.families.realnvp_image",
    "realnvp_vector": "zoo.families.realnvp_vector",
    "spline": "zoo.families.spline",
}
"""The module whose `build(config, seed=, dtype=)` makes a family's flow, by family name."""

_presets: dict[str, Preset] = {}


def register(new: Preset) -> Preset:
    """Adds a preset to the list; a name that is taken is a ValueError."""
    if new.name in _presets:
        msg = f"`name` must be new; a preset {new.name!r} is registered already."
        raise ValueError(msg)
    _presets[new.name] = new
    return new


def list_presets(pattern: str = "*") -> list[str]:
    """Returns the sorted names of the presets that match a shell pattern such as 'realnvp*'."""
    return sorted(fnmatch.filter(_presets, pattern))


def preset(name: str) -> Preset:
    """Returns the preset of that name; an unknown one is a ValueError with the nearest names."""
    if name in _own_sizes:
        raise ValueError(_own_sizes[name].needs_a_size())
    if name not in _presets:
        names = [*list_presets(), *_own_sizes]
        msg = f"`name` must be a preset; received {name!r}. {_nearest(name, names)}"
        raise ValueError(msg)
    return _presets[name]


@dataclasses.dataclass(frozen=True, kw_only=True)
class OwnSize:
    """A family's name as a preset whose size is the caller's: `get('realnvp', event_shape=12)`.

    Args:
        name: the family's name for users.
        kinds: the config class and the default training, by the field that gives the size.
        paper: title and arXiv number.
    """

    name: str
    kinds: Mapping[str, tuple[type, Training]]
    paper: str

    def sized(self, overrides: Mapping[str, Any]) -> Preset:
        """Returns the preset for the one size among the overrides."""
        given = [key for key in self.kinds if key in overrides]
        if len(given) != 1:
            raise ValueError(self.needs_a_size())
        (key,) = given
        kind, training = self.kinds[key]
        value = _shape(key, overrides[key])
        check_type(key, value, kind)
        config = kind(**{key: _plain(value)})
        return Preset(
            name=self.name,
            config=config,
            training=training,
            dataset=None,
            description=f"{self.name} of your own size",
            paper=self.paper,
            unit="nats" if config.levels is None else "bits/dim",
        )

    def needs_a_size(self) -> str:
        """Returns what to say where there is no size, or more than one."""
        shown = " or ".join(f"{key}={SIZES[key]}" for key in self.kinds)
        return f"`name` {self.name!r} is a family: give it one size of your own, {shown}."


_own_sizes: dict[str, OwnSize] = {}


def register_own_size(family: OwnSize) -> None:
    """Adds a family's name to those that `resolve` takes."""
    _own_sizes[family.name] = family


def config_class(family: str) -> type:
    """Returns the config dataclass of a family; an unknown one is a ValueError."""
    found = {p.config.family: type(p.config) for p in _presets.values()}
    if family not in found:
        msg = f"`family` must be one of {', '.join(sorted(found))}; received {family!r}."
        raise ValueError(msg)
    return found[family]


def own_size(name: str) -> OwnSize | None:
    """Returns the family of that name whose size is the caller's; None if it is no such name."""
    return _own_sizes.get(name)


def base(name: str, overrides: Mapping[str, Any]) -> Preset:
    """Returns the preset that overrides change; a family's has the size that is among them."""
    return _own_sizes[name].sized(overrides) if name in _own_sizes else preset(name)


def resolve(name: str, overrides: Mapping[str, Any]) -> Preset:
    """Returns the preset with fields of its config and training replaced.

    Args:
        name: a preset.
        overrides: new values by field name of the preset's config or its training.

    Raises:
        ValueError: for an unknown preset or field, with the nearest names.
        TypeError: for a value of another type than the field's.
    """
    found = base(name, overrides)
    parts: dict[str, Any] = {"config": found.config, "training": found.training}
    fields = {f.name: part for part, value in parts.items() for f in dataclasses.fields(value)}
    overrides = {k: _shape(k, v) if k in SIZES else v for k, v in overrides.items()}
    for key, value in overrides.items():
        if key not in fields:
            msg = f"`{key}` is no option of {name!r}. {_nearest(key, sorted(fields))}"
            raise ValueError(msg)
        check_type(key, value, type(parts[fields[key]]))
    for part, value in parts.items():
        changes = {k: _plain(v) for k, v in overrides.items() if fields[k] == part}
        parts[part] = dataclasses.replace(value, **changes)
    changed = dataclasses.replace(found, config=parts["config"], training=parts["training"])
    if changed.config != found.config:
        changed = dataclasses.replace(changed, parameters=None)
    return changed if changed == found else dataclasses.replace(changed, measured=None)


SIZES = {"image_shape": (64, 64, 1), "event_shape": 12}
"""The fields that give a family its size, with an example of each."""


def _shape(key: str, value: Any) -> Any:
    """Returns a number of variables as the shape (D,)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (value,) if key == "event_shape" and whole else value


def _plain(value: Any) -> Any:
    """Returns lists and arrays as tuples, NumPy scalars as Python's: configs compare equal."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return tuple(_plain(v) for v in value) if isinstance(value, list | tuple) else value


def check_type(key: str, value: Any, part: type) -> None:
    """Raises a TypeError if a value is not of the type of the field `key` of a dataclass."""
    wanted = get_type_hints(part)[key]
    kinds = get_args(wanted) if isinstance(wanted, types.UnionType) else (wanted,)
    if not any(_fits(_plain(value), kind) for kind in kinds):
        shown = wanted.__name__ if isinstance(wanted, type) and not get_args(wanted) else wanted
        msg = f"`{key}` must be of type {shown}; received {value!r}."
        raise TypeError(msg)


def _fits(value: Any, kind: Any) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_fits(v, get_args(kind)[0]) for v in value)
    return type(value) in ((int, float) if kind is float else (kind,))  # True is no 1


def _nearest(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    return f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names)}."
