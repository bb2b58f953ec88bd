"""The maps of flows of one variable, kept while they are learned."""

import numpy as np
import pytest

from models import CONDITIONS, data, randomize, twin
from zoo.plots import Warp
from zoo.registry import preset, resolve
from zoo.runs.observers import one_variable, warps
from zoo.runs.observers.fixed_rows import FixedRows
from zoo.runs.observers.warps import Warps
from zoo.runs.table import Table


def ready():
    model = twin("cdf_mixture")
    model.initialize(data(model))
    return randomize(model)


def fit(model, table, epochs, total, tell=pytest.fail):
    rows = data(model)  # 2 steps an epoch
    keeper = Warps(model, rows, table, total=total, tell=tell)
    model.fit(rows, epochs=epochs, verbose=0, callbacks=[keeper])


@pytest.fixture
def table(tmp_path):
    return Table(tmp_path / "warps.csv")


@pytest.fixture(scope="module")
def model():
    return ready()


@pytest.mark.parametrize(
    ("name", "overrides", "has"),
    [
        ("cdf_mixture", {}, True),
        ("cdf_mixture", CONDITIONS["classes"], False),
        ("cdf_mixture", CONDITIONS["vectors"], False),
        ("realnvp_moons", {}, False),
        ("realnvp_digits", {}, False),
    ],
)
def test_what_has_a_warp(name, overrides, has):
    assert one_variable.has_warp(resolve(name, overrides).config) is has


def test_no_preset_of_images_has_a_warp():
    assert not one_variable.has_warp(preset("realnvp_mnist").config)


def test_a_warp_is_the_model_s_map(model):
    rows = data(model)
    warp = one_variable.warp_of(model, rows, 20)
    x = warp.x[:, None]
    np.testing.assert_allclose(warp.z, model.encode(x)[:, 0], atol=1e-5)
    np.testing.assert_allclose(np.log(warp.density), model.log_prob(x), atol=1e-4)
    assert warp.x[0] < rows.min() < rows.max() < warp.x[-1]


def test_steps_that_double_are_kept_and_the_first_and_the_last(table):
    model = ready()
    before = one_variable.warp_of(model, data(model))
    fit(model, table, epochs=7, total=14)
    kept = warps.read(table)
    assert list(kept) == [0, 2, 4, 8, 14]
    after = one_variable.warp_of(model, data(model))
    for step, wanted in ((0, before), (14, after)):
        for name in ("x", "z", "log_slope"):
            np.testing.assert_array_equal(getattr(kept[step], name), getattr(wanted, name))
    assert np.abs(kept[0].z - kept[14].z).max() > 0.01


def test_a_run_that_goes_on_keeps_what_was_before_the_restored_step(table):
    model = ready()
    fit(model, table, epochs=2, total=12)
    first = table.path.read_bytes()
    fit(model, table, epochs=2, total=12)  # ends at step 8
    assert list(warps.read(table)) == [0, 2, 4, 8]
    table.cut(4)
    assert table.path.read_bytes() == first
    again = ready()
    again.compile()
    again.optimizer.iterations.assign(4)
    fit(again, table, epochs=4, total=12)
    kept = warps.read(table)
    assert list(kept) == [0, 2, 4, 8, 12]
    assert table.path.read_bytes().startswith(first)


def test_no_file_before_the_first_end_of_an_epoch(table):
    model = ready()
    keeper = Warps(model, data(model), table, total=2, tell=pytest.fail)
    keeper.set_model(model)
    model.compile()
    keeper.on_train_begin()
    assert not table.path.exists()
    model.optimizer.iterations.assign(2)
    keeper.on_epoch_end(0, {"loss": np.nan})
    assert not table.path.exists()
    keeper.on_epoch_end(0, {"loss": 1.0})
    assert list(warps.read(table)) == [0, 2]


def test_a_disk_that_failed_gets_it_all_later(table, monkeypatch):
    extend, told = Table.extend, []

    def full_once(self, rows):
        monkeypatch.setattr(Table, "extend", extend)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Table, "extend", full_once)
    fit(ready(), table, epochs=2, total=4, tell=told.append)
    assert len(told) == 1
    assert "No space left" in told[0]
    assert list(warps.read(table)) == [0, 2, 4]


def test_a_map_that_is_not_finite_is_told_and_not_kept(table, monkeypatch):
    def broken(*_):
        raise ValueError("`inverse_fn(x)` must be finite; received NaN or infinity.")

    monkeypatch.setattr("zoo.runs.observers.warps.warp_of", broken)
    told = []
    fit(ready(), table, epochs=1, total=2, tell=told.append)
    assert [line.partition(":")[0] for line in told] == [
        "the map of step 0 is not kept",
        "the map of step 2 is not kept",
    ]
    assert not table.path.exists()


@pytest.mark.parametrize(
    ("text", "what"), [("step,x\n1,2\n", "it lacks log_slope, z"), ("step,x\n1,\n", "could not")]
)
def test_a_damaged_file_is_named(table, text, what):
    table.path.write_text(text)
    with pytest.raises(ValueError, match=rf"warps\.csv is damaged: {what}"):
        warps.read(table)


def test_no_file_holds_no_map(table):
    assert warps.read(table) == {}


@pytest.mark.parametrize(
    ("steps", "end", "columns"),
    [
        ([0, 2, 4, 8, 14], 14, ["before", "step 2", "step 4", "step 8", "after"]),
        ([0, 1, 2, 4, 8, 16], 32, ["before", "step 1", "step 4", "step 16", "after"]),
        ([0, 4], 4, ["before", "after"]),
        ([1_000], 1_500, ["step 1,000", "after"]),
        ([], 3, ["after"]),
    ],
)
def test_the_stages_of_a_picture(model, monkeypatch, steps, end, columns):
    drawn = {}
    monkeypatch.setattr("zoo.plots.warps", lambda stages, *_, **__: drawn.update(stages))
    line = np.arange(3.0)
    kept = {step: Warp(x=line, z=step + line, log_slope=line) for step in steps}
    rows = FixedRows.of(model, data(model), 40).real
    one_variable.draw_warps(model, kept, rows, "warps.png", end=end, title="a title")
    assert list(drawn) == columns
    for name, stage in drawn.items():
        if name == "after":
            np.testing.assert_array_equal(stage.z, one_variable.warp_of(model, rows).z)
        else:
            step = 0 if name == "before" else int(name.removeprefix("step ").replace(",", ""))
            np.testing.assert_array_equal(stage.z, step + line)
