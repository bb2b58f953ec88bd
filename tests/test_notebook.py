"""The course notebook: what is committed of it is whole, and it runs from top to bottom."""

import base64
import pathlib
import re

import nbformat
import pytest
from nbclient import NotebookClient

PATH = pathlib.Path(__file__).parent.parent / "docs" / "flows.ipynb"
NOTEBOOK = nbformat.read(PATH, as_version=4)
CODE = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
OUTPUTS = [output for cell in CODE for output in cell.outputs]
TEXT = "\n\n".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown")
LECTURE = [
    "1-D flow, change of variables, maximum likelihood",
    "monotone CDF flow",
    "activations as flows",
    "elementwise flow",
    "affine flow, dense invertible A: x = A z + b",
    "autoregressive flow (MAF)",
    "fast sampling for it",
    "inverse autoregressive flow (IAF)",
    "affine coupling with reordering",
    "RealNVP on images",
]
SHOWS = r"^\s*(print|show|planes|plt\.show)\("


def pictures(notebook):
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    found = [o.data for cell in cells for o in cell.outputs if o.output_type == "display_data"]
    return [data["image/png"] for data in found if "image/png" in data]


# What is committed


def test_it_is_a_valid_notebook_of_modest_size():
    nbformat.validate(NOTEBOOK)
    assert PATH.stat().st_size < 1_500_000


def test_its_headings_are_the_lectures_in_order():
    headings = re.findall(r"^## \d+\. Lecture: (.*)$", TEXT, re.M)
    assert headings == LECTURE
    numbers = re.findall(r"^## (\d+)\. Lecture", TEXT, re.M)
    assert numbers == [str(k) for k in range(1, 11)]


def test_it_opens_with_the_dictionary():
    opening, _, _ = TEXT.partition("## 1. Lecture")
    assert NOTEBOOK.cells[0].source in opening
    for word in ("`model.encode(x)`", "`flow.inverse(x)`", "`model.decode(z)`", "nats"):
        assert word in NOTEBOOK.cells[0].source


@pytest.mark.parametrize("number", range(1, 11))
def test_a_section_has_maths_code_a_picture_and_an_exercise(number):
    heading = f"## {number}. Lecture"
    cells, inside = [], False
    for cell in NOTEBOOK.cells:
        before, found, after = cell.source.partition(heading)
        if found:
            cells.append(("markdown", found + after, []))
        elif inside:
            text, ended, _ = cell.source.partition("\n## ")
            cells.append((cell.cell_type, text, cell.get("outputs", [])))
            if ended and cell.cell_type == "markdown":
                break
        inside = inside or bool(found)
    prose = "\n".join(text for kind, text, _ in cells if kind == "markdown")
    assert f"**Exercise {number}.**" in prose
    assert "*Hint:*" in prose
    assert "$" in prose
    code = "\n".join(text for kind, text, _ in cells if kind == "code")
    assert re.search(r"from tfflows import|zoo\.get\(|maf\.forward", code)
    shown = [o for _, _, outputs in cells for o in outputs if o.output_type == "display_data"]
    assert any("image/png" in output.data for output in shown)


def test_it_installs_itself_in_the_first_cell():
    assert "find_spec" in CODE[0].source
    assert re.search(r"^\s+%pip install .*\.\.$", CODE[0].source, re.M)


def test_it_was_executed_from_top_to_bottom_without_an_error():
    assert [cell.execution_count for cell in CODE] == list(range(1, len(CODE) + 1))
    assert not [output for output in OUTPUTS if output.output_type == "error"]
    assert not [output for output in OUTPUTS if output.get("name") == "stderr"]


def test_it_was_executed_in_full():
    assert "1,000 steps" in CODE[1].outputs[0].text


def test_every_cell_that_shows_something_has_it():
    for cell in CODE:
        assert bool(cell.outputs) == bool(re.search(SHOWS, cell.source, re.M)), cell.source
    for picture in pictures(NOTEBOOK):
        assert base64.b64decode(picture).startswith(b"\x89PNG")


def test_it_says_nothing_of_the_machine():
    said = PATH.read_text(encoding="utf-8")
    for picture in pictures(NOTEBOOK):
        said = said.replace(picture.strip(), "")
    found = re.search(r"(/(home|root|work|tmp|usr|opt|Users|private)/|site-packages|C:\\).*", said)
    assert found is None, found


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", TEXT):
        assert target.startswith("https://") or (PATH.parent / target).exists(), target


# What it does


@pytest.mark.slow
def test_it_runs_from_top_to_bottom(monkeypatch):
    monkeypatch.setenv("TFFLOWS_FAST", "1")
    notebook = nbformat.read(PATH, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    resources = {"metadata": {"path": str(PATH.parent)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(CODE) + 1))
    assert "8 steps" in code[1].outputs[0].text
    assert len(pictures(notebook)) == len(pictures(NOTEBOOK)) >= 10
    for cell in code:
        assert bool(cell.outputs) == bool(re.search(SHOWS, cell.source, re.M)), cell.source
