"""How fast the journal seals, and how fast the store appends beside raw `fdatasync`.

    python benchmarks/journal.py [folder]

The folder (a scratch folder by default) says which disk is measured.  Appends are durable: SQLite in WAL
with `synchronous=FULL`.  A shared disk varies tenfold, so each group is measured next to raw appends of
the same bytes in the same run, and the ratio is what to compare.
"""

import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sauma.journal import Table, TableClass, TableSchema, bytes32, int64, text, unix_time
from sauma.store import Store

ROWS_SEALED = 200_000
ENTRIES = {1: 400, 10: 400, 100: 200, 1_000: 100, 10_000: 20}
NOON = datetime(2026, 6, 21, 12, tzinfo=UTC)
TRADES = TableSchema(
    name="benchmark_trades",
    table_class=TableClass.DERIVED,
    version=1,
    columns=(
        bytes32("trade_id"),
        text("seller", 24),
        text("buyer", 24),
        int64("energy_wh"),
        int64("price_micro"),
        unix_time("interval_start"),
    ),
)


def trades(count: int) -> Table:
    """Return so many trades of 104 bytes."""
    numbers = np.arange(count)
    return Table.from_columns(
        TRADES,
        {
            "trade_id": np.frombuffer(os.urandom(32 * count), dtype="V32"),
            "seller": [f"seller-{number % 97}" for number in range(count)],
            "buyer": [f"buyer-{number % 89}" for number in range(count)],
            "energy_wh": numbers % 4000,
            "price_micro": numbers % 300_000,
            "interval_start": np.full(count, 1_782_043_200),
        },
    )


def sealing_rate() -> float:
    """Return rows sealed per second, the best of three."""
    table = trades(ROWS_SEALED)
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        table.seal()
        best = max(best, ROWS_SEALED / (time.perf_counter() - start))
    return best


def raw_rate(folder: Path, payload: bytes, count: int) -> float:
    """Return appends per second of a payload with `fdatasync` after each."""
    with (folder / "raw").open("ab", buffering=0) as file:
        start = time.perf_counter()
        for _ in range(count):
            file.write(payload)
            os.fdatasync(file.fileno())
        return count / (time.perf_counter() - start)


def append_rate(store: Store, table: Table, count: int) -> float:
    """Return entries per second, each sealed, appended and committed by itself."""
    start = time.perf_counter()
    for _ in range(count):
        with store.transaction() as transaction:
            transaction.append(kind="benchmarked", time=NOON, tables=[table.seal()])
    return count / (time.perf_counter() - start)


def main(folder: Path) -> None:
    """Measure and print one line for each group."""
    print(f"seal: {sealing_rate():,.0f} rows/s of {TRADES.row_bytes} bytes")
    print("rows/entry  raw appends/s  entries/s     rows/s  entries : raw")
    with Store.open(folder / "benchmark.sqlite", projectors=()) as store:
        for rows, count in ENTRIES.items():
            table = trades(rows)
            raw = raw_rate(folder, table.array.tobytes(), count)
            entries = append_rate(store, table, count)
            print(
                f"{rows:10,} {raw:14,.0f} {entries:10,.0f} {entries * rows:10,.0f} "
                f"{entries / raw:14.2f}"
            )
        start = time.perf_counter()
        summary = store.verify_journal()
        rate = summary.rows / (time.perf_counter() - start)
        print(f"verify: {rate:,.0f} rows/s over {summary.entries:,} entries")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as scratch:
        main(Path(scratch))
