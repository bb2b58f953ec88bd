"""The map of a flow of one variable, kept while it is learned."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from zoo.plots import Warp
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.gallery import VECTOR_ROWS
from zoo.runs.observers.one_variable import warp_of
from zoo.runs.step_callback import StepCallback
from zoo.runs.table import Table

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.data import Rows


class Warps(StepCallback):
    """Keeps the map at the run's start, at ends of virtual epochs, and at the run's end.

    Each step that is kept is at least twice the one before: most is learned first, and the file
    stays small. A row of it is a point: step, x, z and log_slope = log|dz/dx|.

    Args:
        model: the model in training.
        rows: the points lie around the first of these.
        table: where the points go.
        total: steps of the run.
        tell: what is called with a line about a map that could not be kept.
    """

    def __init__(
        self,
        model: "FlowModel",
        rows: "Rows",
        table: Table,
        *,
        total: int,
        tell: Callable[[str], object],
    ) -> None:
        """Reads the rows, and which steps an earlier part of the run has kept."""
        super().__init__()
        self._data = FixedRows.of(model, rows, VECTOR_ROWS).real
        self._table, self._total, self._tell = table, total, tell
        self._steps = set(read(table))
        self._waiting: list[dict[str, float]] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Looks at the untrained map, and touches no file: a run without checkpoints has none."""
        if self.step == 0 and 0 not in self._steps:
            self._look(0)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Keeps the map, if it is time to or the run ends, while the loss is good."""
        step, loss = self.step, (logs or {}).get("loss", 0.0)
        due = step >= 2 * max(self._steps, default=0) and not self.trained.stop_training
        if not math.isfinite(loss) or not (due or step >= self._total):
            return
        self._look(step)
        if not self._waiting:
            return
        try:
            self._table.extend(self._waiting)
        except OSError as error:
            self._tell(f"{self._table.path} could not be written: {error}; going on.")
        else:
            self._waiting = []

    def _look(self, step: int) -> None:
        self._steps.add(step)
        try:
            warp = warp_of(self.trained, self._data)
        except ValueError as error:
            self._tell(f"the map of step {step} is not kept: {error}")
            return
        points = zip(warp.x, warp.z, warp.log_slope, strict=True)
        names = ("x", "z", "log_slope")
        self._waiting += [
            {"step": step, **dict(zip(names, map(float, point), strict=True))} for point in points
        ]


def read(table: Table) -> dict[int, Warp]:
    """Returns the maps that are kept, by step; none where there is no file.

    Raises:
        ValueError: for a damaged file.
    """
    if not table.path.exists():
        return {}
    columns = {name: np.array(values) for name, values in table.read().items()}
    missing = {"step", "x", "z", "log_slope"} - columns.keys()
    if missing:
        msg = f"{table.path} is damaged: it lacks {', '.join(sorted(missing))}. Delete it."
        raise ValueError(msg)
    kept = {}
    for step in np.unique(columns["step"]).astype(int):
        of_step = columns["step"] == step
        points = {name: columns[name][of_step] for name in ("x", "z", "log_slope")}
        kept[int(step)] = Warp(**points)
    return kept
