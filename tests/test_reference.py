"""The reference has an entry for every public name; `.ci/run` builds it with warnings as errors."""

import importlib
import inspect
import re

import pytest

from pages import DOCS

ENTRY = re.compile(r"^::: ([\w.]+)$", re.M)
ARGUMENTS = re.compile(r"^Args:\n((?:    .*\n|\n)+)", re.M)
every_package = pytest.mark.parametrize("package", ["tfflows", "zoo", "export"])


def public(package):
    """Returns public names and what they are: modules' and classes' public functions, too."""
    module = importlib.import_module(package)
    found = {f"{package}.{name}": getattr(module, name) for name in module.__all__}
    for name, value in list(found.items()):
        if inspect.ismodule(value):
            found |= {f"{name}.{k}": v for k, v in members(value) if v.__module__ == value.__name__}
    for name, value in list(found.items()):
        if inspect.isclass(value):
            found |= {f"{name}.{k}": v for k, v in members(value) if inspect.isfunction(v)}
    return found


def members(value):
    kinds = {k: v for k, v in vars(value).items() if inspect.isfunction(v) or inspect.isclass(v)}
    return [(k, v) for k, v in kinds.items() if not k.startswith("_")]


@every_package
def test_every_public_name_has_one_entry(package):
    text = (DOCS / "reference" / f"{package}.md").read_text(encoding="utf-8")
    wanted = [f"{package}.{name}" for name in importlib.import_module(package).__all__]
    assert sorted(ENTRY.findall(text)) == sorted(wanted)


@every_package
def test_every_public_name_says_what_it_is(package):
    for name, value in public(package).items():
        assert (value.__doc__ or "").strip(), name


@every_package
def test_documented_arguments_are_those_of_the_signature(package):
    """The builder of the reference checks functions only, not classes."""
    counted = 0
    for name, value in public(package).items():
        listed = ARGUMENTS.search(inspect.cleandoc(value.__doc__ or "") + "\n")
        if listed and not inspect.ismodule(value):
            documented = re.findall(r"^    \*{0,2}(\w+):", listed[1], re.M)
            wanted = set(inspect.signature(value).parameters) - {"self"}
            assert set(documented) == wanted, name
            counted += 1
    assert counted >= {"tfflows": 40, "zoo": 10, "export": 1}[package]
