"""Pictures of a model while it trains, from latents and rows that stay the same."""

import dataclasses
import math
import os
import pathlib
import shutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from zoo import plots
from zoo.runs.observers import views
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.share import Share
from zoo.runs.step_callback import StepCallback

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.data import Rows

IMAGE_ROWS, VECTOR_ROWS = 32, 2_000
SHARE, FIRST_SECONDS = 0.05, 10.0


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """The pictures of one step.

    Args:
        step: the step.
        pictures: the files, by what they show: 'model' and 'latents'.
        latents: [N, *event] the latents of the fixed rows.
    """

    step: int
    pictures: Mapping[str, pathlib.Path]
    latents: np.ndarray


class Gallery(StepCallback):
    """Draws at ends of virtual epochs, in at most a twentieth of the training's time.

    `step-000500.png` is what `views.draw` makes of the model after 500 steps, where there is such
    a picture, `step-000500-latents.png` the latents of held-out rows; `latest.png` and
    `latest-latents.png` are copies of the last ones.

    Args:
        model: the model in training.
        rows: the first of these are shown and encoded.
        folder: where the pictures go; it is made when there is one.
        tell: what is called with a line about a picture that could not be drawn.
    """

    def __init__(
        self,
        model: "FlowModel",
        rows: "Rows",
        folder: pathlib.Path,
        *,
        tell: Callable[[str], object],
    ) -> None:
        """Reads the rows and draws nothing."""
        super().__init__()
        most = VECTOR_ROWS if model.levels is None else IMAGE_ROWS
        self.drawn: Drawn | None = None
        self.time = Share(SHARE, first=FIRST_SECONDS)
        self._rows = FixedRows.of(model, rows, most)
        self._folder, self._tell = folder, tell

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock."""
        self.time.begin()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Draws, if it is time to; a picture that cannot be drawn does not end the training."""
        good = math.isfinite((logs or {}).get("loss", 0.0)) and not self.trained.stop_training
        if not good or not self.time.due:
            return
        step = self.step
        with self.time.spending():
            try:
                self.drawn = self._draw(step)
            except (OSError, ValueError) as error:
                self._tell(f"there is no picture of step {step}: {error}")

    def _draw(self, step: int) -> Drawn:
        model, rows = self.trained, self._rows
        self._folder.mkdir(exist_ok=True)
        title = f"{model.spec.preset}, step {step:,}"
        shown = {"model": f"step-{step:06d}.png", "latents": f"step-{step:06d}-latents.png"}
        files = {what: self._folder / name for what, name in shown.items()}
        if not views.draw(model, rows, files["model"], title):
            del files["model"]
        latents = views.latents(model, rows)
        plots.latent_histogram(latents, files["latents"], title=f"latents of {title}")
        for file in files.values():
            _copy(file, file.with_name(file.name.replace(f"step-{step:06d}", "latest")))
        return Drawn(step=step, pictures=files, latents=latents)


def _copy(file: pathlib.Path, path: pathlib.Path) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        shutil.copyfile(file, aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
