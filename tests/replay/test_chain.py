"""Lies about the chain, and lies of the chain: what it is said to have shown is what it shows."""

from __future__ import annotations

import copy

import pytest

from sauma.chain import Batch, BatchKind, Issue, Transfer
from sauma.memory import MemoryChain
from sauma.replay import replay
from sauma.store import salted_digest

from .forger import Forger, mutated
from .neighbours import CODEC, Neighbours

SALT = bytes(range(32))


def batch_of(chain, sender, units=5, batch_id=b"\7" * 32, recipient="stranger", issue=True):
    """Return a batch that nobody planned."""
    kind = {"recipient": chain.account(recipient)}
    if not issue:
        kind["sender"] = chain.account(sender)
    instruction = (Issue if issue else Transfer)(
        instruction_id=b"\1" * 32,
        authority=chain.account(sender),
        evidence=b"",
        asset=chain.asset("wh"),
        units=units,
        **kind,
    )
    return Batch(batch_id=batch_id, kind=BatchKind.SETTLEMENT, instructions=(instruction,))


def send(chain, batch):
    """Put a batch on the chain, past every engine."""
    (transaction,) = chain.prepare([batch], outstanding=())
    chain.broadcast(transaction)
    chain.mine()
    return transaction


def twin_of(batch_id):
    """Return another batch id with the same on-chain reference."""
    return batch_id[:24] + bytes(8)


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """A life beside which a stranger moves something of its own."""
    neighbours = Neighbours(tmp_path_factory.mktemp("story") / "store.sqlite")
    neighbours.read(0)
    neighbours.close()
    send(neighbours.chain, batch_of(neighbours.chain, "stranger"))
    neighbours.finish()
    return neighbours


@pytest.fixture
def forger(story):
    """The forger with that journal in his hands."""
    return Forger(story.engine.store)


def replayed(forger, story, path, *, recompute=False, offline=False):
    """Return the findings on the forged journal."""
    with forger.write(path / "forged.sqlite", recompute=recompute) as store:
        return replay(store, codec=CODEC, chain=None if offline else story.chain).findings


def strangers_event(forger):
    """Return the observation with the stranger's transaction, and its number there."""
    for entry in forger.of_kind("chain_observed"):
        for number, event in enumerate(entry.rows["chain_events"]):
            if event["fee_payer"] == "@outside":
                return entry, number
    raise AssertionError("no stranger moved anything")


@pytest.mark.parametrize(
    ("table", "column", "name"),
    [
        ("chain_events", "fee_payer", "fee payer"),
        ("chain_events", "fee_units", "fee"),
        ("chain_events", "reference", "reference"),
        ("chain_effects", "holder", "effects"),
        ("chain_effects", "asset", "effects"),
        ("chain_effects", "delta_units", "effects"),
    ],
)
def test_a_stranger_s_transaction_is_compared_in_full(story, forger, tmp_path, table, column, name):
    """Of what nobody here signed only the chain knows the truth, and it is asked for all of it."""
    entry, number = strangers_event(forger)
    identity = entry.row("chain_events", number)["transaction_id"]
    (row,) = [row for row in entry.rows[table] if row["transaction_id"] == identity]
    row[column] = mutated(row[column])

    (finding, *_) = replayed(forger, story, tmp_path)

    assert finding.place.startswith(f"transaction {identity.hex()} in block ")
    assert finding.explanation.startswith(f"{name}: entry {entry.header.sequence} says ")


def test_an_invented_transaction_is_found(story, forger, tmp_path):
    """What the journal says was included must be on the chain."""
    entry, number = strangers_event(forger)
    event = copy.copy(entry.row("chain_events", number))
    event["transaction_id"] = bytes(32)
    entry.rows["chain_events"].insert(number, event)

    (finding,) = replayed(forger, story, tmp_path)

    assert finding.place == f"transaction {'00' * 32} in block {event['height']}"
    assert finding.explanation.endswith("says it was included, the chain has it not")


def test_a_hidden_transaction_is_found(story, forger, tmp_path):
    """What the chain has in the blocks that were read must be in the journal."""
    entry, number = strangers_event(forger)
    identity = entry.rows["chain_events"].pop(number)["transaction_id"]
    entry.rows["chain_effects"] = [
        row for row in entry.rows["chain_effects"] if row["transaction_id"] != identity
    ]

    (finding,) = replayed(forger, story, tmp_path)

    assert finding.explanation == "the chain has it, the journal does not"


def test_our_own_hidden_transaction_is_found(story, forger, tmp_path):
    """So it is with what our own accounts sent, and then they are named."""
    numbers = [
        number
        for number, entry in enumerate(forger.entries)
        if any(row["fee_payer"] == "alder" for row in entry.rows.get("chain_events", ()))
    ]
    forger.entries = forger.entries[: numbers[0] + 1]
    forger.entries[-1].rows["chain_events"].clear()
    forger.entries[-1].rows["chain_effects"].clear()

    (finding,) = replayed(forger, story, tmp_path)

    assert finding.explanation == "the chain has it, the journal does not though alder sent it"


