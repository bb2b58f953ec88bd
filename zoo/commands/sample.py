"""`sample`: draw from a trained run."""

import click

from zoo import console
from zoo.commands import options


@click.command(epilog=console.EXIT_CODES)
@options.RUN
@click.option(
    "--out", required=True, type=click.Path(), metavar="FILE", help="A new .png or .npy file."
)
@click.option(
    "--n",
    type=click.IntRange(1),
    metavar="N",
    help="Samples, of each class or condition if there are any. By default 64, 8 of each, or 5,000 "
    "points of a density.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, metavar="N", show_default=True
)
@click.option(
    "--temperature",
    type=click.FloatRange(0),
    default=1.0,
    metavar="T",
    show_default=True,
    help="Factor of the latents' standard deviation: below 1 for more typical samples.",
)
@click.option("--classes", metavar="LIST", help="Such as 0,3,7-9; all by default.")
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="NUMBERS",
    help="A condition such as 0.5,1, where it is a vector; may be repeated.",
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
def sample(
    *,
    run: str,
    out: str,
    n: int | None,
    seed: int,
    temperature: float,
    classes: str | None,
    conditions: tuple[str, ...],
    force: bool,
) -> None:
    r"""Draw samples of the model of run folder RUN into a file.

    A .png is a grid of images, with a row for each class of a class-conditional model; or for two
    variables the data, the learned density and the samples. A .npy is an array [n, ...], or
    [classes, n, ...], of whole grey levels or of real numbers in the data's units.

    The same seed gives the same samples, and the first ones of a larger N are those of a smaller. A
    file that is there is refused unless --force is given, and then replaced whole or not at all.

    \b
    Examples:
      python -m zoo sample runs/digits --out digits.png
      python -m zoo sample runs/classes --out sevens.png --classes 7 --n 16
      python -m zoo sample runs/classes --out calm.png --temperature 0.8
      python -m zoo sample runs/table --out rows.npy --n 1000 --seed 1
    """
    from zoo.runs.sample import execute, plan

    planned = plan(
        run,
        out=out,
        n=n,
        seed=seed,
        temperature=temperature,
        classes=classes,
        conditions=conditions,
        force=force,
    )
    execute(planned)
