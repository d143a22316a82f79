"""The seven calls, against a node over loopback HTTP."""

from __future__ import annotations

import attrs
import pytest

from sauma.chain import Chain, Codec, Cursor, Effect, Fate, SignedTransaction, Word
from sauma.errors import (
    BadAnswer,
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    OutcomeUnknown,
    Refused,
    Unavailable,
    Unsupported,
    WrongNetwork,
)
from sauma_nem import NemChain, NodeClient
from sauma_nem.binary import block_hash, serialise
from sauma_nem.network import MAINNET, TESTNET, unix_seconds_from_seconds
from sauma_nem.signing import KeyPair
from sauma_nem.testnode import NodeServer, Reply, TestNode
from sauma_nem.transactions import (
    Message,
    Modification,
    MosaicId,
    MosaicQuantity,
    Multisig,
    MultisigModification,
    Transfer,
)

from .street import (
    BUYER,
    ENERGY,
    ISSUER,
    POOR,
    PRODUCER,
    SETTINGS,
    STRANGER,
    XEM,
    XEM_MICRO,
    Street,
    a_street,
    anchor,
    batch_of,
    issue,
    key_of,
    retire,
    settings_of,
    signer_of,
    transfer,
)

FEE_MICRO = 100_000  # one unit for the mosaic, one for the reference


def units(street: Street, signer, asset=ENERGY) -> int:
    """What an account has, by the chain."""
    return street.chain.balance(signer.account, asset).units


def everything(street: Street, since: Cursor = Cursor()):  # noqa: B008
    """All pages from a cursor on: events and the last cursor."""
    events, page = [], street.chain.events(since)
    while True:
        events.extend(page.events)
        if not page.more:
            return events, page.cursor
        page = street.chain.events(page.cursor)


def announce_foreign(street: Street, transaction, label: str) -> None:
    """Somebody else's transaction."""
    data = serialise(transaction)
    answer = street.node.announce(data, KeyPair(key_of(label)).sign(data))
    assert answer.result.name == "SUCCESS"


def foreign(street: Street, label: str, **changes) -> Transfer:
    """A transfer of the stranger's making."""
    now = street.node.now_seconds()
    members = {
        "network_byte": TESTNET.byte,
        "version": 2,
        "timestamp_seconds": now,
        "signer": KeyPair(key_of(label)).public_key,
        "fee_micro": 2_000_000,
        "deadline_seconds": now + 3_600,
        "recipient": BUYER.account.address,
        "amount_micro": XEM_MICRO,
    }
    return Transfer(**{**members, **changes})


def test_the_port_is_kept(street: Street):
    """NemChain is a Chain, its codec a Codec."""
    assert isinstance(street.chain, Chain)
    assert isinstance(street.chain.codec, Codec)
    assert str(street.chain.chain_id) == "nem:testnet"


def test_fifteen_kilowatt_hours_reach_two_buyers(street: Street):
    """Energy issued to a producer moves to buyers, and what returns leaves circulation."""
    street.issued(15_000)
    street.send(
        batch_of(transfer(7_500), label="a"),
        batch_of(transfer(7_400, recipient=POOR.account), label="b"),
        batch_of(retire(100), label="c"),
    )
    street.node.mine()

    events, _ = everything(street)

    assert [units(street, each) for each in (PRODUCER, BUYER, POOR)] == [0, 7_500, 7_400]
    circulating = sum(effect.delta_units for event in events for effect in event.effects)
    assert circulating == 14_900
    assert units(street, ISSUER) == SETTINGS.supply_units - circulating
    assert units(street, PRODUCER, XEM) == 100 * XEM_MICRO - 3 * FEE_MICRO


