"""Two replicas train as one does: see `on_replicas.py`, which runs both."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import zoo
from models import data, twin

pytestmark = pytest.mark.slow

SCRIPT = pathlib.Path(__file__).with_name("on_replicas.py")
CASES = ["vectors", "images", "labels", "sgd", "clipnorm", "clipvalue", "averages", "keras_adam"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("replicas")
    subprocess.run([sys.executable, SCRIPT, path], check=True)
    return path


@pytest.fixture(params=CASES)
def case(request, folder):
    """What one replica and what two came to, by the same steps."""
    return [np.load(folder / f"{request.param}-{label}.npz") for label in ("one", "two")]


def distance(found, wanted):
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted)


def test_the_weights_are_those_of_one_replica(case):
    one, two = case
    assert one["iterations"] == two["iterations"] == 10
    np.testing.assert_array_equal(one["start"], two["start"])
    assert distance(one["end"], one["start"]) > 1e-3
    assert distance(two["end"], one["end"]) < 1e-6
    assert distance(two["end"] - two["start"], one["end"] - one["start"]) < 1e-5


def test_history_and_progress_show_the_true_means(case):
    one, two = case
    keys = {key for key in one.files if key.startswith("history_")}
    assert {"history_loss", "history_val_loss"} <= keys <= set(two.files)
    for key in keys:
        np.testing.assert_allclose(two[key], one[key], rtol=2e-6, err_msg=key)
    assert one["steps"].shape == two["steps"].shape
    assert len(one["steps"]) == 10
    np.testing.assert_allclose(two["steps"], one["steps"], rtol=2e-6)


def test_predictions_keep_their_order(case):
    one, two = case
    assert two["predicted"].shape == (33,)
    np.testing.assert_allclose(two["predicted"], one["predicted"], rtol=1e-4)


FORMS = ["array", "dataset", "from_generator", "py_dataset", "generator", "endless"]


@pytest.mark.parametrize("form", FORMS)
def test_data_in_the_users_memory_stays_as_it_was(folder, form):
    """TensorFlow cuts batches from Python into shares in place, and computes in them in place."""
    assert np.load(folder / "forms.npz")[f"{form}-changed"] == 0


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_is_divided(folder, form):
    losses = np.load(folder / "forms.npz")
    np.testing.assert_allclose(losses[f"{form}-two"], losses[f"{form}-one"], rtol=2e-6)
    if form != "endless":  # whose batches run on from one epoch into the next
        np.testing.assert_allclose(losses[f"{form}-one"], losses["array-one"], rtol=2e-6)


def test_a_bad_step_of_one_replica_stops_all(folder):
    found = np.load(folder / "guard.npz")
    assert found["one-bad_step"] == found["two-bad_step"] == 3
    for label in ("one", "two"):
        np.testing.assert_array_equal(found[f"{label}-8"], found[f"{label}-3"])
    np.testing.assert_allclose(found["two-8"], found["one-8"], rtol=1e-5)
    np.testing.assert_array_equal(*found["replicas-8"])


def test_noise_differs_between_replicas_and_is_that_of_one(folder):
    noise = np.load(folder / "noise.npz")
    assert noise["first"].shape == noise["second"].shape == (5, 4, 4, 1)
    assert np.all(noise["first"] != noise["second"])
    np.testing.assert_array_equal(np.concatenate([noise["first"], noise["second"]]), noise["one"])


def test_the_start_from_data_is_made_once_and_is_the_same_everywhere(folder):
    start = np.load(folder / "start.npz")
    assert list(start["calls"]) == ["one", "two"]
    assert start["moved"] > 0.01
    # The fits moved nothing but the zeros, by their gradients times 1e-30.
    np.testing.assert_allclose(start["two"], start["one"], rtol=0, atol=1e-20)
    np.testing.assert_array_equal(start["replicas"][0], start["replicas"][1])


def test_batch_norm_keeps_the_mean_of_the_replicas_statistics(folder):
    one, two = (np.load(folder / f"statistics-{label}-1.npz") for label in ("one", "two"))
    # Of shares of equal size the mean of the means is the mean of all rows.
    np.testing.assert_allclose(two["first"], one["first"], rtol=1e-5)
    for steps in (1, 10):
        found = np.load(folder / f"statistics-two-{steps}.npz")
        assert found["iterations"] == steps
        assert np.all(np.isfinite(found["replicas"]))  # a last batch of one row leaves one empty
        np.testing.assert_array_equal(found["replicas"][0], found["replicas"][1])


def test_batch_norm_normalises_by_each_replicas_share(folder):
    """As docs/distributed.md says: the one thing that replicas change."""
    one, two = (np.load(folder / f"statistics-{label}-1.npz")["loss"] for label in ("one", "two"))
    assert two != pytest.approx(one, rel=1e-6)
    assert two == pytest.approx(one, rel=0.1)


def test_what_replicas_saved_one_device_loads(folder):
    model, wanted = zoo.load(folder / "two.keras"), np.load(folder / "saved.npz")
    held_out = data(model, 33, seed=1)
    np.testing.assert_allclose(
        model.predict(held_out, verbose=0), wanted["predicted"], rtol=1e-5, atol=1e-5
    )
    assert model.optimizer.iterations == wanted["iterations"]
    model.fit(data(twin("realnvp_moons"), 20), epochs=1, verbose=0)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("accumulation", "`gradient_accumulation_steps` must be None on 2 replicas"),
        ("overwriting", "`ema_overwrite_frequency` must be None on 2 replicas"),
        ("keras_clipping", "`global_clipnorm` must be None on 2 replicas: Adam clips each"),
        ("foreign_optimizer", "the optimizer must be made within `with strategy.scope():`"),
        ("foreign_model", "the model must be made within `with strategy.scope():`"),
        ("several_steps", "`steps_per_execution` must be 1 on 2 replicas"),
        ("xla", "`jit_compile` must be 'auto' or False on 2 replicas"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(folder, case, words):
    message = json.loads((folder / "messages.json").read_text())[case]
    assert message.startswith(f"ValueError: {words}")


def test_keras_still_needs_the_first_mending(folder):
    """When this fails, `DistributedModel._maybe_symbolic_build` can go."""
    assert "unmended" in json.loads((folder / "messages.json").read_text())
