"""The folder a training run leaves: config, weights, history, pictures and results."""

import csv
import io
import json
import os
import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo.runs.config import RunConfig

if TYPE_CHECKING:
    import keras

    from zoo.flow_model import FlowModel


EVALUATIONS = "evaluations"
FIGURES = ("mean", "standard_error", "rows")


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
        """Raises a ValueError unless the folder can be made, is empty, or is an abandoned start.

        A start that saved no weights leaves a config alone: nothing is lost by writing over it.
        """
        above = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            msg = f"`run` must be a folder that can be made; {above} is no folder to write into."
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
        text = self._read(self.config)
        try:
            return RunConfig.from_json(json.loads(text))
        except (ValueError, TypeError) as error:
            msg = f"{self.config} cannot be used: {error} Restore the file, or train again."
            raise ValueError(msg) from error

    def check_trained(self) -> None:
        """Raises a ValueError if no weights have been saved."""
        if not self.weights.is_file():
            msg = f"{self.path} has no {self.weights.name}: the run saved none. Train again."
            raise ValueError(msg)

    def save_weights(self, model: "keras.Model") -> None:
        """Saves the weights; the last ones stay intact until the new ones are complete."""
        try:
            model.save_weights(self._aside)
            os.replace(self._aside, self.weights)
        finally:
            self._aside.unlink(missing_ok=True)

    def append_history(self, row: Mapping[str, float]) -> None:
        """Adds a row to the history, with a header where it is the first."""
        rows = list(self._history_rows()) if self.history.exists() else [list(row)]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([*rows, row.values()])
        _write(self.history, text.getvalue())

    def read_history(self) -> dict[str, list[float]]:
        """Returns the columns of the history; a missing or damaged file is a ValueError."""
        try:
            names, *rows = self._history_rows()
            columns = [[float(cell) for cell in column] for column in zip(*rows, strict=True)]
            return dict(zip(names, columns, strict=True))
        except ValueError as error:
            msg = f"{self.history} is damaged: {error}. Restore it, or train again."
            raise ValueError(msg) from error

    def write_results(self, results: Mapping[str, object]) -> None:
        """Writes the held-out figures."""
        _write(self.results, json.dumps(results, indent=2) + "\n")

    def read_results(self) -> dict[str, Any]:
        """Returns the held-out figures; a missing or damaged file is a ValueError."""
        text = self._read(self.results)
        try:
            results = json.loads(text)
        except json.JSONDecodeError as error:
            msg = f"{self.results} is damaged: {error}. Restore or delete it."
            raise ValueError(msg) from error
        if not isinstance(results, dict) or not isinstance(results.get(EVALUATIONS, []), list):
            msg = f"{self.results} is damaged: it holds no results. Restore or delete it."
            raise ValueError(msg)
        return results

    def add_evaluation(self, figures: Mapping[str, object]) -> None:
        """Adds figures to the results' list of evaluations; those of the same protocol give way.

        Args:
            figures: the figures, `FIGURES`, and the protocol they were measured by: all the rest.
        """
        results = self.read_results() if self.results.exists() else {}
        others = [e for e in results.get(EVALUATIONS, []) if _protocol(e) != _protocol(figures)]
        self.write_results({**results, EVALUATIONS: [*others, figures]})

    def _history_rows(self) -> list[list[str]]:
        return list(csv.reader(self._read(self.history).splitlines()))

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
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            msg = f"{file} is damaged: {error}. Restore it, or train again."
            raise ValueError(msg) from error


def _protocol(figures: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in figures.items() if name not in FIGURES}


def _write(file: pathlib.Path, text: str) -> None:
    aside = file.with_name(file.name + ".writing")
    aside.write_text(text, encoding="utf-8")
    os.replace(aside, file)


def load_model(path: str | os.PathLike[str]) -> "FlowModel":
    """Returns the model of a run folder with its weights, compiled as its preset says.

    Raises:
        ValueError: if a file is missing or damaged or of another version; it names the file.
    """
    folder = RunFolder(path)
    run = folder.read_config()
    folder.check_trained()
    from zoo.flow_model import FlowModel

    try:
        model = FlowModel(run.spec)
    except (ValueError, TypeError) as error:
        msg = f"{folder.config} cannot be used: {error} Restore the file, or train again."
        raise ValueError(msg) from error
    try:
        model.load_weights(folder.weights)
    except (OSError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        msg = f"{folder.weights} cannot be used: {reason} Restore the file, or train again."
        raise ValueError(msg) from error
    model.compile()  # not before: Keras would also want an optimizer's state in the file
    return model
