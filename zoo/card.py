"""Presets as text: the table of them, and the card of one. No TensorFlow."""

import dataclasses
import math

from zoo.registry import SIZES, OwnSize, Preset, preset
from zoo.runs import source
from zoo.runs.settings import typed

COLUMNS = ("name", "data", "size", "parameters", "paper", "ours")


def rows(names: list[str]) -> list[tuple[str, ...]]:
    """Returns the table's rows: name, data, size, parameters, the paper's figure, ours."""
    return [_row(preset(name)) for name in names]


def lines(shown: Preset, parameters: str) -> list[tuple[str, str]]:
    """Returns the card of a preset as (heading, text) pairs.

    Args:
        shown: the preset.
        parameters: how many there are, or how to learn it.
    """
    levels = shown.config.levels
    shape = shown.config.event_shape
    total = f", {math.prod(shape):,} in all" if len(shape) > 1 else ""
    latents = f"{_shape(shown)}{total}, standard normal"
    return [
        ("preset", shown.name),
        ("what", shown.description),
        ("paper", shown.paper),
        ("paper's", figure(shown.paper_result, shown.unit)),
        ("ours", shown.measured or "none yet"),
        ("data", f"{shown.dataset or 'your own'}, {size(shown)}"),
        ("held out", source.held_out(shown.dataset)),
        ("protocol", _PIXELS if levels else _VECTORS),
        ("latents", latents),
        ("parameters", parameters),
        ("model", _options(shown.config)),
        ("training", _options(shown.training)),
    ]


def family_lines(family: OwnSize) -> list[tuple[str, str]]:
    """Returns the card of a family whose size is the caller's."""
    sizes = [f"--set {key}={typed(SIZES[key])} ({_meaning(family, key)})" for key in family.kinds]
    first = next(iter(family.kinds))
    card = [
        ("family", family.name),
        ("what", "a model of your own size, for your own data"),
        ("paper", family.paper),
        ("sizes", f"one of: {'; or '.join(sizes)}"),
        (
            "example",
            f"python -m zoo info {family.name} --set {first}={typed(SIZES[first])} --count",
        ),
    ]
    for key, (kind, training) in family.kinds.items():
        others = [f for f in dataclasses.fields(kind) if f.default is not dataclasses.MISSING]
        shown = " ".join(f"{f.name}={typed(f.default)}" for f in others)
        card.append((key, f"{shown} {_options(training)}"))
    return card


def _meaning(family: OwnSize, size: str) -> str:
    if size == "image_shape":
        return "height, width, channels of images"
    either = any(f.name == "levels" for f in dataclasses.fields(family.kinds[size][0]))
    images = "; with --set levels=256 height, width, channels of images" if either else ""
    return f"number of variables of a row{images}"


_PIXELS = (
    "bits/dim: -log2 likelihood a value of a row, bounded with uniform noise; one draw a row with "
    "seed 0, in `evaluate` the mean of --draws N log-likelihoods; mean over the held-out rows, "
    "standard error sd / sqrt(rows)"
)
_VECTORS = (
    "nats: -log density of a row in the data's units, without noise; mean over the held-out rows, "
    "standard error sd / sqrt(rows)"
)


def figure(value: float | None, unit: str) -> str:
    """Writes a figure with its unit, or a dash."""
    return "-" if value is None else f"{value:.2f} {unit}"


def size(shown: Preset) -> str:
    """Writes the shape of a data point and its grey levels: '8x8x1, 17 levels'."""
    levels = shown.config.levels
    return f"{_shape(shown)}, {levels} levels" if levels else _shape(shown)


def _shape(shown: Preset) -> str:
    return "x".join(map(str, shown.config.event_shape))


def _row(shown: Preset) -> tuple[str, ...]:
    paper = figure(shown.paper_result, shown.unit)
    number = "-" if shown.parameters is None else f"{shown.parameters:,}"
    return shown.name, shown.dataset or "-", size(shown), number, paper, shown.measured or "-"


def _options(part: object) -> str:
    values = ((f.name, getattr(part, f.name)) for f in dataclasses.fields(part))  # type: ignore[arg-type]
    return " ".join(f"{name}={typed(value)}" for name, value in values)
