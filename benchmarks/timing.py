"""Milliseconds of compiled calls, and the conditions that they were measured under."""

import os
import statistics
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf

import zoo

LEAST_CALLS, LEAST_SECONDS = 15, 0.3
REPEATS = 5
"""Of calls that take long, such as whole epochs."""


def milliseconds(*calls: Callable[[], object]) -> list[float]:
    """Returns the median milliseconds of calls on a CPU, where a call returns when it is done.

    The calls take turns, so that what else a machine does falls on all of them alike.

    Args:
        *calls: what is measured; the first call of each, which traces, does not count.
    """
    for call in calls:
        call()
    times: list[list[float]] = [[] for _ in calls]
    while len(times[0]) < LEAST_CALLS or sum(map(sum, times)) < LEAST_SECONDS * len(calls):
        for call, column in zip(calls, times, strict=True):
            began = time.perf_counter()
            call()
            column.append(time.perf_counter() - began)
    return [1e3 * statistics.median(column) for column in times]


def seconds(call: Callable[[], object]) -> float:
    """Returns the median seconds of a long call, after one that does not count."""
    call()
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def rows_of(model: zoo.FlowModel, number: int) -> np.ndarray:
    """Returns random rows in the form of a model's data."""
    random = np.random.default_rng(0)
    shape = (number, *model.event_shape)
    if model.levels is None:
        return random.normal(size=shape).astype(np.float32)
    return random.integers(0, model.levels, shape).astype(np.uint8)


def conditions(batch: int) -> str:
    """Returns in words what a measurement depends on."""
    threads = tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count()
    return (
        f"batch {batch}, float32, {threads} threads, load average {os.getloadavg()[0]:.1f}, "
        f"TensorFlow {tf.__version__}; medians of {LEAST_CALLS} calls"
        " or more, taken in turns"
    )
