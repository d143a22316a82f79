"""What the page on operation shows is true: its file is read, its program runs."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sauma.errors import InvalidInput
from sauma_service import read_configuration

PAGE = (Path(__file__).parents[2] / "docs" / "running.md").read_text(encoding="utf-8")


def test_the_file_that_the_page_shows_is_one(tmp_path: Path):
    """The example of `sauma.toml` is read, and every key that the page lists is one."""
    (shown,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "sauma.toml").write_text(shown)
    listed = dict(re.findall(r"^\| `\[(\w+)\]` \| (.*?) \|", PAGE, re.MULTILINE))

    found = read_configuration(tmp_path / "sauma.toml")

    assert (found.chain.kind, found.metering.energy_wh_max) == ("nem", 25_000)
    for section, keys in listed.items():
        names = set(re.findall(r"`(\w+)`", keys))
        if section != "clock":
            assert names == set(getattr(found, section).__struct_fields__)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("folder = 1", "folder"),
        ("[servise]\nport = 1", "servise"),
        ('[service]\nport = "1"', "service.port"),
        ('[chain]\nkind = "bitcoin"', "chain.kind"),
        ("[clock]\nspeed = 2.0", "started"),
        ("folder = ", "TOML"),
        ('base = "x"', "base"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_its_key(tmp_path: Path, text: str, word: str):
    """Before anything starts, with the file's name and the place in it."""
    (tmp_path / "sauma.toml").write_text(text)

    with pytest.raises(InvalidInput, match=word):
        read_configuration(tmp_path / "sauma.toml")


@pytest.mark.parametrize("written", ["0.5", "2", "1e-9", "2678400.0"])
def test_times_are_numbers_of_seconds(tmp_path: Path, written: str):
    """Whole or not, as short as one likes, up to a month."""
    (tmp_path / "sauma.toml").write_text(f"[service]\npoll_s = {written}")

    poll = read_configuration(tmp_path / "sauma.toml").service_settings().poll

    assert poll == max(timedelta(seconds=float(written)), timedelta.resolution)


@pytest.mark.parametrize("written", ["0", "-0.5", "nan", "inf", "2678400.5"])
def test_times_that_are_none_are_refused_by_their_key(tmp_path: Path, written: str):
    """Before anything starts, with the key and what it may be."""
    (tmp_path / "sauma.toml").write_text(f"[service]\nretry_first_s = {written}")

    with pytest.raises(
        InvalidInput, match=r"retry_first_s of .* must be above 0 and within a month"
    ):
        read_configuration(tmp_path / "sauma.toml").service_settings()


def test_the_program_of_the_page_settles_by_itself(tmp_path: Path):
    """Rounds carry two readings to final bills, and ledger minus chain is 0."""
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("0 ()\n", "")
