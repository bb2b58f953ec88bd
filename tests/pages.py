"""The Python of the pages in docs."""

import pathlib
import re

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
