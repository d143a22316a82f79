"""The terms of a session: what they may say, and their id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId
from sauma.intervals import find_zone
from sauma.session import SessionTerms

NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
TERMS = SessionTerms(
    payer=AccountId("memory:main:car"),
    payee=AccountId("memory:main:charger"),
    operator=AccountId("memory:main:operator"),
    asset=AssetId("memory:main/unit:eur"),
    price_micro=200_000,
    held_units_max=10_000,
    energy_wh_max=50_000,
    starts_before=NOON,
    ends_before=NOON + timedelta(hours=2),
    key="1",
)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"held_units_max": 0}, "above zero"),
        ({"energy_wh_max": -1}, "energy_wh_max"),
        ({"price_micro": 10**10}, "price"),
        ({"ends_before": NOON}, "start before it ends"),
        ({"starts_before": NOON.replace(tzinfo=None)}, "naive"),
        ({"ends_before": NOON.replace(microsecond=5, hour=14)}, "whole seconds"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(changes, word):
    """Nothing to hold, energy below nothing, or an end before the start: no session."""
    with pytest.raises(InvalidInput, match=word):
        attrs.evolve(TERMS, **changes)


def test_the_id_is_of_the_facts():
    """The same instant written in another zone is the same session; any other fact is another."""
    local = attrs.evolve(TERMS, starts_before=NOON.astimezone(find_zone("Europe/Helsinki")))

    assert local.session_id == TERMS.session_id
    assert attrs.evolve(TERMS, key="2").session_id != TERMS.session_id
    assert attrs.evolve(TERMS, ends_before=NOON + timedelta(hours=3)).session_id != TERMS.session_id
