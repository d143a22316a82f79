"""A cosigner believes the journal only as far as it derives, signs once, and names what it refuses."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import sqlalchemy as sa

from sauma.errors import StoreDamaged
from sauma.store import Store
from sauma_nem.binary import inner_hash, serialise_verifiable, transaction_hash
from sauma_nem.codec import transfer_in
from sauma_nem.delegation import signed_by, wrapped
from sauma_nem.judging import Objection
from sauma_nem.multisig import announce
from sauma_nem.network import TESTNET
from sauma_nem.setup_steps import SetupStep, namespace_step
from sauma_nem.signed_record import SignedRecord
from sauma_nem.transactions import (
    XEM,
    Message,
    Modification,
    MosaicQuantity,
    Multisig,
    MultisigModification,
    Transfer,
)

from .authority import OPERATOR, delegate_of
from .justified import RULES, Justified, a_justified_street
from .street import BUYER, ISSUER, SETTINGS, STRANGER

DELEGATE = delegate_of(ISSUER, OPERATOR)


@pytest.fixture
def justified(tmp_path: Path) -> Iterator[Justified]:
    with a_justified_street(tmp_path) as made:
        yield made


def planned(justified: Justified) -> Transfer:
    """Let the operator propose 900 Wh for Ben, and return the transfer that waits."""
    justified.sell(1_500, 900)
    justified.engine.step()
    (waiting,) = waiting_wrappers(justified)
    transfer = transfer_in(waiting)
    assert transfer is not None
    return transfer


def waiting_wrappers(justified: Justified) -> list[Multisig]:
    found = justified.street.client.unconfirmed(ISSUER.account.address)
    return [each.transaction for each in found if isinstance(each.transaction, Multisig)]


def forge(justified: Justified, transaction, **changes) -> bytes:
    """Have the operator's key propose something else, and return its inner hash."""
    now = justified.street.node.now_seconds() + changes.pop("later_s", 1)
    timed = attrs.evolve(
        transaction,
        timestamp_seconds=now,
        deadline_seconds=now + 600,
        signer=ISSUER.public_key,
        **changes,
    )
    signed = signed_by(wrapped(timed, DELEGATE), DELEGATE)
    announce(justified.street.client, signed)
    return inner_hash(signed) or b""


def test_what_the_journal_derives_is_signed_and_settles(justified: Justified):
    """The operator proposes, the auditor signs, the block has it, and the bills become final."""
    planned(justified)
    justified.mine()
    stuck = justified.street.node.mosaic_units(BUYER.account.address, SETTINGS.mosaic_id)
    (verdict,) = justified.cosigner().step()
    again = justified.cosigner().step()
    justified.mine()
    for _ in range(8):
        justified.engine.step()
        justified.mine()

    assert stuck == 0
    assert verdict.is_signed
    assert again == ()
    assert justified.street.node.mosaic_units(BUYER.account.address, SETTINGS.mosaic_id) == 900
    assert justified.engine.finished
    assert {each.bill.status.name for each in justified.engine.statements()} == {"FINAL"}
    assert justified.cosigner().step() == ()


def test_fees_are_what_was_said(justified: Justified):
    """The multisig account pays transfer, wrapper and cosignature: what the committed bytes say."""
    planned(justified)
    (wrapper,) = waiting_wrappers(justified)
    before = justified.street.client.account(ISSUER.account.address).balance_micro
    justified.cosigner().step()
    justified.mine()
    codec = justified.venue.codec
    height = justified.street.node.height
    block = justified.street.client.block_at(height)
    assert block is not None
    (included,) = block.block.transactions
    assert isinstance(included, Multisig)

    assert before - justified.street.client.account(ISSUER.account.address).balance_micro == 400_000
    assert len(included.cosignatures) == 1
    assert codec.decode(serialise_verifiable(wrapper)).fee_units_max == 400_000
    assert codec.decode(serialise_verifiable(included)).fee_units_max == 400_000


FORGERIES = [
    ({"recipient": STRANGER.account.address}, Objection.OTHER_RECIPIENT),
    (
        {"mosaics": (MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=901),)},
        Objection.OTHER_AMOUNT,
    ),
    (
        {"mosaics": (MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=450),)},
        Objection.OTHER_AMOUNT,
    ),
    ({"amount_micro": 2_000_000}, Objection.OTHER_AMOUNT),
    ({"mosaics": (), "amount_micro": 900}, Objection.OTHER_ASSET),
    (
        {
            "mosaics": (
                MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=900),
                MosaicQuantity(mosaic_id=XEM, quantity_units=1),
            ),
            "fee_micro": 150_000,
        },
        Objection.OTHER_ASSET,
    ),
    ({"message": None}, Objection.NO_REFERENCE),
    ({"message": Message(payload=b"rent")}, Objection.NO_REFERENCE),
    (
        {"message": Message(payload=b"\xfeSAU\x01\x01" + bytes(24))},
        Objection.UNKNOWN_BATCH,
    ),
    ({"fee_micro": 3_000_000}, Objection.FEE_TOO_HIGH),
]


def test_a_forged_instruction_is_refused_and_named(justified: Justified):
    """Whoever has the operator's key can propose anything; what was not derived is not signed."""
    true = planned(justified)
    justified.cosigner().step()
    named = {
        forge(justified, true, later_s=number, **change): objection
        for number, (change, objection) in enumerate(FORGERIES)
    }
    verdicts = justified.cosigner().step()
    justified.mine(3)

    assert {each.inner_hash: each.objection for each in verdicts} == named
    assert len(named) == len(FORGERIES)
    assert all(each.reason for each in verdicts)
    assert justified.street.node.mosaic_units(STRANGER.account.address, SETTINGS.mosaic_id) == 0
    assert justified.street.node.mosaic_units(BUYER.account.address, SETTINGS.mosaic_id) == 900


