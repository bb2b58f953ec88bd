"""Writes the golden files of this version: a model in each form that it can be saved in.

    python tests/golden/make.py

They go to `tests/golden/<version>/`, a folder that must not exist: files of a version that is out
are never written again, and `test_golden.py` loads those of every version for good. Run it once, at
the version's release; until then delete the folder to make it anew.
"""

import configparser
import json
import pathlib

import numpy as np
import tensorflow as tf

import zoo
from zoo import console
from zoo.runs.fit import execute
from zoo.runs.folder import load_model
from zoo.runs.plan import plan

MODELS = {
    "moons": ("realnvp_moons", {"couplings": 2, "units": 4}),
    "digits": (
        "realnvp_digits",
        {"scales": 1, "filters": 2, "couplings": 2, "last_couplings": 2},
    ),
}
ROWS = 4


def trained(name, overrides):
    """Returns a model whose every weight matters, and its data."""
    model = zoo.get(name, steps=10, batch_size=20, **overrides)
    splits = zoo.datasets.load(name.partition("_")[2])
    model.fit(splits.train[:100], epochs=1, verbose=0)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign_add(0.05 * random.normal(size=variable.shape))
    return model, splits.test[:ROWS]


def answers(model, rows):
    """Returns what the model says of a few rows, and the rows, as JSON."""
    real = np.asarray(rows, np.float64)
    if model.levels is not None:
        real = real + np.round(np.random.default_rng(0).uniform(0.1, 0.9, real.shape), 2)
    real = real.astype(np.float32)
    return {
        "spec": model.spec.to_json(),
        "rows": rows.tolist(),
        "real": real.tolist(),
        "log_prob": model.log_prob(real).numpy().tolist(),
        "bound": model.predict(rows, verbose=0).tolist(),
        "sample": np.ravel(model.sample(2, seed=1)).tolist(),
        "optimizer": float(sum(np.abs(v).sum() for v in model.optimizer.variables)),
    }


def main():
    """Makes the folder."""
    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    folder = pathlib.Path(__file__).parent / setup["metadata"]["version"]
    folder.mkdir()
    found = {}
    for label, (name, overrides) in MODELS.items():
        model, rows = trained(name, overrides)
        model.save(folder / f"{label}.keras")
        model.save_weights(folder / f"{label}.weights.h5")
        tf.train.Checkpoint(model=model).write(str(folder / f"{label}.checkpoint"))
        found[label] = answers(model, rows)
    run = folder / "run"
    typed = ("couplings=2", "units=4", "steps=30", "batch_size=50", "learning_rate=0.05")
    execute(
        plan("realnvp_moons", run=str(run), data=None, seed=0, typed=typed),
        data_dir=None,
        jit=None,
    )
    for picture in run.glob("*.png"):
        picture.unlink()
    found["run"] = answers(load_model(run), np.float32(found["moons"]["rows"]))
    (folder / "answers.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    console.import_tensorflow()
    main()
