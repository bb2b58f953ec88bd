"""Malformed command lines and files: one line, exit code 2, and nothing written or lost.

The tables are made by a seed. `EARLY` has to fail before TensorFlow is needed; `MODELS` fail when
the model is built, `FILES` when data or weights are read. A file that happens to be usable gets as
far as `build`, which here ends the command by `Accepted`.
"""

import contextlib
import io
import json
import random
import shutil
import string

import numpy as np
import pytest
from PIL import Image

import zoo
from command_line import files_below, zoo_main
from models import fitted
from zoo.runs.config import RunConfig
from zoo.runs.folder import RunFolder

SEED = 0
MOONS, TABLE = "realnvp_moons", ["fit", "realnvp", "--run=new", "--set=event_shape=3"]
IMAGES = ["fit", "realnvp", "--run=new", "--set=image_shape=4,4,1"]
CLASSES = [*IMAGES, "--set=num_classes=2"]


class Accepted(Exception):  # noqa: N818 - no error
    """The command has taken its input."""


def junk(rng, letters=string.printable):
    return "".join(rng.choice(letters) for _ in range(rng.randint(1, 12)))


def misspelt(rng, name):
    """Returns a name with one letter lost, doubled, swapped or foreign."""
    i = rng.randrange(len(name))
    changed = rng.choice(["", name[i] * 2, name[i].upper(), "\u00e9", "\x00", " "])
    return name[:i] + changed + name[i + 1 :]


VALUES = {
    "filters": ["", "x", "1.5", "1e3", "none", "[1]", "(", "1or 2", "{[]: 1}", "9" * 5000, "\x00"],
    "steps": ["0", "-1", "none", "true", "1e3", "0x", "1_", "nan", "'3'", "3,", "\udcff", "--"],
    "batch_size": ["0", "-5", "none", "1/2", "(1)(2)", "[[[[", "lambda: 1"],
    "learning_rate": ["0", "-1", "nan", "inf", "1e999", "", "1,2", "fast", "none"],
    "weight_decay": ["-1", "1e999", "none", "x"],
    "clip_norm": ["0", "-1", "x", "[]"],
    "schedule": ["", "linear", "COSINE", "none", "3"],
    "warmup_steps": ["-1", "0.5", "none"],
    "flip": ["2", "maybe", "none", "1"],
    "image_shape": ["8x8x1", "8,8,one", "[8, 8", "none", "8.5,8,1", "true,true,true", "{}"],
    "num_classes": ["ten", "1.5", "[]"],
    "__class__": ["1"],
    "": ["1"],
}
NUMBERS = {
    "fit": {
        "--steps": ["0", "-1", "x", "1.5", "", "1e3", "\u0663x"],
        "--epochs": ["0", "-1", "x", "1.5", "", "none"],
        "--batch-size": ["0", "-1", "x", "1.5"],
        "--seed": ["-1", "x", str(2**31), "1.5", "9" * 5000],
    },
    "evaluate": {"--draws": ["0", "-1", "x", "1.5"], "--seed": ["-1", str(2**31), "x"]},
    "sample": {
        "--n": ["0", "-1", "x", "10001", "9" * 30],
        "--seed": ["-1", str(2**31), "x"],
        "--temperature": ["-1", "x", "", "1,5"],
    },
}
PATHS = ["", " ", "no.npy", "./no", "no/", "~/no/no.npy", "/no/such", "notes.txt", "photo.png", "x"]


