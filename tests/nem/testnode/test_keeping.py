"""A node's file: nothing that was answered for is lost, and one process has it at a time."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sauma.errors import Conflict, StoreBusy, StoreDamaged, StoreError, StoreVersion
from sauma_nem.network import TESTNET
from sauma_nem.testnode import NodeSettings, Result, TestNode

from .actors import ALICE, BOB, CAROL, DAVE, START_MICRO, XEM, confirm, new_node

PATHS = (
    f"/account/get?address={ALICE.address}",
    f"/account/get?address={BOB.address}",
    f"/account/mosaic/owned?address={BOB.address}",
    f"/account/mosaic/owned/definition?address={BOB.address}",
    f"/account/transfers/all?address={ALICE.address}",
    f"/account/unconfirmedTransactions?address={ALICE.address}",
    "/chain/last-block",
    "/chain/height",
    "/time-sync/network-time",
    "/mosaic/definition/page",
    "/namespace/root/page",
    "/node/info",
)


def _answers(node: TestNode) -> list[Any]:
    return [node.request("GET", path) for path in PATHS]


def _busy_chain(path: Path) -> TestNode:
    """Namespace, mosaic, transfers, a fork, a proposal with a cosignature, all of it waiting."""
    node = new_node(path=path)
    confirm(node, ALICE, ALICE.namespace(node, "grid"), ALICE.definition(node, "grid:wh"))
    transfer = ALICE.transfer(node, BOB, XEM, mosaics={"grid:wh": 5}, fee_micro=XEM)
    confirm(node, ALICE, transfer)
    confirm(node, BOB, BOB.modification(node, add=(CAROL, DAVE), relative_change=2))
    node.mine(20)
    wrapper = CAROL.wrapper(node, BOB.transfer(node, ALICE, 3))
    CAROL.send(node, wrapper)
    DAVE.send(node, DAVE.cosignature(node, wrapper))
    node.fork(4)
    ALICE.send(node, ALICE.transfer(node, CAROL, 4))
    node.rollback(2)
    node.advance(7)
    return node


def test_a_node_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """After closing and opening every answer is the same, and so is the next block."""
    node = _busy_chain(tmp_path / "chain")
    before = _answers(node)
    waiting = node.waiting()
    node.close()

    again = TestNode(path=tmp_path / "chain")
    answers, waiting_again = _answers(again), again.waiting()
    again.mine()
    tip = again.chain.tip.block_hash
    again.rollback(1)
    ids = again.chain.next_transaction_id
    again.close()

    assert answers == before
    assert waiting_again == waiting
    assert ids > 1
    with TestNode(path=tmp_path / "chain") as third:
        assert third.chain.next_transaction_id == ids
        third.mine()
        assert third.chain.tip.block_hash != tip  # a minute later: the clock is kept too


def test_same_bytes_stay_neutral_after_a_restart(tmp_path: Path) -> None:
    """What waits or is confirmed is known again."""
    node = new_node(path=tmp_path / "chain")
    requests = [ALICE.signed(ALICE.transfer(node, BOB, amount)) for amount in (1, 2)]
    for request in requests:
        node.announce(request.data, request.signature)
        node.mine() if request is requests[0] else None
    node.close()

    with TestNode(path=tmp_path / "chain") as again:
        results = [again.announce(each.data, each.signature).result for each in requests]

    assert results == [Result.NEUTRAL, Result.NEUTRAL]


CHILD = """
import sys
from tests_actors import ALICE, BOB, new_node
node = new_node(path=sys.argv[1])
for amount in range(5):
    ALICE.send(node, ALICE.transfer(node, BOB, amount))
    if amount == 2:
        node.mine(3)
print("told", node.height, len(node.waiting()), flush=True)
sys.stdin.read()
"""


def test_a_killed_process_loses_nothing_it_answered_for(tmp_path: Path) -> None:
    """SIGKILL, then the file opens with every block and every waiting transaction."""
    actors = Path(__file__).with_name("actors.py").read_text(encoding="utf-8")
    (tmp_path / "tests_actors.py").write_text(actors, encoding="utf-8")
    (tmp_path / "child.py").write_text(CHILD, encoding="utf-8")
    path = tmp_path / "chain"
    environment = {"PYTHONPATH": ":".join([str(tmp_path), *filter(None, sys.path)])}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "child.py"), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as child:
        assert child.stdout is not None
        line = next(line for line in child.stdout if line.startswith("told "))
        told = [int(number) for number in line.split()[1:]]
        with pytest.raises(StoreBusy, match="another node has"):
            TestNode(path=path)
        child.send_signal(signal.SIGKILL)

    with TestNode(path=path) as node:
        assert told == [4, 2]
        assert [node.height, len(node.waiting())] == told
        assert node.balance_micro(BOB.address) == START_MICRO + 0 + 1 + 2


def test_another_network_in_the_file_is_a_conflict(tmp_path: Path) -> None:
    """Settings that contradict the file are refused; none, or the same, are taken."""
    path = tmp_path / "chain"
    new_node(path=path).close()

    with pytest.raises(Conflict, match="accounts"):
        TestNode(NodeSettings(accounts={ALICE.address: 1}), path=path)
    new_node(path=path).close()
    with TestNode(path=path) as node:
        assert node.balance_micro(ALICE.address) == START_MICRO
        assert node.settings.network == TESTNET


def test_a_file_of_something_else_is_not_touched(tmp_path: Path) -> None:
    """What is no test node's file is refused with its bytes unchanged."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"not a database, but long enough to look at" * 40)
    before = path.read_bytes()

    with pytest.raises(StoreDamaged, match="is not a test node's file"):
        TestNode(path=path)

    assert path.read_bytes() == before


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A file of another format is not guessed at."""
    path = tmp_path / "chain"
    new_node(path=path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE setting SET value = '99' WHERE name = 'format'")
    connection.close()

    with pytest.raises(StoreVersion, match="has format 99"):
        TestNode(path=path)


def test_a_closed_node_promises_nothing(tmp_path: Path) -> None:
    """After `close` an announce cannot be kept, so it is not answered."""
    node = new_node(path=tmp_path / "chain")
    transfer = ALICE.transfer(node, BOB, 1)
    node.close()

    with pytest.raises(StoreError):
        ALICE.send(node, transfer)


def test_settings_survive_their_json_form() -> None:
    """What is stored beside the chain is what was given."""
    settings = NodeSettings(
        accounts={ALICE.address: 5},
        importances={ALICE.address: 0.25},
        hash_retention_seconds=None,
        block_target_seconds=30,
    )

    document = json.loads(json.dumps(settings.to_json()))

    assert NodeSettings.from_json(document) == settings