def test_a_block_that_the_chain_does_not_have_is_found(story, forger, tmp_path):
    """A hash that every page repeats is still not that of the chain's block."""
    observed = forger.of_kind("chain_observed")
    empty = next(entry for entry in observed if not entry.rows["chain_events"])
    height, old = (empty.row("observations")[name] for name in ("scanned_height", "scanned_hash"))
    new = mutated(old)
    for entry in observed:
        row = entry.row("observations")
        row["cursor"] = row["cursor"].replace(old.hex().encode(), new.hex().encode())
        row["scanned_hash"] = new if row["scanned_hash"] == old else row["scanned_hash"]

    (finding,) = replayed(forger, story, tmp_path)

    assert finding.place == f"block {height}"
    assert finding.explanation == f"the journal names {new.hex()}, the chain has {old.hex()}"


def test_a_cursor_that_does_not_fit_the_pages_before_is_found(story, forger, tmp_path):
    """A cursor remembers the blocks that were read, and no others."""
    entry = forger.of_kind("chain_observed")[-1]
    row = entry.row("observations")
    oldest = row["cursor"].split(b",")[-1]
    row["cursor"] = row["cursor"].replace(
        oldest, oldest[:-1] + (b"0" if oldest[-1:] != b"0" else b"1")
    )

    (finding,) = replayed(forger, story, tmp_path, offline=True)

    assert finding.place == f"entry {entry.header.sequence} table observations row 0"
    assert "the cursor has block 1 " in finding.explanation


def claim_finality_early(forger):
    """Hold every block that was read to be final at once."""
    for entry in forger.of_kind("chain_observed"):
        row = entry.row("observations")
        row["final_height"] = row["scanned_height"]


def test_a_finality_claimed_too_early_is_found(story, forger, tmp_path):
    """A bill is final when its block is, by the chain's own measure and not by the journal's word."""
    claim_finality_early(forger)
    forger.entries = forger.entries[: forger.entries.index(forger.of_kind("bills_issued")[-1])]

    findings = replayed(forger, story, tmp_path, recompute=True)

    assert findings[0].place.endswith("table bills")
    assert "a block is final from 6 confirmations on" in findings[0].explanation


def test_a_finality_claimed_too_early_is_found_by_the_settings(story, forger, tmp_path):
    """Where the journal's settings say the depth, no chain is needed to see it."""
    claim_finality_early(forger)
    forger.of_kind("chain_configured")[0].row("chains")["settings"] = b'{"finality_blocks":6}'
    forger.entries = forger.entries[: forger.entries.index(forger.of_kind("bills_issued")[-1])]

    findings = replayed(forger, story, tmp_path, recompute=True, offline=True)

    assert findings[0].place.endswith("table bills")


def test_a_final_height_beyond_the_chain_s_is_found(tmp_path):
    """What the chain does not hold to be final now was not final then."""
    idle = Neighbours(tmp_path / "store.sqlite")
    idle.chain.mine(3)
    idle.engine.step()
    forger = Forger(idle.engine.store)
    claim_finality_early(forger)

    (finding,) = replayed(forger, idle, tmp_path)

    assert finding.place == "block 4"
    assert finding.explanation == "the journal says that it is final, the chain 1"


def test_another_chain_is_no_comparison(story):
    """A chain of another name, and an empty one of the same name, do not pass as agreement."""
    other = replay(story.engine.store, codec=CODEC, chain=MemoryChain("other"))
    empty = replay(story.engine.store, codec=CODEC, chain=MemoryChain("main"))

    assert "compare it with that chain" in other.findings[0].explanation
    assert not empty.ok


def test_final_blocks_undone_by_the_chain_are_found(tmp_path):
    """A reorganisation deeper than finality is never silent."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    height = neighbours.chain.head().newest.height
    neighbours.chain.rollback(height - 2, force=True)
    neighbours.chain.mine(height + 10)

    (finding,) = neighbours.replay().findings

    assert "only up to block 2" in finding.explanation


def test_one_of_our_references_sent_by_us_but_never_signed_here_is_found(tmp_path):
    """Somebody with the issuer's key sent a batch again: the journal saw it, or the chain shows it."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    rows = Forger(neighbours.engine.store).of_kind("settlement_planned")[0].rows["instructions"]
    batch_id = next(row["batch_id"] for row in rows if row["authority"] == "@issuer")
    send(neighbours.chain, batch_of(neighbours.chain, "issuer", batch_id=twin_of(batch_id)))

    (unseen,) = neighbours.replay().findings
    neighbours.engine.step()
    (seen,) = neighbours.replay(offline=True).findings

    assert f"for batch {batch_id.hex()}, and the journal never signed it" in unseen.explanation
    assert f"@issuer sent it with the reference of batch {batch_id.hex()}" in seen.explanation


