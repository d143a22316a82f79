"""Instructions and signed bytes, without a node."""

from __future__ import annotations

from datetime import UTC, datetime

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma.chain import Attest, Capture, Effect, Hold, Leg, Net, Part, Release
from sauma.errors import InvalidInput, Unsupported, WrongNetwork
from sauma.identifiers import AccountId, AssetId
from sauma_nem import (
    NemCodec,
)
from sauma_nem.binary import inner_hash, serialise, serialise_verifiable, transaction_hash
from sauma_nem.instructions import draft_of
from sauma_nem.network import MAINNET, TESTNET, unix_seconds_from_seconds
from sauma_nem.signing import KeyPair
from sauma_nem.transactions import (
    XEM,
    Cosignature,
    Message,
    MosaicId,
    MosaicQuantity,
    Multisig,
    NamespaceProvision,
    Transaction,
    Transfer,
)

from .street import (
    BUYER,
    ENERGY,
    ISSUER,
    PRODUCER,
    SETTINGS,
    STRANGER,
    anchor,
    batch_of,
    issue,
    key_of,
    retire,
    signer_of,
    transfer,
)
from .street import XEM as XEM_ASSET

CODEC = NemCodec(SETTINGS)
BATCH = batch_of(issue(1))


def signed(transaction: Transaction, label: str) -> bytes:
    """Verifiable bytes, signed with the key of a label."""
    signature = KeyPair(key_of(label)).sign(serialise(transaction))
    return serialise_verifiable(attrs.evolve(transaction, signature=signature))


def a_transfer(label: str = "producer", **changes: object) -> Transfer:
    """A transfer of 10 Wh to the buyer with a reference."""
    members: dict[str, object] = {
        "network_byte": TESTNET.byte,
        "version": 2,
        "timestamp_seconds": 1_000,
        "signer": KeyPair(key_of(label)).public_key,
        "fee_micro": 100_000,
        "deadline_seconds": 8_200,
        "recipient": BUYER.account.address,
        "amount_micro": 1_000_000,
        "message": Message(payload=BATCH.reference),
        "mosaics": (MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=10),),
    }
    return Transfer(**{**members, **changes})  # type: ignore[arg-type]


def _units(draft):
    return [(str(mosaic.mosaic_id), mosaic.quantity_units) for mosaic in draft.mosaics]


def test_energy_moves_as_a_mosaic_once():
    """Issue, transfer and retire attach the mosaic with multiplier one and the batch's reference."""
    issued = draft_of(batch_of(issue(7)), SETTINGS)
    moved = draft_of(batch_of(transfer(8)), SETTINGS)
    retired = draft_of(batch_of(retire(9)), SETTINGS)

    assert [_units(each) for each in (issued, moved, retired)] == [
        [("grid:wh", 7)],
        [("grid:wh", 8)],
        [("grid:wh", 9)],
    ]
    assert {each.amount_micro for each in (issued, moved, retired)} == {1_000_000}
    assert (issued.sender, issued.recipient) == (ISSUER.account, PRODUCER.account.address)
    assert (moved.sender, moved.recipient) == (PRODUCER.account, BUYER.account.address)
    assert (retired.sender, retired.recipient) == (PRODUCER.account, ISSUER.account.address)
    assert issued.message == batch_of(issue(7)).reference


def test_xem_moves_as_an_amount():
    """XEM needs no mosaic."""
    draft = draft_of(batch_of(transfer(5, asset=XEM_ASSET)), SETTINGS)

    assert (draft.amount_micro, draft.mosaics) == (5, ())


def test_an_anchor_moves_nothing():
    """An anchor is a message to oneself: reference and root."""
    batch = batch_of(anchor(b"\x01" * 32))

    draft = draft_of(batch, SETTINGS)

    assert (draft.amount_micro, draft.mosaics) == (0, ())
    assert draft.recipient == ISSUER.account.address
    assert draft.message == batch.reference + b"\x01" * 32


