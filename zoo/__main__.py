"""The command line: `python -m zoo list`, `info` and `fit`."""

import shutil
import sys
import textwrap

import click

import zoo
from zoo import card, console
from zoo.registry import preset


@click.group(
    cls=console.Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=console.EXIT_CODES,
)
@click.pass_context
def main(context: click.Context) -> None:
    """Normalizing flows by name: list them, read their cards, train them."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@main.command("list")
@click.argument("pattern", default="*")
def list_command(pattern: str) -> None:
    """List the presets whose names match PATTERN, such as 'realnvp*'.

    A table on a terminal, aligned plain text in a pipe. The figures are held-out ones.
    """
    names = zoo.list(pattern)
    if not names:
        msg = f"no preset matches {pattern!r}. There are: {', '.join(zoo.list())}."
        raise ValueError(msg)
    table = [card.COLUMNS, *card.rows(names)]
    (_print_table if sys.stdout.isatty() else _print_plain)(table)


@main.command()
@click.argument("name")
def info(name: str) -> None:
    """Print the card of preset NAME: paper, figures, data, and every option with its value.

    The options are what `fit --set` takes.
    """
    width = min(100, shutil.get_terminal_size().columns)
    wrapper = textwrap.TextWrapper(width, subsequent_indent=" " * 10, break_long_words=False)
    for heading, text in card.lines(preset(name)):
        wrapper.initial_indent = f"{heading:10}"
        click.echo(wrapper.fill(text))


@main.command(epilog=console.EXIT_CODES)
@click.argument("name")
@click.option("--run", required=True, type=click.Path(), metavar="DIR", help="New run folder.")
@click.option("--data", metavar="NAME", help="Data set; the preset's own by default.")
@click.option("--data-dir", type=click.Path(), metavar="DIR", help="Where TFDS data sets are.")
@click.option("--steps", type=int, metavar="N", help="Optimizer steps, as --set steps=N.")
@click.option("--batch-size", type=int, metavar="N", help="Rows a step, as --set batch_size=N.")
@click.option("--seed", type=click.IntRange(0), default=0, metavar="N", show_default=True)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Any option that `info` shows."
)
@click.option("--jit/--no-jit", default=None, help="Compile with XLA; by default on a GPU only.")
def fit(
    *,
    name: str,
    run: str,
    data: str | None,
    data_dir: str | None,
    steps: int | None,
    batch_size: int | None,
    seed: int,
    settings: tuple[str, ...],
    jit: bool | None,
) -> None:
    """Train preset NAME and leave a run folder.

    Trains on the training split of the preset's data set and measures the held-out split: the
    last lines are the held-out figure with its standard error, the sample grid, and what to do
    next. The folder gets config.json, history.csv, weights.weights.h5, samples.png, curve.png and
    results.json. Ctrl-C keeps the weights saved last, which are at most a fifteenth of the run
    old.

    \b
    Examples:
      python -m zoo fit realnvp_digits --run runs/digits
      python -m zoo fit realnvp_digits --run runs/small --steps 200 --set filters=16
    """  # noqa: D301 - click wants the backspace itself
    from zoo.runs.fit import execute
    from zoo.runs.plan import plan

    options = {"steps": steps, "batch_size": batch_size}
    typed = tuple(f"{key}={value}" for key, value in options.items() if value is not None)
    planned = plan(name, run=run, data=data, seed=seed, typed=(*settings, *typed))
    execute(planned, data_dir=data_dir, jit=jit)


def _print_table(table: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(*table[0], header_style="bold")
    for row in table[1:]:
        shown.add_row(*row)
    Console(highlight=False, markup=False).print(shown)


def _print_plain(table: list[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


if __name__ == "__main__":
    main(prog_name="python -m zoo")
