"""The numbered versions of a served model: written aside, then renamed. No TensorFlow."""

import contextlib
import os
import pathlib
import secrets
import shutil
from collections.abc import Iterator

LARGEST = 2**63 - 1
"""Model servers read versions as signed 64-bit integers."""


class Versions:
    """The folder that a model server watches, with a subfolder for each version.

    The server loads a subfolder as soon as its name is a whole number, and serves the highest one.
    So a version is written under another name and renamed when it is complete.

    Args:
        directory: the folder; it need not exist.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        """Touches nothing."""
        self.directory = pathlib.Path(directory)

    def next_free(self) -> int:
        """Returns the number after the highest version."""
        return max(self._taken(), default=0) + 1

    def check(self, version: int | None) -> None:
        """Raises unless a new version of this number, or the next free one, can be written.

        Raises:
            TypeError: for a version that is no integer.
            ValueError: for an impossible or existing version, or a folder of another kind.
        """
        if self.directory.exists() and not self.directory.is_dir():
            msg = f"`directory` must be a folder; {self.directory} is a file."
            raise ValueError(msg)
        if (self.directory / "saved_model.pb").exists():
            msg = f"`directory` must hold numbered versions; {self.directory} is itself a "
            raise ValueError(msg + f"SavedModel. Its versions belong in {self.directory.parent}.")
        if version is None:
            return
        if isinstance(version, bool) or not isinstance(version, int):
            msg = f"`version` must be an integer; received {version!r}."
            raise TypeError(msg)
        if not 1 <= version <= LARGEST:
            msg = f"`version` must be in 1..2**63 - 1; received {version}."
            raise ValueError(msg)
        if version in self._taken():
            msg = f"`version` must be a new one; {self.directory} holds version {version} already. "
            raise ValueError(msg + f"The next free one is {self.next_free()}.")

    @contextlib.contextmanager
    def writing(self) -> Iterator[pathlib.Path]:
        """Gives a path beside the versions to write one to; afterwards nothing is left there.

        Folders that had to be made are removed if no version has come to be in them.
        """
        missing = [p for p in (self.directory, *self.directory.parents) if not p.exists()]
        aside = self.directory / f".writing-{secrets.token_hex(4)}"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            yield aside
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            with contextlib.suppress(OSError):
                for made in missing:
                    made.rmdir()

    def publish(self, aside: pathlib.Path, version: int | None) -> pathlib.Path:
        """Renames what was written to its number, by default the next free one.

        Args:
            aside: the complete version, at the path that `writing` gave.
            version: its number.

        Returns:
            The path of the version.

        Raises:
            ValueError: if another export has taken the number.
        """
        while True:
            self.check(version)
            number = self.next_free() if version is None else version
            path = self.directory / str(number)
            try:
                aside.rename(path)
            except OSError:
                if not path.exists():
                    raise
            else:
                return path

    def _taken(self) -> set[int]:
        if not self.directory.is_dir():
            return set()
        return {int(p.name) for p in self.directory.iterdir() if p.name.isdecimal()}
