"""What goes wrong between adapter and chain: gaps, replacements, reorganisations, fees, dead lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from sauma.chain import Cursor, Fate, Word
from sauma.errors import BadAnswer, OutcomeUnknown, Refused, Unavailable
from sauma_ethereum import EthereumChain, NodeClient
from sauma_ethereum.transactions import parse_raw
from sauma_ethereum.transport import Call, ErrorReply


class Line:
    """A transport that can be cut, delayed by blocks, or made to hide what a node says."""

    def __init__(self, transport: Any, name: str) -> None:
        self.transport, self.name = transport, name
        self.is_cut = False
        self.loses_answers = False
        self.height_max: int | None = None
        self.logs_blocks_max: int | None = None
        self.hides_logs = False
        self.cuts_logs = False
        self.asked: list[str] = []

    def ask(self, calls: Sequence[Call]) -> list[Any]:
        if self.is_cut:
            raise Unavailable(f"{self.name} is cut")
        self.asked += [call.method for call in calls]
        return [self._answer(call) for call in calls]

    def send(self, calls: Sequence[Call]) -> list[Any]:
        if self.is_cut:
            raise Unavailable(f"{self.name} is cut")
        replies = self.transport.send(calls)
        if self.loses_answers:
            raise OutcomeUnknown(f"{self.name} lost the answer")
        return replies

    def close(self) -> None:
        self.transport.close()

    def _answer(self, call: Call) -> Any:
        if self.height_max is not None:
            if call.method == "eth_blockNumber":
                return hex(self.height_max)
            if call.method == "eth_getBlockByNumber" and call.params[0] == "latest":
                call = Call(call.method, (hex(self.height_max), call.params[1]))
        if call.method == "eth_getLogs":
            wanted = call.params[0]
            span = int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1
            if self.logs_blocks_max is not None and span > self.logs_blocks_max:
                return ErrorReply(code=-32005, message="query returned more than 10000 results")
        (reply,) = self.transport.ask([call])
        if self.hides_logs and call.method == "eth_getTransactionReceipt" and reply:
            return {**reply, "logs": []}
        if self.cuts_logs and call.method == "eth_getTransactionReceipt" and reply:
            return {**reply, "logs": [{**log, "data": "0xff"} for log in reply["logs"]]}
        return reply


def lined(street, *names: str) -> tuple[EthereumChain, list[Line]]:
    lines = [Line(street.local.node.transport, name) for name in names]
    nodes = [NodeClient(line) for line in lines]
    return EthereumChain(street.settings, nodes, street.signers), lines


def nonce_of(transaction) -> int:
    return parse_raw(transaction.raw).nonce


def land_by_turns(street, turns: int):
    sent = []
    for _ in range(turns):
        sent += street.land(street.batch(street.issue(street.anna, 1)))
    return sent


def test_nonces_follow_what_is_outstanding(anvil):
    """Each new transaction takes the lowest nonce that is neither taken nor outstanding."""
    first, second, third = anvil.chain.prepare(
        [anvil.batch(anvil.issue(anvil.anna, units)) for units in (1, 2, 3)], outstanding=()
    )
    (again,) = anvil.chain.prepare(
        [anvil.batch(anvil.issue(anvil.bert, 9))], outstanding=[first, third]
    )

    assert [nonce_of(each) - nonce_of(first) for each in (first, second, third)] == [0, 1, 2]
    assert nonce_of(again) == nonce_of(second)


def test_a_gap_is_filled_first(anvil):
    """What waits behind a gap lands as soon as the next batch fills it."""
    lost, behind = anvil.chain.prepare(
        [anvil.batch(anvil.issue(anvil.anna, units)) for units in (1, 2)], outstanding=()
    )
    anvil.chain.broadcast(behind)
    anvil.local.mine()
    assert anvil.chain.status(behind).fate is Fate.PENDING

    anvil.send(anvil.batch(anvil.issue(anvil.bert, 5)), outstanding=[behind])
    anvil.local.mine()

    assert anvil.chain.status(behind).fate is Fate.INCLUDED
    assert (anvil.units(anvil.anna), anvil.units(anvil.bert)) == (2, 5)
    assert lost.transaction_id != behind.transaction_id


def test_a_cancellation_fills_a_gap_without_a_batch(anvil):
    """Where there is nothing to send, a payment of nothing to oneself uses the nonce up."""
    lost, behind = anvil.chain.prepare(
        [anvil.batch(anvil.issue(anvil.anna, units)) for units in (1, 2)], outstanding=()
    )
    anvil.chain.broadcast(behind)

    cancelling = anvil.chain.prepare_cancellation(
        anvil.issuer.account, nonce_of(lost), outstanding=[behind]
    )
    anvil.chain.broadcast(cancelling)
    anvil.local.mine()

    assert anvil.units(anvil.anna) == 2
    assert anvil.chain.codec.decode(cancelling.raw).effects == ()
    with pytest.raises(Refused, match="is taken"):
        anvil.chain.prepare_cancellation(anvil.issuer.account, nonce_of(lost))


def test_a_replacement_outbids_and_never_both_land(anvil):
    """The same nonce for an eighth more per gas: the new one lands, the old one dies at finality."""
    batch = anvil.batch(anvil.issue(anvil.anna, 7))
    (old,) = anvil.send(batch)

    (new,) = anvil.chain.prepare([batch], outstanding=[old], replaces=old)
    answer = anvil.chain.broadcast(new)
    anvil.local.mine()

    was, offered = parse_raw(old.raw), parse_raw(new.raw)
    assert answer.word is Word.ACCEPTED
    assert new.consumes == old.consumes
    assert offered.data == was.data
    assert 8 * offered.fee_wei_max >= 9 * was.fee_wei_max
    assert 8 * offered.priority_fee_wei >= 9 * was.priority_fee_wei
    assert anvil.units(anvil.anna) == 7
    status = anvil.chain.status(old)
    assert (status.fate, status.final) == (Fate.UNSEEN, False)
    anvil.local.mine(anvil.settings.finality_blocks)
    status = anvil.chain.status(old)
    assert (status.fate, status.superseded_by) == (Fate.DEAD, new.transaction_id)


def test_the_old_one_may_land_after_all(anvil):
    """When the replaced transaction is included, its replacement is the one that dies."""
    batch = anvil.batch(anvil.issue(anvil.anna, 7))
    (old,) = anvil.chain.prepare([batch], outstanding=())
    (new,) = anvil.chain.prepare([batch], outstanding=[old], replaces=old)
    anvil.chain.broadcast(old)
    anvil.local.mine()
    answer = anvil.chain.broadcast(new)
    anvil.local.mine(anvil.settings.finality_blocks)

    assert answer.word is Word.REJECTED
    assert anvil.chain.status(old).final
    status = anvil.chain.status(new)
    assert (status.fate, status.superseded_by) == (Fate.DEAD, old.transaction_id)
    with pytest.raises(Refused, match="is taken"):
        anvil.chain.prepare([anvil.batch(anvil.issue(anvil.bert, 1))], outstanding=(), replaces=new)


def test_the_ceiling_stops_a_replacement(anvil):
    """What would cost more than the ceiling is refused before it is signed."""
    batch = anvil.batch(anvil.issue(anvil.anna, 7))
    (old,) = anvil.send(batch)
    ceiling_wei = parse_raw(old.raw).fee_wei_max
    settings = attrs.evolve(anvil.settings, fee_ceiling_wei=ceiling_wei)
    capped = anvil.local.chain(settings, anvil.signers)

    with pytest.raises(Refused, match="the ceiling is"):
        capped.prepare([batch], outstanding=[old], replaces=old)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_a_reorganisation_takes_back_and_the_same_bytes_land_again(anvil, depth):
    """Blocks that are undone are retracted to the block, and the stored bytes land once more."""
    sent = land_by_turns(anvil, depth)
    page = anvil.chain.events(Cursor())
    newest = page.cursor.height
    assert anvil.units(anvil.anna) == depth

    anvil.local.rollback(depth)
    anvil.local.mine()
    assert all(anvil.chain.status(each).fate is Fate.UNSEEN for each in sent)
    retracted = anvil.chain.events(page.cursor)
    assert retracted.rolled_back_to == newest - depth
    assert retracted.events == ()
    for each in sent:
        anvil.chain.broadcast(each)
    anvil.local.mine()

    again = anvil.chain.events(retracted.cursor)
    assert [each.transaction_id for each in again.events] == [each.transaction_id for each in sent]
    assert anvil.units(anvil.anna) == depth


def test_a_dropped_transaction_is_unseen_and_sent_again(anvil):
    """A pool may forget; what it forgot is not dead, and the same bytes land later."""
    (sent,) = anvil.send(anvil.batch(anvil.issue(anvil.anna, 4)))
    assert anvil.chain.status(sent).fate is Fate.PENDING
    anvil.local.drop(sent.transaction_id)
    assert anvil.chain.status(sent).fate is Fate.UNSEEN

    anvil.chain.broadcast(sent)
    anvil.local.mine()

    assert anvil.chain.status(sent).succeeded


def test_nothing_is_signed_while_gas_is_too_dear(anvil):
    """Above the ceiling nothing is signed, so no nonce is stuck; when it falls, batches leave."""
    batch = anvil.batch(anvil.issue(anvil.anna, 4))
    anvil.local.machine.command("anvil_setNextBlockBaseFeePerGas", hex(10**12))
    anvil.local.mine()

    assert anvil.chain.prepare([batch], outstanding=()) == ()
    anvil.local.machine.command("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    anvil.local.mine()
    assert len(anvil.chain.prepare([batch], outstanding=())) == 1


def test_a_fee_spike_is_outlived_by_replacement(anvil):
    """A transaction that became too cheap waits, and a replacement at today's price lands."""
    batch = anvil.batch(anvil.issue(anvil.anna, 4))
    (cheap,) = anvil.send(batch)
    anvil.local.machine.command("anvil_setNextBlockBaseFeePerGas", hex(5 * 10**10))
    anvil.local.mine()
    assert anvil.chain.status(cheap).fate is not Fate.INCLUDED

    (dear,) = anvil.chain.prepare([batch], outstanding=[cheap], replaces=cheap)
    anvil.chain.broadcast(dear)
    anvil.local.mine()

    assert anvil.chain.status(dear).succeeded
    assert anvil.units(anvil.anna) == 4


