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
        data: name of the data set.
    """

    spec: ModelSpec
    data: str

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON object, with the versions of the libraries beside it."""
        versions = {name: _version(name) for name in PACKAGES}
        versions["python"] = platform.python_version()
        return {**self.spec.to_json(), "data": self.data, "versions": versions}

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
        spec = ModelSpec.from_json({k: v for k, v in saved.items() if k not in _KEYS})
        compare("the run", set(saved), _KEYS | JSON_KEYS)
        return cls(spec=spec, data=saved["data"])


_KEYS = {"data", "versions"}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
