"""What a run was: its model in full, its data, and the libraries it ran on. No TensorFlow."""

import dataclasses
import importlib.metadata
import platform
from typing import Any

from zoo.model_spec import JSON_KEYS, ModelSpec, compare

PACKAGES = ("tfflows", "tensorflow", "keras", "tensorflow-probability", "numpy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything that decides a run.

    Args:
        spec: the model and its training.
        data: name of the data set, or the absolute path of a file or folder.
        resize: whether images of a folder that have another size are scaled and cropped.
        fingerprint: checksum of the training rows; None before they are read.
    """

    spec: ModelSpec
    data: str
    resize: bool = False
    fingerprint: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object, with the versions of the libraries beside it."""
        versions = {name: version_of(name) for name in PACKAGES}
        versions["python"] = platform.python_version()
        own = {key: getattr(self, key) for key in _OWN}
        return {**self.spec.to_json(), **own, "versions": versions}

    @classmethod
    def from_json(cls, saved: Any) -> "RunConfig":  # noqa: ANN401 - any JSON value
        """Returns the run that `to_json` wrote, equal in every field.

        Raises:
            ValueError: for another schema, an unknown family, or fields that this version does
                not have; it names them.
        """
        if not isinstance(saved, dict):
            msg = f"the run must be an object; received {saved!r}."
            raise ValueError(msg)
        saved = {"resize": False, "fingerprint": None, **saved}  # older files lack them
        spec = ModelSpec.from_json({k: v for k, v in saved.items() if k not in _KEYS})
        compare("the run", set(saved), _KEYS | JSON_KEYS)
        if not isinstance(saved["data"], str) or not isinstance(saved["resize"], bool):
            msg = f"`data` must be a name and `resize` a bool; received {saved['data']!r} and "
            raise ValueError(msg + f"{saved['resize']!r}.")
        return cls(spec=spec, **{key: saved[key] for key in _OWN})

    def differences(self, other: "RunConfig") -> list[str]:
        """Returns in words what another run has otherwise, as '`seed` is 0 there and 1 here'."""
        own, others = _flat(self), _flat(other)
        parts = [
            f"`{key}` is {own.get(key)!r} there and {others.get(key)!r} here"
            for key in {**own, **others}
            if own.get(key) != others.get(key)
        ]
        known = self.fingerprint is not None and other.fingerprint is not None
        if known and not parts and self.fingerprint != other.fingerprint:
            parts.append(f"the rows of `data` {self.data} are others than they were")
        return parts


_OWN = ("data", "resize", "fingerprint")
_KEYS = {*_OWN, "versions"}


def _flat(run: RunConfig) -> dict[str, Any]:
    """Returns all that decides a run, but for the rows themselves, by the names users know."""
    saved = run.to_json()
    for key in ("versions", "fingerprint", "schema"):
        del saved[key]
    return {**saved.pop("config"), **saved.pop("training"), **saved}


def version_of(package: str) -> str | None:
    """Returns the version of an installed package, None of one that runs from its source."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