_COMMON = {"instruction_id": bytes(32), "authority": ISSUER.account, "evidence": b""}
_UNDECLARED = [
    Net(
        **_COMMON,
        legs=(
            Leg(account=BUYER.account, asset=ENERGY, delta_units=1),
            Leg(account=PRODUCER.account, asset=ENERGY, delta_units=-1),
        ),
    ),
    Hold(
        **_COMMON,
        session_id=bytes(32),
        payer=BUYER.account,
        asset=ENERGY,
        units=1,
        expires_at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
    Attest(**_COMMON, session_id=bytes(32), step=1, statement=b""),
    Capture(
        **_COMMON,
        session_id=bytes(32),
        asset=ENERGY,
        parts=(Part(payee=BUYER.account, units=1),),
    ),
    Release(**_COMMON, session_id=bytes(32), payer=BUYER.account, asset=ENERGY, units=1),
    attrs.evolve(issue(1), authority=PRODUCER.account),
    attrs.evolve(transfer(1), authority=ISSUER.account),
    issue(1, asset=XEM_ASSET),
    retire(1, asset=XEM_ASSET),
    transfer(1, asset=AssetId("nem:testnet/mosaic:other.wh")),
]


@pytest.mark.parametrize("instruction", _UNDECLARED, ids=lambda each: type(each).__name__)
def test_what_is_not_declared_is_unsupported(instruction):
    """An instruction that NEM cannot carry out is refused by name."""
    with pytest.raises(Unsupported):
        draft_of(batch_of(instruction), SETTINGS)


@pytest.mark.parametrize("atomic", [False, True])
def test_a_batch_of_two_is_unsupported(atomic):
    """One batch is one transfer, whether atomic or not."""
    with pytest.raises(Unsupported, match="2 instructions"):
        draft_of(batch_of(issue(1), issue(2), atomic=atomic), SETTINGS)


@pytest.mark.parametrize(
    "instruction",
    [
        issue(0),
        issue(-1),
        issue(9_000_000_000_000_001),
        issue(1, recipient=ISSUER.account),
        retire(1, account=ISSUER.account),
        transfer(1, recipient=ISSUER.account),
        transfer(1, sender=ISSUER.account),
        anchor(b"short"),
        issue(1, recipient=AccountId(BUYER.account.text[:-1] + "2")),
        issue(1, recipient=AccountId(f"nem:testnet:{BUYER.account.address.lower()}")),
    ],
)
def test_contents_that_contradict_themselves_are_invalid(instruction):
    """Units, roots and addresses are looked at before anything is asked or signed."""
    with pytest.raises(InvalidInput):
        draft_of(batch_of(instruction), SETTINGS)


@pytest.mark.parametrize(
    "recipient",
    [
        signer_of("buyer", MAINNET).account,
        AccountId.on(SETTINGS.chain_id, signer_of("buyer", MAINNET).account.address),
        AccountId("memory:main:buyer"),
    ],
)
def test_an_account_of_another_network_is_refused(recipient):
    """Neither the chain id nor the address may belong elsewhere."""
    with pytest.raises(WrongNetwork):
        draft_of(batch_of(transfer(1, recipient=recipient)), SETTINGS)


def test_decoding_tells_everything():
    """Signed bytes tell hash, lane, reference, effects, fee, deadline and that they are signed."""
    plain = a_transfer()

    decoded = CODEC.decode(signed(plain, "producer"))

    assert decoded.transaction_id == transaction_hash(plain)
    assert decoded.sender == decoded.fee_payer == PRODUCER.account
    assert decoded.reference == BATCH.reference
    assert decoded.effects == (
        Effect(account=PRODUCER.account, asset=ENERGY, delta_units=-10),
        Effect(account=BUYER.account, asset=ENERGY, delta_units=10),
    )
    assert decoded.fee_units_max == 100_000
    assert decoded.valid_until == unix_seconds_from_seconds(8_200)
    assert decoded.signature_valid


def test_the_issuing_account_is_outside_circulation():
    """What leaves it adds to circulation, what returns takes away; it has no effect itself."""
    issued = CODEC.decode(signed(a_transfer("issuer"), "issuer"))
    retired = CODEC.decode(signed(a_transfer(recipient=ISSUER.account.address), "producer"))

    assert issued.effects == (Effect(account=BUYER.account, asset=ENERGY, delta_units=10),)
    assert retired.effects == (Effect(account=PRODUCER.account, asset=ENERGY, delta_units=-10),)


def test_xem_has_two_sides_whoever_pays():
    """XEM is not issued by us: the issuing account's side counts too, and attached XEM as well."""
    amount = CODEC.decode(signed(a_transfer("issuer", mosaics=(), amount_micro=7), "issuer"))
    both = (
        MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=3),
        MosaicQuantity(mosaic_id=XEM, quantity_units=5),
    )
    attached = CODEC.decode(signed(a_transfer(mosaics=both, amount_micro=2_000_000), "producer"))

    assert [each.delta_units for each in amount.effects] == [-7, 7]
    assert {each.asset for each in amount.effects} == {XEM_ASSET}
    assert [(each.asset, each.delta_units) for each in attached.effects] == [
        (ENERGY, -6),
        (ENERGY, 6),
        (XEM_ASSET, -10),
        (XEM_ASSET, 10),
    ]


def test_a_wrong_signature_is_told():
    """Bytes signed by another key are read, and said to be unsigned."""
    assert not CODEC.decode(signed(a_transfer("producer"), "stranger")).signature_valid


