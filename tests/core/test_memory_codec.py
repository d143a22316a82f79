"""The bytes of the reference chain."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.chain import (
    Anchor,
    Batch,
    BatchKind,
    Codec,
    Instruction,
    Issue,
    Leg,
    Net,
    Retire,
    Transfer,
)
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, ChainId, canonical_json, content_id
from sauma.memory import MemoryChain, MemoryCodec
from sauma.memory.codec import Draft, read, write

CHAIN = ChainId("memory:main")
ANNA, BERT, CLEO = (AccountId.on(CHAIN, name) for name in ("anna", "bert", "cleo"))
ENERGY = AssetId.on(CHAIN, "unit", "wh")
MONEY = AssetId.on(CHAIN, "unit", "eur")

accounts = st.sampled_from([ANNA, BERT, CLEO])
assets = st.sampled_from([ENERGY, MONEY])
units = st.integers(1, 2**63 - 1)
blobs = st.binary(max_size=40)
roots = st.binary(min_size=32, max_size=32)


@st.composite
def nets(draw: st.DrawFn) -> Net:
    amounts = draw(st.lists(st.integers(1, 10**9), min_size=1, max_size=5))
    debits = [Leg(account=draw(accounts), asset=ENERGY, delta_units=-each) for each in amounts]
    credit = Leg(account=CLEO, asset=ENERGY, delta_units=sum(amounts))
    return Net(
        instruction_id=draw(blobs), authority=ANNA, evidence=draw(blobs), legs=(credit, *debits)
    )


stamp = {"instruction_id": blobs, "authority": accounts, "evidence": blobs}
movement = {**stamp, "asset": assets, "units": units}
instructions = st.one_of(
    st.builds(Issue, recipient=accounts, on_behalf_of=st.none() | accounts, **movement),
    st.builds(Transfer, sender=accounts, recipient=accounts, **movement),
    st.builds(Retire, account=accounts, **movement),
    st.builds(Anchor, root=roots, **stamp),
    nets(),
)
drafts = st.builds(
    Draft,
    chain_id=st.just(CHAIN),
    nonce=st.integers(0, 2**63 - 1),
    attempt=st.integers(0, 9),
    valid_until=st.none() | st.integers(0, 2**40),
    batch=st.builds(
        Batch,
        batch_id=roots,
        kind=st.sampled_from(BatchKind),
        instructions=st.lists(instructions, min_size=1, max_size=4).map(tuple),
        atomic=st.booleans(),
    ),
)


def transfer(**changes: object) -> Transfer:
    return attrs.evolve(
        Transfer(
            instruction_id=bytes(32),
            authority=ANNA,
            evidence=b"",
            sender=ANNA,
            recipient=BERT,
            asset=ENERGY,
            units=5,
        ),
        **changes,
    )


def draft(*given_instructions: Instruction) -> Draft:
    batch = Batch(
        batch_id=content_id("batch", "one"),
        kind=BatchKind.SETTLEMENT,
        instructions=given_instructions or (transfer(),),
    )
    return Draft(chain_id=CHAIN, nonce=0, attempt=0, valid_until=None, batch=batch)


@given(drafts, st.dictionaries(accounts, blobs))
def test_what_is_written_is_read_back(given_draft: Draft, signatures: dict[AccountId, bytes]):
    """Reading gives every field that was written, and the same bytes give the same id."""
    written = write(given_draft, signatures)

    again = read(written.raw)

    assert again == written
    assert again.draft == given_draft
    assert again.seal_valid


@given(drafts)
def test_effects_sum_to_what_was_issued_less_what_was_retired(given_draft: Draft):
    """Per asset, the effects of a transaction sum to issued − retired."""
    decoded = MemoryCodec().decode(write(given_draft, {}).raw)

    for asset in (ENERGY, MONEY):
        expected = sum(
            each.units if isinstance(each, Issue) else -each.units
            for each in given_draft.batch.instructions
            if isinstance(each, Issue | Retire) and each.asset == asset
        )
        assert sum(each.delta_units for each in decoded.effects if each.asset == asset) == expected


def test_every_flipped_bit_is_noticed():
    """A changed bit makes the bytes unreadable, or another id with a seal that does not fit."""
    written = write(draft(), {ANNA: b"signature"})

    for position in range(len(written.raw)):
        for bit in range(8):
            changed = bytearray(written.raw)
            changed[position] ^= 1 << bit
            try:
                decoded = MemoryCodec().decode(bytes(changed))
            except InvalidInput:
                continue
            assert decoded.transaction_id != written.transaction_id
            assert not decoded.signature_valid


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_noise_is_invalid_input(noise: bytes):
    """Bytes that are no transaction raise `InvalidInput` and nothing else."""
    with pytest.raises(InvalidInput):
        MemoryCodec().decode(noise + bytes(32))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b"9" * 5_000,
        b'{"version":1.0}',
        b'"\\ud800"',
        b"\xff\xfe",
    ],
)
def test_json_of_another_kind_is_invalid_input(body: bytes):
    """JSON that is no transaction, or that breaks a parser, raises `InvalidInput`."""
    with pytest.raises(InvalidInput):
        MemoryCodec().decode(body + bytes(32))


def _facts() -> dict:
    return json.loads(write(draft(), {}).raw[:-32])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2),
        (("version",), True),
        (("nonce",), -1),
        (("nonce",), True),
        (("attempt",), 2**63),
        (("valid_until",), "1"),
        (("chain",), "memory:other"),
        (("chain",), 7),
        (("signatures",), None),
        (("signatures",), {"memory:main:anna": "AB"}),
        (("batch", "kind"), 9),
        (("batch", "atomic"), 1),
        (("batch", "id"), "00"),
        (("batch", "instructions"), []),
        (("batch", "instructions", 0, "kind"), "hold"),
        (("batch", "instructions", 0, "units"), 0),
        (("batch", "instructions", 0, "units"), -1),
        (("batch", "instructions", 0, "units"), True),
        (("batch", "instructions", 0, "units"), "5"),
        (("batch", "instructions", 0, "units"), 2**63),
        (("batch", "instructions", 0, "evidence"), "AB"),
        (("batch", "instructions", 0, "extra"), 1),
        (("batch", "instructions", 0, "asset"), "memory:main/coin:wh"),
        (("batch", "instructions", 0, "sender"), "memory:other:anna"),
    ],
)
def test_a_wrong_field_is_invalid_input(path: tuple, value: object):
    """A field of another type, out of range, unknown, or not in canonical form is refused."""
    facts = _facts()
    place = facts
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    with pytest.raises(InvalidInput, match="no transaction of a memory chain"):
        MemoryCodec().decode(canonical_json(facts) + bytes(32))


def test_only_the_canonical_form_is_read():
    """White space or another order of keys is refused: one transaction has one text."""
    loose = json.dumps(_facts()).encode()

    with pytest.raises(InvalidInput, match="canonical"):
        MemoryCodec().decode(loose + bytes(32))


def test_another_sender_has_another_seal():
    """The seal binds body and authority: put on another body it does not fit."""
    ours = write(draft(), {}).raw
    theirs = write(draft(transfer(authority=BERT)), {}).raw

    decoded = MemoryCodec().decode(theirs[:-32] + ours[-32:])

    assert decoded.sender == BERT
    assert not decoded.signature_valid


def test_bytes_are_the_same_on_every_machine():
    """A fixed vector: the bytes of a transaction never change while its version is 1."""
    written = write(draft(), {})

    assert written.raw[:-32].decode() == (
        '{"attempt":0,"batch":{"atomic":false,'
        f'"id":"{content_id("batch", "one").hex()}","instructions":[{{"asset":"memory:main/unit:wh",'
        f'"authority":"memory:main:anna","evidence":"","instruction_id":"{"0" * 64}",'
        '"kind":"transfer","recipient":"memory:main:bert","sender":"memory:main:anna","units":5}],'
        '"kind":1},"chain":"memory:main","nonce":0,"signatures":{},"valid_until":null,"version":1}'
    )
    assert (
        written.raw[-32:].hex()
        == "fd26de43ff79984258e2ab9b4bc75026b1356b9f9013d1abf27e255b88114380"
    )
    assert (
        written.transaction_id.hex()
        == "6a090d959d5e7187c94bbb10a028308bf0ddfa2c42d5f4446ec4de6d61f149cf"
    )


def test_the_codec_says_what_the_transaction_record_says():
    """What `prepare` returns and what the codec reads from its bytes agree."""
    chain = MemoryChain(validity_s=600)
    issue = Issue(
        instruction_id=bytes(32),
        authority=ANNA,
        evidence=b"meter",
        recipient=BERT,
        asset=ENERGY,
        units=7,
        on_behalf_of=CLEO,
    )
    batch = Batch(batch_id=content_id("b"), kind=BatchKind.SESSION, instructions=(issue,))

    (prepared,) = chain.prepare([batch], outstanding=())
    decoded = MemoryCodec().decode(prepared.raw)

    assert decoded.transaction_id == prepared.transaction_id
    assert decoded.sender == prepared.sender == ANNA
    assert decoded.effects == prepared.effects
    assert decoded.valid_until == prepared.valid_until
    assert decoded.reference == batch.reference
    assert decoded.fee_units_max == 0
    assert isinstance(MemoryCodec(), Codec)
