"""Quoting and signing: fees, who signs, what is there to be spent, and the room in the pool."""

from __future__ import annotations

import pytest

from sauma.chain import SignedTransaction
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    Refused,
    Unsupported,
    WrongNetwork,
)
from sauma_nem import NemChain
from sauma_nem.network import MAINNET, unix_seconds_from_seconds

from .foreign import share_the_producer
from .street import (
    BUYER,
    FEE_MICRO,
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
    settings_of,
    signer_of,
    transfer,
    units,
)


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
    street.issued(10)
    share_the_producer(street)

    with pytest.raises(Unsupported, match="multisig"):
        street.chain.prepare([batch_of(transfer(1))], outstanding=())
