"""How near the NEM adapter and the store come to the SDK's bare `sign_transaction`, in one and the same run.

    python benchmarks/nem.py [--transactions 1200] [--obligations 100000]

*bare*: the SDK serialises and signs transfers that were made before, and does nothing else.  *ours*: from
planned batches to signed bytes on the disk, as the engine does it: builds instructions, drafts and prices
transfers, brings them into NIS1's canonical form, signs, verifies, decodes what was signed and compares it
with what was asked, and commits bytes, journal entry and projections with fsync, 120 at a time.  A node
answers what it is asked for (over HTTP, as in life); what is signed is not announced, since that is the
node's work.  Both run in turns, and medians count: on a noisy machine two runs that follow each other can be
compared, two days cannot.

Then a plan of many obligations: from what is owed in the store to the sealed tables of a settlement.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
from symbolchain.CryptoTypes import PrivateKey
from symbolchain.facade.NemFacade import NemFacade

from sauma import Engine, Interval, Rulebook, Supplier
from sauma.chain import Answer, Batch, SignedTransaction, Word
from sauma.identifiers import content_id
from sauma.journal import Table
from sauma.journal import schemas as journal
from sauma.rulebook import Delivery, Netting
from sauma.settlement import ChainTerms, Good, Purpose
from sauma.steps import plan_settlement
from sauma.store import Store
from sauma_nem.local import LocalNem

ROUNDS = 5
GOAL = 0.5
AREA = "bench"
START = Interval.from_start_unix(1_767_225_600, 15)
SUPPLIER = Supplier(name="supplier", sells_at_micro=160_000, buys_at_micro=40_000)
PARTIES = 400


class Unheard:
    """A chain that signs, and whose broadcasts nobody hears; what was signed before is not asked about."""

    def __init__(self, chain: object) -> None:
        self._chain = chain

    def __getattr__(self, name: str) -> object:
        return getattr(self._chain, name)

    def prepare(
        self, batches: Sequence[Batch], *, outstanding: object, replaces: object = None
    ) -> tuple[SignedTransaction, ...]:
        del outstanding, replaces
        return self._chain.prepare(batches, outstanding=())

    def broadcast(self, transaction: SignedTransaction) -> Answer:
        del transaction
        return Answer(word=Word.ACCEPTED)


def rulebook(**policies: object) -> Rulebook:
    return Rulebook(
        name="bench", version=1, supplier=SUPPLIER, delivery=Delivery.ISSUER_DIRECT, **policies
    )


def owe(store: Store, count: int, lot: int = 0) -> None:
    """Put so many obligations of energy between neighbours into the journal, in one interval.

    Another lot has other ids: what was signed before is never signed again, and nothing of it is known.
    """
    rows = [
        (
            content_id("bench-obligation", lot, number),
            content_id("bench-trade", lot, number),
            int(Purpose.ENERGY),
            int(Good.ENERGY),
            f"seller-{number % PARTIES}",
            f"buyer-{number * 7 % PARTIES}",
            1 + number % 900,
        )
        for number in range(count)
    ]
    with store.transaction() as transaction:
        transaction.append(
            kind="interval_cleared",
            time=START.end,
            tables=[Table.from_rows(journal.OBLIGATIONS, rows)],
            area=AREA,
            interval=START,
        )


def bare(facade: NemFacade, key_pair: object, transactions: Sequence[object]) -> float:
    started = time.perf_counter()
    for each in transactions:
        facade.sign_transaction(key_pair, each)
    return time.perf_counter() - started


def sdk_transfers(facade: NemFacade, key_pair: object, count: int) -> list[object]:
    return [
        facade.transaction_factory.create(
            {
                "type": "transfer_transaction_v2",
                "signer_public_key": key_pair.public_key,
                "fee": 100_000,
                "timestamp": number,
                "deadline": number + 7_200,
                "recipient_address": str(facade.network.public_key_to_address(key_pair.public_key)),
                "amount": 1_000_000,
                "message": {"message_type": "plain", "message": bytes(30)},
                "mosaics": [
                    {
                        "mosaic": {
                            "mosaic_id": {"namespace_id": {"name": b"grid"}, "name": b"wh"},
                            "amount": 1 + number % 900,
                        }
                    }
                ],
            }
        )
        for number in range(count)
    ]


def ours(nem: LocalNem, folder: Path, count: int, lot: int) -> float:
    """Time one dispatch of a planned settlement of so many trades, in a store of its own."""
    venue = attrs.evolve(nem.venue, chain=Unheard(nem.chain))
    with Engine.open(folder / "store.sqlite", venue, rulebook=rulebook()) as engine:
        names = [f"{side}-{number}" for side in ("seller", "buyer") for number in range(PARTIES)]
        engine.register_all([(name, nem.account(name)) for name in names])
        owe(engine.store, count, lot)
        with engine.store.transaction() as transaction:
            connection = transaction.connection
            tables = plan_settlement(
                connection,
                engine.rulebook,
                AREA,
                (START.start_unix, START.start_unix + 900),
                terms(venue.chain_id),
                (),
            )
            transaction.append(
                kind="settlement_planned",
                time=START.end,
                tables=tables,
                area=AREA,
                interval=START,
                rulebook_hash=engine.rulebook.rulebook_hash,
            )
        started = time.perf_counter()
        progress = engine._dispatch.send()
        seconds = time.perf_counter() - started
        if progress.signed != count:
            raise SystemExit(f"only {progress.signed} of {count} were signed: {progress.held[:1]}")
    return seconds


def terms(chain_id: str) -> ChainTerms:
    return ChainTerms(
        chain_id=chain_id, nets=False, batch_instructions_max=1, atomic=False, needs_fees=False
    )


def measure_signing(count: int) -> None:
    names = [f"{side}-{number}" for side in ("seller", "buyer") for number in range(PARTIES)]
    facade = NemFacade("testnet")
    key_pair = NemFacade.KeyPair(PrivateKey(bytes(range(32))))
    transactions = sdk_transfers(facade, key_pair, count)
    bare_s, ours_s = [], []
    with LocalNem(*names, pool_limit=120) as nem:
        for lot in range(ROUNDS):
            bare_s.append(bare(facade, key_pair, transactions))
            with tempfile.TemporaryDirectory() as folder:
                ours_s.append(ours(nem, Path(folder), count, lot))
    share = statistics.median(one / other for one, other in zip(bare_s, ours_s, strict=True))
    print(
        f"{count} transfers: bare {count / statistics.median(bare_s):7.0f}/s, "
        f"signed and committed {count / statistics.median(ours_s):7.0f}/s, "
        f"share {share:.2f} (goal {GOAL})"
    )


def measure_planning(count: int) -> None:
    for netting in Netting:
        with tempfile.TemporaryDirectory() as folder:
            store = Store.open(Path(folder) / "store.sqlite")
            owe(store, count)
            before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with store.reading() as connection:
                started = time.perf_counter()
                tables = plan_settlement(
                    connection,
                    rulebook(netting=netting),
                    AREA,
                    (START.start_unix, START.start_unix + 900),
                    terms("nem:testnet"),
                    (),
                )
                sealed = [table.seal() for table in tables]
                seconds = time.perf_counter() - started
            rows = sum(one.row_count for one in sealed if one.name == "instructions")
            grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
            store.close()
            print(
                f"plan of {count} obligations, netting {netting.value:>12}: {rows:>7} instructions in "
                f"{seconds:5.2f} s, {grown_mib:5.0f} MiB more at the peak"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=1_200)
    parser.add_argument("--obligations", type=int, default=100_000)
    arguments = parser.parse_args()
    measure_signing(arguments.transactions)
    measure_planning(arguments.obligations)


if __name__ == "__main__":
    main()
