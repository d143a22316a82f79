"""What the demo says: plain words for somebody who knows neither NEM nor sauma."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
from sauma_cli.comparison import CHAINS, NotRun, Took, comparison_table
from sauma_cli.movements import Moved
from sauma_cli.rendering import (
    agreement_line,
    cents,
    count,
    kwh,
    nano,
    plain_table,
    price,
    short,
)
from sauma_cli.screen import Screen
from sauma_cli.sites import FeeUnit, Site

_HOLDER_WORDS: Final = {"@issuer": "issuer", "@clearing": "clearing"}
_INDENT: Final = 13
_ROW: Final = "{:>5}  {:<6} {:<5} {:>10}  {:>8}  {}"


class Story:
    """Tells the demo, one numbered step at a time."""

    def __init__(self, screen: Screen, *, real_time_s: float | None) -> None:
        """Tell it on a screen; with `real_time_s` blocks come by the clock."""
        self._screen = screen
        self._real_time_s = real_time_s
        self._step = 0
        self._title = ""
        self._fee_unit: FeeUnit | None = None
        self._block_seconds = 0
        self._has_moved = False

    def begin(self, folder: Path, site: Site) -> None:
        """Say what this is about and where it happens."""
        self._fee_unit = site.fee_unit
        self._block_seconds = site.venue.chain.capabilities.block_seconds
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
            if any(not one.is_energy for one in news) and self._fee_unit is not None:
                self._more(f"(and some {self._fee_unit.name} for the seller's fees)")
            self._more(
                f"[dim]{_ROW.format('block', 'from', 'to', 'moves', 'fee', 'transaction')}[/]"
            )
        for one in news:
            self._more(self._row(one))

    def hurried(self, blocks: int) -> None:
        """Say that blocks are mined at once."""
        minutes = blocks * self._block_seconds // 60
        wait = f"{minutes // 60} hours" if minutes >= 120 else f"{minutes} minutes"
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

    def agreed(self, agreed: Agreement, currency: str) -> None:
        """Say how the payment was shared, and that everything agrees."""
        share = format_scaled(agreed.producers_nano * 1_000 // max(1, agreed.paid_nano), 1, 0)
        self._more(
            f"of {nano(agreed.paid_nano)} {currency} the producer gets "
            f"[bold]{nano(agreed.producers_nano)} ({share} %)[/],"
        )
        self._more(f"the grid {nano(agreed.grid_nano)}, the operator {nano(agreed.operator_nano)}")
        self._screen.show("", agreement_line(agreed, currency), "")

    def compared(self, found: Sequence[Took | NotRun]) -> None:
        """Show what the same settlement took on each chain, and who keeps which promise."""
        ran = [one for one in found if isinstance(one, Took)]
        self._screen.show(
            f"[bold]the same settlement on {count(len(ran), 'chain')}[/], with the same bills",
            "",
            comparison_table(found),
        )
        for one in found:
            if isinstance(one, NotRun):
                self._screen.show(f"{CHAINS[one.kind][0]} was not run: {escape(one.reason)}")
        self._screen.show(
            "[dim]not offered: sauma itself nets and sends nothing twice, and replay checks it[/]",
            "",
        )

    def end(self, folder: Path, carried: Carried) -> None:
        """Say what to look at next."""
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

    def comparing(self) -> AbstractContextManager[object]:
        """Show that other chains are being run, where somebody looks."""
        console = self._screen.console
        if not console.file.isatty() or self._screen.as_json:
            return nullcontext()
        return console.status("the same on the other chains")

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
        what = f"{kwh(one.units)} kWh" if one.is_energy else self._fee(one.units)
        return _ROW.format(
            one.height,
            _HOLDER_WORDS.get(one.source, one.source),
            _HOLDER_WORDS.get(one.target, one.target),
            what,
            self._fee(one.fee_units),
            short(one.transaction_id),
        )

    def _fee(self, units: int) -> str:
        return "none" if self._fee_unit is None else self._fee_unit.show(units)

    def _tell(self, what: str, text: str) -> None:
        self._step += 1
        self._screen.show(f"[bold]{self._step}[/] [bold]{what:<{_INDENT - 2}}[/]{text}")

    def _more(self, text: str) -> None:
        self._screen.show(f"{'':{_INDENT}}{text}")
