"""Numbers by the step, as a CSV file and as columns in a JSON file beside it."""

import csv
import io
import json
import math
import os
import pathlib
from collections.abc import Iterable, Mapping, Sequence

ASIDE = ".writing"


class Table:
    """Rows of numbers that a run adds to, the step among them; every write is whole or not at all.

    The JSON file is an object of columns; what is NaN or infinite in the CSV file is null there.

    Args:
        path: the CSV file; it need not exist.
    """

    def __init__(self, path: pathlib.Path) -> None:
        """Names the files; touches none."""
        self.path = path
        self.json = path.with_suffix(".json")

    def append(self, row: Mapping[str, float]) -> None:
        """Adds a row, with a header where it is the first."""
        self.extend([row])

    def extend(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Adds rows of the same columns, at least one."""
        there = self._rows() if self.path.exists() else [list(rows[0])]
        self._write([*there, *(list(row.values()) for row in rows)])

    def cut(self, step: int) -> None:
        """Takes away the rows after a step: the run goes on from there."""
        if self.path.exists():
            header, *rows = self._rows()
            place = header.index("step")
            self._write([header, *(row for row in rows if float(row[place]) <= step)])

    def read(self) -> dict[str, list[float]]:
        """Returns the columns; a missing or damaged file is a ValueError."""
        try:
            names, *rows = self._rows()
            columns = [[float(cell) for cell in column] for column in zip(*rows, strict=True)]
            return dict(zip(names, columns or [[] for _ in names], strict=True))
        except (OSError, ValueError) as error:
            msg = f"{self.path} is damaged: {error}. Restore it, or train again."
            raise ValueError(msg) from error

    def _rows(self) -> list[list[str]]:
        return list(csv.reader(self.path.read_text(encoding="utf-8").splitlines()))

    def _write(self, rows: Iterable[Sequence[object]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        write_text(self.path, text.getvalue())
        columns = {
            name: [value if math.isfinite(value) else None for value in column]
            for name, column in self.read().items()
        }
        write_text(self.json, json.dumps(columns) + "\n")


def write_text(file: pathlib.Path, text: str) -> None:
    """Writes a file aside and renames it, so that it is whole or what it was."""
    aside = file.with_name(file.name + ASIDE)
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, file)
