"""CAIP names, GSRN, pseudonyms, and ids that are hashes of facts."""

from __future__ import annotations

import enum
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput
from sauma.identifiers import (
    AccountId,
    AssetId,
    ChainId,
    canonical_json,
    check_gsrn,
    check_name,
    complete_gsrn,
    content_id,
)

REAL_GSRNS = ("735999109151401011", "571313180400013469")
"""A Swedish facility id from a public interface description, a Danish one from its data hub's open tests."""


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        ("nem:testnet", "TALICELCD3XPH4FFI5STGGNSNSWPOTG5E4DS2TOS"),
        ("eip155:1", "0xab16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb"),
        ("cosmos:cosmoshub-3", "cosmos1t2uflqwqe0fsj0shcfkrvpukewcw40yjj6hdc0"),
        ("memory:main", "test1"),
    ],
)
def test_accounts_are_caip_10(chain, address):
    """An account is its chain and its address, and takes apart again."""
    account = AccountId.on(ChainId(chain), address)

    assert str(account) == f"{chain}:{address}"
    assert (str(account.chain_id), account.address) == (chain, address)


@pytest.mark.parametrize(
    ("text", "kind", "reference"),
    [
        ("nem:testnet/mosaic:grid.wh", "mosaic", "grid.wh"),
        ("eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f", "erc20", None),
    ],
)
def test_assets_are_caip_19(text, kind, reference):
    """An asset is its chain, its kind and its name, and takes apart again."""
    asset = AssetId(text)

    assert asset.kind == kind
    assert reference is None or asset.reference == reference
    assert AssetId.on(asset.chain_id, asset.kind, asset.reference) == asset


@pytest.mark.parametrize(
    "text",
    ["", "nem", "nem:", ":testnet", "ne:testnet", "NEM:testnet", "nem:test net", "nem:" + "a" * 33,
     "ninechars:x", "nem:testnet\n", "nem:tést", None, 5],
)  # fmt: skip
def test_what_is_no_chain_is_refused(text):
    """CAIP-2: a namespace of 3 to 8, a reference of 1 to 32 characters, nothing else."""
    with pytest.raises(InvalidInput, match="CAIP-2"):
        ChainId(text)


@pytest.mark.parametrize(
    "text", ["", "nem:testnet", "nem:testnet:", "testnet:TAB", "nem:testnet:a b", "nem:testnet:a\n",
             "nem:testnet:" + "a" * 129, None],
)  # fmt: skip
def test_what_is_no_account_is_refused(text):
    """CAIP-10: a chain and an address of at most 128 characters."""
    with pytest.raises(InvalidInput, match="CAIP-10"):
        AccountId(text)


@pytest.mark.parametrize(
    "text", ["", "nem:testnet", "nem:testnet/", "nem:testnet/mosaic", "nem:testnet/mosaic:",
             "nem:testnet/mosaic:grid:wh", "/mosaic:wh", "nem:testnet/mosaic:wh/1", None],
)  # fmt: skip
def test_what_is_no_asset_is_refused(text):
    """CAIP-19: a chain, a kind and a name; the token of a collection is not ours to name."""
    with pytest.raises(InvalidInput, match="CAIP-19"):
        AssetId(text)


@pytest.mark.parametrize("gsrn", REAL_GSRNS)
def test_real_metering_points_are_taken(gsrn):
    """The check digit is the one of GS1, as real metering points have it."""
    assert check_gsrn(gsrn) == gsrn
    assert complete_gsrn(gsrn[:17]) == gsrn


@pytest.mark.parametrize("gsrn", REAL_GSRNS)
@pytest.mark.parametrize("position", range(18))
def test_one_wrong_digit_is_always_seen(gsrn, position):
    """Every change of one digit is refused: that is what the check digit is for."""
    for digit in set("0123456789") - {gsrn[position]}:
        with pytest.raises(InvalidInput, match="one of its digits is wrong"):
            check_gsrn(gsrn[:position] + digit + gsrn[position + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "73599910915140101",
        "7359991091514010110",
        "73599910915140101x",
        "٧35999109151401011",
        "735999109151401011\n",
        735999109151401011,
    ],
)
def test_a_gsrn_has_18_digits(text):
    """Anything but a text of 18 ASCII digits is no metering point."""
    with pytest.raises(InvalidInput, match="18 digits"):
        check_gsrn(text)


@pytest.mark.parametrize("text", ["", "1" * 16, "1" * 18, "٦" * 17])
def test_17_digits_are_completed(text):
    """Only 17 digits can be completed to a GSRN."""
    with pytest.raises(InvalidInput, match="17 digits"):
        complete_gsrn(text)


@pytest.mark.parametrize("name", ["a", "test1", "katu-3_a.2", "x" * 64])
def test_names_are_pseudonyms(name):
    """Short, lower-case, without spaces: a name, not a person."""
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "Anna", "a b", "@issuer", "-a", "a-", "ä", "x" * 65, "a\n", None]
)
def test_other_names_are_refused(name):
    """`@` begins the operator's own holders, so nobody can pose as one of them."""
    with pytest.raises(InvalidInput, match="area"):
        check_name(name, "area")


class Number(enum.IntEnum):
    """An integer that is called something."""

    ONE = 1


class Word(enum.StrEnum):
    """Text that is called something."""

    YES = "yes"


facts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(facts)
def test_canonical_json_is_json_and_one_text(fact):
    """The text of a fact is JSON, and what it reads as has that same text again."""
    text = canonical_json(fact)

    assert canonical_json(json.loads(text)) == text
    assert content_id("x", fact) == content_id("x", json.loads(text))


@given(facts)
def test_canonical_json_is_what_the_library_writes(fact):
    """Written without it, because ids are made by the million; the text is the same."""

    def plain(one):
        if isinstance(one, bytes):
            return one.hex()
        if isinstance(one, list):
            return [plain(each) for each in one]
        return {key: plain(each) for key, each in one.items()} if isinstance(one, dict) else one

    text = json.dumps(plain(fact), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert canonical_json(fact) == text.encode()
    assert canonical_json([Number.ONE, Word.YES, (True, 1)]) == b'[1,"yes",[true,1]]'


def test_the_order_of_keys_does_not_matter():
    """Two mappings with the same entries are one fact."""
    assert canonical_json({"b": 1, "a": [True, None, b"\x01"]}) == b'{"a":[true,null,"01"],"b":1}'


@pytest.mark.parametrize("fact", [1.5, {"a": 0.1}, [object()], {1, 2}])
def test_floats_cannot_be_hashed(fact):
    """What has no one text, such as a float, has no id."""
    with pytest.raises(InvalidInput, match="cannot be hashed"):
        canonical_json(fact)


def test_ids_stay_what_they_are():
    """An id computed today is the id in ten years: these values never change."""
    assert content_id("batch", "a", 1, b"\xff", None, ["ä"], {"k": True}).hex() == (
        "15bfa6d988963fed2383196c01c03046eab424579c4b91cf398b959411e745bd"
    )
    assert content_id("batch").hex() != content_id("other").hex()
