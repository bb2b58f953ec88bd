"""What a run will do, checked before TensorFlow is imported."""

import dataclasses
from collections.abc import Sequence

from zoo.model_spec import ModelSpec
from zoo.registry import resolve
from zoo.runs import settings, source
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A run whose arguments are checked.

    Args:
        run: what is trained, on what.
        folder: where it goes.
        epochs: passes over the training rows, in place of the steps; None leaves these.
    """

    run: RunConfig
    folder: RunFolder
    epochs: int | None = None

    @property
    def unit(self) -> str:
        """The unit of the run's figures, 'bits/dim' or 'nats'."""
        return unit_of(self.run)

    def for_rows(self, rows: int, fingerprint: str) -> "Plan":
        """Returns the plan for the training rows, the epochs turned into steps.

        Args:
            rows: their number.
            fingerprint: their checksum.

        Raises:
            ValueError: for batches larger than the data.
        """
        training = self.run.spec.training
        if training.batch_size > rows:
            msg = (
                f"`batch_size` must be at most {rows}, the number of training rows; received "
                f"{training.batch_size}. Pass --batch-size."
            )
            raise ValueError(msg)
        if self.epochs is not None:
            steps = -(-self.epochs * rows // training.batch_size)
            training = dataclasses.replace(training, steps=steps)
        spec = dataclasses.replace(self.run.spec, training=training)
        run = dataclasses.replace(self.run, spec=spec, fingerprint=fingerprint)
        return dataclasses.replace(self, run=run, epochs=None)


def plan(
    name: str,
    *,
    run: str,
    data: str | None,
    seed: int,
    typed: Sequence[str],
    epochs: int | None = None,
    resize: bool = False,
    dtype: str = "float32",
) -> Plan:
    """Checks all that needs neither TensorFlow nor data.

    Args:
        name: the preset, or a family whose size is in `typed`.
        run: path of the run folder, a new one or that of a run which is to go on.
        data: name of a data set, a file or a folder; None is the preset's.
        seed: of the initial weights, the order of the data, the noise and the samples.
        typed: overrides of the preset as key=value.
        epochs: passes over the training rows, in place of steps.
        resize: whether images of a folder are scaled and cropped to the model's size.
        dtype: of the model, as `zoo.get` takes it.

    Raises:
        ValueError: for an unknown preset, a bad override, the folder of another run, no data, or
            steps and epochs at once.
        TypeError: for an override of a wrong type.
    """
    overrides = settings.overrides(name, typed)
    if epochs is not None and "steps" in overrides:
        msg = "`--epochs` and `--steps` exclude each other; received both."
        raise ValueError(msg)
    resolved = resolve(name, overrides)
    if not run.strip():
        msg = f"`run` must be the path of a new folder; received {run!r}."
        raise ValueError(msg)
    folder = RunFolder(run)
    data = resolved.dataset if data is None else data
    if data is None:
        msg = f"`data` must be given: {name!r} has no data set of its own. Pass --data."
        raise ValueError(msg)
    located = source.locate(data, resolved.dataset)
    source.check_resize(located, resize=resize)
    spec = ModelSpec.of(resolved, seed=seed, dtype=dtype)
    config = RunConfig(spec=spec, data=located, resize=resize)
    if epochs is None:  # else the rows have to be counted first
        folder.check_usable(config)
    return Plan(run=config, folder=folder, epochs=epochs)


def unit_of(run: RunConfig) -> str:
    """Returns the unit of a run's figures, 'bits/dim' or 'nats'."""
    return "nats" if run.spec.config.levels is None else "bits/dim"
