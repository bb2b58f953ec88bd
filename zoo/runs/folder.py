"""The folder a training run leaves: config, weights, history, pictures and results."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import filelock

from zoo.runs.config import RunConfig
from zoo.runs.table import ASIDE, Table, write_text

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
        self.checkpoints = self.path / "checkpoints"
        self._lock = self.path / ".lock"
        self.history = self.path / "history.csv"
        self._history = Table(self.history)
        self.layers = Table(self.path / "layers.csv")
        self.warps = Table(self.path / "warps.csv")
        self.pictures = self.path / "pictures"
        self.board = self.path / "board"
        self.samples = self.path / "samples.png"
        self.curve = self.path / "curve.png"
        self.results = self.path / "results.json"

    def check_usable(self, run: RunConfig) -> None:
        """Raises a ValueError unless the run can begin in the folder, or go on in it.

        A start that saved nothing leaves a config alone: nothing is lost by writing over it.
        """
        above = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
        if not above.is_dir() or not os.access(above, os.W_OK):
            msg = f"`run` must be a folder that can be made; {above} is no folder to write into."
            raise ValueError(msg)
        if not self.path.is_dir() or self._unused():
            return
        if not self.config.is_file() or not self.checkpoints.is_dir():
            msg = f"`run` must be a new folder; {self.path} holds files already, of no run that "
            raise ValueError(msg + "can go on. Choose another --run, or delete that folder first.")
        differences = self.read_config().differences(run)
        if differences:
            msg = f"`run` must be a new folder, or that of this very run; in {self.path} "
            msg += f"{', '.join(differences)}. Choose another --run."
            raise ValueError(msg)

    def create(self, run: RunConfig) -> None:
        """Makes the folder, with the run's config in it, or finds that the run has begun there."""
        self.check_usable(run)
        self.path.mkdir(parents=True, exist_ok=True)
        if self._unused():
            write_text(self.config, json.dumps(run.to_json(), indent=2) + "\n")

    @contextlib.contextmanager
    def training(self, run: RunConfig) -> Iterator[None]:
        """Within it the folder is this process's to train in, and the run's config is in it.

        Raises:
            ValueError: as `check_usable`, or if another process trains there.
        """
        self.check_usable(run)
        self.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self._lock, blocking=False)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            msg = f"`run` must not be in use; another process trains in {self.path}."
            raise ValueError(msg) from error
        try:
            self.create(run)  # checks again: another process may have begun and ended meanwhile
            yield
        finally:
            lock.release()

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
        self._history.append(row)

    def cut_history(self, step: int) -> None:
        """Takes away what the tables have of later steps: the run goes on from there."""
        for table in (self._history, self.layers, self.warps):
            table.cut(step)

    @property
    def seconds(self) -> float:
        """Seconds of training that the history tells of."""
        columns = self.read_history() if self.history.exists() else {}
        return max(columns.get("seconds", []), default=0.0)

    def read_history(self) -> dict[str, list[float]]:
        """Returns the columns of the history; a missing or damaged file is a ValueError."""
        self._check_file(self.history)
        return self._history.read()

    def write_results(self, results: Mapping[str, object]) -> None:
        """Writes the held-out figures."""
        write_text(self.results, json.dumps(results, indent=2) + "\n")

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

    def _unused(self) -> bool:
        """Tells whether nothing would be lost: no file, or what a start left that saved nothing."""
        names = {p.name for p in self.path.iterdir() if not p.name.endswith(ASIDE)}
        names -= {self._lock.name, self._aside.name}
        if names == {self.config.name}:
            try:
                self.read_config()
            except ValueError:
                return False  # somebody else's file of that name
        return names <= {self.config.name}

    def _check_file(self, file: pathlib.Path) -> None:
        if not self.path.is_dir():
            msg = f"`run` must be the folder of a run; there is no folder {self.path}."
            raise ValueError(msg)
        if not file.is_file():
            msg = f"{self.path} has no {file.name}: it is no run, or one that did not get so far."
            raise ValueError(msg)

    def _read(self, file: pathlib.Path) -> str:
        self._check_file(file)
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            msg = f"{file} is damaged: {error}. Restore it, or train again."
            raise ValueError(msg) from error


def _protocol(figures: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in figures.items() if name not in FIGURES}


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
