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
allowance         the payer signed a cap once; within it, operator-netted
token holder      the sender of each transfer signs its own transaction

The command fails when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import attrs

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from contracts.local_escrow import (
    CLAIM,
    CONTEST,
    DISPUTE,
    HOUR_S,
    RULE,
    SETTLE,
    Charging,
    Terms,
    allowance_id,
    authorise_line,
    close_line,
    digest,
)
from contracts.local_ledger import (
    AREA,
    ENERGY,
    FOREVER,
    ISSUE,
    NET,
    TRANSFER,
    LocalLedger,
    issue_line,
    key_of,
    net_line,
    order_digest,
    section,
    sign,
    transfer_line,
)

SIZES: Final = (1, 10, 100, 500)
MAKERS: Final = 20
SESSION_SIZES: Final = (1, 10, 100, 300)
ENERGY_EACH_WH: Final = 10**9
MONEY_EACH_UNITS: Final = 10**12


@attrs.frozen(kw_only=True)
class Row:
    """One measured transaction."""

    trust: str
    what: str
    trades: int
    accounts: int
    warm: bool
    gas: int
    goal: int | None = None
    """The most gas a trade (for a commit: a transaction) may take."""

    @property
    def gas_each(self) -> float:
        """Gas per trade."""
        return self.gas / self.trades

    @property
    def missed(self) -> bool:
        """Whether it took more than its goal."""
        return self.goal is not None and self.gas_each > self.goal


Trade = tuple[int, int, int, int]
"""Seller, buyer, energy in Wh, units of money."""