def test_final_is_what_the_tag_says(tagged):
    """With tags a block is final when the node has finalised it, and not before."""
    (sent,) = tagged.land(tagged.batch(tagged.issue(tagged.anna, 4)))
    block = tagged.chain.status(sent).block
    assert block is not None
    final_heights = []
    while not tagged.chain.status(sent).final:
        final_heights.append(tagged.chain.head().final_height)
        tagged.local.mine()

    assert all(height < block.height for height in final_heights)
    assert tagged.chain.head().final_height >= block.height
    assert tagged.local.node.known_block("finalized").ref.height >= block.height


def test_a_lagging_node_is_not_asked(anvil):
    """The node that is behind is passed over; what the other one says counts."""
    chain, (late, _) = lined(anvil, "late", "good")
    late.height_max = anvil.local.node.height()
    (sent,) = anvil.land(anvil.batch(anvil.issue(anvil.anna, 4)))
    anvil.local.mine(3)

    assert chain.status(sent).fate is Fate.INCLUDED
    assert chain.balance(anvil.anna, anvil.settings.energy_asset).units == 4
    assert "eth_call" not in late.asked


def test_a_dead_node_is_replaced_by_the_next(anvil):
    """When a node fails in the middle, the whole call is made again with the next one."""
    chain, (first, second) = lined(anvil, "first", "second")
    assert chain.head().newest.height > 0
    first.is_cut = True

    (sent,) = chain.prepare([anvil.batch(anvil.issue(anvil.anna, 4))], outstanding=())
    answer = chain.broadcast(sent)
    anvil.local.mine()

    assert answer.word is Word.ACCEPTED
    assert chain.status(sent).succeeded
    second.is_cut = True
    with pytest.raises(Unavailable):
        chain.head()
    with pytest.raises(Unavailable):
        chain.broadcast(sent)


