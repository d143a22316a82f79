"""What the demo says: plain words for somebody who knows neither NEM nor sauma."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.markup import escape
from rich.padding import Padding

from sauma.agreement import Agreement
from sauma.billing import BillStatus
from sauma.identifiers import AccountId
from sauma.intervals import Interval
from sauma.statements import BillStatement
from sauma.store import Store
from sauma.store import projections as p
from sauma.units import format_scaled
from sauma_cli.carrying import Carried
from sauma_cli.movements import Moved
from sauma_cli.rendering import agreement_line, cents, kwh, nano, plain_table, price, short
from sauma_cli.screen import Screen
from sauma_cli.sites import Site

_HOLDER_WORDS: Final = {"@issuer": "issuer", "@clearing": "clearing"}
_INDENT: Final = 13
_ROW: Final = "{:>5}  {:<6} {:<5} {:>10}  {:>8}  {}"
MINUTES_PER_BLOCK: Final = 1


class Story:
    """Tells the demo, one numbered step at a time."""

    def __init__(self, screen: Screen, *, real_time_s: float | None) -> None:
        """Tell it on a screen; with `real_time_s` blocks come by the clock."""
        self._screen = screen
        self._real_time_s = real_time_s
        self._step = 0
        self._title = ""
        self._fee_word: str | None = None
        self._has_moved = False

    def begin(self, folder: Path, site: Site) -> None:
        """Say what this is about and where it happens."""
        self._fee_word = "XEM" if site.venue.chain.capabilities.fee_asset else None
        self._screen.show(
            "[bold]sauma demo[/]: one roof sells its sun to two neighbours",
            "",
            "Meters say who had energy and who needed it. sauma matches them, moves the",
            "energy on a chain into the buyers' wallets, and bills what the chain says.",
            "",
            f"  folder     {escape(str(folder))}",
            f"  chain      {site.title}",
        )
        if self._real_time_s is not None:
            self._screen.show(
                f"  blocks     one every {self._real_time_s:g} s by the clock; about five are needed"
            )

    def set_up(self, what: str) -> None:
        """Say what of the energy asset was announced."""
        meaning = ", one unit of it is one Wh" if what.startswith("mosaic") else ""
        self._screen.show(f"  set up     {what}{meaning}")

    def registered(self, wallets: Mapping[str, AccountId], area: str) -> None:
        """Say who takes part."""
        self._tell("register", f"three homes in {area}, each with a meter and a wallet")
        for name, account in wallets.items():
            self._more(f"{name}  {account.address}")

    def priced(self, seller: str, buyers: Sequence[str], price_micro: int, currency: str) -> None:
        """Say at what price they trade."""
        self._tell(
            "set prices",
            f"{seller} sells, {' and '.join(buyers)} buy at {price(price_micro)} {currency}/kWh",
        )

    def metered(
        self,
        interval: Interval,
        producer: str,
        produced_wh: int,
        buyers: Sequence[str],
        needed_wh: int,
    ) -> None:
        """Say what the meters reported."""
        self._tell(
            "meters",
            f"{interval.start:%H:%M} to {interval.end:%H:%M} UTC: {producer} fed in "
            f"{kwh(produced_wh)} kWh,",
        )
        self._more(f"{' and '.join(buyers)} took {kwh(needed_wh)} kWh each")

    def cleared(self, store: Store, mechanism: str) -> None:
        """Say who bought what from whom."""
        self._tell("clear", f"the rule {mechanism} matches sellers and buyers:")
        for row in store.query(p.trades.select().order_by(p.trades.c.buyer)):
            self._more(f"{row.buyer} buys {kwh(row.energy_wh)} kWh from {row.seller}")

    def moved(self, news: Sequence[Moved]) -> None:
        """Show what a block brought."""
        if not self._has_moved:
            self._has_moved = True
            self._tell("move", "energy moves by itself: issued to the seller, sent to the buyers")
            if self._fee_word:
                self._more(f"(and some {self._fee_word}, NEM's money, for the seller's fees)")
            self._more(
                f"[dim]{_ROW.format('block', 'from', 'to', 'moves', 'fee', 'transaction')}[/]"
            )
        for one in news:
            self._more(self._row(one))

    def hurried(self, blocks: int) -> None:
        """Say that blocks are mined at once."""
        minutes = blocks * MINUTES_PER_BLOCK
        wait = f"{minutes // 60} hours" if minutes >= 60 else f"{minutes} minutes"
        self._tell("wait", f"a block can be undone until {blocks} more stand on it; that takes")
        self._more(f"{wait}, so the demo's own node mines these {blocks} blocks at once")

    def billed(self, statements: Sequence[BillStatement], currency: str, carried: Carried) -> None:
        """Show the bills."""
        sure = "final" if carried.final else "[yellow]PROVISIONAL[/]: that block can be undone"
        self._tell("bills", f"written from what the chain says at block {carried.height}; {sure}")
        numbers = ("kWh", f"{currency}/kWh", currency)
        table = plain_table("bill", "", *numbers, "the chain says", "status", right=numbers)
        for one in statements:
            bill = one.bill
            buys = bill.bought_wh > 0
            prices = sorted({line.price_micro for line in bill.lines})
            chain_wh = bill.chain.received_wh if buys else bill.chain.sent_wh
            style = "green" if bill.status is BillStatus.FINAL else "yellow"
            table.add_row(
                bill.participant,
                "pays" if buys else "earns",
                kwh(bill.bought_wh or bill.sold_wh),
                ", ".join(map(price, prices)),
                f"[bold]{cents(abs(bill.owed_cents))}[/]",
                f"{'got' if buys else 'gave'} {chain_wh:,} Wh",
                f"[{style}]{bill.status.name.lower()}[/]",
            )
        self._screen.show(Padding.indent(table, _INDENT))

    def end(self, folder: Path, carried: Carried, agreed: Agreement, currency: str) -> None:
        """Say how the payment was shared, that everything agrees, and what to look at next."""
        share = format_scaled(agreed.producers_nano * 1_000 // max(1, agreed.paid_nano), 1, 0)
        self._more(
            f"of {nano(agreed.paid_nano)} {currency} the producer gets "
            f"[bold]{nano(agreed.producers_nano)} ({share} %)[/],"
        )
        self._more(f"the grid {nano(agreed.grid_nano)}, the operator {nano(agreed.operator_nano)}")
        self._screen.show("", agreement_line(agreed, currency), "")
        name = escape(str(folder))
        if not carried.final:
            self._screen.show(
                "The bills stay [yellow]provisional[/] until 360 more blocks have passed. To go on:",
                f"  sauma settle --folder {name}",
            )
        self._screen.show(
            f"  sauma bills --folder {name}   every line of every bill",
            f"  sauma replay {name}   compute it all again, believing nothing",
        )

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Show that blocks are waited for, where somebody looks."""
        console = self._screen.console
        if self._real_time_s is None or not console.is_terminal or self._screen.as_json:
            yield
            return
        with console.status("waiting for the next block"):
            yield

    def _row(self, one: Moved) -> str:
        what = f"{kwh(one.units)} kWh" if one.is_energy else self._xem(one.units)
        return _ROW.format(
            one.height,
            _HOLDER_WORDS.get(one.source, one.source),
            _HOLDER_WORDS.get(one.target, one.target),
            what,
            self._xem(one.fee_units) if self._fee_word else "none",
            short(one.transaction_id),
        )

    def _xem(self, micro: int) -> str:
        return f"{format_scaled(micro, 6, 2)} {self._fee_word}"

    def _tell(self, what: str, text: str) -> None:
        self._step += 1
        self._screen.show(f"[bold]{self._step}[/] [bold]{what:<{_INDENT - 2}}[/]{text}")

    def _more(self, text: str) -> None:
        self._screen.show(f"{'':{_INDENT}}{text}")