def test_nothing_else_is_signed(justified: Justified):
    """Another cosigner set, or another namespace, is nothing that a journal justifies."""
    rent = namespace_step(SETTINGS, "other", SetupStep.NAMESPACE).transaction
    forge(justified, rent)
    change = MultisigModification(
        network_byte=TESTNET.byte,
        version=2,
        timestamp_seconds=0,
        signer=ISSUER.public_key,
        fee_micro=500_000,
        deadline_seconds=0,
        modifications=(Modification(kind=1, cosignatory=STRANGER.public_key),),
        relative_change=-1,
    )
    forge(justified, change)

    assert {each.objection for each in justified.cosigner().step()} == {Objection.NOT_ASKED_FOR}


def test_a_renewal_is_signed(justified: Justified):
    """The rent of the mosaic's own namespace, to the network's sink, is justified by the settings."""
    rent = namespace_step(SETTINGS, "grid", SetupStep.RENEWAL).transaction
    judge = justified.cosigner()._judge
    pending = attrs.make_class("Fake", ["inner", "wrapper", "inner_hash", "wrapper_id"])

    def objection(transaction):
        wrapper = wrapped(attrs.evolve(transaction, signer=ISSUER.public_key), DELEGATE)
        return judge.opinion(pending(transaction, wrapper, b"", b"")).objection

    assert objection(rent) is None
    dearer = attrs.evolve(rent, rental_fee_micro=rent.rental_fee_micro + 1)
    assert objection(dearer) is Objection.NOT_ASKED_FOR
    elsewhere = attrs.evolve(rent, rental_fee_sink=STRANGER.account.address)
    assert objection(elsewhere) is Objection.NOT_ASKED_FOR


def test_a_rulebook_that_was_not_agreed_to_is_refused(justified: Justified):
    """What another rulebook derives is not justified, however well it is derived."""
    planned(justified)
    (verdict,) = justified.cosigner(rulebooks=(bytes(32),)).step()

    assert verdict.objection is Objection.WRONG_RULEBOOK
    assert RULES.rulebook_hash.hex() in verdict.reason


def test_a_second_transaction_for_a_batch_is_refused_until_the_first_is_dead(justified: Justified):
    """Signing twice could settle twice; what is proved dead may be made good."""
    true = planned(justified)
    (first,) = justified.cosigner().step()
    for each in justified.street.node.waiting():
        justified.street.node.drop(transaction_hash(each))
    forge(justified, true)
    (second,) = justified.cosigner().step()
    justified.mine(16)
    forge(justified, true)
    (third,) = justified.cosigner().step()

    assert first.is_signed
    assert second.objection is Objection.SIGNED_BEFORE
    assert first.wrapper_id.hex() in second.reason
    assert third.is_signed


def test_what_is_settled_is_refused(justified: Justified):
    """By the record, by the journal, and by the chain itself, when record and journal are lost."""
    true = planned(justified)
    justified.cosigner().step()
    justified.mine()
    forge(justified, true)
    (by_record,) = justified.cosigner().step()
    (justified.folder / "signed.jsonl").unlink()
    (by_chain,) = justified.cosigner().step()
    justified.engine.step()
    (by_journal,) = justified.cosigner().step()

    for verdict, why in (
        (by_record, "did it"),
        (by_chain, "in block"),
        (by_journal, "journal shows"),
    ):
        assert verdict.objection is Objection.ALREADY_SETTLED
        assert why in verdict.reason


def test_a_journal_that_contradicts_itself_justifies_nothing(justified: Justified):
    """An instruction that was written into the store and does not follow is found by the replay."""
    planned(justified)
    store = Store.open(justified.folder / "store.sqlite")
    with store._engine.begin() as connection:
        connection.execute(sa.text("UPDATE instructions SET units = units + 100"))
    store.close()
    (verdict,) = justified.cosigner().step()

    assert verdict.objection is Objection.JOURNAL_DIFFERS
    assert "contradicts itself" in verdict.reason


def test_it_goes_on_by_itself(justified: Justified):
    """The loop signs what comes, survives a node that is silent, and stops when it is told to."""
    stop = threading.Event()
    cosigner = justified.cosigner()
    thread = threading.Thread(target=cosigner.run, args=(stop,), kwargs={"poll_s": 0.02})
    thread.start()
    try:
        justified.street.faults.now = lambda request, answer: None
        planned_later = threading.Event()
        planned_later.wait(0.1)
        justified.street.faults.now = None
        planned(justified)
        for _ in range(200):
            if waiting_wrappers(justified)[0].cosignatures:
                break
            planned_later.wait(0.05)
    finally:
        stop.set()
        thread.join(10)

    assert waiting_wrappers(justified)[0].cosignatures
    assert not thread.is_alive()


def test_a_damaged_record_is_named(tmp_path: Path):
    """Without its record a cosigner could sign twice, so it does not start; half a line is no line."""
    path = tmp_path / "signed.jsonl"
    path.write_bytes(b'{"purpose": "00"')
    assert SignedRecord(path).newest(b"\x00") is None
    assert path.read_bytes() == b""
    path.write_bytes(b"{}\n")
    with pytest.raises(StoreDamaged, match="line 1"):
        SignedRecord(path)
