"""What a model looks like, from fixed latents and fixed rows: pictures that can be compared."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo import plots
from zoo.runs import pictures
from zoo.runs.observers import one_variable
from zoo.runs.observers.fixed_rows import FixedRows

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel

TEMPERATURES = (0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1)
COLUMNS, SAMPLES = 8, 32


def samples(model: "FlowModel", rows: FixedRows, n: int, temperature: float = 1.0) -> np.ndarray:
    """Returns n samples [n, *event] of latents that are always the same.

    Those of a conditional model are given the rows' conditions, and are at most as many.
    """
    seed = model.spec.seed
    if rows.condition is None:
        return np.asarray(model.sample(n, seed=seed, temperature=temperature))
    drawn = model.sample(1, seed=seed, temperature=temperature, condition=rows.condition[:n])
    return np.asarray(drawn)[0]


def temperatures(
    model: "FlowModel", rows: FixedRows, n: int, values: Sequence[float] = TEMPERATURES
) -> np.ndarray:
    """Returns the same n latents at several temperatures, [n * len(values), *event]."""
    drawn = [samples(model, rows, n, value) for value in values]
    return np.stack(drawn, axis=1).reshape(-1, *model.event_shape)


def interpolation(
    model: "FlowModel", rows: FixedRows, pairs: int, columns: int = COLUMNS
) -> np.ndarray:
    """Returns ways from one row to the next through their latents, [pairs * columns, *event].

        z = cos(a) z_1 + sin(a) z_2,  a from 0 to pi / 2,

    which is standard normal if both ends are. A conditional model is given the first's condition.

    Args:
        model: the model.
        rows: the first 2 * pairs of them are the ends.
        pairs: number of ways; at most as many as there are pairs.
        columns: rows of each way, the ends among them.

    Reference: Dinh et al. 2017, arXiv:1605.08803, equation 19.
    """
    angles = np.linspace(0, np.pi / 2, columns).reshape(-1, *[1] * len(model.event_shape))
    ways = []
    for first in range(0, 2 * min(pairs, len(rows.x) // 2), 2):
        ends = rows.real[first : first + 2]
        one, other = np.asarray(model.encode(ends, _repeated(rows, first, 2)))
        latents = np.cos(angles) * one + np.sin(angles) * other
        ways.append(model.decode(latents.astype(ends.dtype), _repeated(rows, first, columns)))
    return np.concatenate(ways)


def latents(model: "FlowModel", rows: FixedRows) -> np.ndarray:
    """Returns the latents [N, *event] of the rows."""
    return np.asarray(model.encode(rows.real, rows.condition))


def draw(model: "FlowModel", rows: FixedRows, path: str | os.PathLike[str], title: str) -> bool:
    """Draws the one picture that shows most of a model; tells whether there is such a picture.

    Of images: four lines of samples, one of a latent at rising temperature, and one from a row to
    another. Of two variables: data, density, samples and the warped grid; of one: data, density
    and the warp.

    Args:
        model: the model.
        rows: rows of data.
        path: the picture to write.
        title: a line above it.
    """
    config = model.spec.config
    if config.levels is not None and pictures.impossible(config) is None:
        shown = [samples(model, rows, SAMPLES), temperatures(model, rows, 1)]
        if len(rows.x) > 1:
            shown.append(interpolation(model, rows, 1))
        title += ": samples; temperatures 0 to 1.1; a row to another"
        images = np.concatenate(shown)
        plots.image_grid(images, path, levels=config.levels, columns=COLUMNS, title=title)
        return True
    if one_variable.has_warp(config):
        one_variable.draw_warp(model, rows.real, path, title)
        return True
    if config.levels is None and pictures.impossible(config) is None:
        pictures.plane(model, rows.real, samples(model, rows, len(rows.x)), path, title)
        return True
    return False


def _repeated(rows: FixedRows, row: int, n: int) -> np.ndarray | None:
    return None if rows.condition is None else np.repeat(rows.condition[row : row + 1], n, axis=0)
