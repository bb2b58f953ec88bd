"""Exported twins that tests of one process share and must not change."""

import atexit
import functools
import pathlib
import shutil
import tempfile

import export
from models import conditional, fitted


def model(name):
    """Returns a trained twin by its preset's name, or a conditional one by that and the kind."""
    preset, _, kind = name.partition(" ")
    return conditional(preset, kind) if kind else fitted(preset)


@functools.cache
def served(name):
    """Returns the path of the SavedModel of a twin."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="served-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return export.save(model(name), folder)