def test_a_stranger_s_copy_of_a_reference_is_noted(tmp_path):
    """Anybody can copy a reference; that accuses the stranger and not the journal."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    rows = Forger(neighbours.engine.store).of_kind("settlement_planned")[0].rows["instructions"]
    batch_id = rows[0]["batch_id"]
    send(neighbours.chain, batch_of(neighbours.chain, "stranger", batch_id=twin_of(batch_id)))
    neighbours.engine.step()

    report = neighbours.replay()

    assert report.findings == ()
    assert "of a stranger copies the reference" in report.notes[0].explanation


def test_energy_issued_past_the_journal_is_found(tmp_path):
    """Whatever the issuing account brings into circulation was planned and signed here."""
    neighbours = Neighbours(tmp_path / "store.sqlite").live()
    send(neighbours.chain, batch_of(neighbours.chain, "issuer"))
    neighbours.engine.step()

    (finding,) = neighbours.replay(offline=True).findings

    assert "@issuer moved energy of ['@outside'] that the journal never signed" in (
        finding.explanation
    )


def test_a_batch_signed_twice_is_found(story, forger, tmp_path):
    """A second transaction for a batch needs the first one dead, or its token."""
    signed = forger.of_kind("transactions_signed")[0]
    raw = next(
        item["content"]
        for item in forger.vault
        if item["key"] == signed.row("transactions")["transaction_id"].hex()
    )
    again = _again_with_another_nonce(raw)
    double = copy.deepcopy(signed)
    for name in double.rows:
        for row in double.rows[name]:
            row["transaction_id"] = again.transaction_id
    double.row("transactions")["consumes"] = b'["01"]'
    double.row("transactions")["raw_digest"] = salted_digest(SALT, again.raw)
    forger.vault.append(
        {
            "kind": "raw",
            "key": again.transaction_id.hex(),
            "salt": SALT,
            "content": again.raw,
            "digest": salted_digest(SALT, again.raw),
        }
    )
    number = forger.entries.index(signed)
    forger.entries.insert(number + 1, double)

    (finding,) = replayed(forger, story, tmp_path, offline=True)

    assert finding.place == f"entry {signed.header.sequence + 1} table transactions row 0"
    assert "is carried already by transaction" in finding.explanation


def _again_with_another_nonce(raw):
    from sauma.memory.codec import read

    chain = MemoryChain("main")
    batch = read(raw).draft.batch
    send(chain, batch_of(chain, "issuer"))
    (transaction,) = chain.prepare([batch], outstanding=())
    return transaction


def test_a_burial_that_nothing_justifies_is_found(story, forger, tmp_path):
    """Who buries a living transaction could pay again."""
    signed = forger.of_kind("transactions_signed")[0]
    number = forger.entries.index(signed)
    forger.entries = forger.entries[: number + 1]
    burial = Forger(_with_burial(tmp_path)).of_kind("transactions_buried")[0]
    burial.row("burials")["transaction_id"] = signed.row("transactions")["transaction_id"]
    burial.row("burials")["final_height"] = forger.of_kind("chain_observed")[-1].row(
        "observations"
    )["final_height"]
    forger.entries.append(burial)

    (finding,) = replayed(forger, story, tmp_path, offline=True)

    assert finding.place == f"entry {signed.header.sequence + 1} table burials row 0"
    assert "nothing took its place" in finding.explanation


def test_a_burial_that_the_chain_contradicts_is_found(tmp_path):
    """The last word on what is dead is the chain's."""
    chain = MemoryChain("main", validity_s=60)
    neighbours = Neighbours(tmp_path / "store.sqlite", chain=chain)
    neighbours.read(0)
    neighbours.close()
    neighbours.engine.step()
    forger = Forger(neighbours.engine.store)
    burial = Forger(_with_burial(tmp_path)).of_kind("transactions_buried")[0]
    signed = forger.of_kind("transactions_signed")[0]
    burial.row("burials")["transaction_id"] = signed.row("transactions")["transaction_id"]
    late = copy.deepcopy(forger.of_kind("chain_observed")[0])
    chain.advance(600)
    row = late.row("observations")
    block = chain.mine()
    row["scanned_height"], row["scanned_hash"] = block.height, block.block_hash
    row["scanned_time"] = int(block.time.timestamp())
    row["cursor"] = b"%d:%s,%s" % (
        block.height,
        block.block_hash.hex().encode(),
        row["cursor"],
    )
    burial.row("burials")["final_height"] = row["final_height"]
    forger.entries += [late, burial]

    (finding,) = replayed(forger, neighbours, tmp_path)

    assert finding.explanation.startswith("the journal buried it as dead, the chain says it is ")


def _with_burial(tmp_path):
    chain = MemoryChain("main", validity_s=60)
    neighbours = Neighbours(tmp_path / "buried.sqlite", chain=chain)
    neighbours.read(0)
    neighbours.close()
    neighbours.engine.step()
    chain.advance(600)
    chain.mine(8)
    neighbours.engine.step()
    return neighbours.engine.store


def test_a_step_signed_before_what_it_waits_for_is_found(story, forger, tmp_path):
    """A wallet sends on what a block has brought it, not what it hopes for."""
    first, second = forger.of_kind("transactions_signed")
    forger.entries.remove(second)
    forger.entries.insert(forger.entries.index(first) + 1, second)

    (finding,) = replayed(forger, story, tmp_path, offline=True)

    assert "its batch waits for was included" in finding.explanation
