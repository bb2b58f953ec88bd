"""Random requests, most of them wrong, to exported models in the loader of servers.

Each is an error, or NaN in its bad rows alone: never a crash, another shape, or a wrong neighbour.
"""

import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf

from exported import model, served
from models import real
from session_loader import SessionLoader

QUICK = ["realnvp_moons", "realnvp_moons classes"]
LATER = [*QUICK, "realnvp_digits", "realnvp_moons vectors", "realnvp_digits classes"]
LARGEST = 2**31 - 1
OTHER_BATCH = 1e-4
"""Of the largest number: batches of other sizes have other kernels."""
DTYPES = ["float64", "float32", "float16", "int32", "int64", "uint8", "bool", "S"]
ERRORS = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)


@dataclasses.dataclass
class Request:
    """A request, and what has to come of it.

    Args:
        signature: what is asked.
        inputs: arrays by name.
        bad: rows that have to be NaN.
        wild: rows that are far out: NaN or not.
        wrong: what is wrong of the whole, which has to be an error.
    """

    signature: str
    inputs: dict
    bad: set = dataclasses.field(default_factory=set)
    wild: set = dataclasses.field(default_factory=set)
    wrong: str = ""

    def others(self, rows):
        """Returns the rows that have to be answered as if they were alone."""
        return [row for row in range(rows) if row not in self.bad | self.wild]


@functools.cache
def loader(name):
    return SessionLoader(served(name))


@functools.cache
def pool(name):
    return real(model(name), 40)


def random_request(random, name):
    """Returns a request without fault: of no row to five, by any seeds."""
    form, rows = model(name).form, int(random.integers(6))
    few = ["log_prob", "encode", "decode", "sample_rows", "sample", "serving_default"]
    signature = str(random.choice([*few, *(["bits_per_dim"] if form.levels else [])]))
    data = pool(name)[random.integers(40, size=rows)]
    seeds = random.integers(-(2**31), 2**31, (rows, 2)).astype(np.int32)
    inputs = {
        "decode": {"z": random.normal(size=data.shape).astype(np.float32)},
        "sample_rows": {"seed": seeds, "temperature": random.random(rows).astype(np.float32)},
        "sample": {
            "num": np.int32(random.integers(4)),
            "seed": np.int32(random.choice([-(2**31), -1, 0, LARGEST, random.integers(LARGEST)])),
        },
        "bits_per_dim": {"x": np.floor(data).astype(np.uint8), "seed": seeds[:, 0].copy()},
    }.get(signature, {"x": data})
    if form.num_classes:
        inputs["condition"] = random.integers(form.num_classes, size=rows).astype(np.int32)
    elif form.condition_dim:
        inputs["condition"] = random.normal(size=(rows, form.condition_dim)).astype(np.float32)
    return Request(signature, inputs)


# What can be wrong of the whole


def other_dtype(random, array, rows):
    return np.ones(array.shape, random.choice([d for d in DTYPES if d != array.dtype.name]))


def more_axes(random, array, rows):
    return array[..., None]


def fewer_axes(random, array, rows):
    return array.reshape(-1) if array.ndim > 1 else None


def more_columns(random, array, rows):
    axis = random.integers(1, array.ndim) if array.ndim > 1 else None
    return None if axis is None else np.concatenate([array, array], axis)


def other_rows(random, array, rows):
    number = random.choice([n for n in range(7) if n != rows])
    return np.ones([number, *array.shape[1:]], array.dtype) if array.ndim else None


WHOLE = [other_dtype, more_axes, fewer_axes, more_columns, other_rows]


def spoil_whole(random, request, rows):
    """Makes one input not fit, if the one that is drawn can be made so."""
    name, spoil = random.choice(list(request.inputs)), random.choice(WHOLE)
    array = spoil(random, request.inputs[name], rows)
    by_row = [key for key, value in request.inputs.items() if np.ndim(value)]
    alone = spoil is other_rows and by_row == [name]  # then it is a request of more rows
    if array is not None and not alone:
        request.inputs[name] = array
        request.wrong = f"{spoil.__name__} of {name}"


# What can be wrong of a row


