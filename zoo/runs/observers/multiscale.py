"""What the layers and the scales of an image flow do."""

import math
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from tfflows import Coupling, threefry
from zoo.places import places, scales
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.watching import watching

if TYPE_CHECKING:
    from zoo.flow_model import FlowModel


def changes(model: "FlowModel", rows: FixedRows) -> dict[str, np.ndarray]:
    """Returns what each coupling changes on the way to latents, in the order data meets them.

    Args:
        model: of images.
        rows: the images.

    Returns:
        By the coupling's name [N, H, W]: the Euclidean norm over a pixel's channels of what the
        coupling makes of it less what it was given; NaN where all of them have left the flow.
    """
    with watching(model) as passages:
        model(rows.inputs)
    couplings = [passage for passage in passages if isinstance(passage.layer, Coupling)]
    of_image = places(model.flow, model.event_shape)
    at = [place for layer, place in of_image if isinstance(layer, Coupling)]
    return {
        passage.layer.name: _in_pixels(passage.made - passage.taken, place, model.event_shape)
        for passage, place in zip(couplings, at, strict=True)
    }


def _in_pixels(change: tf.Tensor, place: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    rows = len(change)
    squares, given = np.zeros((rows, math.prod(shape))), np.zeros(math.prod(shape), bool)
    squares[:, place.ravel()] = np.square(np.asarray(change, np.float64)).reshape(rows, -1)
    given[place.ravel()] = True
    sizes = np.sqrt(squares.reshape(rows, *shape).sum(axis=-1))
    sizes[:, ~given.reshape(shape).any(axis=-1)] = np.nan
    return sizes


def frozen_latents(model: "FlowModel", n: int) -> dict[str, np.ndarray]:
    """Returns latents of which some scales are frozen to those of the first row.

    Args:
        model: of images.
        n: number of rows.

    Returns:
        By what is frozen [n, *event]; none if the flow has one scale. What is not frozen is the
        same in all of them.
    """
    scale = scales(model.flow, model.event_shape)
    last = int(scale.max())
    if last == 0:
        return {}
    keys = threefry.index_keys(n, tf.constant([model.spec.seed, 0]))
    free = np.asarray(threefry.normal(keys, model.event_shape, model.spec.variable_dtype))
    lines = {"nothing frozen": free}
    for first in range(1, last + 1):
        for low, high in ((0, first - 1), (first, last)):
            within = (low <= scale) & (scale <= high)
            which = f"scale {low}" if low == high else f"scales {low} to {high}"
            share = f"{within.mean():.3g} of the latents"
            lines[f"frozen: {which}, {share}"] = np.where(within, free[:1], free)
    return lines


def frozen_scales(model: "FlowModel", rows: FixedRows, n: int) -> dict[str, np.ndarray]:
    """Returns the images [n, *event] of `frozen_latents`, all given the first row's condition."""
    condition = None if rows.condition is None else np.repeat(rows.condition[:1], n, axis=0)
    return {
        caption: np.asarray(model.decode(latents, condition))
        for caption, latents in frozen_latents(model, n).items()
    }
