import pytest

from export.versions import Versions


@pytest.fixture
def versions(tmp_path):
    return Versions(tmp_path / "served" / "digits")


def publish(versions, version=None):
    with versions.writing() as aside:
        aside.mkdir()
        (aside / "file").write_text("content")
        return versions.publish(aside, version)


def fail(versions, error):
    with versions.writing() as aside:
        (aside / "variables").mkdir(parents=True)
        raise error


def test_versions_count_up_from_one(versions):
    assert [publish(versions).name for _ in range(3)] == ["1", "2", "3"]
    assert (versions.directory / "2" / "file").read_text() == "content"


def test_the_next_version_is_higher_than_all_since_servers_take_the_highest(versions):
    assert publish(versions, 7).name == "7"
    assert publish(versions, 3).name == "3"
    assert publish(versions).name == "8"


def test_only_whole_numbers_are_versions(versions):
    for name in (".writing-1", "v9", "9.5", "latest", "0012"):
        (versions.directory / name).mkdir(parents=True)
    assert versions.next_free() == 13
    with pytest.raises(ValueError, match="holds version 12"):
        versions.check(12)


def test_nothing_is_there_before_it_is_complete(versions):
    with versions.writing() as aside:
        aside.mkdir()
        assert [p for p in versions.directory.iterdir() if p.name.isdecimal()] == []
        versions.publish(aside, None)
    assert [p.name for p in versions.directory.iterdir()] == ["1"]


def test_an_existing_version_is_refused_and_left_alone(versions):
    first = publish(versions)
    with pytest.raises(ValueError, match=r"`version`.*version 1 already.*next free one is 2"):
        publish(versions, 1)
    assert (first / "file").read_text() == "content"
    assert [p.name for p in versions.directory.iterdir()] == ["1"]


def test_a_number_that_another_export_takes_meanwhile_is_not_overwritten(versions, monkeypatch):
    publish(versions)
    numbers = iter([1, 1, 2])
    monkeypatch.setattr(versions, "next_free", lambda: next(numbers))
    assert publish(versions).name == "2"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(versions, tmp_path, error):
    with pytest.raises(error):
        fail(versions, error)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_older_versions(versions):
    publish(versions)
    with pytest.raises(OSError, match="full"):
        fail(versions, OSError("full"))
    assert [p.name for p in versions.directory.iterdir()] == ["1"]


@pytest.mark.parametrize("version", [0, -1, 2**63])
def test_impossible_versions_are_refused(versions, version):
    with pytest.raises(ValueError, match=rf"`version` must be in 1..2\*\*63 - 1; .* {version}"):
        versions.check(version)


@pytest.mark.parametrize("version", ["1", 1.0, True])
def test_versions_are_integers(versions, version):
    with pytest.raises(TypeError, match="`version` must be an integer"):
        versions.check(version)


def test_a_file_is_no_folder_of_versions(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="`directory` must be a folder"):
        Versions(tmp_path / "file").check(None)


def test_a_version_is_no_folder_of_versions(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").touch()
    with pytest.raises(ValueError, match=f"itself a SavedModel.*belong in {tmp_path}"):
        Versions(tmp_path / "1").check(None)