def faults(form, request, name):
    """Returns the values that no model takes in an input, and those that are far out."""
    special = [np.nan, np.inf, -np.inf]
    if name == "x" and form.levels is not None:
        whole = request.signature == "bits_per_dim"
        most = form.levels
        return ([most, 255] if whole else [*special, -0.01, most + 0.01, 1e30]), []
    if name == "condition" and form.num_classes:
        return [-1, form.num_classes, LARGEST, -LARGEST - 1], []
    if name == "temperature":
        return [*special, -1.0, -1e-6], [1e30]
    if name in ("x", "z", "condition"):
        return special, [1e30, -1e30, 1e5]
    return [], []


def spoil_row(random, request, rows, form):
    """Puts a value into one row of an input that no model takes, or one far out."""
    name = random.choice(list(request.inputs))
    bad, wild = faults(form, request, name)
    left = request.others(rows)
    if not bad or not left:
        return
    row, pick = int(random.choice(left)), random.integers(len(bad) + len(wild))
    array = request.inputs[name].copy()
    array.reshape(rows, -1)[row, random.integers(array[row].size)] = [*bad, *wild][pick]
    request.inputs[name] = array
    (request.bad if pick < len(bad) else request.wild).add(row)


# What comes of it


def row_shape(request, form):
    return () if request.signature in DENSITIES else form.event_shape


DENSITIES = ("log_prob", "serving_default", "bits_per_dim")


def rows_first(answer, request):
    """Returns an answer with its rows in the first axis: `sample` of N conditions has two."""
    return answer.swapaxes(0, 1) if request.signature == "sample" else answer


def check(name, number):
    random = np.random.default_rng([16, number])
    form, request = model(name).form, random_request(random, name)
    by_row = [value for value in request.inputs.values() if np.ndim(value)]
    rows = len(by_row[0]) if by_row else 0
    if random.random() < 0.3:
        spoil_whole(random, request, rows)
    elif random.random() < 0.05 and request.signature == "sample":
        request.inputs["num"], request.wrong = np.int32(-1), "num below 0"
    else:
        for _ in range(random.integers(4)):
            spoil_row(random, request, rows, form)
    ask = functools.partial(loader(name).ask, request.signature)
    if request.wrong:
        with pytest.raises(ERRORS):
            ask(request.inputs)
        return request
    answer = ask(request.inputs)
    shape = [rows] if by_row else []
    if request.signature == "sample":
        shape = [int(request.inputs["num"]), *shape]
    assert answer.shape == (*shape, *row_shape(request, form))
    if by_row:
        check_rows(ask, request, rows_first(answer, request), rows)
    return request


def check_rows(ask, request, answer, rows):
    assert np.isnan(answer[sorted(request.bad)]).all()
    others = request.others(rows)
    assert np.isfinite(answer[others]).all()
    if not others or len(others) == rows:
        return
    # Samples of several conditions are numbered through all of them: none may be missing there.
    together = request.signature == "sample"
    taken = [row if row in others else others[0] for row in range(rows)] if together else others
    kept = {k: value[taken] if np.ndim(value) else value for k, value in request.inputs.items()}
    alone = rows_first(ask(kept), request)
    alone = alone[others] if together else alone
    error = np.max(np.abs(answer[others] - alone), initial=0)
    assert error <= OTHER_BATCH * max(1.0, np.max(np.abs(alone), initial=0))


def run(names, count):
    """Runs requests, and returns what was drawn; an error names the one that failed."""
    drawn = []
    for number in range(count):
        name = names[number % len(names)]
        try:
            drawn.append(check(name, number))
        except BaseException as error:
            error.add_note(f"request {number} to {name}")
            raise
    return drawn


def test_sixty_requests_harm_nothing():
    drawn = run(QUICK, 60)
    assert {request.wrong != "" for request in drawn} == {True, False}
    assert sum(bool(request.bad) for request in drawn) >= 10


@pytest.mark.slow
def test_a_thousand_requests_harm_nothing():
    drawn = run(LATER, 1000)
    assert {r.signature for r in drawn} >= {"sample", "sample_rows", "bits_per_dim", "encode"}
    kinds = {request.wrong.partition(" ")[0] for request in drawn}
    assert kinds >= {spoil.__name__ for spoil in WHOLE} | {"num"}
    assert sum(bool(request.bad) for request in drawn) >= 150
    assert sum(bool(request.wild) for request in drawn) >= 50
