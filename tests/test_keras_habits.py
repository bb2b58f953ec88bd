"""What people do with any Keras model works on a flow."""

import csv

import keras
import numpy as np
import pytest

import zoo
from models import conditions, data, randomize, twin

NAME = "realnvp_moons"


def small(**overrides):
    options = {"couplings": 2, "units": 4, "schedule": "constant", "learning_rate": 1e-2}
    return twin(NAME, **{**options, **overrides})


@pytest.fixture(scope="module")
def rows():
    model = small()
    return data(model, 40), data(model, 20, seed=1)


def spoiling():
    """A schedule that trains for two epochs and spoils the model in the third."""
    return keras.callbacks.LearningRateScheduler(lambda epoch: 1e-2 if epoch < 2 else 1.0)


def fit(model, rows, callbacks=(), epochs=3, **options):
    train, held_out = rows
    return model.fit(
        train,
        validation_data=held_out,
        callbacks=[*callbacks],
        epochs=epochs,
        verbose=0,
        **options,
    )


def loss(model, x):
    return model.evaluate(x, verbose=0)


# Callbacks


@pytest.fixture(scope="module")
def stopped(rows, tmp_path_factory):
    """A model that stopped one epoch after its best, its history, and what the callbacks wrote."""
    folder = tmp_path_factory.mktemp("stopped")
    checkpoint, model = keras.callbacks.ModelCheckpoint, small()
    callbacks = [
        spoiling(),
        checkpoint(folder / "best.keras", save_best_only=True),
        checkpoint(folder / "best.weights.h5", save_best_only=True, save_weights_only=True),
        checkpoint(folder / "epoch{epoch}-{val_loss:.3f}.keras"),
        keras.callbacks.CSVLogger(folder / "log.csv"),
        keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True),
    ]
    return model, fit(model, rows, callbacks, epochs=9).history, folder


def test_early_stopping_gives_the_best_weights_back(stopped, rows):
    model, history, _ = stopped
    losses = history["val_loss"]
    assert len(losses) == 3
    assert losses[2] > losses[1] + 0.1
    assert loss(model, rows[1]) == pytest.approx(losses[1], rel=1e-5)


def test_the_best_checkpoint_is_the_best_epoch(stopped, rows):
    _, history, folder = stopped
    by_weights = small(seed=5)
    by_weights.load_weights(folder / "best.weights.h5")
    whole = zoo.load(folder / "best.keras")
    assert whole.optimizer.iterations == 4
    for best in (by_weights, whole):
        assert loss(best, rows[1]) == pytest.approx(history["val_loss"][1], rel=1e-5)


def test_a_checkpoint_an_epoch(stopped, rows):
    _, history, folder = stopped
    names = [f"epoch{i + 1}-{value:.3f}.keras" for i, value in enumerate(history["val_loss"])]
    assert sorted(path.name for path in folder.glob("epoch*")) == names
    last = zoo.load(folder / names[-1])
    assert loss(last, rows[1]) == pytest.approx(history["val_loss"][-1], rel=1e-5)


def test_a_log_is_the_history(stopped):
    _, history, folder = stopped
    with open(folder / "log.csv", newline="") as file:
        logged = list(csv.DictReader(file))
    assert [row["epoch"] for row in logged] == ["0", "1", "2"]
    assert logged[0].keys() - {"epoch"} == {"loss", "val_loss", "learning_rate"}
    assert history.keys() == logged[0].keys() - {"epoch"}
    for key, values in history.items():
        np.testing.assert_allclose([float(row[key]) for row in logged], values, rtol=1e-6)


