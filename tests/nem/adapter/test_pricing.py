"""Fees past a full pool: what the server's filter lets in, and what is offered for it."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sauma_nem import NemChain
from sauma_nem.fees import FEE_UNIT_MICRO
from sauma_nem.network import BLOCK_TRANSACTIONS_MAX, TESTNET
from sauma_nem.pricing import (
    POOL_ROOM,
    REFUSAL_SECONDS,
    PoolWatch,
    allowed_count,
    least_fee_micro,
    least_pool_count,
)
from sauma_nem.signing import KeyPair, sign
from sauma_nem.transactions import Block, Transfer

from .street import (
    BUYER,
    ISSUER,
    PRODUCER,
    SETTINGS,
    XEM_MICRO,
    Street,
    a_street,
    batch_of,
    issue,
    key_of,
    settings_of,
    signer_of,
    transfer,
)

LIMITS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "nem" / "nis_spam_limits.json").read_text()
)
COUNTS = st.integers(BLOCK_TRANSACTIONS_MAX, POOL_ROOM)
FEES = st.integers(0, 200).map(lambda units: units * FEE_UNIT_MICRO)


class Watch:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def block_of(*fees_micro: int) -> Block:
    """A block of transfers with these fees."""
    one = Transfer(
        network_byte=TESTNET.byte,
        version=1,
        timestamp_seconds=0,
        signer=bytes(32),
        fee_micro=0,
        deadline_seconds=0,
        recipient=BUYER.account.address,
        amount_micro=1,
    )
    return Block(
        network_byte=TESTNET.byte,
        version=1,
        kind=1,
        timestamp_seconds=0,
        signer=bytes(32),
        signature=None,
        previous_hash=bytes(32),
        height=1,
        transactions=tuple(attrs.evolve(one, fee_micro=fee) for fee in fees_micro),
    )


EMPTY = block_of()


def test_limits_are_those_of_the_server():
    """The server's own 168 limits."""
    found = [
        allowed_count(
            importance=row["importance"], fee_micro=row["fee"], pool_count=row["cacheSize"]
        )
        for row in LIMITS
    ]

    assert found == [row["maxAllowed"] for row in LIMITS]


@given(own_count=st.integers(0, 200), pool_count=COUNTS, most=FEES)
def test_the_least_fee_lets_in_and_a_unit_less_does_not(own_count, pool_count, most):
    """The fee found is the least, unless none within the ceiling is enough."""
    fee_micro = least_fee_micro(own_count=own_count, pool_count=pool_count, fee_micro_max=most)

    def lets_in(fee: int) -> bool:
        return allowed_count(fee_micro=fee, pool_count=pool_count) > own_count

    assert fee_micro <= most
    assert lets_in(fee_micro) or fee_micro == most
    assert fee_micro == 0 or not lets_in(fee_micro - FEE_UNIT_MICRO)


@given(own_count=st.integers(0, 200), fee_micro=FEES)
def test_a_refusal_tells_the_least_length_of_the_pool(own_count, fee_micro):
    """At one less the account would have been let in, if that is more than a block."""
    count = least_pool_count(own_count=own_count, refused_fee_micro=fee_micro)

    assert allowed_count(fee_micro=fee_micro, pool_count=count) <= own_count
    assert (
        count == BLOCK_TRANSACTIONS_MAX
        or allowed_count(fee_micro=fee_micro, pool_count=count - 1) > own_count
    )


def test_without_a_sign_of_a_full_pool_nothing_is_raised():
    """The least fee is paid while blocks have room and no node refused."""
    watch = PoolWatch(Watch())

    assert watch.wanted_fee_micro(EMPTY, own_count=99, fee_micro_max=XEM_MICRO) == 0
    some = block_of(*[400_000] * 117)
    assert watch.wanted_fee_micro(some, own_count=0, fee_micro_max=XEM_MICRO) == 0


def test_a_full_block_shows_what_got_in():
    """The lowest fee of a full block is what it takes, within the ceiling."""
    watch = PoolWatch(Watch())
    full = block_of(*[900_000] * 60, *[400_000] * 60)

    assert watch.wanted_fee_micro(full, own_count=0, fee_micro_max=XEM_MICRO) == 400_000
    assert watch.wanted_fee_micro(full, own_count=0, fee_micro_max=250_000) == 250_000


