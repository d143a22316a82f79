"""How the reference chain quotes, prepares and replaces."""

from __future__ import annotations

import pytest

from sauma.chain import (
    Fate,
    Word,
)
from sauma.errors import (
    InsufficientBalance,
    InvalidInput,
    NoSigner,
    Refused,
)
from sauma.memory import MemoryChain

from .memory_batches import (
    ANNA,
    BERT,
    GRID,
    EchoSigner,
    batch,
    funded,
    issue,
    send,
    transfer,
    units_of,
)


def test_a_quote_says_what_preparing_gives():
    """The quote of batches has the bytes and transactions that `prepare` makes, and no fee."""
    chain = funded(10)
    batches = [batch("one", transfer(1)), batch("two", issue(1))]

    quote = chain.quote(batches)
    prepared = chain.prepare(batches, outstanding=())

    assert quote.transactions == len(prepared) == 2
    assert quote.bytes_total == sum(len(each.raw) for each in prepared)
    assert (quote.blocks, quote.fees, quote.fee_asset) == (1, (), None)
    assert chain.quote([]).blocks == 0


def test_preparing_changes_nothing_and_repeats():
    """`prepare` may be asked twice: the same bytes, and the chain as it was."""
    chain = funded(10)
    before = chain.head()

    first = chain.prepare([batch("b", transfer(3))], outstanding=())
    second = chain.prepare([batch("b", transfer(3))], outstanding=())

    assert first == second
    assert chain.head() == before
    assert chain.status(first[0]).fate is Fate.UNSEEN


def test_a_prefix_of_whole_batches_is_prepared():
    """The first batch that cannot be paid ends the prefix; it raises when it comes first."""
    chain = funded(10)
    batches = [batch(key, transfer(4)) for key in ("one", "two", "three")]

    prepared = chain.prepare(batches, outstanding=())

    assert [each.batch_ids for each in prepared] == [(each.batch_id,) for each in batches[:2]]
    with pytest.raises(InsufficientBalance, match=r"anna needs 4 .* has 2 to spend"):
        chain.prepare(batches[2:], outstanding=prepared)


def test_nonces_follow_what_is_outstanding():
    """A lane goes on behind what is outstanding, also what is included but not final."""
    chain = funded(10)
    (first,) = send(chain, batch("one", transfer(1)))
    (second,) = send(chain, batch("two", transfer(1)), outstanding=(first,))
    assert first.consumes == (b"nonce:memory:main:anna:0",)
    assert second.consumes == (b"nonce:memory:main:anna:1",)

    chain.mine()
    (third,) = chain.prepare([batch("three", transfer(1))], outstanding=(first, second))
    (elsewhere,) = chain.prepare([batch("four", issue())], outstanding=(first, second))

    assert third.consumes == (b"nonce:memory:main:anna:2",)
    assert elsewhere.consumes == (b"nonce:memory:main:grid:1",)
    assert third.prepared_at == chain.head().newest.height


def test_a_gap_in_a_lane_is_filled():
    """When an outstanding transaction died, the next one takes its nonce."""
    chain = funded(10)
    first, second = chain.prepare(
        [batch("one", transfer(1)), batch("two", transfer(1))], outstanding=()
    )

    (third,) = chain.prepare([batch("three", transfer(1))], outstanding=(second,))

    assert third.consumes == first.consumes


def test_what_outstanding_transactions_bring_is_not_spendable_yet():
    """A dependent step is prepared after its parent is included."""
    chain = MemoryChain()
    (parent,) = send(chain, batch("parent", issue(10)))

    with pytest.raises(InsufficientBalance):
        chain.prepare([batch("child", transfer(10))], outstanding=(parent,))
    chain.mine()

    assert chain.prepare([batch("child", transfer(10))], outstanding=(parent,))


def test_a_full_lane_prepares_nothing():
    """`outstanding_max` is kept per lane: no room gives nothing, and another lane has its own."""
    chain = funded(10, outstanding_max=2)
    batches = [batch(key, transfer(1)) for key in ("one", "two", "three")]

    prepared = chain.prepare(batches, outstanding=())

    assert len(prepared) == 2
    assert chain.prepare(batches[2:], outstanding=prepared) == ()
    assert len(chain.prepare([batch("other", issue())], outstanding=prepared)) == 1