@given(position=st.integers(0, 255), flip=st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(position, flip):
    """Whatever byte is changed, the bytes are refused or their signature no longer holds."""
    raw = bytearray(signed(a_transfer(), "producer"))
    raw[position % len(raw)] ^= flip

    try:
        decoded = CODEC.decode(bytes(raw))
    except InvalidInput:
        return

    assert not decoded.signature_valid


@pytest.mark.parametrize("raw", [b"", b"\x01\x01\x00\x00", bytes(300), b"\xff" * 70_000])
def test_bytes_that_are_no_transaction_are_invalid(raw):
    """Nonsense is the caller's fault, whatever it looks like."""
    with pytest.raises(InvalidInput):
        CODEC.decode(raw)


def test_trailing_bytes_are_invalid():
    """The server would read the same transfer, but its bytes are others: refused."""
    with pytest.raises(InvalidInput, match="canonical"):
        CODEC.decode(signed(a_transfer(), "producer") + b"\x00")


def test_bytes_of_another_network_are_invalid():
    """An auditor reads with the settings of the right network."""
    elsewhere = a_transfer(
        network_byte=MAINNET.byte, recipient=signer_of("buyer", MAINNET).account.address
    )

    with pytest.raises(InvalidInput):
        CODEC.decode(signed(elsewhere, "producer"))


def test_only_transfers_of_what_is_watched_are_decoded():
    """A batch is never carried by a namespace's rent or by a transfer of other mosaics."""
    rent = NamespaceProvision(
        network_byte=TESTNET.byte,
        version=1,
        timestamp_seconds=1,
        signer=ISSUER.public_key,
        fee_micro=150_000,
        deadline_seconds=2,
        rental_fee_sink=TESTNET.namespace_sink,
        rental_fee_micro=100_000_000,
        new_part="grid",
    )
    other = MosaicQuantity(mosaic_id=MosaicId(namespace="other", name="wh"), quantity_units=1)

    with pytest.raises(InvalidInput, match="no transfer"):
        CODEC.decode(signed(rent, "issuer"))
    with pytest.raises(InvalidInput, match="other:wh"):
        CODEC.decode(signed(a_transfer(mosaics=(other,)), "producer"))


def test_a_wrapped_transfer_is_the_multisig_accounts():
    """Lane, payer and effects are the multisig account's, the hash is the wrapper's."""
    inner = a_transfer("producer", deadline_seconds=8_000)
    wrapper = Multisig(
        network_byte=TESTNET.byte,
        version=1,
        timestamp_seconds=1_000,
        signer=BUYER.public_key,
        fee_micro=150_000,
        deadline_seconds=8_200,
        inner=inner,
    )
    cosignature = Cosignature(
        network_byte=TESTNET.byte,
        version=1,
        timestamp_seconds=1_000,
        signer=STRANGER.public_key,
        fee_micro=150_000,
        deadline_seconds=8_200,
        inner_hash=inner_hash(wrapper) or b"",
        multisig_address=PRODUCER.account.address,
    )
    key = KeyPair(key_of("stranger"))
    cosigned = attrs.evolve(cosignature, signature=key.sign(serialise(cosignature)))

    decoded = CODEC.decode(signed(attrs.evolve(wrapper, cosignatures=(cosigned,)), "buyer"))

    assert decoded.transaction_id == transaction_hash(wrapper)
    assert decoded.sender == decoded.fee_payer == PRODUCER.account
    assert decoded.fee_units_max == 400_000
    assert decoded.valid_until == unix_seconds_from_seconds(8_000)
    assert decoded.effects[0].account == PRODUCER.account
    assert decoded.signature_valid


def test_an_anchor_tells_its_root():
    """The reference of an anchor is its first 30 bytes, the root the rest."""
    reference = batch_of(anchor()).reference
    raw = signed(
        a_transfer(
            "issuer", mosaics=(), amount_micro=0, message=Message(payload=reference + b"\x07" * 32)
        ),
        "issuer",
    )

    assert CODEC.decode(raw).reference == reference
    assert CODEC.decode(raw).effects == ()
    assert CODEC.anchored_root(raw) == b"\x07" * 32
    assert CODEC.anchored_root(signed(a_transfer(), "producer")) is None


@pytest.mark.parametrize(
    "message",
    [
        None,
        Message(payload=b"hello"),
        Message(payload=b"x" * 30),
        Message(payload=BATCH.reference + b"x"),
        Message(payload=BATCH.reference, kind=2),
    ],
)
def test_other_messages_are_no_references(message):
    """Only a plain message of exactly the right length and magic is a reference."""
    assert CODEC.decode(signed(a_transfer(message=message), "producer")).reference is None
