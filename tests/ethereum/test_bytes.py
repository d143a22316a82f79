"""Bytes both ways: RLP, keys and signatures, transactions, operations, the contract's calls."""

from __future__ import annotations

import attrs
import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from sauma.errors import BadAnswer, InvalidInput, WrongNetwork
from sauma.identifiers import AccountId, ChainId
from sauma_ethereum import EthereumSigner, account_of, ledger, operations, rlp
from sauma_ethereum.artifacts import load_artifact
from sauma_ethereum.caip import address_on, chain_number, checksummed, parse_address
from sauma_ethereum.deployment import contract_address
from sauma_ethereum.gas import floor_gas
from sauma_ethereum.hexadecimal import read_data, read_quantity
from sauma_ethereum.operations import (
    AnchorLine,
    Asset,
    ClaimsLine,
    IssueLine,
    NetLine,
    RetireLine,
    Section,
    TransferLine,
)
from sauma_ethereum.reading import AREA_STATE_TYPES
from sauma_ethereum.signing import CURVE_ORDER, is_canonical, keccak, recover
from sauma_ethereum.transactions import FeeTransaction, parse_raw

CHAIN = ChainId("eip155:1")
KEY = bytes.fromhex("4646464646464646464646464646464646464646464646464646464646464646")

ITEMS = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=9
)


@pytest.mark.parametrize(
    ("item", "written"),
    [
        (b"", "80"),
        (b"\x00", "00"),
        (b"\x0f", "0f"),
        (b"\x04\x00", "820400"),
        (b"dog", "83646f67"),
        ([b"cat", b"dog"], "c88363617483646f67"),
        ([], "c0"),
        ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
        (
            b"Lorem ipsum dolor sit amet, consectetur adipisicing elit",
            "b838" + b"Lorem ipsum dolor sit amet, consectetur adipisicing elit".hex(),
        ),
    ],
)
def test_rlp_vectors(item, written):
    """The examples of Ethereum's wiki are written and read as it says."""
    assert rlp.encode(item).hex() == written
    assert rlp.decode(bytes.fromhex(written)) == item


@given(ITEMS)
def test_rlp_round_trip(item):
    """What is written is read back."""
    assert rlp.decode(rlp.encode(item)) == item


@given(st.binary(max_size=80))
def test_rlp_is_canonical(data):
    """Whatever bytes are read, writing gives the very same bytes; the rest is refused."""
    try:
        item = rlp.decode(data)
    except InvalidInput:
        return
    assert rlp.encode(item) == data


@pytest.mark.parametrize(
    "written", ["", "8100", "b80100", "b90001ff", "c883636174", "820400ff", "c18363"]
)
def test_rlp_refuses(written):
    """Torn, padded and wasteful encodings are refused."""
    with pytest.raises(InvalidInput):
        rlp.decode(bytes.fromhex(written))


