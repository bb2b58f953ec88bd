import csv
import json

import pytest

from zoo.runs.table import Table


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path / "numbers.csv")


def test_rows_are_in_both_files(table):
    table.append({"step": 10, "loss": 1 / 3})
    table.append({"step": 20, "loss": float("nan")})
    with table.path.open() as file:
        assert [row["loss"] for row in csv.DictReader(file)] == [str(1 / 3), "nan"]
    assert json.loads(table.json.read_text()) == {"step": [10.0, 20.0], "loss": [1 / 3, None]}
    assert table.read()["loss"][0] == 1 / 3
    assert {p.name for p in table.path.parent.iterdir()} == {"numbers.csv", "numbers.json"}


def test_several_rows_are_added_at_once(table):
    table.extend([{"step": 0, "x": 1.0}, {"step": 0, "x": 2.0}])
    table.extend([{"step": 5, "x": 3.0}])
    assert table.read() == {"step": [0, 0, 5], "x": [1, 2, 3]}
    table.cut(0)
    assert table.read() == {"step": [0, 0], "x": [1, 2]}


def test_both_files_are_cut(table):
    table.cut(0)
    assert not table.path.exists()
    for step in (1, 2, 3):
        table.append({"step": step, "loss": 0.5})
    table.cut(2)
    assert table.read()["step"] == [1, 2] == json.loads(table.json.read_text())["step"]
    table.cut(0)
    assert table.read() == {"step": [], "loss": []} == json.loads(table.json.read_text())


def test_a_damaged_file_is_named(table):
    with pytest.raises(ValueError, match=r"numbers\.csv is damaged"):
        table.read()
    for damage in (b"step,loss\n1,x\n", b"step,loss\n1\n", b"\xff\xfe"):
        table.path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"numbers\.csv is damaged"):
            table.read()


def test_a_write_that_fails_leaves_the_rows_that_were_there(table, monkeypatch):
    table.append({"step": 1})
    before = table.path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zoo.runs.table.os.replace", full)
    with pytest.raises(OSError, match="No space"):
        table.append({"step": 2})
    assert table.path.read_bytes() == before
