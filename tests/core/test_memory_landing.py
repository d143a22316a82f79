"""What the reference chain takes, and what it can prove of it."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from sauma.chain import (
    Fate,
    SignedTransaction,
    Word,
)
from sauma.errors import (
    InvalidInput,
    WrongNetwork,
)
from sauma.memory import MemoryChain
from sauma.memory.codec import read

from .memory_batches import (
    ANNA,
    BERT,
    CLEO,
    batch,
    funded,
    issue,
    send,
    transfer,
    units_of,
)


def test_the_same_bytes_may_be_sent_again_at_any_time():
    """A repeated broadcast is `KNOWN`, waiting or included, and lands once."""
    chain = funded(10)
    (sent,) = send(chain, batch("b", transfer(3)))

    waiting = chain.broadcast(sent)
    chain.mine()
    included = chain.broadcast(sent)
    chain.mine()

    assert waiting.word is included.word is Word.KNOWN
    assert units_of(chain, ANNA, BERT) == [7, 3]


def _twin(key: str, **settings: object) -> SignedTransaction:
    """A transaction that another client prepared, who knew of nothing outstanding."""
    return funded(10, **settings).prepare([batch(key, transfer(4))], outstanding=())[0]


def _broken(change: Callable[[bytes], bytes]) -> SignedTransaction:
    prepared = _twin("b")
    return attrs.evolve(prepared, raw=change(prepared.raw))


@pytest.mark.parametrize(
    ("transaction", "code"),
    [
        (_broken(lambda raw: raw[:-1]), "malformed"),
        (_broken(lambda raw: raw + b"x"), "malformed"),
        (_broken(lambda raw: raw[:-1] + bytes((raw[-1] ^ 1,))), "malformed"),
        (_twin("b"), "nonce_waiting"),
    ],
)
def test_what_cannot_land_is_rejected(transaction: SignedTransaction, code: str):
    """The node says no to changed bytes and to a second transaction for a nonce that waits."""
    chain = funded(10)
    send(chain, batch("a", transfer(1)))

    answer = chain.broadcast(transaction)
    chain.mine()

    assert (answer.word, answer.code) == (Word.REJECTED, code)
    assert units_of(chain, ANNA, BERT) == [9, 1]


def test_a_changed_seal_is_rejected():
    """Bytes whose seal does not fit their body do not get into the pool, whatever id they claim."""
    chain, prepared = funded(10), _twin("b")
    raw = prepared.raw[:-1] + bytes((prepared.raw[-1] ^ 1,))

    answer = chain.broadcast(
        attrs.evolve(prepared, raw=raw, transaction_id=read(raw).transaction_id)
    )

    assert (answer.word, answer.code) == (Word.REJECTED, "seal")


def test_another_chain_is_refused():
    """Bytes for another chain are rejected, and asking for their status is the wrong network."""
    chain, other = funded(10), MemoryChain("other")
    issued = attrs.evolve(
        issue(),
        authority=other.account("grid"),
        recipient=other.account("anna"),
        asset=other.asset("wh"),
    )
    (foreign,) = other.prepare([batch("b", issued)], outstanding=())

    assert chain.broadcast(foreign).code == "wrong_chain"
    with pytest.raises(WrongNetwork):
        chain.status(foreign)
    with pytest.raises(WrongNetwork):
        chain.balance(other.account("anna"), chain.asset("wh"))
    with pytest.raises(WrongNetwork):
        chain.balance(chain.account("anna"), other.asset("wh"))


def test_a_nonce_may_wait_for_the_one_before():
    """Transactions of a lane may arrive in any order; they land in that of their nonces."""
    chain = funded(10)
    first, second = chain.prepare(
        [batch("one", transfer(1)), batch("two", transfer(1))], outstanding=()
    )

    chain.broadcast(second)
    chain.mine()
    assert chain.status(second).fate is Fate.PENDING
    chain.broadcast(first)
    block = chain.mine()

    assert chain.status(first).block == chain.status(second).block == block


def test_a_nonce_far_ahead_is_rejected():
    """The pool holds no more nonces of a lane than `outstanding_max`."""
    chain = funded(10, outstanding_max=2)
    distant = funded(10).prepare(
        [batch(key, transfer(1)) for key in ("one", "two", "three")], outstanding=()
    )

    words = [chain.broadcast(each).word for each in distant]

    assert words == [Word.ACCEPTED, Word.ACCEPTED, Word.REJECTED]


def test_a_transaction_passes_from_unseen_to_final():
    """UNSEEN, PENDING, INCLUDED, final: each when it is so."""
    chain = funded(10, finality_blocks=3)
    (prepared,) = chain.prepare([batch("b", transfer(1))], outstanding=())

    fates = [chain.status(prepared)]
    chain.broadcast(prepared)
    fates.append(chain.status(prepared))
    for _ in range(3):
        chain.mine()
        fates.append(chain.status(prepared))

    assert [each.fate for each in fates] == [Fate.UNSEEN, Fate.PENDING] + [Fate.INCLUDED] * 3
    assert [each.final for each in fates] == [False, False, False, False, True]
    assert fates[-1].succeeded is True


def test_what_expired_is_dead_when_a_final_block_is_later():
    """Too late to land is not dead before a final block proves it; then the nonce is free again."""
    chain = funded(10, validity_s=90, finality_blocks=2)
    (late,) = chain.prepare([batch("b", transfer(1))], outstanding=())

    chain.mine(2)
    assert chain.broadcast(late).code == "expired"
    assert chain.status(late).fate is Fate.UNSEEN
    chain.mine()
    assert chain.status(late).fate is Fate.DEAD
    assert chain.status(late).superseded_by is None

    (again,) = send(chain, batch("b", transfer(1)))
    assert again.consumes == late.consumes
    chain.mine()
    assert units_of(chain, BERT) == [1]


def test_the_last_second_of_validity_counts():
    """A block at exactly `valid_until` may include the transaction."""
    chain = funded(10, validity_s=60)
    (sent,) = send(chain, batch("b", transfer(1)))

    block = chain.mine()

    assert sent.valid_until == int(block.time.timestamp())
    assert chain.status(sent).fate is Fate.INCLUDED


def test_a_batch_lands_once():
    """Two transactions of two lanes for one batch id: the first lands, the other dies."""
    chain = funded(10, finality_blocks=1)
    (first,) = chain.prepare([batch("same", issue(1))], outstanding=())
    (second,) = chain.prepare([batch("same", transfer(1))], outstanding=())
    chain.broadcast(first)
    chain.broadcast(second)

    chain.mine()

    landed = [each for each in (first, second) if chain.status(each).fate is Fate.INCLUDED]
    dead = [each for each in (first, second) if chain.status(each).fate is Fate.DEAD]
    assert len(landed) == len(dead) == 1
    assert chain.status(dead[0]).superseded_by == landed[0].transaction_id
    assert chain.broadcast(dead[0]).code == "batch_landed"


def test_what_cannot_be_paid_stays_out_and_waits():
    """A transaction without cover is not included; it lands when the cover is there."""
    chain = funded(10, finality_blocks=3)
    (paying,) = send(chain, batch("b", transfer(10)))
    (rival,) = chain.prepare(
        [batch("c", transfer(10, authority=BERT, recipient=CLEO))], outstanding=()
    )
    chain.broadcast(rival)

    chain.mine()
    assert chain.status(paying).fate is Fate.INCLUDED
    assert chain.status(rival).fate is Fate.PENDING
    send(chain, batch("more", issue(10)))
    chain.mine()

    assert chain.status(rival).fate is Fate.INCLUDED
    assert units_of(chain, ANNA, BERT, CLEO) == [0, 10, 10]


def test_status_reads_the_bytes_not_the_claims():
    """A record whose id is not that of its bytes is invalid input."""
    chain, prepared = funded(10), _twin("b")

    with pytest.raises(InvalidInput, match="they were changed"):
        chain.status(attrs.evolve(prepared, transaction_id=bytes(32)))