def test_what_is_prepared_is_what_is_decoded(street: Street):
    """The record of a signed transaction says what its bytes say."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    decoded = street.chain.codec.decode(signed.raw)

    assert decoded.signature_valid
    assert decoded.reference == batch_of(issue(5)).reference
    for name in ("transaction_id", "sender", "effects", "fee_payer", "fee_units_max"):
        assert getattr(decoded, name) == getattr(signed, name)
    now = unix_seconds_from_seconds(street.node.now_seconds())
    assert decoded.valid_until == signed.valid_until == now + SETTINGS.deadline_s


def test_the_same_batch_in_the_same_second_is_the_same_transaction(street: Street):
    """Signing is deterministic; another second gives another transaction."""
    batch = batch_of(issue(5))
    first = street.chain.prepare([batch], outstanding=())
    again = street.chain.prepare([batch], outstanding=())
    street.node.advance(1)
    later = street.chain.prepare([batch], outstanding=())

    assert first == again
    assert first[0].transaction_id != later[0].transaction_id


def test_preparing_changes_nothing(street: Street):
    """Nothing reaches the node before broadcast."""
    street.chain.prepare([batch_of(issue(5))], outstanding=())

    assert street.node.waiting() == ()


def test_quotes_are_what_is_paid(street: Street):
    """Quoted fees, without keys, are the fees of the prepared transactions."""
    batches = [
        batch_of(issue(5), label="a"),
        batch_of(anchor(), label="b"),
        batch_of(transfer(20_000 * XEM_MICRO, asset=XEM), label="c"),
    ]
    keyless = NemChain(SETTINGS, street.client)

    quote = keyless.quote(batches)
    prepared = street.chain.prepare(batches[:2], outstanding=())

    assert dict(quote.fees) == {ISSUER.account: FEE_MICRO + 150_000, PRODUCER.account: 150_000}
    assert sum(each.fee_units_max for each in prepared) == dict(quote.fees)[ISSUER.account]
    assert quote.fee_asset == XEM
    assert (quote.transactions, quote.blocks) == (3, 1)
    assert keyless.quote(batches[:2]).bytes_total == sum(len(each.raw) for each in prepared)
    assert keyless.quote([]).blocks == 0


def test_quotes_count_blocks_by_lane(street: Street):
    """One sender fills its pool room per block, all together 120."""
    one_lane = [batch_of(issue(1), label=str(each)) for each in range(101)]
    two_lanes = [batch_of(transfer(1), label=f"p{each}") for each in range(100)] + one_lane[:100]

    assert street.chain.quote(one_lane).blocks == 2
    assert street.chain.quote(two_lanes).blocks == 2


def test_a_small_supply_costs_more():
    """The fee follows the current supply, as the node wants it."""
    with a_street(settings_of(supply_units=15_000)) as street:
        (signed,) = street.send(batch_of(issue(7_500)))
        street.node.mine()

        assert signed.fee_units_max == 250_000
        assert units(street, PRODUCER) == 7_500


def test_without_a_signer_nothing_is_signed(street: Street):
    """Nobody's batch is refused with the account's name."""
    with pytest.raises(NoSigner, match=STRANGER.account.address):
        street.chain.prepare([batch_of(transfer(1, sender=STRANGER.account))], outstanding=())


def test_a_signer_that_signs_wrongly_is_found_out(street: Street):
    """A signature is verified before it is handed on."""

    class Broken:
        account = PRODUCER.account
        public_key = PRODUCER.public_key

        def sign(self, payload: bytes) -> bytes:
            return PRODUCER.sign(payload + b"x")

    street.issued(5)
    chain = NemChain(SETTINGS, street.client, {PRODUCER.account: Broken()})

    with pytest.raises(NoSigner, match="does not hold"):
        chain.prepare([batch_of(transfer(1))], outstanding=())


def test_a_wallet_of_another_network_is_refused(street: Street):
    """Signers are looked at when the chain is made."""
    elsewhere = signer_of("producer", MAINNET)

    with pytest.raises(WrongNetwork):
        NemChain(SETTINGS, street.client, {elsewhere.account: elsewhere})
    with pytest.raises(WrongNetwork):
        NemChain(SETTINGS, street.client, {PRODUCER.account: elsewhere})
    with pytest.raises(InvalidInput, match="signs for"):
        NemChain(SETTINGS, street.client, {PRODUCER.account: BUYER})


def test_a_wallet_without_fee_money_is_named(street: Street):
    """The message has the account, what is needed, what is there and what to do."""
    street.send(batch_of(issue(5, recipient=POOR.account)))
    street.node.mine()

    with pytest.raises(InsufficientBalance) as refused:
        street.chain.prepare([batch_of(transfer(5, sender=POOR.account))], outstanding=())

    for part in (POOR.account.address, "100000 micro XEM", "has 0 micro XEM", "send XEM to"):
        assert part in str(refused.value)


def test_energy_that_is_not_there_is_named(street: Street):
    """Nobody moves more than is confirmed."""
    street.issued(5)

    with pytest.raises(InsufficientBalance, match="needs 6 grid:wh and has 5 grid:wh"):
        street.chain.prepare([batch_of(transfer(6))], outstanding=())


@pytest.mark.parametrize("count", [3, 30])
def test_what_is_in_blocks_is_subtracted_once(
    street: Street, count: int, monkeypatch: pytest.MonkeyPatch
):
    """Of few and of many outstanding the landed ones count in the balance, the waiting beside it."""
    monkeypatch.setattr("sauma_nem.node.PAGE_TRANSACTIONS", 25)
    landed: tuple[SignedTransaction, ...] = ()
    for number in range(count):
        landed += street.send(batch_of(issue(2), label=f"landed {number}"), outstanding=landed)
        if len(landed) % 10 == 0:
            street.node.mine()
    street.node.mine()
    waiting = street.send(batch_of(transfer(count), label="waits"))
    outstanding = (*landed, *waiting)
    street.faults.asked.clear()

    (signed,) = street.chain.prepare([batch_of(transfer(count))], outstanding=outstanding)
    with pytest.raises(InsufficientBalance, match=f"has {count} grid:wh"):
        street.chain.prepare([batch_of(transfer(count + 1))], outstanding=outstanding)
    street.chain.prepare([batch_of(issue(1))], outstanding=outstanding)

    assert signed.sender == PRODUCER.account
    assert street.faults.asked.count("/transaction/get") <= 2 + 3
    pages = street.faults.asked.count("/account/transfers/outgoing")
    assert pages == (0 if count == 3 else 2)


def test_a_mosaic_that_was_not_provisioned_is_named(street: Street):
    """Energy cannot move before the mosaic exists."""
    settings = settings_of(mosaic="other:wh")
    chain = NemChain(settings, street.client, {ISSUER.account: ISSUER})
    batch = batch_of(issue(1, asset=settings.energy_asset))

    with pytest.raises(Refused, match="provision"):
        chain.prepare([batch], outstanding=())
    with pytest.raises(Refused, match="provision"):
        chain.quote([batch])


def test_one_call_does_not_spend_twice(street: Street):
    """What was packed is gone for the next batch; the working prefix comes back."""
    street.issued(10)
    batches = [batch_of(transfer(4), label=str(each)) for each in range(3)]

    prepared = street.chain.prepare(batches, outstanding=())

    assert [each.batch_ids[0] for each in prepared] == [each.batch_id for each in batches[:2]]


@pytest.mark.parametrize(
    "bad",
    [
        transfer(1, sender=STRANGER.account),
        transfer(0),
        transfer(1_000),
        transfer(1, sender=POOR.account),
        transfer(1, recipient=signer_of("buyer", MAINNET).account),
    ],
)
def test_only_the_first_refusal_is_raised(street: Street, bad):
    """A later batch that is refused ends the prefix and holds up nobody before it."""
    street.issued(10)

    prepared = street.chain.prepare(
        [batch_of(transfer(4), label="good"), batch_of(bad, label="bad")], outstanding=()
    )

    assert len(prepared) == 1


def test_outstanding_is_subtracted_while_it_waits_and_only_then(street: Street):
    """A waiting transaction's energy and fee are spent; once confirmed the chain has counted it."""
    street.issued(10)
    (first,) = street.send(batch_of(transfer(6), label="a"))
    again = [batch_of(transfer(4), label="b"), batch_of(transfer(1), label="c")]

    waiting = street.chain.prepare(again, outstanding=(first,))
    street.node.mine()
    confirmed = street.chain.prepare(again, outstanding=(first,))

    with pytest.raises(InsufficientBalance, match="has 4 grid:wh"):
        street.chain.prepare([batch_of(transfer(5), label="d")], outstanding=(first,))
    assert len(waiting) == len(confirmed) == 1


