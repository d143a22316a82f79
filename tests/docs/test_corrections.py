"""The program of the page on late readings runs as it stands, and its settings are a rulebook's."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from sauma.rulebook import Rulebook

TEXT = (Path(__file__).parents[2] / "docs" / "corrections.md").read_text(encoding="utf-8")


def test_the_program_corrects_a_bill(tmp_path, monkeypatch, capsys):
    """Whoever copies it sees old and new reading, old and new amount."""
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

    exec(compile(program, "corrections.md", "exec"), {})  # noqa: S102 - the manual's own

    assert capsys.readouterr().out.splitlines() == [
        "900 Wh, corrected to 1400 Wh",
        "144000000 + 80000000 = 224000000 nano-euro",
    ]


def test_the_settings_are_the_defaults():
    """The page names the rulebook's policies with the values that they have unless set."""
    (given,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    fields = attrs.fields_dict(Rulebook)

    assert f"correction_window_days = {fields['correction_window_days'].default} " in given
    assert f'correction_period = "{fields["correction_period"].default.value}"' in given
