"""Networks, addresses and the clock."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import InvalidInput
from sauma_nem.network import (
    MAINNET,
    MIJIN,
    NETWORKS,
    TESTNET,
    Network,
    address_of,
    check_address,
    network_byte_of,
    seconds_from_unix_ms,
    unix_ms_from_seconds,
    unix_seconds_from_seconds,
)
from sauma_nem.unreadable import (
    AddressAlphabet,
    AddressChecksum,
    AddressLength,
    AddressNetwork,
    InvalidAddress,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "nem"
ADDRESS = "TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A"
NAMESPACE_SINK_KEY = "3e82e1c1e4a75adaa3cba8c101c3cd31d9817a2eb966eb3b511fb2ed45b8e262"


@pytest.mark.parametrize(
    ("network", "column"),
    [(MAINNET, "address_Public"), (TESTNET, "address_PublicTest"), (MIJIN, "address_Mijin")],
    ids=lambda value: value.name if isinstance(value, Network) else value,
)
def test_address_of_a_public_key(network: Network, column: str) -> None:
    """A public key has one address on each network, as 200 published vectors give it."""
    cases = json.loads((VECTORS / "symbol_1.test-address.json").read_text())

    addresses = [address_of(bytes.fromhex(case["publicKey"]), network.byte) for case in cases]

    assert addresses == [case[column] for case in cases]
    assert len(cases) == 200
    assert all(check_address(address, network) == address for address in addresses)


def test_an_address_may_be_written_in_lower_case() -> None:
    """Lower case is accepted and turned into the canonical upper case."""
    assert check_address(ADDRESS.lower(), TESTNET) == ADDRESS


@pytest.mark.parametrize(
    ("address", "error"),
    [
        (ADDRESS[:-1], AddressLength),
        ("TAOD4Q-YZA5RQ-YM64MF-Z4MBCK-QBWVZE-ETCQE3-HB3A", AddressLength),
        ("", AddressLength),
        (ADDRESS[:-1] + "1", AddressAlphabet),
        (ADDRESS[:-1] + "Ä", AddressAlphabet),
        ("TB" + ADDRESS[2:], AddressChecksum),
        ("NAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCTJQXIIL", AddressNetwork),
    ],
)
def test_what_is_no_address_says_why(address: str, error: type[InvalidAddress]) -> None:
    """A wrong address names its fault, is the caller's fault, and maps to the server's 404."""
    with pytest.raises(error, match=re.escape(repr(address))) as caught:
        check_address(address, TESTNET)

    assert isinstance(caught.value, InvalidInput)
    assert caught.value.server_status == 404
    assert caught.value.server_message == (
        f"invalid address '{address.upper()}' (org.nem.core.model.Address)"
    )


@given(st.integers(0, 39), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_one_wrong_character_is_found(position: int, character: str) -> None:
    """Any single mistyped character breaks the checksum."""
    mistyped = ADDRESS[:position] + character + ADDRESS[position + 1 :]

    if mistyped == ADDRESS:
        assert network_byte_of(mistyped) == TESTNET.byte
    else:
        with pytest.raises(AddressChecksum):
            network_byte_of(mistyped)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_sinks_belong_to_their_network(network: Network) -> None:
    """The fee sinks are addresses of the network, and the same key on every network."""
    key = bytes.fromhex(NAMESPACE_SINK_KEY)

    assert check_address(network.mosaic_sink, network) == network.mosaic_sink
    assert address_of(key, network.byte) == network.namespace_sink


def test_the_json_shows_the_network_byte_signed() -> None:
    """The server's node info knows the test network as -104."""
    assert [network.id_signed for network in (MAINNET, TESTNET, MIJIN)] == [104, -104, 96]


@pytest.mark.parametrize(
    ("unix_ms", "seconds"),
    [
        (1_427_587_585_000, 0),
        (1_427_587_585_499, 0),
        (1_427_587_585_500, 1),
        (1_427_587_586_499, 1),
        (1_795_330_198_000, 367_742_613),
    ],
)
def test_seconds_are_rounded_to_the_nearest(unix_ms: int, seconds: int) -> None:
    """Node seconds count from 2015-03-29 00:06:25 UTC; half a second rounds up."""
    assert seconds_from_unix_ms(unix_ms) == seconds


@given(st.integers(0, 2**31 - 1))
def test_seconds_return_from_unix_time(seconds: int) -> None:
    """Converting to unix time and back changes nothing."""
    assert seconds_from_unix_ms(unix_ms_from_seconds(seconds)) == seconds
    assert unix_seconds_from_seconds(seconds) * 1_000 == unix_ms_from_seconds(seconds)
