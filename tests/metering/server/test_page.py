"""What the page on the metering API shows is true: its messages are taken, its codes are all of them."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Site

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "metering.md").read_text(encoding="utf-8")


def test_the_messages_of_the_page_are_taken(site: Site):
    """Rows and columns as they stand on the page are new readings."""
    answers = [
        site.ask("POST", "/metering/v1/readings", body.encode(), device="head-end")
        for body in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    ]

    assert [(one.status, one.body["new"]) for one in answers] == [(200, 1), (200, 2)]


def test_the_page_lists_every_code_of_refusal():
    """Each word that a refused row can bear stands on the page, and no other."""
    sources = [
        ROOT / "engine/sauma/readings.py",
        ROOT / "engine/sauma/judging.py",
        *(ROOT / "apps/sauma_metering/server").glob("*.py"),
    ]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    used = set(re.findall(r'code="(\w+)"|"(no_\w+)"|"(missing_with_energy|off_grid)"', text))
    words = {word for found in used for word in found if word}
    words |= {"not_yours", "implausible", "too_early", "conflict"}
    listed = re.search(r"The codes of refused rows: (.*?)\.\n", PAGE, re.DOTALL)

    assert listed is not None
    assert set(re.findall(r"`(\w+)`", listed[1])) == words
