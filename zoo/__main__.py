"""The command line: `python -m zoo list`, `info`, `fit`, `evaluate`, `sample` and `plot`."""

import click

import zoo  # noqa: F401 - registers the presets
from zoo import console
from zoo.commands.catalogue import info, list_command
from zoo.commands.evaluate import evaluate
from zoo.commands.fit import fit
from zoo.commands.plot import plot
from zoo.commands.sample import sample


@click.group(
    cls=console.Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=console.EXIT_CODES,
)
@click.pass_context
def main(context: click.Context) -> None:
    r"""Normalizing flows by name: list them, read their cards, train, measure and sample them.

    \b
    From nothing to samples, in about two minutes on two cores:
      python -m zoo fit realnvp_digits --run runs/digits
      python -m zoo evaluate runs/digits --draws 8
      python -m zoo sample runs/digits --out digits.png
      python -m zoo plot runs/digits
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (list_command, info, fit, evaluate, sample, plot):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="python -m zoo")