def test_a_batch_is_not_prepared_twice():
    """A batch that is outstanding or has landed is refused."""
    chain = funded(10)
    again = batch("b", transfer(1))
    (first,) = send(chain, again)

    with pytest.raises(Refused, match="is outstanding"):
        chain.prepare([again], outstanding=(first,))
    chain.mine()
    with pytest.raises(Refused, match="has landed"):
        chain.prepare([again], outstanding=(first,))


def test_signers_sign_for_their_accounts():
    """With signers, every authority of a batch needs its own; without, everybody may."""
    signers = {GRID: EchoSigner(account=GRID)}
    chain = MemoryChain(signers=signers)
    send(chain, batch("funding", issue(10)))
    chain.mine()

    for refused in (batch("b", transfer(1)), batch("c", issue(1), transfer(1))):
        with pytest.raises(NoSigner, match=r"anna: give this chain its signer"):
            chain.prepare([refused], outstanding=())
    both = MemoryChain(signers={**signers, ANNA: EchoSigner(account=ANNA)})
    (prepared,) = send(both, batch("c", issue(1), transfer(1)))

    assert (
        prepared.raw
        != MemoryChain().prepare([batch("c", issue(1), transfer(1))], outstanding=())[0].raw
    )
    assert prepared.sender == GRID


def test_a_replacement_shares_the_nonce_and_never_both_land():
    """The replacement has other bytes and the same nonce; the pool keeps it, the other dies."""
    chain = funded(10, finality_blocks=2)
    (old,) = send(chain, batch("b", transfer(3)))

    (new,) = send(chain, batch("b", transfer(3)), outstanding=(old,), replaces=old)

    assert new.consumes == old.consumes
    assert new.raw != old.raw
    assert chain.broadcast(old).code == "nonce_waiting"
    block = chain.mine()
    assert chain.status(new).block == block
    assert chain.status(old).fate is Fate.UNSEEN
    chain.mine()
    assert chain.status(old).fate is Fate.DEAD
    assert chain.status(old).superseded_by == new.transaction_id
    assert units_of(chain, ANNA, BERT) == [7, 3]


def test_the_replaced_may_land_instead():
    """When the old bytes land first, the replacement dies."""
    chain = funded(10, finality_blocks=1)
    (old,) = send(chain, batch("b", transfer(3)))
    (new,) = chain.prepare([batch("c", transfer(4))], outstanding=(old,), replaces=old)

    chain.mine()

    assert chain.broadcast(new).code == "nonce_taken"
    assert chain.status(new).superseded_by == old.transaction_id
    assert units_of(chain, BERT) == [3]


def test_a_replacement_of_a_replacement_is_later_still():
    """Each replacement beats all before it, whichever is handed in."""
    chain = funded(10)
    (old,) = send(chain, batch("b", transfer(3)))
    (new,) = send(chain, batch("b", transfer(3)), outstanding=(old,), replaces=old)

    (newest,) = chain.prepare([batch("b", transfer(3))], outstanding=(old, new), replaces=old)

    assert chain.broadcast(newest).word is Word.ACCEPTED


def test_what_is_replaced_is_not_counted_twice():
    """The units of the replaced transaction are free for its replacement, and for nothing else."""
    chain = funded(10)
    (old,) = send(chain, batch("b", transfer(8)))

    prepared = chain.prepare(
        [batch("b", transfer(9)), batch("c", transfer(2))], outstanding=(old,), replaces=old
    )

    assert len(prepared) == 1
    with pytest.raises(InsufficientBalance):
        chain.prepare([batch("c", transfer(3))], outstanding=(old, *prepared))


def test_wrong_replacements_are_refused():
    """Nothing in its place, another lane first, and a nonce that is taken are refused by name."""
    chain = funded(10)
    (old,) = send(chain, batch("b", transfer(3)))

    with pytest.raises(InvalidInput, match="give a batch"):
        chain.prepare([], outstanding=(old,), replaces=old)
    with pytest.raises(InvalidInput, match="same lane"):
        chain.prepare([batch("c", issue())], outstanding=(old,), replaces=old)
    chain.mine()
    with pytest.raises(Refused, match="nonce 0 of memory:main:anna is taken"):
        chain.prepare([batch("c", transfer(3))], outstanding=(old,), replaces=old)
