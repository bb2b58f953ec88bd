"""`evaluate`: measure a trained run."""

import click

from zoo import console
from zoo.commands import options


@click.command(epilog=console.EXIT_CODES)
@options.RUN
@options.DATA
@options.DATA_DIR
@options.RESIZE
@click.option(
    "--draws",
    type=click.IntRange(1),
    metavar="N",
    help="Draws of noise for each image, whose log-likelihoods are averaged; 1 by default.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="Of the noise; 0 by default."
)
def evaluate(
    *,
    run: str,
    data: str | None,
    data_dir: str | None,
    resize: bool,
    draws: int | None,
    seed: int | None,
) -> None:
    r"""Measure the model of run folder RUN on rows it was not trained on.

    Without --data those are the rows that `fit` held out. Of another data set they are its test
    split; of another file or folder its part called test, or all of it.

    Images are measured in bits/dim, a bound by uniform noise: draws and seed are of that noise.
    Vectors are measured in nats a row. The figure is a mean over the rows, with its standard error.
    It is added to the list 'evaluations' in RUN/results.json, where it replaces one of the same
    data, rows, draws and seed.

    \b
    Examples:
      python -m zoo evaluate runs/digits --draws 8
      python -m zoo evaluate runs/photos --data more_photos/ --resize
      python -m zoo evaluate runs/table --data new_rows.npy
    """
    from zoo.runs.evaluate import execute, plan

    planned = plan(run, data=data, resize=resize, draws=draws, seed=seed)
    execute(planned, data_dir=data_dir)
