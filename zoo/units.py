"""Nats to bits per dimension: the one place that knows log 2."""

import math
from typing import Any


def bits_per_dim(log_likelihood: Any, dimensions: int) -> Any:
    """Returns -log_likelihood / (dimensions log 2).

    Args:
        log_likelihood: nats a row, of data in whole grey levels.
        dimensions: numbers a row.
    """
    return log_likelihood * (-1.0 / (dimensions * math.log(2.0)))
