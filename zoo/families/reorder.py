"""How the couplings of vectors take turns: masks, and what stands between two couplings."""

from collections.abc import Callable

import numpy as np

from tfflows import PLU, Bijector, Permute, Reverse, masks


def check(reorder: str) -> None:
    """Raises a ValueError for an unknown way to take turns."""
    if reorder not in BETWEEN:
        msg = f"`reorder` must be one of {sorted(BETWEEN)}; received {reorder!r}."
        raise ValueError(msg)


def mask(reorder: str, size: int, k: int) -> np.ndarray:
    """Returns the mask [D] of the k-th coupling: where nothing is reordered, masks alternate.

    Else the first half passes. The middle one of an odd number of variables passes in every other
    coupling: it stays in the middle when the order is reversed, and must condition, too.
    """
    if reorder == "alternate":
        return masks.alternating(size, parity=k % 2)
    return np.arange(size) < (size + k % 2) // 2


def between(reorder: str, size: int, k: int, *, seed: int, dtype: str) -> list[Bijector]:
    """Returns what stands before the k-th coupling, seen from the data: nothing before the 0th.

    Args:
        reorder: 'alternate' (nothing: the masks alternate), 'reverse', 'random' (a permutation
            drawn with the seed) or 'lu' (such a permutation and a learned linear map, P L U).
        size: number of variables.
        k: number of the coupling.
        seed: of the permutations.
        dtype: dtype of the weights.
    """
    return BETWEEN[reorder](size, k, seed, dtype) if k else []


def _nothing(size: int, k: int, seed: int, dtype: str) -> list[Bijector]:
    return []


def _reverse(size: int, k: int, seed: int, dtype: str) -> list[Bijector]:
    return [Reverse(name=f"reverse{k}")]


def _random(size: int, k: int, seed: int, dtype: str) -> list[Bijector]:
    random = np.random.default_rng([seed, k])
    order, half = np.arange(size), size // 2
    while set(order[:half]) == set(range(half)):  # as half of the draws of two variables have it
        order = random.permutation(size)
    return [Permute(order, name=f"permute{k}")]


def _lu(size: int, k: int, seed: int, dtype: str) -> list[Bijector]:
    return [*_random(size, k, seed, dtype), PLU(size, None, name=f"linear{k}", dtype=dtype)]


BETWEEN: dict[str, Callable[[int, int, int, str], list[Bijector]]] = {
    "alternate": _nothing,
    "reverse": _reverse,
    "random": _random,
    "lu": _lu,
}
"""What stands between two couplings, by its name in a config."""
