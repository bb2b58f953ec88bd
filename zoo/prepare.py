"""What people have -> what the model takes, once, before Keras sees it."""

import contextlib
import dataclasses
import math
import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import keras
import tensorflow as tf

from zoo.checks import to_numpy
from zoo.fields import pick
from zoo.form import Form
from zoo.sources import Order, Prepared, from_arrays, from_dataset, from_iterable, from_py_dataset

SPLITS = {"train", "test", "validation", "val", "valid"}


def prepare(
    x: Any,  # noqa: ANN401 - what people have
    y: Any = None,  # noqa: ANN401
    form: Form = ...,
    *,
    batch_size: int,
    shuffle: bool = False,
    seed: int = 0,
    repeat: bool = False,
    argument: str = "x",
) -> Prepared:
    ...
