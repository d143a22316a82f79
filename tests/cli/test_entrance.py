"""Before any command: help, version, usage, and how errors look."""

import os
import subprocess
import sys

import pytest

import sauma


def test_help_names_every_command(sauma_run) -> None:
    """Help names every command and exits with 0."""
    shown = sauma_run("--help")

    assert shown.code == 0
    for name in ("demo", "participant", "settle", "bills", "replay", "node", "rebuild", "ethereum"):
        assert name in shown.out


def test_help_loads_nothing_heavy() -> None:
    """Asking for help loads no database, no cryptography and no arrays, so that it is quick."""
    program = (
        "import sys; from sauma_cli.__main__ import run; run(['--help']);"
        "heavy = {'sqlalchemy', 'numpy', 'symbolchain', 'requests', 'alembic'} & set(sys.modules);"
        "sys.exit(sorted(heavy) and f'loaded {heavy}' or 0)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr


def test_version(sauma_run) -> None:
    """The version is the package's."""
    shown = sauma_run("--version")

    assert (shown.code, shown.out.strip()) == (0, sauma.__version__)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sette"], "there is no command 'sette'"),
        (["settle", "--chain", "bitcoin"], '"nem"'),
        (["replay"], "FOLDER"),
        (["demo", "--colour"], "--colour"),
        (["node", "--auto", "--manual"], "choose one"),
    ],
)
def test_usage(sauma_run, arguments: list[str], said: str) -> None:
    """A mistake on the command line is one line on standard error and exit code 2."""
    shown = sauma_run(*arguments)

    assert shown.code == 2
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert said in shown.err


def test_errors_for_programs(sauma_run, tmp_path) -> None:
    """With --json an error is a document as well, with its kind and message."""
    shown = sauma_run("bills", "--folder", tmp_path / "none", "--json")

    assert shown.code == 2
    assert shown.document["error"]["kind"] == "InvalidInput"
    assert shown.document["error"]["message"] in shown.err


def test_stopped(sauma_run, settled, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is no error of anybody: it is said that nothing is lost, and the exit code is 130."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sauma_cli.commands.bills.read_statements", interrupt)

    shown = sauma_run("bills", "--folder", settled)

    assert shown.code == 130
    assert "nothing is lost" in shown.err


def test_a_package_that_is_not_installed(sauma_run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that was not installed is named with the way to install it."""
    for module in ("sauma_cli.nem_sites", "sauma_cli.nodes"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "requests", None)

    shown = sauma_run("demo")

    assert shown.code == 1
    assert "requests is not installed: pip install 'sauma[all]'" in shown.err


def test_events_when_asked(sauma_run, files, tmp_path) -> None:
    """With --verbose the engine's and the node's events are on standard error, and no key or signature."""
    shown = sauma_run("settle", *files.options, "--folder", tmp_path / "day", "--json", "--verbose")

    assert "transaction_sent" in shown.err
    assert "blocks_made" in shown.err
    assert shown.document["final"]
    keys = (tmp_path / "day" / "keys" / "operator.json").read_text()
    assert not any(word in shown.err for word in keys.split('"') if len(word) == 64)
