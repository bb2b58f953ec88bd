"""Boolean masks for couplings, as NumPy arrays: True passes unchanged and conditions."""

import numpy as np


def checkerboard(height: int, width: int, parity: int = 0) -> np.ndarray:
    """Returns a checkerboard [H, W, 1], True where (row + column) mod 2 equals `parity`.

    Args:
        height: rows.
        width: columns.
        parity: 0 or 1.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.4 and figure 3.
    """
    _check("height", height)
    _check("width", width)
    rows, columns = np.indices((height, width))
    return ((rows + columns) % 2 == _parity(parity))[:, :, None]


def channels(num_channels: int, parity: int = 0) -> np.ndarray:
    """Returns a mask of channels [1, 1, C]: the first half is True, with parity 1 the second.

    Args:
        num_channels: channels, at least 2.
        parity: 0 or 1.

    Reference: Dinh et al. 2017, arXiv:1605.08803, section 3.4 and figure 3.
    """
    return half(num_channels, parity)[None, None, :]


def half(size: int, parity: int = 0) -> np.ndarray:
    """Returns a mask [D]: the first half, D // 2 entries, is True; with parity 1 the others are.

    Args:
        size: variables, at least 2.
        parity: 0 or 1.
    """
    _check("size", size)
    return (np.arange(size) < size // 2) ^ bool(_parity(parity))


def alternating(size: int, parity: int = 0) -> np.ndarray:
    """Returns a mask [D], True where the index mod 2 equals `parity` (odd and even variables).

    Args:
        size: variables, at least 2.
        parity: 0 or 1.

    Reference: Dinh et al. 2015, NICE, arXiv:1410.8516, section 5.1.
    """
    _check("size", size)
    return np.arange(size) % 2 == _parity(parity)


def _check(argument: str, size: int) -> None:
    least = 1 if argument in ("height", "width") else 2
    if not isinstance(size, int | np.integer) or size < least:
        msg = f"`{argument}` must be an integer of at least {least}; received {size!r}."
        raise ValueError(msg)


def _parity(parity: int) -> int:
    if parity not in (0, 1):
        msg = f"`parity` must be 0 or 1; received {parity!r}."
        raise ValueError(msg)
    return parity