def early():
    rng = random.Random(SEED)
    names = zoo.list()
    yield from ([junk(rng)] for _ in range(15))
    yield from ([command, "--" + junk(rng, string.ascii_letters)] for command in COMMANDS)
    yield from ([command, f"-{rng.choice('xyzqvw')}"] for command in COMMANDS)
    yield from (["info"], ["fit"], ["fit", MOONS], ["evaluate"], ["sample"], ["sample", "moons"])
    yield from (["list", "a", "b"], ["info", MOONS, "x"], ["fit", MOONS, "x", "--run=new"])
    yield from (["fit", MOONS, "--run"], ["fit", MOONS, "--run=new", "--set"], ["info", ""])
    yield from (["list", pattern] for pattern in ("zebra*", "[", "", "\x00", "\u00fc*"))
    yield from (["info", misspelt(rng, rng.choice(names))] for _ in range(15))
    yield from (["fit", misspelt(rng, rng.choice(names)), "--run=new"] for _ in range(15))
    yield from (
        ["fit", "realnvp_digits", "--run=new", f"--set={key}={value}"]
        for key, values in VALUES.items()
        for value in values
    )
    yield from (["info", MOONS, f"--set={junk(rng)}"] for _ in range(20))
    subject = {
        "fit": (MOONS, "--run=new"),
        "evaluate": ("digits",),
        "sample": ("moons", "--out=n.npy"),
    }
    yield from (
        [command, *subject[command], f"{option}={value}"]
        for command, options in NUMBERS.items()
        for option, values in options.items()
        for value in values
    )
    yield from (["fit", MOONS, "--run=new", "--data", path] for path in PATHS[:-1])
    yield from (["evaluate", "moons", "--data", path] for path in PATHS[:-1])
    yield from (
        ["fit", MOONS, "--run", path] for path in ("", " ", "moons", "notes.txt", "notes.txt/x")
    )
    yield from ([command, path] for command in ("evaluate",) for path in PATHS)
    yield from (["sample", path, "--out=n.npy"] for path in PATHS)
    yield from (
        [c, r, *o] for r in BROKEN_RUNS for c, o in (("evaluate", []), ("sample", ["--out=n.npy"]))
    )
    yield from (
        ["sample", "moons", "--out", out]
        for out in (
            "",
            "n",
            "n.jpg",
            "n.npz",
            ".npy",
            "no/n.npy",
            "moons",
            "table.npy",
            "notes.txt/n.npy",
        )
    )
    yield from (["sample", "digits", "--out=n.png", f"--classes={c}"] for c in ("0", "", "x"))
    yield from (["sample", "moons", "--out=n.npy", f"--condition={c}"] for c in ("0", "", "x"))
    yield from (
        ["sample", "classes", "--out=n.npy", f"--classes={c}"]
        for c in ("2", "-1", "", ",", "0,", "1-0", "0-2", "a", "0.5", "0--1", "9" * 99, "\u0661")
    )
    yield from (["sample", "classes", "--out=n.npy", "--n=5001"], ["sample", "wide", "--out=n.png"])
    yield from (
        ["sample", "wide", "--out=n.npy", *(f"--condition={c}" for c in given)]
        for given in ((), ("1",), ("1,2,3",), ("1,x",), ("nan,1",), ("1,inf",), ("1,2", ""), (",",))
    )
    yield from (["evaluate", "moons", "--draws=2"], ["evaluate", "moons", "--seed=1"])
    yield from (
        ["evaluate", "moons", "--resize"],
        ["evaluate", "digits", "--data=table.npy", "--resize"],
    )
    yield from (["fit", family, "--run=new"] for family in ("realnvp", "nice"))
    yield [*TABLE, "--set=image_shape=4,4,1", "--data=table.npy"]
    yield [*TABLE, "--data=table.npy", "--resize"]
    yield TABLE


COMMANDS = ("list", "info", "fit", "evaluate", "sample")
BROKEN_RUNS = ["none", "cut", "text", "list", "schema", "family", "fields", "steps", "weightless"]


