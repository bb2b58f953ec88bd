import json

import numpy as np
import pytest
import tensorflow as tf

from models import CONDITIONS, conditions, data, randomize, twin
from tfflows import Coupling
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.monitor import Monitor, measure
from zoo.runs.table import Table


def ready(name, **overrides):
    model = twin(name, **overrides)
    model.initialize(rows_of(model))
    return randomize(model, 0.05)


def rows_of(model, rows=40):
    x = data(model, rows)
    return (x, conditions(model, rows)) if model.form.conditional else x


MODELS = [
    ("realnvp_moons", {}),
    ("realnvp_digits", {}),
    ("realnvp_moons", CONDITIONS["vectors"]),
    ("realnvp_digits", CONDITIONS["classes"]),
]


@pytest.mark.parametrize(("name", "overrides"), MODELS, ids=str)
def test_what_is_measured(name, overrides):
    model = ready(name, **overrides)
    rows = FixedRows.of(model, rows_of(model), 8)
    before = [v.numpy() for v in model.variables]
    figures = measure(model, rows)
    for old, new in zip(before, model.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    assert all(np.isfinite(value) for value in figures.values())
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(model(rows.inputs))
    gradients = tape.gradient(loss, [w.value for w in model.trainable_weights])
    norm = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
    assert figures["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    assert 0 < figures["round_trip"] < 1e-2
    named = {key.partition("/")[0] for key in figures if key.endswith("/log_det")}
    layers = {n for n in model.networks.names if not n.endswith("_log_scale")}
    assert named == layers
    lows = [v for k, v in figures.items() if k.endswith("/log_scale_min")]
    assert figures["log_scale_min"] == min(lows)
    assert figures["log_scale_min"] < figures["log_scale_max"]


def test_log_dets_and_scales_are_those_of_the_layers():
    model = ready("realnvp_moons")
    rows = FixedRows.of(model, rows_of(model), 16)
    figures = measure(model, rows)
    value = tf.constant(rows.real)
    for part in model.flow.bijectors:
        value, log_det = part.inverse_and_log_det(value, 1)
        assert figures[f"{part.name}/log_det"] == pytest.approx(np.mean(log_det), abs=1e-5)
        if isinstance(part, Coupling):  # of two variables one moves, by its whole log-det
            assert figures[f"{part.name}/log_scale_min"] == pytest.approx(np.min(-log_det))
            assert figures[f"{part.name}/log_scale_max"] == pytest.approx(np.max(-log_det))


def test_a_round_trip_that_ends_elsewhere_is_measured(monkeypatch):
    model = ready("realnvp_moons")
    decode = type(model).decode
    monkeypatch.setattr(type(model), "decode", lambda *args: decode(*args) + [0.0, -0.5])
    rows = FixedRows.of(model, rows_of(model), 8)
    assert measure(model, rows)["round_trip"] == pytest.approx(0.5, abs=1e-3)


def test_latents_that_are_not_finite_have_no_round_trip():
    model = ready("realnvp_moons")
    model.networks.coupling1_norm.shift.assign([np.inf, 0.0])
    assert np.isnan(measure(model, FixedRows.of(model, rows_of(model), 4))["round_trip"])


def trained(tmp_path, monkeypatch, *, share, epochs=4, total=8):
    monkeypatch.setattr("zoo.runs.observers.monitor.SHARE", share)
    monkeypatch.setattr("zoo.runs.observers.monitor.FIRST_SECONDS", 0.0)
    model, table = twin("realnvp_moons"), Table(tmp_path / "layers.csv")
    rows = data(model)
    model.initialize(rows)
    monitor = Monitor(model, rows, table, total=total, tell=pytest.fail)
    model.fit(rows, epochs=epochs, verbose=0, callbacks=[monitor])  # 2 steps an epoch
    return monitor, table


def test_each_virtual_epoch_has_a_row_in_both_files(tmp_path, monkeypatch):
    monitor, table = trained(tmp_path, monkeypatch, share=1e9)
    columns = table.read()
    assert columns["step"] == [2, 4, 6, 8]
    assert json.loads(table.json.read_text()).keys() == columns.keys()
    assert monitor.measured[0] == 8
    assert monitor.measured[1]["gradient_norm"] == columns["gradient_norm"][-1]


def test_where_there_is_no_time_the_end_alone_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.runs.observers.share.Share.due", property(lambda self: False))
    _, table = trained(tmp_path, monkeypatch, share=0.0)
    assert table.read()["step"] == [8]


def test_a_run_cut_short_is_not_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.runs.observers.share.Share.due", property(lambda self: False))
    _, table = trained(tmp_path, monkeypatch, share=0.0, total=9)
    assert not table.path.exists()


def test_a_disk_that_fails_is_told(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Table, "append", full)
    told = []
    model = twin("realnvp_moons")
    model.initialize(data(model))
    monitor = Monitor(model, data(model), Table(tmp_path / "l.csv"), total=2, tell=told.append)
    model.fit(data(model), epochs=1, verbose=0, callbacks=[monitor])
    assert len(told) == 1
    assert "No space left" in told[0]


def test_no_more_rows_than_half_a_batch_are_looked_at(tmp_path):
    model = twin("realnvp_moons", batch_size=6)
    monitor = Monitor(model, data(model), Table(tmp_path / "l.csv"), total=2, tell=pytest.fail)
    assert len(monitor._rows.x) == 3
