"""A folder of checkpoints: each complete or absent, the last few and the best kept."""

import os
import pathlib
import shutil
import warnings
from collections.abc import Callable

import keras
import tensorflow as tf

from zoo.checkpoints import manifest
from zoo.checkpoints.manifest import Damaged

KEPT = 3
ASIDE = ".writing"


class Checkpoints:
    """The checkpoints of one training, a subfolder each, named by the step.

    A checkpoint holds the model's weights and its optimizer's variables: step, slots and averages.
    It is written aside, with a checksum of every file, and renamed when it is complete. The last
    `keep` stay, and the one of the best score.

        checkpoints = zoo.Checkpoints("checkpoints")
        start = checkpoints.restore(model)                     # 0 where there is none
        model.fit(
            batches_from(start),
            steps_per_epoch=100,
            epochs=(total - start) // 100,
            callbacks=[zoo.SaveCheckpoints(checkpoints)],
        )

    The training then ends with the same bits as if it had never stopped, if the data is a function
    of the step that it starts at: dequantization noise is one of the seed and the step already.

    Args:
        folder: where they are; it need not exist.
        keep: how many of the last ones stay, at least 1.
        tell: what is called with a line about a damaged checkpoint; `warnings.warn` by default.

    Raises:
        ValueError: for a `keep` below 1.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        keep: int = KEPT,
        tell: Callable[[str], object] = warnings.warn,
    ) -> None:
        """Touches no file."""
        if keep < 1:
            msg = f"`keep` must be at least 1; received {keep}."
            raise ValueError(msg)
        self.folder = pathlib.Path(folder)
        self._keep = keep
        self._tell = tell

    @property
    def steps(self) -> list[int]:
        """The steps of the complete checkpoints, ascending."""
        return manifest.steps(self.folder)

    def save(self, model: keras.Model, *, score: float | None = None) -> int:
        """Writes a checkpoint of the step that the optimizer is at, and returns the step.

        Args:
            model: a compiled model.
            score: a figure of merit, lower is better; the lowest is kept.

        Raises:
            OSError: if it cannot be written; the checkpoints that are there stay.
        """
        step = _step(model)
        path = self._path(step)
        aside = path.with_name(path.name + ASIDE)
        self._clear(aside)
        aside.mkdir(parents=True)
        try:
            tf.train.Checkpoint(**_state(model)).write(os.fspath(aside / "state"))
            manifest.write(aside, step=step, score=score)
            self._clear(path)  # one of this step, which a damaged later one has led back to
            os.replace(aside, path)
        except tf.errors.OpError as error:
            raise OSError(error.message) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        self._prune()
        return step

    def save_or_tell(self, model: keras.Model, *, score: float | None = None) -> int | None:
        """Writes a checkpoint as `save` does; where the disk fails, tells so and returns None."""
        try:
            return self.save(model, score=score)
        except OSError as error:
            last = f"is of step {self.steps[-1]}" if self.steps else "is still to come"
            self._tell(
                f"the checkpoint of step {_step(model)} could not be written: {error}. "
                f"The training goes on; the last good one {last}."
            )
            return None

    def restore(self, model: keras.Model) -> int:
        """Reads the last intact checkpoint into a compiled model and returns its step.

        Args:
            model: a model of the same architecture, compiled with the same optimizer.

        Returns:
            The number of steps that are done; 0 where there is no checkpoint.

        Raises:
            ValueError: if there are checkpoints and none can be used, or if they are of another
                model or optimizer.
        """
        damaged: list[str] = []
        for step in reversed(self.steps):
            try:
                manifest.check(self._path(step), step)
            except Damaged as error:
                damaged.append(f"the checkpoint of step {step} is damaged: {error}")
                continue
            self._read(model, step)
            for line in damaged:
                self._tell(f"{line}; going back to step {step}.")
            return step
        if damaged:
            msg = f"no checkpoint in {self.folder} can be used: {'; '.join(damaged)}. "
            raise ValueError(msg + "Restore a file, or train again in another folder.")
        return 0

    def restore_best(self, model: keras.Model) -> int:
        """Reads the intact checkpoint of the lowest score into a model and returns its step.

        Raises:
            ValueError: if there is none with a score.
        """
        best = self._best()
        if best is None:
            msg = f"`restore_best` needs a checkpoint with a score; {self.folder} has none."
            raise ValueError(msg)
        manifest.check(self._path(best), best)
        self._read(model, best)
        return best

    def _read(self, model: keras.Model, step: int) -> None:
        checkpoint = tf.train.Checkpoint(**_state(model))
        try:
            status = checkpoint.read(os.fspath(self._path(step) / "state"))
            status.assert_existing_objects_matched()
            status.assert_consumed()
        except (AssertionError, ValueError, tf.errors.OpError) as error:
            reason = str(error).partition("\n")[0]
            msg = f"{self._path(step)} is a checkpoint of another model or optimizer: {reason}"
            raise ValueError(msg) from error

    def _prune(self) -> None:
        kept = {*self.steps[-self._keep :], self._best()}
        for step in self.steps:
            if step not in kept:
                self._clear(self._path(step))

    def _best(self) -> int | None:
        scores = {step: manifest.score(self._path(step)) for step in self.steps}
        known = {step: score for step, score in scores.items() if score is not None}
        return min(known, key=lambda step: known[step], default=None)

    def _path(self, step: int) -> pathlib.Path:
        return manifest.path(self.folder, step)

    @staticmethod
    def _clear(path: pathlib.Path) -> None:
        """Removes a checkpoint: by name first, so that no half of it is ever one."""
        if path.exists():
            gone = path.with_name(f"{path.name}{ASIDE}.old")
            shutil.rmtree(gone, ignore_errors=True)
            os.replace(path, gone)
            shutil.rmtree(gone, ignore_errors=True)


def _step(model: keras.Model) -> int:
    return int(_optimizer(model).iterations)


def _state(model: keras.Model) -> dict[str, object]:
    return {"model": model, "optimizer": _optimizer(model)}


def _optimizer(model: keras.Model) -> keras.optimizers.Optimizer:
    if not model.compiled:
        msg = f"`model` must be compiled; {model.name!r} has no optimizer."
        raise ValueError(msg)
    return model.optimizer
