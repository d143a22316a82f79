"""What a settled trade costs in gas, by how much the chain checks, beside a plain ERC-20 transfer.

    python benchmarks/gas.py [--json FILE]

Every figure is `gasUsed` of a real transaction on py-evm (Prague rules), so calldata, refunds and the
floor price of EIP-7623 are in it.  Trades are drawn from a fixed seed: 50 to 3,000 Wh at 60 to 140 units
of money per Wh, between K accounts with contiguous numbers.  *Warm* accounts have a balance before and
after; *cold* ones are written for the first time.  Who keeps which promise differs from row to row, so a
row names its trust mode, and rows of different modes are no comparison:

operator-netted   the operator reports the nets; the ledger checks sums, balances and authority
  + trades        the same, and all trades lie in calldata, bound to the audit head
maker-signed      one side of each trade signed an order; the ledger checks signature, limit and use
committed         a root of everything stands in the audit head; nothing moves
session           payer and meter signed; the escrow checks signatures, cap, register and price, and pays
allowance         the payer signed once; the escrow checks cap, limit, end and payees, and pays
token holder      the sender of each transfer signs its own transaction

The command fails when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from gas_measured.row import Row
from gas_measured.sessions import contested, micro, sessions
from gas_measured.trades import Trades

from contracts.local_ledger import LocalLedger

SIZES: Final = (1, 10, 100, 500)
MAKERS: Final = 20
SESSION_SIZES: Final = (1, 10, 100, 300)


def measure() -> list[Row]:
    """Run every transaction of the table."""
    bench = Trades()
    bench.fund([1])
    hundred = bench.households(100)
    twenty = hundred[:20]
    makers = bench.makers(MAKERS)
    rows = [bench.transfer(new=False), bench.transfer(new=True)]
    bench.netted(hundred, 10)
    for count in SIZES:
        rows.append(bench.netted(hundred, count, goal=800 if count == 500 else None))
    rows += [bench.netted(twenty, count) for count in SIZES[1:]]
    rows += [bench.named(hundred, count) for count in SIZES]
    rows += [bench.netted_cold(count) for count in SIZES]
    for count in SIZES:
        rows.append(bench.published(hundred, count, goal=1_000 if count == 500 else None))
    rows += [bench.committed(count) for count in SIZES]
    for count in SIZES:
        rows.append(bench.signed(makers, hundred, count, 1_024 * count, warm=False))
        goal = 12_500 if count == 500 else None
        rows.append(bench.signed(makers, hundred, count, 1_024 * count + 100, warm=True, goal=goal))
    rows += [bench.transfers(hundred, count) for count in SIZES]
    rows.append(bench.issued(hundred))
    for count in SESSION_SIZES:
        rows += sessions(LocalLedger(), count, goal=75_000 if count == SESSION_SIZES[-1] else None)
    rows += contested(LocalLedger())
    rows += micro(LocalLedger(), 20, 500)
    rows += micro(LocalLedger(), 100, 500, goal=1_000)
    return rows


def main() -> int:
    """Print the table; return 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    target = parser.parse_args().json
    rows = measure()
    print(
        f"{'trust mode':25}{'what':38}{'N':>5}{'K':>5}  {'slots':5}{'gas':>11}{'a trade':>10}  goal"
    )
    for row in rows:
        state = "warm" if row.warm else "cold"
        goal = "" if row.goal is None else f"{'MISSED' if row.missed else 'met'} (≤ {row.goal:,})"
        print(
            f"{row.trust:25}{row.what:38}{row.trades:>5}{row.accounts:>5}  {state:5}"
            f"{row.gas:>11,}{row.gas_each:>10,.0f}  {goal}"
        )
    if target is not None:
        target.write_text(json.dumps([attrs.asdict(row) for row in rows], indent=1) + "\n")
    return 1 if any(row.missed for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
