"""`plot`: draw the pictures of a trained run again."""

import click

from zoo import console
from zoo.commands import options


@click.command(epilog=console.EXIT_CODES)
@options.RUN
@click.option(
    "--out", type=click.Path(), metavar="DIR", help="Folder of the pictures; RUN by default."
)
@click.option(
    "--temperature",
    "temperatures",
    type=click.FloatRange(0),
    multiple=True,
    metavar="T",
    help="A column of the temperatures; may be repeated. By default eight from 0 to 1.1.",
)
@options.DATA_DIR
def plot(
    *, run: str, out: str | None, temperatures: tuple[float, ...], data_dir: str | None
) -> None:
    r"""Draw the pictures of run folder RUN again, from its weights, history and data.

    curve.png and samples.png are those of `fit`. Of images there are temperatures.png, each line
    one latent at rising temperature, interpolation.png, each line a way from one held-out row to
    another, layers.png, what each coupling changes, and where there are several scales scales.png,
    samples that share the latents of some. Of one variable there are warp.png, with data, density
    and the map to the latent, and warps.png, the same before, while and after it was learned.
    latents.png compares the latents of held-out rows with the standard normal. Pictures that are
    there are replaced, each whole or not at all.

    \b
    Examples:
      python -m zoo plot runs/digits
      python -m zoo plot runs/digits --out pictures --temperature 0.7 --temperature 1
    """
    from zoo.runs.plot import execute
    from zoo.runs.plotting import plan

    execute(plan(run, out=out, temperatures=temperatures), data_dir=data_dir)
