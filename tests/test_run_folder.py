import json

import numpy as np
import pytest

import zoo
from zoo.model_spec import ModelSpec
from zoo.registry import resolve
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder, load_model

SMALL = {"couplings": 2, "units": 8, "layers": 1}


def run_config(name="realnvp_moons", data="moons", **overrides):
    return RunConfig(spec=ModelSpec.of(resolve(name, overrides), seed=3), data=data)


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "deep" / "run")
    made.create(run_config(**SMALL))
    return made


@pytest.fixture(scope="module")
def model():
    return zoo.FlowModel(run_config(**SMALL).spec)


def edit(folder, change):
    saved = json.loads(folder.config.read_text())
    change(saved)
    folder.config.write_text(json.dumps(saved))


@pytest.mark.parametrize("name", zoo.list())
def test_the_config_of_every_preset_survives_the_file(tmp_path, name):
    run = run_config(name, learning_rate=1 / 3, clip_norm=None, num_classes=10)
    folder = RunFolder(tmp_path)
    folder.create(run)
    again = folder.read_config()
    assert again == run
    assert repr(again) == repr(run)  # equality takes 1 for 1.0 and True
    assert hash(again) == hash(run)  # no list where a tuple was


def test_the_file_holds_every_default_and_the_libraries(folder):
    saved = json.loads(folder.config.read_text())
    assert saved["schema"] == 1
    assert saved["family"] == "realnvp_vector"
    assert saved["training"]["weight_decay"] == 0.0
    assert saved["versions"]["tensorflow"].startswith("2.")


def test_a_folder_without_checkpoints_is_refused_and_left_alone(folder):
    folder.append_history({"step": 1, "loss": 2.0})
    before = folder.config.read_bytes()
    with pytest.raises(ValueError, match=r"holds files already.*another --run, or delete"):
        folder.create(run_config(**SMALL))
    assert folder.config.read_bytes() == before


def test_a_run_goes_on_in_its_folder_and_no_other_one_does(folder):
    folder.checkpoints.mkdir()
    before = folder.config.read_bytes()
    folder.create(run_config(**SMALL))
    for other, named in (
        (run_config(**SMALL, steps=5), r"`steps` is 4000 there and 5 here"),
        (run_config("realnvp_rings", **SMALL), r"`preset` is 'realnvp_moons' there"),
        (run_config(**{**SMALL, "units": 9}, data="rings"), r"`units` is 8 .*, `data` is 'moons'"),
    ):
        with pytest.raises(ValueError, match=named):
            folder.create(other)
    assert folder.config.read_bytes() == before


def test_a_folder_in_training_is_locked(folder):
    run = run_config(**SMALL)
    with folder.training(run):
        with pytest.raises(ValueError, match="another process trains in"):
            with RunFolder(folder.path).training(run):
                pass
    with folder.training(run):
        assert folder.read_config() == run


def test_history_is_cut_where_the_run_goes_on(folder):
    for step in (5, 10, 15):
        folder.append_history({"step": step, "seconds": step / 10, "loss": 1.0})
    folder.cut_history(10)
    assert folder.read_history()["step"] == [5, 10]
    assert folder.seconds == 1.0
    folder.cut_history(0)
    assert folder.seconds == 0.0
    folder.append_history({"step": 1, "seconds": 0.5, "loss": 1.0})
    assert folder.read_history() == {"step": [1], "seconds": [0.5], "loss": [1.0]}


def test_what_lies_after_the_step_is_cut_in_all_tables(folder):
    for table in (folder.layers, folder.warps):
        for step in (0, 5, 10):
            table.append({"step": step, "x": 1.0})
    folder.cut_history(5)
    assert folder.layers.read()["step"] == folder.warps.read()["step"] == [0, 5]


def test_a_foreign_config_alone_is_not_written_over(tmp_path):
    (tmp_path / "config.json").write_text('{"mine": 1}')
    with pytest.raises(ValueError, match="holds files already"):
        RunFolder(tmp_path).check_usable(run_config())


