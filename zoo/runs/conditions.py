"""Conditions as typed on a command line -> what a model's `sample` takes."""

from collections.abc import Sequence

import numpy as np

from zoo.registry import Config


def conditions_of(config: Config, classes: str | None, vectors: Sequence[str]) -> tuple | None:
    """Returns class numbers, or vectors, or None for an unconditional model.

    Args:
        config: of the model.
        classes: numbers and ranges such as '0,3,7-9'; None is all classes.
        vectors: each such as '0.5,1'.

    Raises:
        ValueError: for what is wrong, missing, or no condition of this model.
    """
    if classes is not None and config.num_classes is None:
        msg = "`--classes` is for class-conditional models; this one has no classes."
        raise ValueError(msg)
    if vectors and config.condition_dim is None:
        msg = "`--condition` is for models with a vector as condition; this one has none."
        raise ValueError(msg)
    if config.num_classes is not None:
        return _classes(classes, config.num_classes)
    if config.condition_dim is None:
        return None
    return _vectors(vectors, config.condition_dim)


def _classes(text: str | None, num_classes: int) -> tuple[int, ...]:
    if text is None:
        return tuple(range(num_classes))
    wanted: list[int] = []
    for part in text.split(","):
        first, dash, last = (end.strip() for end in part.partition("-"))
        ends = [first, last] if dash else [first]
        good = all(end.isascii() and end.isdigit() and len(end) < 10 for end in ends)
        if not good or not int(ends[0]) <= int(ends[-1]) < num_classes:
            msg = (
                f"`--classes` must be numbers in 0..{num_classes - 1}, such as 0,1 or 0-"
                f"{num_classes - 1}; received {text!r}."
            )
            raise ValueError(msg)
        wanted.extend(range(int(ends[0]), int(ends[-1]) + 1))
    return tuple(wanted)


def _vectors(texts: Sequence[str], width: int) -> tuple[tuple[float, ...], ...]:
    wanted = f"`--condition` must be {width} finite numbers, such as {','.join(['0.5'] * width)}"
    if not texts:
        msg = f"{wanted}, and given once or more: the model has a condition."
        raise ValueError(msg)
    rows = []
    for text in texts:
        try:
            row = tuple(float(part) for part in text.split(","))
        except ValueError:
            row = ()
        if len(row) != width or not np.isfinite(row).all():
            msg = f"{wanted}; received {text!r}."
            raise ValueError(msg)
        rows.append(row)
    return tuple(rows)
