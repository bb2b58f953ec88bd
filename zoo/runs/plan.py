"""What a run will do, checked before TensorFlow is imported."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from zoo.model_spec import ModelSpec
from zoo.registry import preset, resolve
from zoo.runs import settings
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder

Rows = np.ndarray | tuple[np.ndarray, np.ndarray]
"""Rows of data, or rows and their labels."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A run whose arguments are checked.

    Args:
        run: what is trained, on what.
        folder: where it goes.
        unit: of its figures, 'bits/dim' or 'nats'.
    """

    run: RunConfig
    folder: RunFolder
    unit: str


def plan(name: str, *, run: str, data: str | None, seed: int, typed: Sequence[str]) -> Plan:
    """Checks all that needs neither TensorFlow nor data.

    Args:
        name: the preset.
        run: path of the run folder, a new one.
        data: name of the data set; None is the preset's.
        seed: of the initial weights, the order of the data, the noise and the samples.
        typed: overrides of the preset as key=value.

    Raises:
        ValueError: for an unknown preset, a bad override, a used run folder, or a preset without
            data.
        TypeError: for an override of a wrong type.
    """
    resolved = resolve(name, settings.parse(typed, preset(name)))
    folder = RunFolder(run)
    folder.check_new()
    data = data or resolved.dataset
    if data is None:
        msg = f"`data` must be given: {name!r} has no data set of its own. Pass --data NAME."
        raise ValueError(msg)
    run_config = RunConfig(spec=ModelSpec.of(resolved, seed=seed), data=data)
    return Plan(run=run_config, folder=folder, unit=resolved.unit)