def test_tensorboard_gets_scalars_and_histograms(rows, tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    history = fit(small(), rows, [keras.callbacks.TensorBoard(tmp_path, histogram_freq=1)]).history
    events = accumulator.EventAccumulator(str(tmp_path / "validation"), {"tensors": 0})
    events.Reload()
    logged = [
        float(np.frombuffer(e.tensor_proto.tensor_content, np.float32)[0])
        for e in events.Tensors("epoch_loss")
    ]
    np.testing.assert_allclose(logged, history["val_loss"], rtol=1e-6)
    events = accumulator.EventAccumulator(str(tmp_path / "train"), {"tensors": 0})
    events.Reload()
    assert [tag for tag in events.Tags()["tensors"] if "histogram" in tag]


def test_callbacks_set_the_learning_rate(rows):
    model = small()
    halving = keras.callbacks.LearningRateScheduler(lambda _, rate: rate / 2)
    plateau = keras.callbacks.ReduceLROnPlateau(patience=1, factor=0.1, min_delta=1e9)
    rates = fit(model, rows, [halving, plateau]).history["learning_rate"]
    np.testing.assert_allclose(rates, [5e-3, 2.5e-3, 1.25e-4], rtol=1e-6)
    assert float(model.optimizer.learning_rate) == pytest.approx(1.25e-5)


def test_a_schedule_is_not_overruled(rows):
    with pytest.raises(TypeError, match="created with a `LearningRateSchedule` .* not settable"):
        fit(small(schedule="cosine"), rows, [spoiling()])


def test_a_run_that_diverges_is_stopped(rows):
    model = small()
    model.compile(keras.optimizers.SGD(1e30))
    history = fit(model, rows, [keras.callbacks.TerminateOnNaN()], epochs=5)
    assert len(history.epoch) < 5
    assert not np.isfinite(history.history["loss"][-1])


# Compiling


def test_ones_own_optimizer(rows):
    model = small()
    own = keras.optimizers.RMSprop(1e-2, clipnorm=1.0)
    model.compile(own)
    assert model.optimizer is own
    losses = fit(model, rows).history["loss"]
    assert losses[-1] < losses[0]
    assert own.iterations == 6


@pytest.fixture(scope="module")
def plain(rows):
    """A model after two epochs, and its history; tests must not change its weights."""
    model = small()
    return model, fit(model, rows, epochs=2).history


@pytest.mark.parametrize("options", [{"steps_per_execution": 2}, {"jit_compile": True}])
def test_another_way_to_execute_gives_the_same_weights(plain, rows, options):
    model, history = plain
    other = small()
    other.compile(**options)
    found = fit(other, rows, epochs=2).history
    assert other.optimizer.iterations == 4
    for key, values in history.items():
        np.testing.assert_allclose(found[key], values, rtol=1e-3, err_msg=key)
    for a, b in zip(model.trainable_variables, other.trainable_variables, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3, err_msg=a.path)


# Data


def test_a_split_holds_out_the_last_rows(rows):
    model = small()
    history = model.fit(rows[0], validation_split=0.25, epochs=1, verbose=0).history
    assert model.optimizer.iterations == 2  # of 30 rows in batches of 20
    assert history["val_loss"][-1] == pytest.approx(loss(model, rows[0][30:]), rel=1e-5)


def test_predict_gives_the_log_likelihood_of_every_row(plain, rows):
    found = plain[0].predict(rows[1], batch_size=7, verbose=0)
    assert found.shape == (20,)
    np.testing.assert_allclose(found, plain[0].log_prob(rows[1]), rtol=1e-5)


# Functional models


def test_a_functional_model_of_a_flow(plain, rows, tmp_path):
    model, _ = plain
    inputs = keras.Input((2,))
    outputs = model(inputs)
    assert outputs.shape == (None,)
    functional = keras.Model(inputs, outputs)
    found = functional.predict(rows[1], verbose=0)
    np.testing.assert_allclose(found, model.log_prob(rows[1]), rtol=1e-5)
    functional.save(tmp_path / "a.keras")
    again = keras.saving.load_model(tmp_path / "a.keras")
    np.testing.assert_allclose(again.predict(rows[1], verbose=0), found, rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ({"num_classes": 3}, {"shape": (), "dtype": "int32"}),
        ({"condition_dim": 2}, {"shape": (2,)}),
    ],
)
def test_a_functional_model_of_a_conditional_flow(rows, kind, condition):
    model = small(**kind)
    given = conditions(model, 40)
    model.initialize(rows[0], given)
    randomize(model)
    inputs = {
        "x": keras.Input((2,), name="x"),
        "condition": keras.Input(**condition, name="condition"),
    }
    functional = keras.Model(inputs, model(inputs))
    found = functional.predict({"x": rows[0], "condition": given}, verbose=0)
    np.testing.assert_allclose(found, model.log_prob(rows[0], given), rtol=1e-4, atol=1e-5)


def test_a_functional_model_trains_the_flow(rows):
    """A flow as a layer: what is not its likelihood is the caller's loss."""
    model = small()
    model.initialize(rows[0])
    before = loss(model, rows[0])
    inputs = keras.Input((2,))
    functional = keras.Model(inputs, model(inputs))
    functional.compile(keras.optimizers.Adam(1e-2), loss=lambda _, y_pred: -y_pred)
    functional.fit(rows[0], np.zeros(40), batch_size=20, epochs=2, verbose=0)
    assert loss(model, rows[0]) < before


# Transfer


def test_a_loaded_model_is_fitted_further(plain, rows, tmp_path):
    model, _ = plain
    model.save(tmp_path / "a.keras")
    again = zoo.load(tmp_path / "a.keras")
    start = loss(model, rows[0])
    assert loss(again, rows[0]) == pytest.approx(start, rel=1e-6)
    fit(again, rows, epochs=4, initial_epoch=2)
    assert loss(again, rows[0]) < start
    assert again.optimizer.iterations == 8


def test_loaded_weights_are_fitted_to_other_data(plain, rows, tmp_path):
    plain[0].save_weights(tmp_path / "a.weights.h5")
    model = small(seed=7)
    model.load_weights(tmp_path / "a.weights.h5")
    others = rows[0] + 1
    start = loss(model, others)
    model.fit(others, epochs=2, verbose=0)
    assert loss(model, others) < start
    assert model.optimizer.iterations == 4
