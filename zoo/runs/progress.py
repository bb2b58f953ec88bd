"""What a training run shows while it runs: steps, likelihood, speed and the time left."""

import collections
import math
import time
from collections.abc import Callable

from rich import console, progress

from zoo.runs.step_callback import StepCallback

LINE_SECONDS = 10.0


class Meter:
    """Speed and time left, from the last sixty readings.

    Args:
        total: steps of the run.
        clock: seconds, monotonic.
    """

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Starts at step 0."""
        self.total = total
        self.done = 0
        self._clock = clock
        self._marks: collections.deque[tuple[int, float]] = collections.deque(maxlen=60)

    def update(self, done: int) -> None:
        """Notes that `done` steps are done now; the clock starts after the first, a slow one."""
        self.done = done
        if done > 0:
            self._marks.append((done, self._clock()))

    @property
    def steps_per_second(self) -> float | None:
        """Recent speed; None before there are two readings."""
        if len(self._marks) < 2:
            return None
        (first, began), (last, ended) = self._marks[0], self._marks[-1]
        return (last - first) / (ended - began) if last > first and ended > began else None

    @property
    def seconds_left(self) -> float | None:
        """Time to the end at that speed; None where it is unknown."""
        speed = self.steps_per_second
        return (self.total - self.done) / speed if speed else None


class Progress(StepCallback):
    """A live bar on a terminal; elsewhere a line every ten seconds and every tenth of the run.

    Args:
        total: steps of the run.
        batch_size: rows a step.
        unit: 'bits/dim' or 'nats'.
        rows: what a row is called, such as 'images'.
        out: where to draw; standard error if None.
    """

    def __init__(
        self, total: int, batch_size: int, unit: str, rows: str, out: console.Console | None = None
    ) -> None:
        """Draws nothing before training begins."""
        super().__init__()
        self.meter = Meter(total)
        self._batch_size, self._unit, self._rows = batch_size, unit, rows
        self._metric = "bits_per_dim" if unit == "bits/dim" else "loss"
        self._out = out or console.Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (progress.BarColumn(bar_width=24), progress.TextColumn("{task.description}"))
        self._bar = progress.Progress(*columns, console=self._out, refresh_per_second=4)
        self._task = self._bar.add_task("building the first step ...", total=total)
        self._tenth = 0
        self._wrote = -math.inf

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Says that the first step, a slow one, is on its way."""
        if self._out.is_interactive:
            self._bar.start()
        else:
            self._out.print("building the first step ...")
        self._wrote = time.monotonic()

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        """Shows the steps before this one, now and then."""
        seen = self.look(batch)
        if seen is not None:
            self._show(self.done(batch), seen)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Shows the mean of the virtual epoch."""
        self._show(self.step, logs or {})

    def close(self) -> None:
        """Gives the terminal back, however the training ended."""
        if self._out.is_interactive:
            self._bar.stop()

    def _show(self, done: int, logs: dict) -> None:
        self.meter.update(done)
        text = self._line(float(logs[self._metric]))
        self._bar.update(self._task, completed=done, description=text)
        tenth, now = 10 * done // self.meter.total, time.monotonic()
        due = tenth > self._tenth or now - self._wrote > LINE_SECONDS
        if due and not self._out.is_interactive:
            self._out.print(text)
            self._tenth, self._wrote = tenth, now

    def _line(self, value: float) -> str:
        meter = self.meter
        parts = [f"step {meter.done}/{meter.total}", f"{value:.3f} {self._unit}"]
        if meter.steps_per_second:
            parts.append(f"{meter.steps_per_second * self._batch_size:,.0f} {self._rows}/s")
        if meter.seconds_left:
            parts.append(f"{duration(meter.seconds_left)} left")
        return "  ".join(parts)


def duration(seconds: float) -> str:
    """Writes seconds as m:ss, or h:mm:ss from an hour on."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
