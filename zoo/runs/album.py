"""The pictures of a trained model, one after another."""

import pathlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo import plots
from zoo.runs import report
from zoo.runs.observers import multiscale, one_variable, views, warps
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.gallery import IMAGE_ROWS, VECTOR_ROWS
from zoo.runs.pictures import impossible

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel
    from zoo.runs.data import Data
    from zoo.runs.plotting import Plotting

LINES = 8
"""Lines of temperatures and interpolations; images of a line of layers and scales."""

Pictures = Iterator[tuple[str, pathlib.Path]]


def draw(model: "FlowModel", planned: "Plotting", data: "Data | None") -> Pictures:
    """Draws what suits the model, and gives each picture's heading and path.

    Args:
        model: the trained model.
        planned: its run, and where the pictures go.
        data: its rows; without them there are only pictures that show none.
    """
    spec, out = planned.run.spec, planned.out
    images = spec.config.levels is not None and impossible(spec.config) is None
    train = None if data is None else data.train
    if images or train is not None:
        if report.draw_samples(model, planned.run, train, out / "samples.png"):
            yield "samples", out / "samples.png"
    if data is None:
        return
    rows = FixedRows.of(model, data.held_out, IMAGE_ROWS if model.levels else VECTOR_ROWS)
    if images:
        yield from _grids(model, rows, planned)
        yield from _layers(model, FixedRows.of(model, data.held_out, LINES), planned)
    if one_variable.has_warp(spec.config):
        yield from _warps(model, rows, planned)
    path = out / "latents.png"
    title = f"latents of {_name(planned)}"
    plots.latent_histogram(views.latents(model, rows), path, title=title)
    yield "latents", path


def _grids(model: "FlowModel", rows: FixedRows, planned: "Plotting") -> Pictures:
    spec, out = planned.run.spec, planned.out
    chosen = planned.temperatures or views.TEMPERATURES
    drawn = {
        "temperatures": (views.temperatures(model, rows, LINES, chosen), len(chosen)),
        "interpolation": (views.interpolation(model, rows, LINES), views.COLUMNS),
    }
    titles = {
        "temperatures": "temperatures " + ", ".join(f"{value:g}" for value in chosen),
        "interpolation": "from one held-out row to another",
    }
    for name, (images, columns) in drawn.items():
        path = out / f"{name}.png"
        title = f"{spec.preset}: {titles[name]}"
        plots.image_grid(images, path, levels=_levels(planned), columns=columns, title=title)
        yield name, path


def _layers(model: "FlowModel", rows: FixedRows, planned: "Plotting") -> Pictures:
    preset, levels, out = planned.run.spec.preset, _levels(planned), planned.out
    sizes = multiscale.changes(model, rows)
    if sizes:
        title = f"{preset}: what each coupling changes: blue; yellow stays, grey has left"
        plots.changes(rows.x, sizes, out / "layers.png", levels=levels, title=title)
        yield "layers", out / "layers.png"
    lines = multiscale.frozen_scales(model, rows, LINES)
    if lines:
        title = f"{preset}: samples with latents frozen to those of the first column"
        plots.image_lines(lines, out / "scales.png", levels=levels, title=title)
        yield "scales", out / "scales.png"


def _warps(model: "FlowModel", rows: FixedRows, planned: "Plotting") -> Pictures:
    out, title = planned.out, _name(planned)
    one_variable.draw_warp(model, rows.real, out / "warp.png", title)
    yield "warp", out / "warp.png"
    kept = warps.read(planned.folder.warps)
    if kept:
        end = int(planned.folder.read_history()["step"][-1])
        path = out / "warps.png"
        one_variable.draw_warps(model, kept, rows.real, path, end=end, title=title)
        yield "warps", path


def _name(planned: "Plotting") -> str:
    return f"{planned.run.spec.preset}, seed {planned.run.spec.seed}"


def _levels(planned: "Plotting") -> int:
    levels = planned.run.spec.config.levels
    assert levels is not None
    return levels
