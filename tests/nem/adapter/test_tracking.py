"""The status of a transaction: only what blocks prove, also when a node has forgotten."""

from __future__ import annotations

from sauma.chain import Fate

from .street import (
    Street,
    a_street,
    batch_of,
    issue,
    settings_of,
)


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
