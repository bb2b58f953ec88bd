import os

import click
import pytest

from zoo import console


def exit_of(command, *args):
    group = console.Group("group")
    group.add_command(click.Command("do", callback=command))
    with pytest.raises(SystemExit) as left:
        group.main(args or ["do"], "prog")
    return left.value.code


def raises(error):
    def command():
        raise error

    return command


def test_noise_on_the_descriptor_is_kept_and_gone(capfd):
    with console.quiet_stderr():
        os.write(2, b"noise")
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


@console.quiet_stderr()
def noisy_import():
    os.write(2, b"the reason")
    msg = "broken"
    raise ImportError(msg)


def test_noise_is_shown_if_the_body_fails(capfd):
    with pytest.raises(ImportError, match="broken"):
        noisy_import()
    assert capfd.readouterr().err == "the reason"


@pytest.mark.parametrize("error", [ValueError("a\n  b"), TypeError("a b"), OSError("a b")])
def test_our_errors_are_one_line_and_exit_2(error, capsys, monkeypatch):
    monkeypatch.delenv("TFFLOWS_TRACEBACK", raising=False)
    assert exit_of(raises(error)) == 2
    assert capsys.readouterr().err == "error: a b\n"


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


@pytest.mark.parametrize("error", [MemoryError(), ResourceExhaustedError("OOM when allocating")])
def test_a_lack_of_memory_is_one_line_and_exits_2(error, capsys, monkeypatch):
    monkeypatch.delenv("TFFLOWS_TRACEBACK", raising=False)
    assert exit_of(raises(error)) == 2
    assert capsys.readouterr().err.startswith("error: out of memory.")


def test_an_error_without_words_is_named(capsys):
    assert exit_of(raises(ValueError())) == 2
    assert capsys.readouterr().err == "error: ValueError\n"


def test_a_variable_asks_for_the_traceback(monkeypatch):
    monkeypatch.setenv("TFFLOWS_TRACEBACK", "1")
    group = console.Group("group")
    group.add_command(click.Command("do", callback=raises(ValueError("mine"))))
    with pytest.raises(ValueError, match="mine"):
        group.main(["do"], "prog")


def test_other_errors_keep_their_traceback():
    group = console.Group("group")
    group.add_command(click.Command("do", callback=raises(ZeroDivisionError())))
    with pytest.raises(ZeroDivisionError):
        group.main(["do"], "prog")


def test_usage_errors_are_one_line_with_the_way_to_the_help(capsys):
    assert exit_of(lambda: None, "du") == 2
    err = capsys.readouterr().err
    assert err.startswith("error: No such command 'du'")
    assert err.endswith("Help: prog --help\n")
    assert err.count("\n") == 1


def test_an_interrupt_exits_130(capsys):
    assert exit_of(raises(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_exit_codes_of_commands_pass():
    assert exit_of(raises(SystemExit(1))) == 1
    assert exit_of(lambda: None) is None
    assert exit_of(lambda: None, "--help") == 0
