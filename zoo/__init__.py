"""A zoo of normalizing flows: `zoo.get(name)` is a Keras model with exact likelihood and samples.

Listing presets imports no TensorFlow; the first use of `get`, `load` or `FlowModel` does.
"""

import builtins
import importlib
from typing import TYPE_CHECKING

from zoo import presets as _presets  # noqa: F401 - registers them
from zoo.registry import Preset
from zoo.registry import list_presets as list  # noqa: A004 - the public name

if TYPE_CHECKING:
    from zoo import datasets
    from zoo.build import get
    from zoo.checkpoints.callback import SaveCheckpoints
    from zoo.checkpoints.store import Checkpoints
    from zoo.flow_model import FlowModel
    from zoo.loading import load
else:
    _LAZY = {
        "Checkpoints": "zoo.checkpoints.store",
        "FlowModel": "zoo.flow_model",
        "SaveCheckpoints": "zoo.checkpoints.callback",
        "datasets": "zoo.datasets",
        "get": "zoo.build",
        "load": "zoo.loading",
    }

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        module = importlib.import_module(_LAZY[name])
        value = globals()[name] = getattr(module, name, module)
        return value


def __dir__() -> "builtins.list[str]":
    return sorted(__all__)


__all__ = [
    "Checkpoints",
    "FlowModel",
    "Preset",
    "SaveCheckpoints",
    "datasets",
    "get",
    "list",
    "load",
]
