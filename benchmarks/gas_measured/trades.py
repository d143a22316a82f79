"""Trades that are settled: netted, published, signed by their makers, committed to."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Sequence
from typing import Final

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
from gas_measured.row import Row

ENERGY_EACH_WH: Final = 10**9
MONEY_EACH_UNITS: Final = 10**12

Trade = tuple[int, int, int, int]
"""Seller, buyer, energy in Wh, units of money."""


class Trades:
    """A ledger with funded accounts, and the transactions that are measured on it."""

    def __init__(self) -> None:
        self.local = LocalLedger()
        self.random = random.Random(20261122)  # noqa: S311 - trades, not keys
        self._owners = 0
        # The operator has account 1, so that the households' numbers begin with a pair.
        self.local.register(self.local.operator)

    def households(self, count: int, *, funded: bool = True) -> list[int]:
        """Register accounts and give them energy and money."""
        owners = [self.new_owner() for _ in range(count)]
        numbers = self.local.register(*owners)
        if funded:
            self.fund(numbers)
        return numbers

    def makers(self, count: int) -> list[tuple[int, int]]:
        """Register signed accounts with energy and money; return their numbers and key numbers."""
        made = []
        for _ in range(count):
            owner = self.new_owner()
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
        token, recipient = self.local.token, self.new_owner()
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
        return self._netted(drawn, what="netted, two legs, audit head", goal=goal)

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
        trust, what = "operator-netted + trades", "netted, trades in calldata"
        return self._netted(drawn, text, trust=trust, what=what, goal=goal)

    def named(self, numbers: Sequence[int], count: int) -> Row:
        """A netted batch with the address of each account's owner in calldata, as the adapter sends it."""
        drawn = self.trades(numbers, count)
        named = sorted({account for seller, buyer, *_ in drawn for account in (seller, buyer)})
        owners = [self.local.read("ownerOf", AREA, account) for account in named]
        table = b"\x01" + b"".join(bytes.fromhex(owner[2:]) for owner in owners)
        return self._netted(drawn, table, what="netted, owners named in calldata")

    def _netted(
        self,
        drawn: Sequence[Trade],
        beside: bytes = b"",
        *,
        what: str,
        trust: str = "operator-netted",
        goal: int | None = None,
    ) -> Row:
        """Settle trades netted, with these bytes beside them in calldata."""
        return Row(
            trust=trust,
            what=what,
            trades=len(drawn),
            accounts=accounts_in(drawn),
            warm=True,
            gas=self.local.settle(net_section(drawn), trades=beside).gas,
            goal=goal,
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

    def new_owner(self) -> str:
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
