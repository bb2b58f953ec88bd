"""The pictures of a trained run, drawn again."""

from typing import TYPE_CHECKING

import click

from zoo import console
from zoo.runs.folder import load_model
from zoo.runs.plotting import Plotting

if TYPE_CHECKING:
    from zoo.runs.data import Data


def execute(planned: Plotting, *, data_dir: str | None) -> None:
    """Draws the pictures and prints where they are.

    Pictures that need data are left out where it cannot be had, and stderr says so.

    Args:
        planned: the pictures.
        data_dir: folder of prepared TFDS data sets.

    Raises:
        ValueError: if the weights, the history or the kept maps cannot be used.
    """
    click.echo("loading TensorFlow ...", err=True)
    console.import_tensorflow()
    from zoo.runs import album, report

    model = load_model(planned.folder.path)
    data = _data(planned, data_dir)
    planned.out.mkdir(parents=True, exist_ok=True)
    results = planned.folder.read_results() if planned.folder.results.exists() else {}
    curve = planned.out / "curve.png"
    report.draw_curve(planned.run, planned.folder, curve, held_out=results.get("mean"))
    click.echo(f"{'curve':19} {curve}")
    for heading, path in album.draw(model, planned, data):
        click.echo(f"{heading:19} {path}")


def _data(planned: Plotting, data_dir: str | None) -> "Data | None":
    from zoo.prepare import Form
    from zoo.runs import data

    run = planned.run
    try:
        return data.read(run.data, Form.of(run.spec), data_dir=data_dir, resize=run.resize)
    except (OSError, ValueError) as error:
        click.echo(f"without the pictures that need data, which cannot be had: {error}", err=True)
        return None
