"""What a run was: its resolved preset, seed and data, as JSON and back. No TensorFlow."""

import dataclasses
import importlib.metadata
import platform
from typing import Any

from zoo.registry import Config, Preset, Training, list_presets, preset

SCHEMA = 1
PACKAGES = ("tfflows", "tensorflow", "keras", "tensorflow-probability", "numpy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run, with every default written out.

    Args:
        preset: name of the preset it started from.
        config: the resolved architecture.
        training: the resolved training.
        seed: of the initial weights, the order of the data and the noise.
        dtype: of the flow, 'float32' unless asked otherwise.
        data: name of the data set.
    """

    preset: str
    config: Config
    training: Training
    seed: int
    dtype: str
    data: str

    @classmethod
    def of(cls, resolved: Preset, *, seed: int, data: str, dtype: str = "float32") -> "RunConfig":
        """Returns the config of a run of a resolved preset."""
        return cls(
            preset=resolved.name,
            config=resolved.config,
            training=resolved.training,
            seed=seed,
            dtype=dtype,
            data=data,
        )

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object, with the versions of the libraries beside it."""
        return {
            "schema": SCHEMA,
            "preset": self.preset,
            "family": self.config.family,
            "config": _fields(self.config),
            "training": _fields(self.training),
            "seed": self.seed,
            "dtype": self.dtype,
            "data": self.data,
            "versions": {"python": platform.python_version(), **_versions()},
        }

    @classmethod
    def from_json(cls, saved: object) -> "RunConfig":
        """Returns the run that `to_json` wrote, equal in every field.

        Raises:
            ValueError: for another schema, an unknown family, or fields that this version of
                the family does not have; it names them.
        """
        if not isinstance(saved, dict) or not isinstance(saved.get("schema"), int):
            msg = "is not the config of a run"
            raise ValueError(msg)
        if saved["schema"] != SCHEMA:
            msg = f"has schema {saved['schema']}, and this version of tfflows reads {SCHEMA}"
            raise ValueError(msg)
        _compare("the run", set(saved), _KEYS)
        kinds = {preset(n).config.family: type(preset(n).config) for n in list_presets()}
        if saved["family"] not in kinds:
            msg = f"is of the family {saved['family']!r}; this version has {', '.join(kinds)}"
            raise ValueError(msg)
        return cls(
            preset=saved["preset"],
            config=_build(kinds[saved["family"]], saved["config"], "`config`"),
            training=_build(Training, saved["training"], "`training`"),
            seed=saved["seed"],
            dtype=saved["dtype"],
            data=saved["data"],
        )


_KEYS = {f.name for f in dataclasses.fields(RunConfig)} | {"schema", "family", "versions"}


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any frozen dataclass
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def _versions() -> dict[str, str | None]:
    return {name: _version(name) for name in PACKAGES}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _build(kind: type, saved: object, what: str) -> Any:  # noqa: ANN401 - an instance of `kind`
    if not isinstance(saved, dict):
        msg = f"has {what} = {saved!r}, which is no object"
        raise ValueError(msg)
    _compare(what, set(saved), {f.name for f in dataclasses.fields(kind)})
    return kind(**{name: _tuples(value) for name, value in saved.items()})


def _compare(what: str, saved: set[str], known: set[str]) -> None:
    parts = [
        f"{words} {', '.join(sorted(names))}"
        for words, names in (("lacks", known - saved), ("has unknown", saved - known))
        if names
    ]
    if parts:
        msg = f"was written by another version of tfflows: {what} {' and '.join(parts)}"
        raise ValueError(msg)


def _tuples(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
