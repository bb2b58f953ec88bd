"""Export of flows for serving: SavedModels that need neither this package nor Keras nor TFP.

`save(model, directory)` writes the next numbered version of a model, and `load(directory)` gives a
client of one. Importing this package imports no TensorFlow; the first use of either does, and
`load` imports nothing else of this project.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from export.client import load
    from export.saved_model import save
else:
    _LAZY = {"load": "export.client", "save": "export.saved_model"}

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = globals()[name] = getattr(importlib.import_module(_LAZY[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = ["load", "save"]
