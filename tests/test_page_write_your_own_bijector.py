"""The bijectors of the page pass every property that tfflows's own rows pass."""

import inspect

import numpy as np
import pytest

import test_bijectors
from bijector_cases import CASES
from pages import executed

ROWS = {"RadialTail": False, "Coupling-SinhArcsinh": True}
"""The page's rows, and whether they are conditional."""


@pytest.fixture(scope="module")
def names():
    return executed("write_your_own_bijector")


def cases_of(test):
    """Returns the rows of the table that a test runs on."""
    (mark,) = (m for m in test.pytestmark if m.name == "parametrize")
    return {row.values[0] if hasattr(row, "values") else row for row in mark.args[1]}


def properties(*, conditional):
    """Returns the tests of rows with this flag: not those that are for couplings alone."""
    alike = {c for c in CASES if c.conditional == conditional and c.far_latents and c.far_data}
    tests = {name: test for name, test in vars(test_bijectors).items() if name.startswith("test_")}
    takes_a_row = {k: t for k, t in tests.items() if "case" in inspect.signature(t).parameters}
    return {name for name, test in takes_a_row.items() if alike <= cases_of(test)}


def test_the_properties_are_meant():
    plain, more = properties(conditional=False), properties(conditional=True)
    assert plain < more
    assert len(plain) >= 18
    assert len(more - plain) >= 5


@pytest.mark.parametrize(
    ("row", "name"),
    [(row, name) for row in ROWS for name in sorted(properties(conditional=ROWS[row]))],
)
def test_a_property_holds(row, name, names, tmp_path):
    (case,) = (case for case in names["rows"] if case.name == row)
    assert case.conditional == ROWS[row]
    test = getattr(test_bijectors, name)
    more = {"tmp_path"} & inspect.signature(test).parameters.keys()
    test(case, **dict.fromkeys(more, tmp_path))


def test_the_flow_of_the_page(names):
    assert [case.name for case in names["rows"]] == list(ROWS)
    assert names["gap"] < 1e-4
    assert names["sample"].shape == (1000, 2)
    # The length of a sample: sinh(d asinh(r)) of a Rayleigh r, at the median.
    tail = 2.0 ** np.tanh(0.8)
    median = np.sinh(tail * np.arcsinh(np.sqrt(2 * np.log(2))))
    lengths = np.linalg.norm(names["sample"], axis=-1)
    assert 0.44 < np.mean(lengths < median) < 0.56
    assert names["alone"].forward_min_event_ndims == names["coupled"].forward_min_event_ndims == 1
