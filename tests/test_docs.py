"""The Python of every page in docs runs as it stands, and what a page links to is there.

A page that reaches figures has a test of its own, `test_page_<name>.py`, which runs it.
"""

import pathlib
import re

import pytest

from pages import DOCS, PAGES, blocks, executed

TESTS = pathlib.Path(__file__).parent
ELSEWHERE = {path.stem.removeprefix("test_page_") for path in TESTS.glob("test_page_*.py")}


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page) and page not in ELSEWHERE])
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert executed(page).keys() - {"__builtins__"}


def test_pages_with_tests_of_their_own_are_there():
    assert PAGES.keys() >= ELSEWHERE


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGES[page]):
        assert target.startswith("https://") or (DOCS / target).exists(), target