def test_an_abandoned_start_is_taken_over(folder):
    folder.create(run_config(couplings=4))
    assert folder.read_config().spec.config.couplings == 4


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ValueError, match="`run` must be a folder"):
            RunFolder(path).check_usable(run_config())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda saved: saved["config"].pop("units"), "`config`.*lacks units"),
        (lambda saved: saved["config"].update(widths=3), "`config`.*unknown widths"),
        (lambda saved: saved["training"].pop("steps"), "`training`.*lacks steps"),
        (lambda saved: saved.pop("data"), "lacks data"),
        (lambda saved: saved.update(surplus=1), "unknown surplus"),
        (lambda saved: saved.update(schema=2), "schema 2"),
        (lambda saved: saved.update(family="glow"), "`family`.*'glow'"),
        (lambda saved: saved.update(training=[]), "`training`"),
        (lambda saved: saved["training"].update(steps="many"), "`steps`.*'many'"),
        (lambda saved: saved.update(seed=-1), "`seed`.*-1"),
    ],
)
def test_a_config_of_another_version_says_what_differs(folder, change, named):
    edit(folder, change)
    with pytest.raises(ValueError, match=rf"config\.json.*{named}|{named}.*config\.json"):
        folder.read_config()


@pytest.mark.parametrize("damage", [b"", b'{"schema": 1', b"\xff\xfe", b"[]", b"null"])
def test_a_damaged_config_is_named(folder, damage):
    folder.config.write_bytes(damage)
    with pytest.raises(ValueError, match=r"config\.json.*(Restore|restore)"):
        folder.read_config()


def test_no_folder_and_no_run_are_named(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        load_model(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"has no config\.json"):
        load_model(tmp_path)


def test_history_keeps_columns_and_rows(folder):
    rows = [{"step": 10, "loss": 1 / 3}, {"step": 20, "loss": 0.25}]
    for row in rows:
        folder.append_history(row)
    assert folder.history.read_text().splitlines()[0] == "step,loss"
    assert folder.read_history() == {"step": [10.0, 20.0], "loss": [1 / 3, 0.25]}


def test_a_damaged_history_is_named(folder):
    folder.history.write_text("step,loss\n1,x\n")
    with pytest.raises(ValueError, match=r"history\.csv is damaged"):
        folder.read_history()


def test_results_come_back(folder):
    folder.write_results({"mean": 2.0, "unit": "nats"})
    assert folder.read_results() == {"mean": 2.0, "unit": "nats"}
    folder.results.write_text("{")
    with pytest.raises(ValueError, match=r"results\.json is damaged"):
        folder.read_results()


@pytest.mark.parametrize("compiled", [False, True])
def test_weights_come_back_exactly_into_a_model_of_the_same_config(folder, compiled):
    model = zoo.FlowModel(folder.read_config().spec)
    if compiled:
        model.compile()
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    folder.save_weights(model)
    again = load_model(folder.path)
    assert again.spec == folder.read_config().spec
    assert again.compiled
    for ours, theirs in zip(model.weights, again.weights, strict=True):
        assert ours.path.rpartition("networks/")[2] == theirs.path.rpartition("networks/")[2]
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_save_that_breaks_off_leaves_the_last_good_weights(folder, model, error):
    folder.save_weights(model)
    before = folder.weights.read_bytes()

    class Breaks:
        def save_weights(self, path):
            path.write_bytes(b"half of it")
            raise error

    with pytest.raises(error):
        folder.save_weights(Breaks())
    assert folder.weights.read_bytes() == before
    assert {p.name for p in folder.path.iterdir()} == {"config.json", "weights.weights.h5"}


def test_missing_and_damaged_weights_are_named(folder, model):
    with pytest.raises(ValueError, match=r"has no weights\.weights\.h5"):
        load_model(folder.path)
    folder.save_weights(model)
    whole = folder.weights.read_bytes()
    for part in (b"", b"no weights at all", whole[: len(whole) // 2]):
        folder.weights.write_bytes(part)
        with pytest.raises(ValueError, match=r"weights\.weights\.h5 cannot be used.*train again"):
            load_model(folder.path)


def test_weights_of_another_config_are_refused(folder, model):
    folder.save_weights(model)
    edit(folder, lambda saved: saved["config"].update(units=16))
    with pytest.raises(ValueError, match=r"weights\.weights\.h5 cannot be used"):
        load_model(folder.path)
