"""What a model is, in full, as plain data and JSON. No TensorFlow."""

import dataclasses
from typing import Any

from zoo.registry import Config, Preset, Training, check_type, config_class

SCHEMA = 1

VARIABLE_DTYPES = {"float32": "float32", "float64": "float64", "mixed_bfloat16": "float32"}
"""Dtype of weights, flow and densities, by the model's dtype."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Everything that builds a model again, with every default written out.

    Args:
        preset: name of the preset it started from.
        config: the resolved architecture.
        training: the resolved training.
        seed: of the initial weights, the order of the data and the noise.
        dtype: 'float32', 'float64', or 'mixed_bfloat16': as 'float32', but in training the networks
            compute in bfloat16. It belongs to the run and not to the architecture: weights of one
            dtype fit models of another.
    """

    preset: str
    config: Config
    training: Training
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        """Refuses seeds and dtypes that no model has."""
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            msg = f"`seed` must be an integer; received {self.seed!r}."
            raise TypeError(msg)
        if not 0 <= self.seed < 2**31:
            msg = f"`seed` must be in 0..2**31 - 1; received {self.seed}."
            raise ValueError(msg)
        if self.dtype not in [*VARIABLE_DTYPES]:
            msg = f"`dtype` must be one of {', '.join(VARIABLE_DTYPES)}; received {self.dtype!r}."
            raise ValueError(msg)

    @property
    def variable_dtype(self) -> str:
        """Dtype of weights, flow and densities: 'float32' or 'float64'."""
        return VARIABLE_DTYPES[self.dtype]

    @classmethod
    def of(cls, resolved: Preset, *, seed: int = 0, dtype: str = "float32") -> "ModelSpec":
        """Returns the spec of a resolved preset."""
        return cls(
            preset=resolved.name,
            config=resolved.config,
            training=resolved.training,
            seed=seed,
            dtype=dtype,
        )

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object."""
        return {
            "schema": SCHEMA,
            "preset": self.preset,
            "family": self.config.family,
            "config": _fields(self.config),
            "training": _fields(self.training),
            "seed": self.seed,
            "dtype": self.dtype,
        }

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "ModelSpec":
        """Returns the spec that `to_json` wrote, equal in every field.

        Raises:
            ValueError: for another schema, an unknown family, or fields that this version does
                not have; it names them.
            TypeError: for a value of another type than its field's.
        """
        if not isinstance(saved, dict) or saved.get("schema") != SCHEMA:
            found = saved.get("schema") if isinstance(saved, dict) else saved
            msg = f"the saved model has schema {found!r}; this version reads schema {SCHEMA}."
            raise ValueError(msg)
        compare("the model", set(saved), JSON_KEYS)
        return cls(
            preset=saved["preset"],
            config=_build(config_class(saved["family"]), saved["config"], "`config`"),
            training=_build(Training, saved["training"], "`training`"),
            seed=saved["seed"],
            dtype=saved["dtype"],
        )


JSON_KEYS = {f.name for f in dataclasses.fields(ModelSpec)} | {"schema", "family"}


def compare(what: str, saved: set[str], known: set[str]) -> None:
    """Raises a ValueError that names the fields which only one side has."""
    parts = [
        f"{words} {', '.join(sorted(names))}"
        for words, names in (("lacks", known - saved), ("has unknown", saved - known))
        if names
    ]
    if parts:
        msg = f"{what} was written by another version of tfflows: it {' and '.join(parts)}."
        raise ValueError(msg)


def _fields(value: Any) -> dict[str, Any]:
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def _build(kind: type, saved: object, what: str) -> Any:
    if not isinstance(saved, dict):
        msg = f"{what} of the saved model must be an object; received {saved!r}."
        raise ValueError(msg)
    fields = dataclasses.fields(kind)
    saved = {**{f.name: f.default for f in fields if f.metadata.get("added_later")}, **saved}
    compare(what, set(saved), {f.name for f in fields})
    values = {name: _tuples(value) for name, value in saved.items()}
    for name, value in values.items():
        check_type(name, value, kind)
    return kind(**values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value