def test_fee_money_is_subtracted_too():
    """The last fee is not promised twice."""
    with a_street() as street:
        street.issued(10)
        left = 100 * XEM_MICRO - FEE_MICRO
        (big,) = street.chain.prepare(
            [batch_of(transfer(left - 3 * FEE_MICRO, asset=XEM), label="big")], outstanding=()
        )
        small = [batch_of(transfer(1), label=str(each)) for each in range(5)]

        prepared = street.chain.prepare(small, outstanding=(big,))

        assert big.fee_units_max == FEE_MICRO
        assert len(prepared) == 3


def test_an_expired_one_is_subtracted_until_it_is_dead_but_needs_no_room():
    """It has left the pool; a reorganisation could still bring it back."""
    with a_street(settings_of(pool_limit=1)) as street:
        street.issued(10)
        (first,) = street.chain.prepare([batch_of(transfer(6), label="a")], outstanding=())

        full = street.chain.prepare([batch_of(transfer(1), label="b")], outstanding=(first,))
        street.node.advance(SETTINGS.deadline_s + 1)
        street.node.mine()
        room = street.chain.prepare([batch_of(transfer(4), label="b")], outstanding=(first,))

        assert full == ()
        assert len(room) == 1
        with pytest.raises(InsufficientBalance):
            street.chain.prepare([batch_of(transfer(5), label="c")], outstanding=(first,))


