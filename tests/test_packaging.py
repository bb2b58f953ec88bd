import os
import pathlib
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
LEFT_BEHIND = {".git", ".venv", "venv", "build", "dist", "runs", "served", "site"}
"""What may lie in a checkout beside its source, but not below that."""
PACKAGES = ("export", "tfflows", "zoo")

pytestmark = pytest.mark.slow


def run(*command, cwd):
    # Without PYTHONPATH, so that the repository is seen only where it is installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The folder with the sdist, built from a clean copy, and the wheel, built from that sdist."""
    folder = tmp_path_factory.mktemp("packaging")
    source = folder / "source"
    generated = shutil.ignore_patterns("*.egg-info", "__pycache__")

    def not_source(directory, names):
        left_behind = LEFT_BEHIND if pathlib.Path(directory) == ROOT else set()
        return generated(directory, names) | (left_behind & set(names))

    shutil.copytree(ROOT, source, ignore=not_source)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", cwd=source)
    return folder / "dist"


@pytest.fixture(scope="module")
def wheel(dist):
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """The `bin` of an environment with the wheel and what is installed here, but no repository."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder)
    # A path in a .pth file is searched, but the .pth files inside it, an editable install's among
    # them, are not read. After the installation: pip would see an editable tfflows there.
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (pathlib.Path(site.strip()) / "dependencies.pth").write_text("\n".join(paths) + "\n")
    return folder / "bin"


def test_the_wheel_holds_the_three_packages_and_nothing_else(wheel):
    files = {pathlib.PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()}
    tops = {path.parts[0] for path in files}
    assert tops == {*PACKAGES, "tfflows-0.1.0.dist-info"}
    modules = {
        path.relative_to(ROOT).as_posix() for p in PACKAGES for path in (ROOT / p).rglob("*.py")
    }
    marks = {f"{package}/py.typed" for package in PACKAGES}
    assert {str(path) for path in files if path.parts[0] in PACKAGES} == modules | marks


def test_the_wheel_says_what_it_is(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("/LICENSE"))
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()
        metadata = archive.read("tfflows-0.1.0.dist-info/METADATA").decode().splitlines()
    assert "Name: tfflows" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: >=3.11" in metadata


def test_the_sdist_holds_what_its_tests_need(dist):
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = {name.partition("/")[2] for name in archive.getnames()}
    tests = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    assert tests <= files
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.cfg"} <= files


def test_the_installed_wheel_imports_from_its_own_environment(environment, tmp_path):
    code = "import export, tfflows, zoo; print(export.__file__, tfflows.__file__, zoo.__file__)"
    files = run(environment / "python", "-c", code, cwd=tmp_path).split()
    assert all(pathlib.Path(file).is_relative_to(environment.parent) for file in files)


def test_the_installed_commands_answer(environment, tmp_path):
    assert "realnvp_digits" in run(environment / "python", "-m", "zoo", "list", cwd=tmp_path)
    assert "Usage" in run(environment / "tfflows", "--help", cwd=tmp_path)


def test_the_installed_wheel_samples_and_scores(environment, tmp_path):
    code = """
import zoo
model = zoo.get("realnvp_moons")
print(model.log_prob(model.sample(3, seed=0)).shape)
"""
    assert run(environment / "python", "-c", code, cwd=tmp_path).strip() == "(3,)"