def test_a_refusal_raises_until_it_is_old_or_overtaken():
    """A node's word on its pool is good for ten minutes, or until it takes a lower fee."""
    time = Watch()
    watch = PoolWatch(time)

    def wanted() -> int:
        return watch.wanted_fee_micro(EMPTY, own_count=4, fee_micro_max=XEM_MICRO)

    watch.refused(100_000)
    raised = wanted()
    time.now = REFUSAL_SECONDS + 1
    later = wanted()
    watch.refused(100_000)
    watch.accepted(150_000)
    still = wanted()
    watch.accepted(100_000)

    assert raised == still > 100_000
    assert later == wanted() == 0


def test_a_second_refusal_raises_further():
    """A refused raise shows a longer pool."""
    watch = PoolWatch(Watch())
    watch.refused(100_000)
    first = watch.wanted_fee_micro(EMPTY, own_count=4, fee_micro_max=10 * XEM_MICRO)
    watch.refused(first)

    assert watch.wanted_fee_micro(EMPTY, own_count=4, fee_micro_max=10 * XEM_MICRO) > first


def crowd(street: Street, count: int, fee_micro: int) -> None:
    """Fill the pool by many accounts, one transaction each."""
    now = street.node.now_seconds()
    for number in range(count):
        pair = KeyPair(key_of(f"crowd {number}"))
        request = sign(
            Transfer(
                network_byte=TESTNET.byte,
                version=1,
                timestamp_seconds=now,
                signer=pair.public_key,
                fee_micro=fee_micro,
                deadline_seconds=now + 86_000,
                recipient=BUYER.account.address,
                amount_micro=1,
            ),
            pair,
        )
        street.node.announce(request.data, request.signature)


def test_bulk_gets_past_a_full_pool():
    """Refused at the least fee, the next transactions offer what the filter asks, and get in.

    What was refused stays as it is: its bytes may still land, and do when the pool empties.
    """
    accounts = {
        signer_of(f"crowd {number}").account.address: 100 * XEM_MICRO for number in range(400)
    }
    settings = settings_of(fee_micro_max=2 * XEM_MICRO)
    with a_street(settings, more_balances=accounts) as street:
        crowd(street, 400, 1_500_000)
        first = street.send(*[batch_of(issue(1), label=f"first {n}") for n in range(4)])
        quoted = street.chain.quote([batch_of(issue(1), label="next")]).fees
        second = street.send(
            *[batch_of(issue(1), label=f"second {n}") for n in range(4)], outstanding=first
        )
        waiting = {
            each.transaction_id for each in street.client.unconfirmed(ISSUER.account.address)
        }
        refused = [each for each in first if each.transaction_id not in waiting]

        assert refused
        assert {each.fee_units_max for each in first} == {100_000}
        assert quoted[0][1] > 100_000
        assert all(100_000 < each.fee_units_max <= 2 * XEM_MICRO for each in second)
        assert {each.transaction_id for each in second} <= waiting
        # as dispatch does: the same bytes again, once the node no longer repeats its first word
        street.node.mine(11)
        for each in first:
            street.chain.broadcast(each)
        street.node.mine()
        assert all(street.chain.status(each).block for each in (*first, *second))


def test_a_raise_that_cannot_be_paid_is_left_out():
    """A wallet with just the least fee is not held for want of more."""
    accounts = {
        signer_of(f"crowd {number}").account.address: 100 * XEM_MICRO for number in range(130)
    }
    with a_street(more_balances={**accounts, PRODUCER.account.address: 120_000}) as street:
        street.issued(10)
        crowd(street, 125, 900_000)
        street.node.mine()
        chain = NemChain(
            SETTINGS, street.client, {PRODUCER.account: PRODUCER, ISSUER.account: ISSUER}
        )
        (poor,) = chain.prepare([batch_of(transfer(1))], outstanding=())
        (rich,) = chain.prepare([batch_of(issue(1))], outstanding=())

        assert (poor.fee_units_max, rich.fee_units_max) == (100_000, 900_000)


@pytest.mark.parametrize("fee_micro_max", [0, 99_999])
def test_a_ceiling_below_the_least_fee_changes_nothing(fee_micro_max):
    """The least fee is always paid: without it a transfer is worth nothing."""
    with a_street(settings_of(fee_micro_max=fee_micro_max)) as street:
        assert street.issued(1).fee_units_max == 100_000
