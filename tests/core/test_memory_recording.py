"""A reference chain that is kept in a file."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sauma.chain import Batch, BatchKind, Cursor, Issue, SignedTransaction, Transfer, Word
from sauma.errors import Conflict, StoreBusy, StoreDamaged, StoreError
from sauma.identifiers import content_id
from sauma.memory import MemoryChain


def issue(chain: MemoryChain, key: str, units: int = 10) -> Batch:
    instruction = Issue(
        instruction_id=content_id("instruction", key),
        authority=chain.account("grid"),
        evidence=b"",
        recipient=chain.account("anna"),
        asset=chain.asset("wh"),
        units=units,
    )
    return Batch(
        batch_id=content_id("batch", key), kind=BatchKind.SETTLEMENT, instructions=(instruction,)
    )


def transfer(chain: MemoryChain, key: str, units: int) -> Batch:
    instruction = Transfer(
        instruction_id=content_id("instruction", key),
        authority=chain.account("anna"),
        evidence=b"",
        sender=chain.account("anna"),
        recipient=chain.account("bert"),
        asset=chain.asset("wh"),
        units=units,
    )
    return Batch(
        batch_id=content_id("batch", key), kind=BatchKind.SETTLEMENT, instructions=(instruction,)
    )


def send(chain: MemoryChain, batch: Batch, *outstanding: SignedTransaction) -> SignedTransaction:
    (transaction,) = chain.prepare([batch], outstanding=outstanding)
    assert chain.broadcast(transaction).word is Word.ACCEPTED
    return transaction


def test_opening_again_gives_the_same_chain(tmp_path: Path):
    """Blocks, balances, finality, rollbacks and what waits are as they were before closing."""
    path = tmp_path / "chain.sqlite"
    with MemoryChain(path=path, finality_blocks=2) as chain:
        landed = send(chain, issue(chain, "first"))
        chain.mine(3)
        undone = send(chain, transfer(chain, "second", 4))
        chain.advance(1_000)
        chain.mine()
        chain.rollback()
        waiting = send(chain, issue(chain, "third"))
        head, page = chain.head(), chain.events(Cursor())

    with MemoryChain(path=path, finality_blocks=2) as again:
        assert again.head() == head
        assert again.events(Cursor()) == page
        for transaction in (landed, undone, waiting):
            assert again.broadcast(transaction).word is Word.KNOWN
        again.mine()
        assert again.balance(again.account("bert"), again.asset("wh")).units == 4
        assert again.supply(again.asset("wh")) == 20


def test_a_chain_that_was_killed_keeps_what_it_said(tmp_path: Path):
    """What a call returned is on the disk, however the process ends."""
    path = tmp_path / "chain.sqlite"
    program = (
        "import os, signal, sys\n"
        "from sauma.memory import MemoryChain\n"
        "chain = MemoryChain(path=sys.argv[1])\n"
        "block = chain.mine(5)\n"
        "sys.stdout.write(block.block_hash.hex())\n"
        "sys.stdout.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )

    with MemoryChain(path=path) as chain:
        assert killed.returncode == -9, killed.stderr
        assert chain.head().newest.height == 6
        assert chain.head().newest.block_hash.hex() == killed.stdout


def test_one_writer_at_a_time(tmp_path: Path):
    """A second chain on the same file is refused while the first is open."""
    path = tmp_path / "chain.sqlite"
    with MemoryChain(path=path), pytest.raises(StoreBusy, match="in use"):
        MemoryChain(path=path)

    with MemoryChain(path=path) as chain:
        assert chain.head().newest.height == 1


@pytest.mark.parametrize("changes", [{"finality_blocks": 3}, {"block_seconds": 1}, {"name": "x"}])
def test_other_rules_are_a_conflict(tmp_path: Path, changes: dict):
    """A file is opened only with the rules that it was begun with, and stays as it was."""
    path = tmp_path / "chain.sqlite"
    with MemoryChain(path=path) as chain:
        chain.mine(2)

    with pytest.raises(Conflict, match="other rules"):
        MemoryChain(path=path, **changes)

    with MemoryChain(path=path) as chain:
        assert chain.head().newest.height == 3


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE records SET payload = replace(payload, '60', '61') WHERE sequence = 3",
        "UPDATE records SET kind = 'rollback' WHERE sequence = 2",
        "UPDATE records SET digest = x'00' WHERE sequence = 4",
        "DELETE FROM records WHERE sequence = 2",
        "DELETE FROM records WHERE sequence = 0",
    ],
)
def test_a_changed_record_is_found(tmp_path: Path, damage: str):
    """A changed, missing or moved record is named when the file is opened."""
    path = tmp_path / "chain.sqlite"
    with MemoryChain(path=path) as chain:
        send(chain, issue(chain, "first"))
        chain.mine(3)
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()

    with pytest.raises(StoreDamaged, match="not what was written"):
        MemoryChain(path=path)


def test_another_file_is_no_record(tmp_path: Path):
    """A file that is no record is refused and left as it is."""
    path = tmp_path / "notes.txt"
    path.write_text("not a chain at all, but long enough to be looked at\n" * 50)

    with pytest.raises(StoreDamaged):
        MemoryChain(path=path)

    assert path.read_text().startswith("not a chain")


def test_a_folder_that_is_missing_is_named(tmp_path: Path):
    """A file that cannot be made is a store error that names it."""
    with pytest.raises(StoreError, match="missing"):
        MemoryChain(path=tmp_path / "missing" / "chain.sqlite")


def test_what_cannot_be_written_does_not_happen(tmp_path: Path):
    """When the record cannot be written, the call raises and the chain is as it was."""
    chain = MemoryChain(path=tmp_path / "chain.sqlite")
    (transaction,) = chain.prepare([issue(chain, "first")], outstanding=())
    chain.close()
    chain.close()

    for attempt in (lambda: chain.broadcast(transaction), chain.mine):
        with pytest.raises(StoreError):
            attempt()

    assert chain.head().newest.height == 1
    assert chain.status(transaction).fate.value == "unseen"