def test_the_pool_takes_what_was_said(street: Street):
    """A lane fills its room and no more; a block makes room again."""
    street.issued(1_000)
    batches = [batch_of(transfer(1), label=str(each)) for each in range(130)]

    first = street.send(*batches)
    none = street.chain.prepare(batches[100:], outstanding=first)
    street.node.mine()
    rest = street.send(*batches[100:], outstanding=first)
    street.node.mine()

    assert (len(first), none, len(rest)) == (100, (), 30)
    assert units(street, BUYER) == 130


def test_a_batch_that_is_outstanding_is_refused(street: Street):
    """NEM would take it twice, so it is not signed twice."""
    (first,) = street.send(batch_of(issue(5)))

    with pytest.raises(Refused, match=first.transaction_id.hex()):
        street.chain.prepare([batch_of(issue(5))], outstanding=(first,))
    twice = street.chain.prepare([batch_of(issue(6), label="x")] * 2, outstanding=(first,))
    assert len(twice) == 1


def test_nothing_is_replaced(street: Street):
    """NEM cannot take a transaction back."""
    (first,) = street.send(batch_of(issue(5)))

    with pytest.raises(Unsupported, match="deadline"):
        street.chain.prepare([batch_of(issue(5))], outstanding=(), replaces=first)


def test_a_multisig_account_signs_nothing(street: Street):
    """Its own signature would never be taken, so none is made."""
    now = street.node.now_seconds()
    modification = MultisigModification(
        network_byte=TESTNET.byte,
        version=2,
        timestamp_seconds=now,
        signer=PRODUCER.public_key,
        fee_micro=500_000,
        deadline_seconds=now + 3_600,
        modifications=(Modification(kind=1, cosignatory=STRANGER.public_key),),
        relative_change=1,
    )
    street.issued(10)
    announce_foreign(street, modification, "producer")
    street.node.mine()

    with pytest.raises(Unsupported, match="multisig"):
        street.chain.prepare([batch_of(transfer(1))], outstanding=())


