import ast
import configparser
import importlib
import importlib.metadata
import pathlib
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = pathlib.Path(__file__).parents[1]
BELOW = {"tfflows": set(), "zoo": {"tfflows"}, "export": {"tfflows", "zoo"}}
OPTIONAL = ["onnx"]
"""The extras of which a package imports something, in places that do without it otherwise."""
HEAVY = {"keras", "matplotlib", "sklearn", "tensorflow", "tensorflow_datasets"} | {
    "tensorflow_probability",
    "tf_keras",
}


def imported(source: str) -> set[str]:
    """Returns the top-level packages a module names: by import anywhere, or by a dotted string."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= set(re.findall(r"\A(?:tfflows|zoo|export)\.\w[\w.]*\Z", node.value))
    return {name.partition(".")[0] for name in names}


def modules(package: str) -> list[pathlib.Path]:
    return sorted((ROOT / package).rglob("*.py"))


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "source",
    [
        "import zoo.registry",
        "from zoo import registry",
        "import numpy, zoo as animals",
        "def late():\n    from zoo.build import get",
        "if TYPE_CHECKING:\n    from zoo import FlowModel",
        "LAZY = {'get': 'zoo.build'}",
    ],
)
def test_imported_finds_every_way_to_import(source):
    assert "zoo" in imported(source)


def test_imported_takes_no_other_words_for_imports():
    assert imported("'''The zoo. See zoo.get.'''\nfrom . import zoo\nregister('zoo')") == set()


@pytest.mark.parametrize("package", BELOW)
def test_imports_go_one_way(package):
    ours = BELOW.keys() - {package} - BELOW[package]
    backward = {
        str(path.relative_to(ROOT)): sorted(found)
        for path in modules(package)
        if (found := imported(path.read_text(encoding="utf-8")) & ours)
    }
    assert modules(package)
    assert not backward


def test_only_bijector_touches_private_modules_of_tfp():
    private = re.compile(r"tensorflow_probability\.python|\bimport python\b|tfp\.python")
    found = {
        path.relative_to(ROOT).as_posix()
        for package in BELOW
        for path in modules(package)
        if private.search(path.read_text(encoding="utf-8"))
    }
    assert found <= {"tfflows/bijector.py"}


def test_what_is_imported_is_required():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].split("\n")
    for extra in OPTIONAL:
        lines += setup["options.extras_require"][extra].split("\n")
    required = {canonicalize_name(Requirement(line).name) for line in lines if line}
    names = set().union(
        *(imported(path.read_text(encoding="utf-8")) for p in BELOW for path in modules(p))
    )
    foreign = names - sys.stdlib_module_names - BELOW.keys()
    providers = importlib.metadata.packages_distributions()
    surplus = {
        name
        for name in foreign
        if not required & {canonicalize_name(dist) for dist in providers.get(name, ())}
    }
    assert not surplus, "imported, but neither in `install_requires` of setup.cfg nor optional"


@pytest.mark.parametrize("package", BELOW)
def test_public_names_resolve(package):
    module = importlib.import_module(package)
    assert module.__all__
    assert len(set(module.__all__)) == len(module.__all__)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing
    assert set(module.__all__) <= set(dir(module))


def test_an_unknown_name_of_the_lazy_package_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nope"):
        importlib.import_module("zoo").nope  # noqa: B018 - the access is what is tested


def test_listing_imports_nothing_heavy():
    code = "import sys, zoo; assert zoo.list(); print(*sys.modules)"
    assert not HEAVY & set(run_python(code).split())


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["fit", "--help"], ["fit", "nope"]])
def test_the_command_line_is_quick_to_answer(arguments):
    code = f"""
import runpy, sys
sys.argv = ["zoo", *{arguments!r}]
try:
    runpy.run_module("zoo", run_name="__main__", alter_sys=True)
except SystemExit:
    print()
print(*sys.modules)
"""
    answered = run_python(code).splitlines()[-1].split()
    assert "zoo" in answered
    assert not HEAVY & set(answered)
