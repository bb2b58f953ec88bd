"""The Python of every page in docs runs as it stands, and what a page links to is there.

What needs several machines is fenced as `py` and tested elsewhere.
"""

import pathlib
import re

import pytest

DOCS = pathlib.Path(__file__).parent.parent / "docs"
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)


@pytest.mark.parametrize("page", [name for name in PAGES if blocks(PAGES[name])])
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for number, block in enumerate(blocks(PAGES[page])):
        exec(compile(block, f"{page}, block {number}", "exec"), namespace)
    assert namespace.keys() - {"__builtins__"}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]):
        assert target.startswith("https://") or (DOCS / target).exists(), target
