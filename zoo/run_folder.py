"""The folder a training run leaves: config, weights, history, pictures and results."""

import csv
import json
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.run_config import RunConfig

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel


class RunFolder:
    """The files of one run; every write replaces a file whole or not at all.

    Args:
        path: the folder; it need not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Names the files; touches none."""
        self.path = pathlib.Path(path)
        self.config = self.path / "config.json"
        self.weights = self.path / "weights.weights.h5"
        self._aside = self.path / "writing.weights.h5"  # Keras insists on the two suffixes
        self.history = self.path / "history.csv"
        self.samples = self.path / "samples.png"
        self.curve = self.path / "curve.png"
        self.results = self.path / "results.json"

    def check_new(self) -> None:
        """Raises a ValueError unless the folder is absent, empty or an abandoned start.

        A start that saved no weights leaves a config alone: nothing is lost by writing over it.
        """
        if self.path.exists() and not self.path.is_dir():
            msg = f"`run` must be a folder; {self.path} is a file. Choose another --run."
            raise ValueError(msg)
        if self.path.is_dir() and any(self.path.iterdir()) and not self._abandoned():
            msg = f"`run` must be a new folder; {self.path} holds files already. "
            raise ValueError(msg + "Choose another --run, or delete that folder first.")

    def create(self, run: RunConfig) -> None:
        """Makes the folder and writes the run's config into it."""
        self.check_new()
        self.path.mkdir(parents=True, exist_ok=True)
        _write(self.config, json.dumps(run.to_json(), indent=2) + "\n")

    def read_config(self) -> RunConfig:
        """Returns the config of the run; a missing or damaged file is a ValueError."""
        try:
            return RunConfig.from_json(json.loads(self._read(self.config)))
        except (ValueError, TypeError) as error:
            if isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
                error = f"is damaged ({error}); restore it, or train again"
            msg = f"{self.config} {error}."
            raise ValueError(msg) from None

    def save_weights(self, model: "FlowModel") -> None:
        """Saves the weights; the last ones stay intact until the new ones are complete."""
        model.save_weights(self._aside)
        os.replace(self._aside, self.weights)

    def append_history(self, row: Mapping[str, float]) -> None:
        """Adds a row to the history, with a header where it is the first."""
        new = not self.history.exists()
        with self.history.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(row)
            writer.writerow(row.values())

    def read_history(self) -> dict[str, list[float]]:
        """Returns the columns of the history by name."""
        rows = list(csv.reader(self._read(self.history).splitlines()))
        return {name: [float(row[i]) for row in rows[1:]] for i, name in enumerate(rows[0])}

    def write_results(self, results: Mapping[str, object]) -> None:
        """Writes the held-out figures."""
        _write(self.results, json.dumps(results, indent=2) + "\n")

    def read_results(self) -> dict[str, object]:
        """Returns the held-out figures; a missing or damaged file is a ValueError."""
        try:
            return json.loads(self._read(self.results))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            msg = f"{self.results} is damaged ({error}); evaluate the run again."
            raise ValueError(msg) from None

    def _abandoned(self) -> bool:
        try:
            self.read_config()
        except ValueError:
            return False
        return {p.name for p in self.path.iterdir()} <= {self.config.name, self._aside.name}

    def _read(self, file: pathlib.Path) -> str:
        if not self.path.is_dir():
            msg = f"`run` must be the folder of a run; there is no folder {self.path}."
            raise ValueError(msg)
        if not file.is_file():
            msg = f"{self.path} has no {file.name}: it is no run, or one that did not get so far."
            raise ValueError(msg)
        return file.read_text(encoding="utf-8")


def _write(file: pathlib.Path, text: str) -> None:
    aside = file.with_name(file.name + ".writing")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, file)
