"""What may be done beside a training: no more than a share of its time."""

import contextlib
import time
from collections.abc import Callable, Iterator


class Share:
    """Tells when something that costs time is due, so that it takes a share of the run at most.

    The first time is not counted: it compiles, mostly what the end of the run needs too.

    Args:
        share: of the time since the training began, 0 to 1; the last time may go beyond.
        first: seconds of training before the first time.
        clock: seconds, monotonic.
    """

    def __init__(
        self, share: float, *, first: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Has spent nothing."""
        self.spent, self.times = 0.0, 0
        self._share, self._first, self._clock = share, first, clock
        self._began = clock()

    def begin(self) -> None:
        """Starts the clock of the training."""
        self._began = self._clock()

    @property
    def due(self) -> bool:
        """Whether it is time."""
        elapsed = self._clock() - self._began
        return elapsed >= self._first and self.spent <= self._share * elapsed

    @contextlib.contextmanager
    def spending(self) -> Iterator[None]:
        """Counts the time within it."""
        began = self._clock()
        try:
            yield
        finally:
            self.spent += (self._clock() - began) * (self.times > 0)
            self.times += 1
