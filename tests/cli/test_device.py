"""`sauma device`: tokens are shown once, revoked for ever, and bound to what they may report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sauma_cli.__main__ import run

POINT = "643000000000000016"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration whose folder is there."""
    (tmp_path / "settlement").mkdir()
    (tmp_path / "sauma.toml").write_text('folder = "settlement"\n')
    return str(tmp_path / "sauma.toml")


def device(config: str, *arguments: str) -> int:
    """Run a command on that configuration."""
    return run(["device", *arguments, "--config", config, "--json"])


def test_a_device_is_added_listed_and_revoked(config, capsys):
    """Its token is shown when it is made, and never again."""
    assert device(config, "add", "meter-1", "--point", POINT, "--area", "north") == 0
    token = json.loads(capsys.readouterr().out)["token"]
    assert device(config, "revoke", "meter-1") == 0
    capsys.readouterr()
    assert device(config, "list") == 0
    listed = capsys.readouterr().out

    assert json.loads(listed)["devices"] == [
        {"device": "meter-1", "points": [POINT], "areas": ["north"], "revoked": True}
    ]
    assert token.startswith("sauma-device-")
    assert token not in listed


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["add", "meter-1"], "bound to nothing"),
        (["add", "Meter 1", "--point", POINT], "not a name"),
        (["add", "meter-1", "--point", "643000000000000017"], "check digit"),
        (["revoke", "nobody"], "no device"),
    ],
)
def test_what_cannot_be_is_refused_by_name(config, capsys, arguments, word):
    """Exit code 2, one line, and what to do."""
    assert device(config, *arguments) == 2
    assert word in capsys.readouterr().err


def test_a_name_is_given_once(config, capsys):
    """Also after it was revoked: the log of refusals goes by names."""
    device(config, "add", "meter-1", "--point", POINT)
    device(config, "revoke", "meter-1")

    assert device(config, "add", "meter-1", "--point", POINT) == 2
    assert "already" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "metering", "device list"])
def test_a_file_that_is_not_there_is_named(tmp_path, capsys, command):
    """Every command says which file it looked for."""
    missing = str(tmp_path / "nowhere.toml")

    assert run([*command.split(), "--config", missing]) == 2
    assert "nowhere.toml" in capsys.readouterr().err