def test_words_of_a_node(street: Street):
    """New is accepted, the same again is known, also when it is confirmed."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())

    words = [street.chain.broadcast(signed).word for _ in range(2)]
    street.node.mine()
    words.append(street.chain.broadcast(signed).word)

    assert words == [Word.ACCEPTED, Word.KNOWN, Word.KNOWN]


def test_a_refusal_names_nis_code(street: Street):
    """What a node does not take it names."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    street.node.advance(SETTINGS.deadline_s + 1)

    answer = street.chain.broadcast(signed)

    assert answer.word is Word.REJECTED
    assert (answer.code, answer.message) == ("3", "FAILURE_PAST_DEADLINE")


def test_a_transaction_is_followed_to_finality():
    """Unseen, pending, included, and final when as many blocks confirm it as was said."""
    with a_street(settings_of(finality_blocks=3)) as street:
        (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
        fates = [street.chain.status(signed)]
        street.chain.broadcast(signed)
        fates.append(street.chain.status(signed))
        for _ in range(3):
            street.node.mine()
            fates.append(street.chain.status(signed))

        assert [each.fate for each in fates] == [Fate.UNSEEN, Fate.PENDING, *[Fate.INCLUDED] * 3]
        assert [each.final for each in fates[2:]] == [False, False, True]
        assert fates[2].block is not None
        assert fates[2].block.height == 4
        assert {each.block for each in fates[2:]} == {fates[2].block}
        assert street.chain.head().final_height == 4


def test_a_reorganisation_takes_inclusion_back(street: Street):
    """Blocks that were undone prove nothing."""
    signed = street.issued(5)
    street.node.rollback(1)
    after = street.chain.status(signed).fate
    street.node.mine()

    assert after is Fate.PENDING
    assert street.chain.status(signed).fate is Fate.INCLUDED


def test_only_a_final_block_beyond_the_deadline_proves_death():
    """Until then a transaction may still land, whatever nodes and clocks say."""
    with a_street(settings_of(finality_blocks=5, deadline_s=600)) as street:
        (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
        street.node.mine(10)
        before = street.chain.status(signed)
        street.node.mine(4)
        not_final = street.chain.status(signed)
        street.node.mine()
        dead = street.chain.status(signed)

        assert [each.fate for each in (before, not_final)] == [Fate.UNSEEN, Fate.UNSEEN]
        assert (dead.fate, dead.final) == (Fate.DEAD, True)
        assert "deadline" in (dead.reason or "")


def test_what_was_included_long_ago_is_not_dead():
    """A node forgets hashes; blocks do not."""
    settings = settings_of(finality_blocks=5, deadline_s=600)
    with a_street(settings, hash_retention_seconds=1_200) as street:
        signed = street.issued(5)
        street.node.mine(720)

        assert street.client.transaction(signed.transaction_id) is None
        status = street.chain.status(signed)

        assert (status.fate, status.final, status.succeeded) == (Fate.INCLUDED, True, True)
        assert status.block is not None
        assert status.block.height == 4


def test_what_a_node_forgot_before_it_is_final_is_found_in_lists():
    """A hash is forgotten after 36 hours; where that is not final yet, the sender's list has it."""
    with a_street(settings_of(finality_blocks=3_000)) as street:
        signed = street.issued(5)
        for evening in range(2):
            street.send(*(batch_of(issue(1), label=f"{evening} {n}") for n in range(60)))
            street.node.mine(1_260)

        assert street.client.transaction(signed.transaction_id) is None
        status = street.chain.status(signed)
        street.node.rollback(1)
        unsent = street.chain.prepare([batch_of(issue(2), label="never")], outstanding=())[0]

        assert (status.fate, status.final) == (Fate.INCLUDED, False)
        assert status.block is not None
        assert status.block.height == 4
        assert street.chain.status(unsent).fate is Fate.UNSEEN


def test_the_last_block_that_may_have_it_is_read():
    """A transaction may lie in a block of exactly its deadline's second."""
    with a_street(
        settings_of(finality_blocks=2, deadline_s=600), hash_retention_seconds=60
    ) as street:
        (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
        street.node.mine(9)
        street.chain.broadcast(signed)
        street.node.mine()
        landed = street.chain.status(signed)
        street.node.mine(721)

        assert landed.block is not None
        assert int(landed.block.time.timestamp()) == signed.valid_until
        assert street.client.transaction(signed.transaction_id) is None
        assert street.chain.status(signed).fate is Fate.INCLUDED


def test_events_are_read_page_by_page(street: Street):
    """Pages follow each other without gap or overlap, and end where the chain ends."""
    signed = [street.issued(each, label=str(each)) for each in range(1, 8)]
    chain = NemChain(SETTINGS, street.client, page_blocks=2)
    pages = [chain.events(Cursor())]
    while pages[-1].more:
        pages.append(chain.events(pages[-1].cursor))

    found = [event for page in pages for event in page.events]
    idle = chain.events(pages[-1].cursor)

    assert [each.transaction_id for each in found] == [each.transaction_id for each in signed]
    assert [page.cursor.height for page in pages] == [2, 4, 6, 8, 10]
    assert (idle.events, idle.scanned, idle.more) == ((), None, False)
    assert idle.cursor == pages[-1].cursor


def test_events_say_what_a_transaction_did(street: Street):
    """Block, reference, effects and fee are what was prepared."""
    signed = street.issued(5)

    (event,), _ = everything(street)

    assert event.block == street.chain.status(signed).block
    assert event.block == street.chain.head().newest
    assert event.reference == batch_of(issue(5), label="issued").reference
    assert event.effects == signed.effects
    assert (event.fee_payer, event.fee_units) == (ISSUER.account, FEE_MICRO)


def test_others_moving_energy_is_seen_and_their_money_is_not(street: Street):
    """Energy counts whoever moves it; XEM only beside a reference; the rest is nobody's business."""
    street.issued(50)
    _, cursor = everything(street)
    energy = MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=10)
    xem = MosaicQuantity(mosaic_id=MosaicId(namespace="nem", name="xem"), quantity_units=5)
    reference = Message(payload=batch_of(issue(1), label="copied").reference)
    announce_foreign(street, foreign(street, "stranger"), "stranger")
    announce_foreign(
        street, foreign(street, "producer", mosaics=(energy, xem), fee_micro=1_900_000), "producer"
    )
    announce_foreign(
        street, foreign(street, "stranger", message=reference, fee_micro=1_800_000), "stranger"
    )
    street.node.mine()

    events, _ = everything(street, cursor)

    assert [each.reference for each in events] == [None, reference.payload]
    assert events[0].effects == (
        Effect(account=PRODUCER.account, asset=ENERGY, delta_units=-10),
        Effect(account=BUYER.account, asset=ENERGY, delta_units=10),
    )
    assert [(each.asset, each.delta_units) for each in events[1].effects] == [
        (XEM, -XEM_MICRO),
        (XEM, XEM_MICRO),
    ]


def test_a_wrapped_transfer_counts_once(street: Street):
    """A multisig account's transfer has the wrapper's hash, the inner effects and all the fees."""
    street.issued(50)
    now = street.node.now_seconds()
    modification = MultisigModification(
        network_byte=TESTNET.byte,
        version=2,
        timestamp_seconds=now,
        signer=PRODUCER.public_key,
        fee_micro=500_000,
        deadline_seconds=now + 3_600,
        modifications=(Modification(kind=1, cosignatory=STRANGER.public_key),),
        relative_change=1,
    )
    announce_foreign(street, modification, "producer")
    street.node.mine()
    _, cursor = everything(street)
    energy = MosaicQuantity(mosaic_id=SETTINGS.mosaic_id, quantity_units=10)
    wrapper = Multisig(
        network_byte=TESTNET.byte,
        version=1,
        timestamp_seconds=now,
        signer=STRANGER.public_key,
        fee_micro=150_000,
        deadline_seconds=now + 3_600,
        inner=foreign(street, "producer", mosaics=(energy,)),
    )
    announce_foreign(street, wrapper, "stranger")
    street.node.mine()

    (event,), _ = everything(street, cursor)

    assert event.fee_payer == PRODUCER.account
    assert event.fee_units == 2_150_000
    assert [each.delta_units for each in event.effects] == [-10, 10]


def test_a_rollback_retracts_and_reads_again(street: Street):
    """Nothing above the height told holds; what follows is the new branch."""
    street.issued(5)
    street.node.mine(3)
    signed = street.issued(6, label="b")
    _, cursor = everything(street)
    street.node.rollback(2)

    retracted = street.chain.events(cursor)
    street.node.mine()
    again = street.chain.events(retracted.cursor)

    assert retracted.rolled_back_to == cursor.height - 2
    assert retracted.cursor.height == cursor.height - 2
    assert again.rolled_back_to is None
    assert [each.transaction_id for each in again.events] == [signed.transaction_id]
    assert again.events[0].block.height == cursor.height - 1


def test_a_fork_is_found_at_once(street: Street):
    """A longer branch of other blocks retracts and continues in one page."""
    street.issued(5)
    _, cursor = everything(street)
    street.node.fork(1, blocks=3)

    page = street.chain.events(cursor)

    assert page.rolled_back_to == cursor.height - 1
    assert page.events == ()
    assert page.cursor.height == cursor.height + 2


@pytest.mark.parametrize("depth", [11, 40, 200, 360])
def test_no_rollback_is_too_deep(street: Street, depth):
    """Down to the last block that can be undone, and never below what was final."""
    street.node.mine(400)
    _, cursor = everything(street)
    street.node.fork(depth, blocks=depth + 2)
    kept_height = cursor.height - depth

    page = street.chain.events(cursor)
    _, caught_up = everything(street, page.cursor)

    assert page.rolled_back_to is not None
    assert cursor.height - 360 <= page.rolled_back_to <= kept_height
    assert caught_up.height == street.node.height
    assert street.chain.events(caught_up).rolled_back_to is None


def test_another_chain_below_finality_is_a_bad_answer():
    """What was final cannot change: the node follows another chain."""
    with a_street(settings_of(finality_blocks=3)) as street:
        street.node.mine(20)
        _, cursor = everything(street)
        street.node.fork(5, blocks=10)

        with pytest.raises(BadAnswer, match="another chain"):
            street.chain.events(cursor)


def test_a_node_that_is_far_behind_is_unavailable():
    """A node that still loads old blocks has not rolled back."""
    with a_street(settings_of(finality_blocks=3)) as street:
        street.node.mine(20)
        _, cursor = everything(street)
        street.node.rollback(10)

        with pytest.raises(Unavailable, match="caught up"):
            street.chain.events(cursor)


def test_a_chain_that_changes_between_two_questions_is_read_again(street: Street):
    """A page is one unbroken piece of chain, also when a reorganisation comes in between."""
    street.issued(5)
    street.node.mine(4)
    heights_asked: list[str] = []

    def fork_midway(request, answer):
        if request.path == "/block/at/public":
            heights_asked.append(request.path)
            if len(heights_asked) == 6:
                street.faults.now = None
                street.node.fork(4, blocks=6)
        return answer(request)

    street.faults.now = fork_midway
    page = street.chain.events(Cursor())
    street.faults.now = None

    read = {point.height: point.block_hash for point in page.cursor.points}
    assert read == {height: block_hash(street.node.block(height)) for height in read}
    assert len(read) == street.node.height


def test_a_chain_that_never_rests_is_unavailable(street: Street):
    """Reading is tried a few times, not for ever."""

    def restless(request, answer):
        if request.path in ("/block/at/public", "/account/mosaic/owned"):
            street.node.fork(1, blocks=1 if request.path == "/block/at/public" else 2)
        return answer(request)

    _, cursor = everything(street)
    street.node.mine(3)
    street.faults.now = restless

    with pytest.raises(Unavailable, match="repeat"):
        street.chain.balance(BUYER.account, ENERGY)
    assert cursor.height == 3


def test_reading_may_begin_where_the_mosaic_did():
    """Blocks before the first height are never asked for."""
    with a_street(settings_of(first_height=3)) as street:
        street.issued(5)
        street.faults.asked.clear()

        page = street.chain.events(Cursor())

        assert [point.height for point in page.cursor.points] == [4, 3]
        assert len(page.events) == 1
        assert street.faults.asked.count("/block/at/public") == 2


def test_balances_say_at_which_block_they_hold(street: Street):
    """A balance is the confirmed one of the block told with it."""
    street.send(batch_of(issue(5)))
    before = street.chain.balance(PRODUCER.account, ENERGY)
    street.node.mine()
    after = street.chain.balance(PRODUCER.account, ENERGY)

    assert (before.units, before.block.height) == (0, 3)
    assert (after.units, after.block) == (5, street.chain.head().newest)
    assert units(street, STRANGER, XEM) == 1_000 * XEM_MICRO


def test_a_balance_elsewhere_is_refused(street: Street):
    """Accounts and assets of other chains are not asked for."""
    with pytest.raises(WrongNetwork):
        street.chain.balance(signer_of("buyer", MAINNET).account, ENERGY)
    with pytest.raises(WrongNetwork):
        street.chain.balance(BUYER.account, attrs.evolve(ENERGY, text="memory:main/unit:wh"))


def test_facts_and_an_address_make_a_chain(street: Street):
    """What the journal recorded opens the same chain again."""
    with NemChain.from_settings(SETTINGS.to_facts(), urls=[street.client.url]) as chain:
        assert chain.settings == SETTINGS
        assert chain.head() == street.chain.head()


def test_a_crash_between_signing_and_sending_loses_nothing(street: Street):
    """The stored bytes alone, in a new process, land once."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    stored = SignedTransaction(
        **{field.name: getattr(signed, field.name) for field in attrs.fields(SignedTransaction)}
    )
    street.faults.now = lambda request, answer: (
        None if request.path == "/transaction/announce" else answer(request)
    )
    with pytest.raises(OutcomeUnknown):
        street.chain.broadcast(stored)
    street.faults.now = None

    with NodeClient(street.client.url) as client:
        restarted = NemChain(SETTINGS, client)
        restarted.broadcast(stored)
        restarted.broadcast(stored)
    street.node.mine(2)

    assert units(street, PRODUCER) == 5


def test_bytes_that_are_not_ours_are_never_sent(street: Street):
    """Broken bytes are the caller's fault."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())

    with pytest.raises(InvalidInput):
        street.chain.broadcast(attrs.evolve(signed, raw=signed.raw[:-1]))
    assert street.node.waiting() == ()


def test_an_impossible_transfer_in_a_block_is_a_bad_answer(street: Street):
    """A block's addresses are looked at before its effects are believed."""
    street.issued(5)

    def bend(request, answer):
        reply = answer(request)
        if request.path != "/block/at/public" or not reply.body["transactions"]:
            return reply
        bent = [{**each, "recipient": "T" * 40} for each in reply.body["transactions"]]
        return Reply(body={**reply.body, "transactions": bent})

    street.faults.now = bend
    with pytest.raises((BadAnswer, Unavailable)):
        street.chain.events(Cursor())


def test_a_fresh_chain_has_a_final_first_block():
    """The first block is never undone."""
    with (
        TestNode.create({}) as node,
        NodeServer(node) as server,
        NodeClient(server.url) as client,
    ):
        head = NemChain(SETTINGS, client).head()

    assert (head.newest.height, head.final_height) == (1, 1)
