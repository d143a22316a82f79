"""The terms of a session: what they may say, their bytes and their id."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import attrs
import pytest

from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, canonical_json
from sauma.intervals import find_zone
from sauma.session import SessionTerms, account_word, asset_word

from .car import CAR, NOON, TERMS


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"energy_wh_max": -1}, "energy_wh_max"),
        ({"price": -1}, "price"),
        ({"price_decimals": 19}, "price_decimals"),
        ({"fee_bps": 10_001}, "fee_bps"),
        ({"contest_window_s": 0}, "contest_window_s"),
        ({"silence_limit_s": 0}, "silence_limit_s"),
        ({"arbiter_window_s": 0}, "arbiter_window_s"),
        ({"contest_window_s": 10**9}, "contest_window_s"),
        ({"domain": b"short"}, "32 bytes"),
        ({"corrects": b""}, "32 bytes"),
        ({"payee": CAR}, "cannot pay itself"),
        ({"ends_before": TERMS.starts_before}, "start before it ends"),
        ({"starts_before": NOON.replace(tzinfo=None)}, "naive"),
        ({"ends_before": NOON.replace(microsecond=5, hour=14)}, "whole seconds"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(changes, word):
    """Amounts below nothing, windows that never end, an end before the start: no session."""
    with pytest.raises(InvalidInput, match=word):
        attrs.evolve(TERMS, **changes)


def test_the_id_is_of_the_facts():
    """The same instant written in another zone is the same session; any other fact is another."""
    local = attrs.evolve(
        TERMS, starts_before=TERMS.starts_before.astimezone(find_zone("Asia/Tokyo"))
    )

    assert local.session_id == TERMS.session_id
    others = [
        attrs.evolve(TERMS, **change)
        for change in (
            {"domain": bytes(32)},
            {"payer": AccountId("memory:main:van")},
            {"arbiter": None},
            {"asset": AssetId("memory:main/unit:usd")},
            {"price": 1},
            {"fee_bps": 1},
            {"ends_before": NOON + timedelta(hours=3)},
            {"tariff": b"t" * 32},
            {"corrects": b"c" * 32},
            {"key": "2"},
        )
    ]
    assert len({each.session_id for each in (TERMS, *others)}) == 1 + len(others)


def test_the_id_is_what_a_contract_computes():
    """The id is SHA-256 of 22 words; addresses stand right-aligned, integers big-endian."""
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    account = AccountId(f"eip155:31337:{address}")
    asset = AssetId(f"eip155:31337/erc20:{address}")
    terms = attrs.evolve(TERMS, payer=account, asset=asset)
    words = [terms.to_bytes()[at : at + 32] for at in range(0, len(terms.to_bytes()), 32)]

    assert len(words) == 22
    assert words[1] == words[6] == bytes(12) + bytes.fromhex(address[2:])
    assert words[7] == (250_000).to_bytes(32, "big")
    assert words[21] == hashlib.sha256(b"1").digest()
    assert terms.session_id == hashlib.sha256(b"".join(words)).digest()
    assert account_word(CAR) == hashlib.sha256(b"memory:main:car").digest()
    assert asset_word(TERMS.asset) == hashlib.sha256(b"memory:main/unit:eur").digest()


def test_terms_are_read_back():
    """What was written as plain values is read as the same terms; anything else is refused."""
    facts = json.loads(canonical_json(TERMS.facts()))

    assert SessionTerms.from_facts(facts) == TERMS
    assert SessionTerms.from_facts({**facts, "arbiter": None}).arbiter is None
    for wrong in ({"price": "1"}, {"domain": "zz"}, {"payer": 3}, {"starts_before": "noon"}):
        with pytest.raises(InvalidInput):
            SessionTerms.from_facts({**facts, **wrong})
    with pytest.raises(InvalidInput, match="no terms"):
        SessionTerms.from_facts({"price": 1})
