"""MiniBooNE's particle events, from files that the user has prepared.

The data are those of the UCI repository (MiniBooNE particle identification, CC BY 4.0), prepared as
in the MAF paper: the electron neutrinos alone, without the rows of an obvious outlier (-1000 in
every column) and without the columns in which one value is repeated too often, which leaves 43 of
50; a tenth of the rows held out for testing and a tenth of the others for validation; and all of
them standardised by mean and standard deviation of training and validation rows together.

Reference: Papamakarios et al. 2017, Masked Autoregressive Flow, arXiv:1705.07057.
"""

import os
import pathlib
import warnings

import numpy as np

COLUMNS, TRAIN_ROWS = 43, 29_556


def read(data_dir: str | os.PathLike[str] | None) -> tuple[np.ndarray, np.ndarray]:
    """Returns the training and the held-out rows, float32 [N, 43] each.

    Args:
        data_dir: the folder with miniboone/train*.npy, one file or several, and
            miniboone/test.npy. Fewer training rows than the paper's are used too; a UserWarning
            says so.

    Raises:
        ValueError: if the folder or a file is missing or cannot be used; it says what is wanted.
    """
    wanted = f"train*.npy and test.npy, each [N, {COLUMNS}]"
    if data_dir is None:
        msg = (
            f"`data_dir` must be given for 'miniboone': the folder with miniboone/, which holds "
            f"{wanted}; see `zoo.datasets.miniboone` for how to prepare them."
        )
        raise ValueError(msg)
    folder = pathlib.Path(data_dir).expanduser() / "miniboone"
    parts = sorted(folder.glob("train*.npy"))
    missing = [name for name, found in (("train*.npy", parts), (TEST, _is(folder))) if not found]
    if missing:
        msg = (
            f"`data_dir` must hold miniboone/ with {wanted}; there is no {' and no '.join(missing)}"
            f" in {folder}. See `zoo.datasets.miniboone` for how to prepare them."
        )
        raise ValueError(msg)
    train = np.concatenate([_rows(path) for path in parts])
    if len(train) < TRAIN_ROWS:
        msg = f"{folder} holds {len(train):,} of the {TRAIN_ROWS:,} training rows; they are used."
        warnings.warn(msg, UserWarning, stacklevel=3)
    return train, _rows(folder / TEST)


TEST = "test.npy"


def _is(folder: pathlib.Path) -> bool:
    return (folder / TEST).is_file()


def _rows(path: pathlib.Path) -> np.ndarray:
    try:
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        msg = f"`data_dir` must hold arrays; {path} cannot be read: {error}"
        raise ValueError(" ".join(msg.split())) from error
    numbers = isinstance(rows, np.ndarray) and rows.dtype.kind == "f"
    if not numbers or rows.ndim != 2 or rows.shape[1] != COLUMNS or not len(rows):
        msg = f"`data_dir` must hold real numbers [N, {COLUMNS}]; {path} has "
        raise ValueError(msg + f"{getattr(rows, 'dtype', type(rows))} {np.shape(rows)}.")
    return rows.astype(np.float32)
