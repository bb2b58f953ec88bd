"""`list` and `info`: which presets there are, and the card of one."""

import math
import shutil
import sys
import textwrap

import click

from zoo import card, console, registry
from zoo.commands import options
from zoo.registry import Preset
from zoo.runs import settings as typed

HEADING = 12


@click.command("list")
@click.argument("pattern", default="*")
def list_command(pattern: str) -> None:
    r"""List the presets whose names match PATTERN, such as 'realnvp*'.

    A table on a terminal, aligned plain text in a pipe. The figures are held-out ones: the paper's,
    and what the preset reached here.

    Families have presets of your own size besides: see `info realnvp`.

    \b
    Examples:
      python -m zoo list
      python -m zoo list '*mnist*'
    """
    names = registry.list_presets(pattern)
    if not names:
        there = ", ".join(registry.list_presets())
        msg = f"no preset matches {pattern!r}. There are: {there}."
        raise ValueError(msg)
    table = [card.COLUMNS, *card.rows(names)]
    (_print_table if sys.stdout.isatty() else _print_plain)(table)


@click.command()
@click.argument("name")
@options.SETTINGS
@click.option("--count", is_flag=True, help="Build the model, which takes seconds, and count.")
def info(name: str, settings: tuple[str, ...], *, count: bool) -> None:
    r"""Print the card of preset NAME: paper, figures, data, protocol, and every option.

    The options are what `--set` takes, here and in `fit`. The name of a family prints the sizes it
    can be given.

    \b
    Examples:
      python -m zoo info realnvp_cifar --count
      python -m zoo info realnvp
      python -m zoo info realnvp --set image_shape=64,64,1 --set scales=3
    """
    family = registry.own_size(name)
    if family is not None and not (settings or count):
        _print_card(card.family_lines(family))
        return
    shown = registry.resolve(name, typed.overrides(name, settings))
    _print_card(card.lines(shown, _count(shown) if count else _counted(shown)))


def _counted(shown: Preset) -> str:
    if shown.parameters is None:
        return f"info {shown.name} --count builds the model and counts them"
    return f"{shown.parameters:,} that are trained"


def _count(shown: Preset) -> str:
    console.import_tensorflow()
    from zoo.flow_model import FlowModel
    from zoo.model_spec import ModelSpec

    model = FlowModel(ModelSpec.of(shown))
    trained, others = (
        sum(math.prod(weight.shape) for weight in weights)
        for weights in (model.trainable_weights, model.non_trainable_weights)
    )
    rest = f"{others:,} numbers that are not, such as statistics"
    return f"{trained:,} that are trained; {rest}"


def _print_card(lines: list[tuple[str, str]]) -> None:
    width = min(100, shutil.get_terminal_size().columns)
    indent = " " * HEADING
    wrapper = textwrap.TextWrapper(width, subsequent_indent=indent, break_long_words=False)
    for heading, text in lines:
        wrapper.initial_indent = f"{heading:{HEADING}}"
        click.echo(wrapper.fill(text))


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
