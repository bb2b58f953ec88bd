"""`python -m zoo` in this process, and `python -m export` where it must stop early."""

import contextlib
import io
import pathlib
import subprocess
import sys

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


def refusal(*arguments, without=()):
    """Returns the one line of an error of `python -m export`, and the modules imported by then.

    Modules in `without` cannot be imported.
    """
    code = f"""
import sys
sys.modules.update(dict.fromkeys({list(without)!r}))
from export.__main__ import main
sys.argv = ["export", *{[str(a) for a in arguments]!r}]
try:
    main()
finally:
    print(*sys.modules)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line, set(done.stdout.split())
