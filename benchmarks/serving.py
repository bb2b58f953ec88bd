"""What an export costs, and how fast a SavedModel answers beside the model in Python.

The weights are those that a model starts from, moved at random: training changes no speed.

python benchmarks/serving.py [PRESET ...] [--fast]
"""

import pathlib
import subprocess
import sys
import tempfile
import time

import click
import numpy as np
from timing import conditions, milliseconds, rows_of

import export
import zoo
from export.client import Client

PRESETS = ["realnvp_moons", "realnvp_digits", "realnvp_mnist"]
BATCHES = [1, 64]
SCALE = 0.01
"""Of the random moves: so small that densities stay finite."""

LOAD = """
import sys, time
began = time.perf_counter()
import tensorflow
imported = time.perf_counter()
import export
from export.client import Client
client = export.load(sys.argv[1])
loaded = time.perf_counter()
client.sample(1, 0)
print(imported - began, loaded - imported, time.perf_counter() - loaded)
"""


def started(name: str) -> zoo.FlowModel:
    """Returns a preset's model with random weights."""
    model = zoo.get(name)
    model.initialize(rows_of(model, 1024))
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(SCALE * random.normal(size=variable.shape))
    return model


def in_a_fresh_process(path: pathlib.Path) -> list[float]:
    """Returns the seconds of importing TensorFlow, of loading, and of the first sample."""
    command = [sys.executable, "-c", LOAD, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(word) for word in done.stdout.split()]


def exported(model: zoo.FlowModel, folder: str) -> pathlib.Path:
    """Exports a model, prints what that took, and returns the path of the SavedModel."""
    began = time.perf_counter()
    path = export.save(model, folder)
    seconds = time.perf_counter() - began
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    imported, loaded, first = in_a_fresh_process(path)
    print(f"{model.name}: {model.count_params():,} parameters")
    print(f"  export {seconds:.1f} s, {size / 1e6:.2f} MB")
    print(
        f"  load {loaded:.2f} s, first sample {first:.2f} s, TensorFlow's import {imported:.1f} s"
    )
    return path


def answers(model: zoo.FlowModel, client: Client, batch: int) -> None:
    """Prints the rows a second of both, from arrays to arrays, and their ratio."""
    x = client.sample(batch, seed=0)
    for what, python, served in (
        ("log_prob", lambda: model.log_prob(x).numpy(), lambda: client.log_prob(x)),
        ("sample", lambda: model.sample(batch, 0).numpy(), lambda: client.sample(batch, 0)),
    ):
        ours, theirs = (1e3 * batch / ms for ms in milliseconds(python, served))
        label = f"{what}, batch {batch}"
        print(f"  {label:20}{ours:10,.0f}{theirs:12,.0f}{theirs / ours:8.2f}")


@click.command()
@click.argument("presets", nargs=-1)
@click.option("--fast", is_flag=True, help="The smallest preset alone, to see that it runs.")
def main(*, presets: tuple[str, ...], fast: bool) -> None:
    """Measures presets."""
    for name in presets or (PRESETS[:1] if fast else PRESETS):
        model = started(name)
        with tempfile.TemporaryDirectory() as folder:
            client = export.load(exported(model, folder))
            print(f"  {'rows/s':20}{'Python':>10}{'SavedModel':>12}{'ratio':>8}")
            for batch in BATCHES:
                answers(model, client, batch)
    print(conditions(max(BATCHES)))


if __name__ == "__main__":
    main()
