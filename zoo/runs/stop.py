"""SIGTERM and Ctrl-C: a training stops after its step, all else at once."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

from zoo import console

CODES = {signal.SIGTERM: console.TERMINATED, signal.SIGINT: console.INTERRUPTED}


class Stopped(KeyboardInterrupt):
    """A signal that nothing waits for: where no steps are taken, or the second one.

    Args:
        code: exit code that it asks for.
    """

    def __init__(self, code: int) -> None:
        """Keeps the exit code."""
        super().__init__(code)
        self.code = code


class Stop:
    """Within it signals are wishes; `code` is the exit code that one asked for, None until then."""

    def __init__(self) -> None:
        """Nothing has been asked for."""
        self.code: int | None = None
        self._training = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Takes the signals over, but for one that this process was told to ignore."""
        for number in CODES:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        """Gives the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Within it the first signal waits for the end of a step, for the training to look."""
        self._training = True
        try:
            yield
        finally:
            self._training = False

    def _handle(self, number: int, _: FrameType | None) -> None:
        code = CODES[signal.Signals(number)]
        if not self._training or self.code is not None:
            raise Stopped(code)
        self.code = code
