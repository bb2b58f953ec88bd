"""The README's Python runs as it stands, in order, with the training shortened."""

import dataclasses
import pathlib
import re

import pytest

from zoo import registry

README = pathlib.Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture(scope="module")
def namespace():
    return {}


@pytest.fixture
def _short_training(monkeypatch):
    for name in registry.list_presets():
        preset = registry.preset(name)
        short = dataclasses.replace(preset.training, steps=3)
        changed = dataclasses.replace(preset, training=short)
        monkeypatch.setitem(registry._presets, name, changed)


def test_there_are_blocks():
    assert len(BLOCKS) >= 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.mark.usefixtures("_short_training")
@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_block_runs(number, namespace, folder, monkeypatch):
    monkeypatch.chdir(folder)
    exec(compile(BLOCKS[number], f"README block {number}", "exec"), namespace)
    if number == 0:
        assert namespace["images"].shape == (64, 8, 8, 1)
        back = namespace["model"].decode(namespace["latents"])
        assert abs(back - namespace["images"]).numpy().max() < 1e-3
    if "given" in namespace:
        assert namespace["given"].sample(7).shape == (7, 5, 4)


def test_pictures_exist():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / path).is_file(), path
