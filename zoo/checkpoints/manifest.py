"""Where checkpoints are, and what each says of itself: step, score, checksums. No TensorFlow."""

import hashlib
import json
import os
import pathlib

NAME, PREFIX = "checkpoint.json", "step-"


def path(folder: pathlib.Path, step: int) -> pathlib.Path:
    """Returns the subfolder of the checkpoint of a step."""
    return folder / f"{PREFIX}{step:09d}"


def steps(folder: pathlib.Path) -> list[int]:
    """Returns the steps of the complete checkpoints in a folder, ascending."""
    numbers = (found.name.removeprefix(PREFIX) for found in folder.glob(f"{PREFIX}*"))
    return sorted(int(number) for number in numbers if number.isdigit())


class Damaged(Exception):
    """A checkpoint is not what it was when it was written."""


def write(folder: pathlib.Path, *, step: int, score: float | None) -> None:
    """Describes the files of a folder in a file of it, and waits until all are on the disk."""
    files = {file.name: _checksum(file) for file in sorted(folder.iterdir())}
    described = {"step": step, "score": score, "sha256": files}
    (folder / NAME).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
    for file in folder.iterdir():
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def check(folder: pathlib.Path, step: int) -> None:
    """Raises `Damaged` unless every file is there and as it was written."""
    described = _read(folder)
    if described["step"] != step:
        msg = f"it is named after step {step} and holds step {described['step']}"
        raise Damaged(msg)
    for name, checksum in described["sha256"].items():
        file = folder / name
        if not file.is_file():
            msg = f"{name} is missing"
            raise Damaged(msg)
        if _checksum(file) != checksum:
            msg = f"{name} is not as it was written"
            raise Damaged(msg)


def score(folder: pathlib.Path) -> float | None:
    """Returns the score of a checkpoint, None if it has none or is damaged."""
    try:
        return _read(folder)["score"]
    except Damaged:
        return None


def _read(folder: pathlib.Path) -> dict:
    try:
        described = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if {"step", "score", "sha256"} <= set(described) and described["sha256"]:
            return described
    except (OSError, ValueError, TypeError) as error:
        msg = f"{NAME} cannot be read: {error}"
        raise Damaged(msg) from error
    msg = f"{NAME} lacks its entries"
    raise Damaged(msg)


def _checksum(file: pathlib.Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
