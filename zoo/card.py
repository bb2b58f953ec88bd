"""Presets as text: the table of them, and the card of one. No TensorFlow."""

import dataclasses

from zoo.registry import Preset, preset

COLUMNS = ("name", "data", "size", "paper", "ours")


def rows(names: list[str]) -> list[tuple[str, ...]]:
    """Returns the table's rows: name, data, size, the paper's figure, ours."""
    return [_row(preset(name)) for name in names]


def lines(shown: Preset) -> list[tuple[str, str]]:
    """Returns the card of a preset as (heading, text) pairs."""
    levels = shown.config.levels
    return [
        ("preset", shown.name),
        ("what", shown.description),
        ("paper", shown.paper),
        ("paper's", figure(shown.paper_result, shown.unit)),
        ("ours", shown.measured or "none yet"),
        ("data", f"{shown.dataset or 'your own'}, {size(shown)}"),
        ("latents", f"{_shape(shown)}, standard normal"),
        ("figures", _PIXELS if levels else _VECTORS),
        ("model", _options(shown.config)),
        ("training", _options(shown.training)),
    ]


_PIXELS = (
    "held-out bits/dim: -log2 likelihood a value of a row, bounded with uniform noise, "
    "one seeded draw a row; mean over the rows, standard error sd / sqrt(rows)"
)
_VECTORS = (
    "held-out nats: -log density of a row in the data's units; mean over the rows, "
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
    return shown.name, shown.dataset or "-", size(shown), paper, shown.measured or "-"


def _options(part: object) -> str:
    values = ((f.name, getattr(part, f.name)) for f in dataclasses.fields(part))  # type: ignore[arg-type]
    return " ".join(f"{name}={_typed(value)}" for name, value in values)


def _typed(value: object) -> str:
    """Writes a value as `--set` takes it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
