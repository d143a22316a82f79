"""Events: pages of blocks, what transactions did, reorganisations, and nodes that do not rest."""

from __future__ import annotations

import pytest

from sauma.chain import Cursor, Effect
from sauma.errors import (
    BadAnswer,
    Unavailable,
)
from sauma_nem import NemChain
from sauma_nem.binary import block_hash
from sauma_nem.network import TESTNET
from sauma_nem.testnode import Reply
from sauma_nem.transactions import (
    Message,
    MosaicId,
    MosaicQuantity,
    Multisig,
)

from .foreign import announce_foreign, foreign, share_the_producer
from .street import (
    BUYER,
    ENERGY,
    FEE_MICRO,
    ISSUER,
    PRODUCER,
    SETTINGS,
    STRANGER,
    XEM,
    XEM_MICRO,
    Street,
    a_street,
    batch_of,
    everything,
    issue,
    settings_of,
)


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
    share_the_producer(street)
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