def broken_runs(world):
    """Makes run folders that are none, each in another way."""
    config = (world / "moons" / "config.json").read_text()
    changes = {
        "schema": {"schema": 99},
        "family": {"family": "glow"},
        "fields": {"config": {}},
        "steps": {"training": {"steps": "many"}},
        "weightless": {},
    }
    texts = {name: json.dumps({**json.loads(config), **new}) for name, new in changes.items()}
    texts |= {"cut": config[: len(config) // 2], "text": "no json", "list": "[1]", "none": None}
    for name, text in texts.items():
        shutil.copytree(world / "moons", world / name)
        (world / name / "config.json").unlink()
        if text is not None:
            (world / name / "config.json").write_text(text)
    (world / "weightless" / "weights.weights.h5").unlink()
    shutil.copytree(world / "moons", world / "resultless")
    (world / "resultless" / "results.json").write_text("{")


def run_in(path, model, data):
    folder = RunFolder(path)
    folder.create(RunConfig(spec=model.spec, data=data))
    folder.save_weights(model)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with runs, broken runs, data, and files that are none of these."""
    world = tmp_path_factory.mktemp("world")
    small = {"couplings": 2, "units": 4}
    run_in(world / "moons", fitted(MOONS), "moons")
    run_in(world / "digits", fitted("realnvp_digits"), "digits")
    run_in(world / "classes", zoo.get("realnvp", event_shape=2, num_classes=2, **small), "moons")
    run_in(world / "wide", zoo.get("realnvp", event_shape=2, condition_dim=2, **small), "moons")
    broken_runs(world)
    (world / "notes.txt").write_text("mine")
    Image.new("L", (4, 4)).save(world / "photo.png")
    np.save(world / "table.npy", np.zeros((20, 3)))
    return world


@contextlib.contextmanager
def nothing_changes(world):
    before = files_below(world)
    yield
    assert files_below(world) == before


def check(code, out, err, before):
    """Checks that the command failed by one line, after lines of progress that start so."""
    *progress, last = err.splitlines()
    assert code == 2
    assert not out
    assert last.startswith("error: ")
    assert len(last) > len("error: ")
    assert all(line.startswith(before) for line in progress)


@pytest.fixture(scope="module")
def number_of_cases():
    return len(list(early())) + len(MODELS) + len(FILES) + len(WEIGHTS)


def test_there_are_at_least_two_hundred_cases(number_of_cases):
    assert number_of_cases >= 200


@pytest.mark.parametrize("words", list(early()), ids=lambda words: ascii(" ".join(words))[1:60])
def test_what_is_wrong_without_data_is_said_before_tensorflow(words, world, monkeypatch):
    def needed():
        msg = "TensorFlow was imported."
        raise AssertionError(msg)

    monkeypatch.setattr("zoo.console.import_tensorflow", needed)
    monkeypatch.chdir(world)
    with nothing_changes(world):
        check(*zoo_main(*words), before=())


MODELS = [
    [*IMAGES[:-1], f"--set=image_shape={shape}"]
    for shape in ("0,0,1", "-4,4,1", "4,4", "4,4,1,1", "1,1,1", "4,4,0", "4,", "7,5,1")
]
MODELS += [[*TABLE[:-1], f"--set=event_shape={shape}"] for shape in ("1", "0", "-3", "3,3", "()")]
MODELS += [
    [*IMAGES, f"--set={setting}"]
    for setting in (
        *("scales=0", "scales=-1", "scales=9", "couplings=1", "couplings=-2", "last_couplings=0"),
        *("filters=0", "filters=-1", "blocks=-1", "alpha=0.5", "alpha=-1", "alpha=7", "levels=1"),
        *("levels=0", "levels=-4", "num_classes=0", "num_classes=-1", "condition_dim=0"),
        *("flow_norm=layernorm", "net_norm=layernorm", "flow_norm=none", "net_norm=3"),
    )
]
MODELS += [
    [*TABLE, f"--set={setting}"]
    for setting in (
        "units=0",
        "units=-1",
        "layers=-1",
        "couplings=0",
        "flip=true",
        "condition_dim=-1",
    )
]
MODELS += [[*IMAGES, "--set=num_classes=2", "--set=condition_dim=2"]]


@pytest.mark.parametrize("words", MODELS, ids=lambda words: words[-1])
def test_models_that_cannot_be_built_are_refused(words, world, monkeypatch):
    monkeypatch.chdir(world)

    def rows(data, form, **_):
        return Rows()

    class Rows:
        train = held_out = np.zeros((1000, 2))
        split = "none"

    monkeypatch.setattr("zoo.runs.data.read", rows)
    with nothing_changes(world):
        check(*zoo_main(*words, "--data=table.npy"), before=("loading", "1,000 rows"))


PIXELS = np.arange(20 * 16, dtype=np.uint8).reshape(20, 4, 4, 1)
REALS = np.random.default_rng(SEED).normal(size=(20, 3))


def spoilt(value):
    array = REALS.copy()
    array[-1, -1] = value
    return array


def array_files():
    """Yields (words, suffix, what to save)."""
    for name, array in {
        "scalar": np.float32(3),
        "no_rows": REALS[:0],
        "few_rows": REALS[:9],
        "one_row": REALS[0],
        "wide": REALS[:, :2],
        "deep": REALS[None],
        "text": np.array([["a"] * 3] * 20),
        "complex": REALS * 1j,
        "dates": np.zeros((20, 3), "datetime64[s]"),
        "records": np.zeros(20, [("a", float), ("b", float)]),
        "nan": spoilt(np.nan),
        "infinite": spoilt(-np.inf),
        "too_large": spoilt(1e300),
    }.items():
        yield name, TABLE, array
    for name, array in {
        "scaled": PIXELS / 255,
        "negative": PIXELS.astype(int) - 1,
        "beyond": PIXELS.astype(int) + 1,
        "halves": PIXELS + 0.5,
        "nan_pixels": np.full((20, 4, 4, 1), np.nan),
        "channels_first": PIXELS.transpose(0, 3, 1, 2),
        "flat": PIXELS.reshape(20, 16),
        "colours": PIXELS.repeat(3, -1),
    }.items():
        yield name, IMAGES, array
    label = np.arange(20) % 2
    for name, arrays in {
        "no_array": {},
        "other_names": {"a": PIXELS},
        "no_labels": {"x": PIXELS},
        "labels_alone": {"label": label},
        "few_labels": {"x": PIXELS, "label": label[:-1]},
        "third_class": {"x": PIXELS, "label": label + 1},
        "half_labels": {"x": PIXELS, "label": label / 2},
        "text_labels": {"x": PIXELS, "label": label.astype(str)},
        "label_rows": {"x": PIXELS, "label": label[:, None] * [1, 1]},
        "empty_part": {"train": PIXELS, "test": PIXELS[:0]},
        "part_alone": {"train": PIXELS},
        "three": {"arr_0": PIXELS, "arr_1": label, "arr_2": label},
    }.items():
        yield name, CLASSES, arrays


def damaged_files():
    """Yields (words, suffix, bytes): whole files of which some bytes are lost or others."""
    rng = random.Random(SEED)
    for suffix, save, arrays in ((".npy", np.save, [REALS]), (".npz", np.savez, [REALS])):
        whole = io.BytesIO()
        save(whole, *arrays)
        whole = whole.getvalue()
        for k in range(4):
            yield f"cut{k}{suffix}", whole[: rng.randrange(len(whole))]
        for k in range(12):
            start, length = rng.randrange(120), rng.randint(1, 12)
            yield (
                f"changed{k}{suffix}",
                whole[:start] + rng.randbytes(length) + whole[start + length :],
            )
    for k in range(3):
        yield f"noise{k}.npy", rng.randbytes(200)
        yield f"headed{k}.npy", b"\x93NUMPY\x01\x00" + rng.randbytes(200)
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (%s, 3), }"
    for k, rows in enumerate((b"-1", b"10**20", b"99999999999999", b"True", b"()")):
        text = (header % rows).ljust(117) + b"\n"
        yield f"header{k}.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def png(**changes):
    out = io.BytesIO()
    Image.fromarray(PIXELS[0, ..., 0]).save(out, "png")
    return out.getvalue()


def folders():
    """Yields (name, words, {file: bytes})."""
    rng = random.Random(SEED)
    good = {f"{k}.png": png() for k in range(12)}
    large, deep = io.BytesIO(), io.BytesIO()
    Image.new("L", (6, 4)).save(large, "png")
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(deep, "png")
    yield "empty", IMAGES, {}
    yield "no_images", IMAGES, {"a.txt": b"", "b.gif": b"GIF89a"}
    yield "few", IMAGES, {"a.png": png()}
    yield "vectors", TABLE, good
    yield "unclassed", CLASSES, good
    yield "three_classes", CLASSES, {f"{c}/{name}": b for c in "abc" for name, b in good.items()}
    for name, content in {
        "larger": large.getvalue(),
        "sixteen_bits": deep.getvalue(),
        "nothing": b"",
        "words": b"no image at all",
        **{f"cut{k}": png()[: rng.randrange(8, 60)] for k in range(5)},
        **{f"noise{k}": png()[:8] + rng.randbytes(80) for k in range(3)},
    }.items():
        yield name, IMAGES, {**good, "z.png": content}


FILES = [
    *((f"{name}.np{'z' if isinstance(a, dict) else 'y'}", w, a) for name, w, a in array_files()),
    *((name, TABLE, content) for name, content in damaged_files()),
    *folders(),
]


def put(path, content):
    """Writes an array, a dict of arrays, bytes, or a folder of such."""
    if isinstance(content, bytes):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    elif path.suffix == ".npz":
        np.savez(path, **content)
    elif path.suffix == ".npy":
        np.save(path, content)
    else:
        path.mkdir()
        for name, inner in content.items():
            put(path / name, inner)


def refuse_to_build(run, jit):
    raise Accepted


@pytest.mark.parametrize(("name", "words", "content"), FILES, ids=[name for name, _, _ in FILES])
def test_data_that_cannot_be_used_is_refused(name, words, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zoo.runs.fit.build", refuse_to_build)
    put(tmp_path / name, content)
    usable = name.startswith(("changed", "cut")) and name.endswith((".npy", ".npz"))
    with nothing_changes(tmp_path), contextlib.ExitStack() as stack:
        if usable:
            stack.enter_context(contextlib.suppress(Accepted))
        options = ["--data", f"./{name}", "--batch-size=4"]
        check(*zoo_main(*words, *options), before=("loading",))


def test_a_good_file_is_not_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("zoo.runs.fit.build", refuse_to_build)
    np.save("x.npy", REALS)
    with pytest.raises(Accepted):
        zoo_main(*TABLE, "--data=x.npy", "--batch-size=4")


WEIGHTS = ["cut", "changed", "empty", "foreign"]


@pytest.mark.parametrize("damage", WEIGHTS)
@pytest.mark.parametrize("command", ["evaluate", "sample"])
def test_damaged_weights_are_refused(command, damage, world, monkeypatch):
    monkeypatch.chdir(world)
    run = world / f"{damage}_{command}"
    shutil.copytree(world / "moons", run)
    weights = run / "weights.weights.h5"
    whole = weights.read_bytes()
    weights.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "changed": random.Random(SEED).randbytes(600) + whole[600:],
            "empty": b"",
            "foreign": (world / "digits" / "weights.weights.h5").read_bytes(),
        }[damage]
    )
    options = ["--out=n.npy"] if command == "sample" else []
    with nothing_changes(world):
        check(*zoo_main(command, run.name, *options), before=("loading",))


def test_damaged_results_are_found_before_the_work(world, monkeypatch):
    monkeypatch.chdir(world)
    with nothing_changes(world):
        code, out, err = zoo_main("evaluate", "resultless")
        check(code, out, err, before=())
    assert "results.json is damaged" in err