class Measurement:
    """A ledger with funded accounts, and the transactions that are measured on it."""

    def __init__(self) -> None:
        self.local = LocalLedger()
        self.random = random.Random(20261122)  # noqa: S311 - trades, not keys
        self._owners = 0
        # The operator has account 1, so that the households' numbers begin with a pair.
        self.local.register(self.local.operator)

    def households(self, count: int, *, funded: bool = True) -> list[int]:
        """Register accounts and give them energy and money."""
        owners = [self._new_owner() for _ in range(count)]
        numbers = self.local.register(*owners)
        if funded:
            self.fund(numbers)
        return numbers

    def makers(self, count: int) -> list[tuple[int, int]]:
        """Register signed accounts with energy and money; return their numbers and key numbers."""
        made = []
        for _ in range(count):
            owner = self._new_owner()
            made.append((self.local.register_signed(owner), self._owners))
        self.fund([number for number, _ in made])
        return made

    def fund(self, numbers: Sequence[int]) -> None:
        """Issue energy to accounts and deposit money in them."""
        lines = [issue_line(number, ENERGY_EACH_WH) for number in numbers]
        self.local.settle(section(ISSUE, *lines))
        for number in numbers:
            self.local.fund(number, money_units=MONEY_EACH_UNITS)

    def trades(self, numbers: Sequence[int], count: int) -> list[Trade]:
        """Draw trades between different accounts, so that all accounts take part if they can."""
        drawn = []
        for index in range(count):
            seller = numbers[index % len(numbers)]
            buyer = self.random.choice([n for n in numbers if n != seller])
            energy_wh = self.random.randrange(50, 3_000)
            drawn.append((seller, buyer, energy_wh, energy_wh * self.random.randrange(60, 141)))
        return drawn

    def transfer(self, *, new: bool) -> Row:
        """A plain token transfer."""
        token, recipient = self.local.token, self._new_owner()
        token.send("mint", self.local.operator, 1_000)
        if not new:
            token.send("transfer", recipient, 5)
        gas = token.send("transfer", recipient, 5).gas
        return Row(
            trust="token holder",
            what="ERC-20 transfer, one leg",
            trades=1,
            accounts=2,
            warm=not new,
            gas=gas,
        )

    def netted(self, numbers: Sequence[int], count: int, *, goal: int | None = None) -> Row:
        """A netted batch, two legs a trade."""
        drawn = self.trades(numbers, count)
        gas = self.local.settle(net_section(drawn)).gas
        return Row(
            trust="operator-netted",
            what="netted, two legs, audit head",
            trades=count,
            accounts=accounts_in(drawn),
            warm=True,
            gas=gas,
            goal=goal,
        )

    def netted_cold(self, count: int) -> Row:
        """A netted batch that writes to accounts for the first time."""
        fresh = self.households(count, funded=False)
        lines = [net_line(1, -100 * count, 0), *(net_line(number, 100, 0) for number in fresh)]
        gas = self.local.settle(section(NET, *lines)).gas
        return Row(
            trust="operator-netted",
            what="netted, accounts used first",
            trades=count,
            accounts=count + 1,
            warm=False,
            gas=gas,
        )

    def published(self, numbers: Sequence[int], count: int, *, goal: int | None) -> Row:
        """A netted batch with its trades in calldata, 16 bytes each."""
        drawn = self.trades(numbers, count)
        text = b"".join(struct.pack(">IIII", *trade) for trade in drawn)
        gas = self.local.settle(net_section(drawn), trades=text).gas
        return Row(
            trust="operator-netted + trades",
            what="netted, trades in calldata",
            trades=count,
            accounts=accounts_in(drawn),
            warm=True,
            gas=gas,
            goal=goal,
        )

    def named(self, numbers: Sequence[int], count: int) -> Row:
        """A netted batch with the address of each account's owner in calldata, as the adapter sends it."""
        drawn = self.trades(numbers, count)
        named = sorted({account for seller, buyer, *_ in drawn for account in (seller, buyer)})
        owners = [self.local.read("ownerOf", AREA, account) for account in named]
        table = b"\x01" + b"".join(bytes.fromhex(owner[2:]) for owner in owners)
        return Row(
            trust="operator-netted",
            what="netted, owners named in calldata",
            trades=count,
            accounts=len(named),
            warm=True,
            gas=self.local.settle(net_section(drawn), trades=table).gas,
        )

    def transfers(self, numbers: Sequence[int], count: int) -> Row:
        """A batch of transfers that are not netted, one leg each."""
        lines = [
            transfer_line(seller, buyer, ENERGY, energy_wh)
            for seller, buyer, energy_wh, _ in self.trades(numbers, count)
        ]
        gas = self.local.settle(section(TRANSFER, *lines)).gas
        return Row(
            trust="operator-netted",
            what="transfers, one leg, not netted",
            trades=count,
            accounts=len(numbers),
            warm=True,
            gas=gas,
        )

    def issued(self, numbers: Sequence[int]) -> Row:
        """A batch that issues energy."""
        gas = self.local.settle(section(ISSUE, *(issue_line(n, 500) for n in numbers))).gas
        return Row(
            trust="operator-netted",
            what="issue",
            trades=len(numbers),
            accounts=len(numbers),
            warm=True,
            gas=gas,
        )

    def committed(self, count: int) -> Row:
        """An interval's root, whatever number of trades is behind it."""
        sequence = self.local.read("headOf", AREA)[0]
        reference, root = self.local.reference(), self.local.reference()
        gas = self.local.send("recordRoot", AREA, reference, root, sequence + 1).gas
        return Row(
            trust="committed",
            what=f"interval commit, root of {count} trades",
            trades=1,
            accounts=0,
            warm=True,
            gas=gas,
            goal=35_000,
        )

    def signed(
        self,
        makers: Sequence[tuple[int, int]],
        takers: Sequence[int],
        count: int,
        first_nonce: int,
        *,
        warm: bool,
        goal: int | None = None,
    ) -> Row:
        """Sell orders that their makers signed, taken by netted accounts."""
        fills, bought = [], []
        for index in range(count):
            account, key = makers[index % len(makers)]
            energy_wh = self.random.randrange(50, 3_000)
            price = self.random.randrange(60_000, 140_000)
            order = (account, False, energy_wh, price, first_nonce + index // len(makers), FOREVER)
            money = -(-energy_wh * price // 1_000)
            digest = order_digest(
                self.local.ledger, self.local.tester.backend.chain.chain_id, AREA, order
            )
            fills.append((order, energy_wh, money, sign(key_of(key), digest, compact=True)))
            bought.append((0, takers[index % len(takers)], energy_wh, money))
        lines = b"".join(net_lines(bought))
        gas = self.local.send(
            "settleSigned", AREA, self.local.reference(), FOREVER, fills, lines
        ).gas
        return Row(
            trust="maker-signed",
            what=f"EIP-712 orders of {min(count, len(makers))} makers",
            trades=count,
            accounts=min(count, len(makers)) + min(count, len(takers)),
            warm=warm,
            gas=gas,
            goal=goal,
        )

    def sessions(self, count: int, *, goal: int | None = None) -> list[Row]:
        """Sessions of as many cars at one station: authorised and started, then closed by receipt."""
        here = Charging(self.local, cars=count)
        shared = here.terms()
        terms = [
            attrs.evolve(shared, payer=car, key=number.to_bytes(32, "big"))
            for number, car in enumerate(here.cars, 1 << 240)
        ]
        opened, closed = self._open(here, shared, terms), self._close(here, shared, terms)
        facts = {"trust": "session", "trades": count, "accounts": count + 2, "warm": True}
        return [
            Row(what="authorise and start, batched", gas=opened, **facts),
            Row(what="close by receipt, batched", gas=closed, **facts),
            Row(what="open + settle, together", gas=opened + closed, goal=goal, **facts),
        ]

    def _open(self, here: Charging, shared: Terms, terms: Sequence[Terms]) -> int:
        until, now = here.now + HOUR_S, here.now
        lines, signatures = b"", b""
        for each in terms:
            lines += authorise_line(each, 500, until, 1_000, now)
            for key, message in (
                (here.key_of(each.payer), digest(each, "Authorisation", 500, until)),
                (here.meter_key, digest(each, "Reading", 0, 1_000, now, 0)),
            ):
                signatures += sign(key, message, compact=True)
        batch = (AREA, self.local.reference(), FOREVER, [shared.words], lines, signatures, True)
        return here.escrow.send("authoriseMany", *batch, sender=here.payee).gas

    def _close(self, here: Charging, shared: Terms, terms: Sequence[Terms]) -> int:
        lines, signatures = b"", b""
        for each in terms:
            lines += close_line(each, 500, 4, 11_000, 260)
            message = digest(each, "Receipt", 4, 11_000, 260)
            signatures += sign(here.key_of(each.payer), message, compact=True)
        batch = (AREA, self.local.reference(), FOREVER, [shared.words], lines, signatures)
        return here.escrow.send("closeMany", *batch, sender=here.payee).gas

    def contested(self) -> list[Row]:
        """One session that its parties do not agree on, step by step."""
        here = Charging(self.local)
        settled, ruled = here.active(here.terms()), here.active(here.terms())
        paid = (0, 247, 13, 240)
        both = {"caller": here.payee}
        steps = [
            (
                "claim by the meter",
                here.step(CLAIM, settled, here.reading(settled, 5, 9_000), **both),
            ),
            ("contest", here.step(CONTEST, settled, here.reading(settled, 6, 11_000), **both)),
        ]
        here.local.pass_time(7 * HOUR_S)
        steps.append(("settle by anybody", here.step(SETTLE, settled, outcome=paid)))
        here.step(CLAIM, ruled, here.reading(ruled, 5, 11_000), **both)
        disputed = here.step_as_payer(DISPUTE, ruled, outcome=(5, 0, 0, 240))
        ruling = here.say(ruled, "Ruling", here.arbiter, 100)
        steps += [
            ("dispute", disputed),
            ("rule", here.step(RULE, ruled, ruling, outcome=(0, 95, 5, 165))),
        ]
        facts = {"trust": "session", "trades": 1, "accounts": 3, "warm": True}
        rows = [Row(what=what, gas=receipt.gas, **facts) for what, receipt in steps]
        whole = sum(row.gas for row in rows[:3])
        return [*rows, Row(what="claim, contest, settle: together", gas=whole, **facts)]

    def micro(self, cars: int, count: int, *, goal: int | None = None) -> list[Row]:
        """Red lights: so many micro-sessions of cars with a standing authorisation, in one net."""
        here = Charging(self.local, cars=cars, funds=MONEY_EACH_UNITS)
        opened, accounts = 0, []
        for car in here.cars:
            allowance = (car, MONEY_EACH_UNITS // 2, 10**6, bytes(32), 0, here.now + 30 * 86_400, 1)
            allowed = allowance_id(here.domain, allowance)
            signature = sign(here.key_of(car), allowed, compact=True)
            opened += here.escrow.send("openAllowance", AREA, allowance, signature).gas
            accounts.append(here.escrow.read("allowanceOf", allowed) & 2**32 - 1)
        stations = self.households(20)
        operator = self.local.register(self.local.operator)[0]
        # Energy first comes to the allowances' accounts, so that the net measured is not their first.
        for measured in (count, count):
            drawn = [
                (station, accounts[index % cars], energy_wh, units)
                for index, (station, _, energy_wh, units) in enumerate(
                    self.trades(stations, measured)
                )
            ]
            gas = self.local.settle(net_section([*drawn, (operator, accounts[0], 0, 10)])).gas
        facts = {"trust": "allowance", "accounts": cars + 21}
        return [
            Row(what="open an allowance, once", trades=cars, gas=opened, warm=False, **facts),
            Row(
                what=f"micro-sessions of {cars} cars, netted",
                trades=count,
                gas=gas,
                warm=True,
                goal=goal,
                **facts,
            ),
        ]

    def _new_owner(self) -> str:
        self._owners += 1
        return key_of(self._owners).public_key.to_checksum_address()


def net_lines(drawn: Iterable[Trade]) -> list[bytes]:
    """Return the net lines of trades; seller 0 is somebody else's part."""
    energy: dict[int, int] = {}
    money: dict[int, int] = {}
    for seller, buyer, energy_wh, money_units in drawn:
        for account, sign_ in ((seller, -1), (buyer, 1)):
            energy[account] = energy.get(account, 0) + sign_ * energy_wh
            money[account] = money.get(account, 0) - sign_ * money_units
    return [net_line(a, energy[a], money[a]) for a in sorted(energy) if a != 0]


def net_section(drawn: Iterable[Trade]) -> bytes:
    """Return the section that settles trades."""
    return section(NET, *net_lines(drawn))


def accounts_in(drawn: Iterable[Trade]) -> int:
    """Return how many accounts take part."""
    return len({account for seller, buyer, *_ in drawn for account in (seller, buyer)})


def measure() -> list[Row]:
    """Run every transaction of the table."""
    bench = Measurement()
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
        rows += Measurement().sessions(count, goal=75_000 if count == SESSION_SIZES[-1] else None)
    rows += bench.contested()
    rows += Measurement().micro(20, 500)
    rows += Measurement().micro(100, 500, goal=1_000)
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