@pytest.mark.parametrize(
    "address",
    [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_checksums(address):
    """The examples of EIP-55; one wrong case is a mistyped address."""
    assert checksummed(parse_address(address)) == address
    with pytest.raises(InvalidInput, match="checksum"):
        parse_address(address.swapcase().replace("0X", "0x"))


def test_accounts_belong_to_their_chain():
    """An account of another chain, and a chain that is no EVM, are refused by name."""
    account = account_of(bytes(20), CHAIN)
    assert address_on(account, CHAIN) == bytes(20)
    with pytest.raises(WrongNetwork):
        address_on(account, ChainId("eip155:5"))
    with pytest.raises(WrongNetwork):
        chain_number(ChainId("nem:testnet"))
    with pytest.raises(InvalidInput):
        address_on(AccountId("eip155:1:0xab"), CHAIN)


def test_created_addresses():
    """The address of a contract follows from creator and nonce (a known pair)."""
    creator = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert contract_address(creator, 0).hex() == "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d"
    assert contract_address(creator, 1).hex() == "343c43a37d37dff08ae8c4a11544c718abb4fcf8"


@given(
    st.integers(0, 2**64 - 2),
    st.integers(0, 2**90),
    st.binary(max_size=200),
    st.one_of(st.none(), st.binary(min_size=20, max_size=20)),
    st.integers(1, CURVE_ORDER - 1),
)
def test_transactions_are_as_another_library_signs_them(nonce, fee_wei, data, to, key):
    """Signed bytes, their hash and their signer are those of eth-account, and read back whole."""
    signer = EthereumSigner(key.to_bytes(32, "big"), CHAIN)
    unsigned = FeeTransaction(
        chain_number=1,
        nonce=nonce,
        priority_fee_wei=fee_wei // 3,
        fee_wei_max=fee_wei,
        gas_max=21_000 + nonce % 7,
        to=to,
        value_wei=fee_wei,
        data=data,
    )
    signed = attrs.evolve(unsigned, signature=signer.sign(unsigned.payload()))
    theirs = Account.sign_transaction(
        {
            "type": 2,
            "chainId": 1,
            "nonce": nonce,
            "maxPriorityFeePerGas": fee_wei // 3,
            "maxFeePerGas": fee_wei,
            "gas": 21_000 + nonce % 7,
            "to": b"" if to is None else to,
            "value": fee_wei,
            "data": data,
        },
        key.to_bytes(32, "big"),
    )

    assert signed.raw() == bytes(theirs.raw_transaction)
    assert signed.transaction_id() == bytes(theirs.hash)
    assert parse_raw(signed.raw()) == signed
    assert signed.sender() == address_on(signer.account, CHAIN)


def test_signatures_are_low_and_the_same_each_time():
    """RFC 6979 and EIP-2: no second signature of the same payload, by us or made of ours."""
    signer = EthereumSigner(KEY, CHAIN)
    signature = signer.sign(b"payload")
    s = int.from_bytes(signature[32:64], "big")
    malleated = signature[:32] + (CURVE_ORDER - s).to_bytes(32, "big") + bytes((1 - signature[64],))

    assert signer.sign(b"payload") == signature
    assert is_canonical(signature)
    assert recover(b"payload", signature) == address_on(signer.account, CHAIN)
    assert recover(b"payload", malleated) is None
    assert recover(b"payload", bytes(65)) is None
    assert str(signer) == f"EthereumSigner({CHAIN}:0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F)"


@pytest.mark.parametrize("key", [b"", bytes(32), CURVE_ORDER.to_bytes(32, "big"), b"\x01" * 33])
def test_bad_keys_are_refused_without_being_shown(key):
    """A key that is none is refused, and the message does not have it."""
    with pytest.raises(InvalidInput) as caught:
        EthereumSigner(key, CHAIN)
    assert key.hex() not in str(caught.value) or not key


@given(st.data())
def test_flipped_transactions_are_refused_or_other(data):
    """A flipped bit gives no transaction, or one of another sender or with another hash."""
    signer = EthereumSigner(KEY, CHAIN)
    unsigned = FeeTransaction(
        chain_number=1,
        nonce=7,
        priority_fee_wei=1,
        fee_wei_max=9,
        gas_max=21_000,
        to=bytes(20),
        value_wei=5,
        data=b"sauma",
    )
    raw = attrs.evolve(unsigned, signature=signer.sign(unsigned.payload())).raw()
    place = data.draw(st.integers(0, 8 * len(raw) - 1))
    flipped = bytearray(raw)
    flipped[place // 8] ^= 1 << place % 8
    try:
        parsed = parse_raw(bytes(flipped))
    except InvalidInput:
        return

    assert parsed.transaction_id() != keccak(raw)
    assert parsed.sender() != address_on(signer.account, CHAIN)


ACCOUNTS = st.integers(1, 2**32 - 1)
UNITS = st.integers(0, 2**64 - 1)
DELTAS = st.integers(-(2**63) + 1, 2**63 - 1)
LINES = {
    IssueLine: st.builds(IssueLine, account=ACCOUNTS, energy_wh=UNITS),
    RetireLine: st.builds(RetireLine, account=ACCOUNTS, energy_wh=UNITS),
    TransferLine: st.builds(
        TransferLine, sender=ACCOUNTS, recipient=ACCOUNTS, asset=st.sampled_from(Asset), units=UNITS
    ),
    NetLine: st.builds(NetLine, account=ACCOUNTS, energy_wh=DELTAS, money_units=DELTAS),
    AnchorLine: st.builds(AnchorLine, root=st.binary(min_size=32, max_size=32)),
    ClaimsLine: st.builds(
        ClaimsLine,
        payer=ACCOUNTS,
        energy_wh=UNITS,
        money_units=UNITS,
        deadline=UNITS,
        root=st.binary(min_size=32, max_size=32),
    ),
}
SECTIONS = st.lists(
    st.sampled_from(list(LINES)).flatmap(
        lambda kind: st.lists(LINES[kind], min_size=1, max_size=4).map(
            lambda lines: Section(lines=tuple(lines))
        )
    ),
    max_size=4,
)


@given(SECTIONS)
def test_operations_round_trip(sections):
    """Sections are read back as they were written, and nothing moves that is not in them."""
    assert list(operations.read(operations.write(sections))) == sections
    named = set(operations.accounts_of(sections))
    assert {each.account for each in operations.movements_of(sections)} <= named


def test_operations_vector():
    """The layout is the contract's, to the byte."""
    sections = [
        Section(lines=(IssueLine(account=1, energy_wh=15_000),)),
        Section(
            lines=(
                NetLine(account=1, energy_wh=-60, money_units=0),
                NetLine(account=2, energy_wh=60, money_units=0),
            )
        ),
    ]
    assert operations.write(sections).hex() == (
        "01000001"
        "00000001"
        "0000000000003a98"
        "03000002"
        "00000001"
        "800000000000003c"
        "0000000000000000"
        "00000002"
        "000000000000003c"
        "0000000000000000"
    )


@pytest.mark.parametrize(
    "data", ["01", "01000000", "0100000100000001", "09000001", "030000010000000180" + "00" * 15]
)
def test_operations_refuse(data):
    """Cut off, empty, unknown and minus-zero operations are refused."""
    with pytest.raises(InvalidInput):
        operations.read(bytes.fromhex(data))


@given(SECTIONS.filter(bool), st.binary(min_size=32, max_size=32))
def test_settle_round_trip(sections, reference):
    """A call of `settle` names the owner of each account, and is read back whole."""
    owners = tuple(
        keccak(number.to_bytes(4, "big"))[:20] for number in operations.accounts_of(sections)
    )
    settle = ledger.Settle(
        area=1,
        reference=reference,
        valid_until=ledger.NEVER,
        operations=operations.write(sections),
        owners=owners,
    )
    calldata = settle.calldata()

    assert ledger.parse_settle(calldata) == settle
    assert set(settle.owner_by_account().values()) == set(owners)
    for wrong in (calldata[:-1], calldata + b"\0", b"\0" * 4 + calldata[4:]):
        with pytest.raises(InvalidInput):
            ledger.parse_settle(wrong)


def test_calls_and_events_are_the_compiled_contracts():
    """Every signature that is written out here is in the contract's ABI."""
    abi = load_artifact(ledger.CONTRACT).abi
    known = {
        f"{entry['name']}({','.join(each['type'] for each in entry['inputs'])})"
        for entry in abi
        if "name" in entry
    }
    (state,) = next(entry for entry in abi if entry.get("name") == "areaState")["outputs"]

    assert {*ledger.FUNCTIONS, *ledger.EVENTS} <= known
    assert tuple(each["type"] for each in state["components"]) == AREA_STATE_TYPES


def test_errors_have_names():
    """What the contract reverts with is told by name and values; other bytes are not guessed."""
    data = ledger.selector("Expired(uint64)") + (77).to_bytes(32, "big")

    assert ledger.revert_reason(data) == "Expired(validUntil=77)"
    assert ledger.revert_reason(data[:7]) == "Expired"
    assert ledger.revert_reason(b"\x12\x34\x56\x78") is None


def test_calldata_has_a_floor():
    """Data-heavy calls cost ten gas for a zero byte and forty for another (EIP-7623)."""
    assert floor_gas(b"\0\1") == 21_000 + 10 + 40


@pytest.mark.parametrize("value", [None, 7, "7", "0x", "0xg", "0x" + "f" * 65])
def test_bad_quantities_are_no_numbers(value):
    """A node's mistake is an error that names the field, and never a number."""
    with pytest.raises(BadAnswer, match="gas"):
        read_quantity(value, "gas")


@pytest.mark.parametrize("value", [None, "0x1", "abcd", "0xzz"])
def test_bad_data_is_no_bytes(value):
    """The same for bytes, and for bytes of the wrong length."""
    with pytest.raises(BadAnswer, match="hash"):
        read_data(value, "hash")
    with pytest.raises(BadAnswer, match="not 32"):
        read_data("0xab", "hash", length=32)
