"""How long the mechanisms take to clear one book, beside plain Python in the same run.

    python benchmarks/matching.py
    python benchmarks/matching.py --offers 1000 100000 --levels 200 --repeats 9 --json

Half the offers are bids; energies are 1 to 5,000 Wh; limits lie on `--levels` price levels, asks from
0.06 and bids from 0.08 per kWh up, 0.10 wide.  `equal_shares` makes a trade for each level and buyer, so
it gets `--tariffs` levels, as many as a neighbourhood has tariffs.  The plain Python is the tests'
reference: exact fractions, written to be read and not for speed.  It is left out above
`--reference-max` offers.  Times
are the least of the repeats, process time, of clearing alone: the book is built before, and its time is
in a column of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from sauma.intervals import Interval
from sauma.matching import Book, Clearing, mechanism

INTERVAL = Interval.from_start_unix(1_782_036_900)


def load_reference() -> ModuleType:
    """Load the tests' plain Python by its path: it is no part of the package."""
    path = Path(__file__).parent.parent / "tests" / "market" / "reference.py"
    spec = importlib.util.spec_from_file_location("market_reference", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def book_columns(offers: int, levels: int, seed: int) -> dict[str, Any]:
    """Make up the columns of a book; one participant an offer."""
    generator = np.random.default_rng(seed)
    side = np.arange(offers, dtype=np.int8) % 2
    step = 100_000 // levels
    return {
        "side": side,
        "participant": np.arange(offers, dtype=np.int32),
        "energy_wh": generator.integers(1, 5_001, offers),
        "limit_micro": np.where(side == 0, 80_000, 60_000)
        + generator.integers(0, levels, offers) * step,
        "offer_ids": generator.integers(0, 256, (offers, 32), dtype=np.uint8),
    }


def least_seconds(call: Callable[[], Any], repeats: int) -> float:
    """Return the least process time of some calls."""
    taken = []
    for _ in range(repeats):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def orders_of(reference: ModuleType, book: Book) -> list[Any]:
    """Give a book to the reference."""
    names = [book.participants[number] for number in book.participant.tolist()]
    return [
        reference.Order(book.offer_id(row), side == 0, names[row], energy_wh, limit_micro)
        for row, (side, energy_wh, limit_micro) in enumerate(
            zip(book.side.tolist(), book.energy_wh.tolist(), book.limit_micro.tolist(), strict=True)
        )
    ]


def measure(name: str, offers: int, levels: int, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one mechanism on one size."""
    reference = load_reference()
    columns = book_columns(offers, levels, options.seed)
    names = [f"p{number}" for number in range(offers)]
    started = time.process_time()
    book = Book.from_columns("benchmark", INTERVAL, names, **columns)
    built_s = time.process_time() - started
    clearing: Clearing = mechanism(name).clear(book)
    row: dict[str, Any] = {
        "mechanism": name,
        "offers": offers,
        "levels": levels,
        "trades": len(clearing),
        "build_ms": built_s * 1e3,
        "clear_ms": least_seconds(lambda: mechanism(name).clear(book), options.repeats) * 1e3,
        "python_ms": None,
        "ratio": None,
    }
    if offers <= options.reference_max:
        orders = orders_of(reference, book)
        call = getattr(reference, name)
        repeats = min(options.repeats, 3)
        row["python_ms"] = least_seconds(lambda: call(INTERVAL.start_unix, orders), repeats) * 1e3
        row["ratio"] = row["python_ms"] / max(row["clear_ms"], 1e-3)
    return row


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--offers", type=int, nargs="+", default=[10**3, 10**4, 10**5, 10**6])
    parser.add_argument("--levels", type=int, default=200, help="price levels of uniform_price")
    parser.add_argument("--tariffs", type=int, default=8, help="price levels of equal_shares")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--reference-max", type=int, default=10**5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = [
        measure(name, offers, levels, options)
        for name, levels in (("uniform_price", options.levels), ("equal_shares", options.tariffs))
        for offers in options.offers
    ]
    if options.json:
        print(json.dumps(rows))
        return
    print(
        f"{'mechanism':14}{'offers':>9}{'levels':>8}{'trades':>11}"
        f"{'build ms':>10}{'clear ms':>10}{'python ms':>11}{'ratio':>7}"
    )
    for row in rows:
        python = "-" if row["python_ms"] is None else f"{row['python_ms']:.1f}"
        ratio = "-" if row["ratio"] is None else f"{row['ratio']:.0f}"
        print(
            f"{row['mechanism']:14}{row['offers']:>9,}{row['levels']:>8}{row['trades']:>11,}"
            f"{row['build_ms']:>10.2f}{row['clear_ms']:>10.2f}{python:>11}{ratio:>7}"
        )


if __name__ == "__main__":
    main()
