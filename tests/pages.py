"""The Python of the pages in docs."""

import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).parent.parent / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}


def blocks(page):
    """Returns the blocks of Python of a page; what cannot run here is fenced as `py`."""
    return re.findall(r"^```python\n(.*?)^```", PAGES[page], re.S | re.M)


def executed(page):
    """Runs all blocks of a page, in order and in the current folder, and returns their names."""
    namespace = {}
    for number, block in enumerate(blocks(page)):
        exec(compile(block, f"{page}, block {number}", "exec"), namespace)
    return namespace


def drawn(page, folder):
    """Runs a page in a folder, where it leaves its picture, and returns its names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        namespace = executed(page)
    with open(folder / f"{page}.png", "rb") as picture:
        assert picture.read(8) == b"\x89PNG\r\n\x1a\n"
    return namespace
