"""The figure of a trained run, on its own held-out rows or on other data."""

import dataclasses
from typing import TYPE_CHECKING

import click

from zoo import console
from zoo.runs import source
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder, load_model

if TYPE_CHECKING:
    from zoo.prepare import Form
    from zoo.runs.data import Rows


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A measurement whose arguments are checked.

    Args:
        folder: of the run.
        run: the run.
        data: name of a data set, or the absolute path of a file or folder.
        resize: whether images of a folder are scaled and cropped to the model's size.
        draws: draws of noise for each image.
        seed: of the noise.
    """

    folder: RunFolder
    run: RunConfig
    data: str
    resize: bool
    draws: int
    seed: int

    @property
    def own(self) -> bool:
        """Whether the data is what the run was trained on."""
        return self.data == self.run.data


def plan(
    run: str, *, data: str | None, resize: bool, draws: int | None, seed: int | None
) -> Evaluation:
    """Checks all that needs neither TensorFlow nor data.

    Args:
        run: path of the run folder.
        data: name of a data set, a file or a folder; None is the run's own.
        resize: whether images of a folder are scaled and cropped to the model's size.
        draws: draws of noise for each image, by default 1.
        seed: of the noise, by default 0.

    Raises:
        ValueError: for what is no trained run, for data that is not there, and for draws or a seed
            where there is no noise.
    """
    folder = RunFolder(run)
    config = folder.read_config()
    folder.check_trained()
    if folder.results.exists():
        folder.read_results()  # damaged ones are to be found out before the work
    for name, value in (("draws", draws), ("seed", seed)):
        if value is not None and config.spec.config.levels is None:
            msg = f"`--{name}` is for models of images: there is no noise in densities of vectors."
            raise ValueError(msg)
    located = config.data if data is None else source.locate(data, config.data)
    source.check_resize(located, resize=resize)
    if located == config.data:
        resize = config.resize
    return Evaluation(
        folder=folder,
        run=config,
        data=located,
        resize=resize,
        draws=1 if draws is None else draws,
        seed=0 if seed is None else seed,
    )


def execute(planned: Evaluation, *, data_dir: str | None) -> None:
    """Measures, adds the figures to the run's results, and prints them.

    Args:
        planned: the measurement.
        data_dir: folder of prepared TFDS data sets.

    Raises:
        ValueError: if the data cannot be had, does not fit the model, or is not any more what the
            run was trained on.
    """
    click.echo("loading TensorFlow ...", err=True)
    console.import_tensorflow()
    from zoo.prepare import Form
    from zoo.runs import report

    rows, split = _rows(planned, Form.of(planned.run.spec), data_dir)
    model = load_model(planned.folder.path)
    measured = report.measure(model, rows, split, draws=planned.draws, seed=planned.seed)
    figures = {"data": planned.data, **measured}
    planned.folder.add_evaluation(figures)
    other = source.is_path(planned.data) and not planned.own
    heading, text = report.figure_line(figures, "" if other else "held-out")
    click.echo(f"{heading:19} {text}")
    click.echo(f"{'results':19} {planned.folder.results}")


def _rows(planned: Evaluation, form: "Form", data_dir: str | None) -> tuple["Rows", str]:
    from zoo.runs import data

    if source.is_path(planned.data) and not planned.own:
        return data.read_whole(planned.data, form, resize=planned.resize)
    read = data.read(planned.data, form, data_dir=data_dir, resize=planned.resize)
    if planned.own:
        _check_unchanged(planned, data.count(read.train), data.count(read.held_out))
    return read.held_out, read.split


def _check_unchanged(planned: Evaluation, training: int, held_out: int) -> None:
    """Refuses data that has grown or shrunk: rows held out of it now may have been trained on."""
    results = planned.folder.read_results() if planned.folder.results.exists() else {}
    then = results.get("training_rows"), results.get("rows")
    if None not in then and then != (training, held_out):
        msg = (
            f"`data` must be as it was in the training; {planned.data} had {then[0]} training and "
            f"{then[1]} held-out rows then, and has {training} and {held_out} now, so that these "
            "may have been trained on. Pass --data FILE with rows that were not."
        )
        raise ValueError(msg)
