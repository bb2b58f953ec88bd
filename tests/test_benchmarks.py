"""The benchmarks run in their fast settings and print their tables; no figure is judged."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def run(name, *options, **environment):
    """Runs a benchmark as its docstring says; returns exit code, standard output and error."""
    command = [sys.executable, f"benchmarks/{name}.py", *map(str, options)]
    variables = {k: v for k, v in os.environ.items() if k != "TFFLOWS_DATA_DIR"}
    variables |= {"PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=variables
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A data_dir with few rows in MiniBooNE's form."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "miniboone").mkdir()
    rows = np.random.default_rng(0).normal(size=(400, 43)) @ np.tri(43) / 5
    np.save(folder / "miniboone" / "train.npy", rows[:300])
    np.save(folder / "miniboone" / "test.npy", rows[300:])
    return folder


def test_the_costs_of_linear_maps(tmp_path):
    code, out, err = run("affine", "--fast", "--out", tmp_path / "picture.png")
    assert code == 0, err
    rows = re.findall(r"^  (PLU|DenseAffine.*?|the same.*?|Householder.*?)  +\d", out, re.M)
    assert len(rows) == 4 * 5
    assert all(float(number) > 0 for number in re.findall(r"\d+\.\d{3}\b", out))
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_the_costs_of_flows_over_tables(data_dir):
    code, out, err = run("tabular", "--fast", TFFLOWS_DATA_DIR=str(data_dir))
    assert code == 0, err
    rows = dict(re.findall(r"^(\w+_\w+) .*? 2 steps, ([\d,]+) rows", out, re.M))
    table = ("maf_miniboone", "spline_miniboone", "realnvp_miniboone")
    assert rows == {**dict.fromkeys(table, "300"), "iaf_moons": "10,000"}
    ways = re.findall(r"^  (naive|cached|Jacobi)\S* .*?[\d.]+ x +([\d.e+-]+)$", out, re.M)
    assert [name for name, _ in ways] == ["naive", "Jacobi", "cached"]
    assert all(float(difference) < 1e-3 for _, difference in ways)
    assert re.search(r"Jacobi's passes, latents first: (\d+, ){4}\d+$", out, re.M)


def test_without_miniboone_a_line_says_what_to_set():
    code, _, err = run("tabular", "--fast")
    assert code == 1
    assert "Set TFFLOWS_DATA_DIR" in err.strip().splitlines()[-1]


def test_the_costs_of_exports():
    code, out, err = run("serving", "--fast")
    assert code == 0, err
    assert re.search(r"^  export [\d.]+ s, [\d.]+ MB$", out, re.M)
    assert re.search(r"^  load [\d.]+ s, first sample [\d.]+ s, ", out, re.M)
    rates = re.findall(r"^  (\w+), batch (\d+) +([\d,]+) +([\d,]+) +[\d.]+$", out, re.M)
    assert [(what, int(batch)) for what, batch, *_ in rates] == [
        *(("log_prob", 1), ("sample", 1)),
        *(("log_prob", 64), ("sample", 64)),
    ]
    assert all(int(rate.replace(",", "")) > 0 for row in rates for rate in row[2:])
