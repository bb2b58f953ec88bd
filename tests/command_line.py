"""`python -m zoo` in this process."""

import contextlib
import io
import pathlib

import pytest

from zoo.__main__ import main


def zoo_main(*args):
    """Runs the command line; returns exit code, standard output and error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        with pytest.raises(SystemExit) as left:
            main(list(map(str, args)), prog_name="python -m zoo")
    return left.value.code or 0, out.getvalue(), err.getvalue()


def files_below(folder):
    """Returns the content of every file below a folder, and the empty folders."""
    return {
        path: path.read_bytes() if path.is_file() else None
        for path in pathlib.Path(folder).rglob("*")
    }