def test_signed_bytes_go_to_every_node(anvil):
    """One node's lost answer is no matter when another has the bytes; alone it is unknown."""
    chain, (first, second) = lined(anvil, "first", "second")
    (sent,) = chain.prepare([anvil.batch(anvil.issue(anvil.anna, 4))], outstanding=())
    first.loses_answers = True

    assert chain.broadcast(sent).word is Word.KNOWN  # the first node had put it into the pool
    second.is_cut = True
    with pytest.raises(OutcomeUnknown):
        chain.broadcast(sent)


def test_logs_are_asked_for_in_ever_smaller_ranges(anvil):
    """A node that gives few logs at a time is asked for fewer, down to the receipts of a block."""
    land_by_turns(anvil, 6)
    wanted = anvil.events()

    for blocks_max in (3, 1, 0):
        chain, (line,) = lined(anvil, "stingy")
        line.logs_blocks_max = blocks_max
        assert anvil.events(chain) == wanted
    assert len(wanted) == 6


def test_a_hidden_log_is_noticed(anvil):
    """The contract counts its batches; a node that shows fewer is not believed."""
    land_by_turns(anvil, 2)
    chain, (line,) = lined(anvil, "liar")
    line.hides_logs = True

    with pytest.raises(BadAnswer, match="a log is missing"):
        chain.events(Cursor())


def test_a_log_that_no_contract_writes_is_the_nodes_fault(anvil):
    """It is named as a bad answer, so that the next node is asked; it is no fault of the caller's."""
    land_by_turns(anvil, 1)
    wanted = anvil.events()
    alone, (liar,) = lined(anvil, "liar")
    liar.cuts_logs = True
    both, (first, _) = lined(anvil, "liar", "honest")
    first.cuts_logs = True

    with pytest.raises(BadAnswer, match="cannot have told"):
        alone.events(Cursor())
    assert anvil.events(both) == wanted


def test_death_is_proved_without_old_state(anvil, monkeypatch):
    """Where a node forgot old accounts, the block that took the nonce is found by reading blocks."""
    batch = anvil.batch(anvil.issue(anvil.anna, 7))
    (old,) = anvil.send(batch)
    (new,) = anvil.chain.prepare([batch], outstanding=[old], replaces=old)
    anvil.chain.broadcast(new)
    anvil.local.mine(anvil.settings.finality_blocks + 1)
    asked = NodeClient.nonce_at
    final_height = anvil.chain.head().final_height

    def forgetful(self, address, height):
        if height < final_height:
            raise Unavailable("missing trie node")
        return asked(self, address, height)

    monkeypatch.setattr(NodeClient, "nonce_at", forgetful)

    status = anvil.chain.status(old)
    assert (status.fate, status.superseded_by) == (Fate.DEAD, new.transaction_id)
