"""What the charging demo says, in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.markup import escape
from rich.padding import Padding

from sauma.chain import Support
from sauma.charging import SessionReceipt
from sauma.replay import ReplayReport
from sauma.session import SessionTerms
from sauma.units import format_scaled
from sauma_cli.ev_places import NAMES, PURSE_MICRO, Place
from sauma_cli.rendering import kwh, plain_table
from sauma_cli.screen import Screen

_INDENT: Final = 13


class EvStory:
    """Tells the charging demo, one numbered step at a time."""

    def __init__(self, screen: Screen, place: Place) -> None:
        """Tell it on a screen."""
        self._screen = screen
        self._place = place
        self._step = 0

    def begin(self, folder: Path) -> None:
        """Say what this is about and where it happens."""
        self._screen.show(
            "[bold]sauma demo ev[/]: a car pays what it charges, at red lights and a charger",
            "",
            "It prepays, the meter counts, it pays for what the meter says and gets the rest",
            "back. Nobody can lock the other's money by vanishing.",
            "",
            f"  folder     {escape(str(folder))}",
            f"  chain      {self._place.title}",
            f"  escrow     {self._place.escrow}",
        )
        self._tell("accounts", f"{', '.join(NAMES)}; the car has {self._money(PURSE_MICRO)}")

    def begun(self, payee: str, terms: SessionTerms, held: int) -> None:
        """Say that a session was opened."""
        per_kwh = self._money(terms.price * 1_000)
        self._tell("prepay", f"{self._money(held)} held for the {payee}, at {per_kwh} a kWh;")
        self._more("its meter signs the first register, and energy flows")

    def light(self, number: int, wh: int, amount: int) -> None:
        """Say what a red light brought."""
        self._more(
            f"red light {number}: {kwh(wh)} kWh; the car countersigns {self._money(amount)} in all"
        )

    def charged(self, wh: int, amount: int) -> None:
        """Say what was charged."""
        self._more(f"{kwh(wh)} kWh flow; the car countersigns {self._money(amount)}")

    def closed(self, payee: str, one: SessionReceipt) -> None:
        """Say that a session was paid."""
        self._tell(
            "pay",
            f"the {payee} brings the last receipt: it gets "
            f"{self._money(one.gross_units - one.fee_units)},",
        )
        self._more(
            f"the operator {self._money(one.fee_units)}, the car {self._money(one.refunded_units)} back"
        )

    def table(self, receipts: tuple[SessionReceipt, ...]) -> None:
        """Show what was held, captured, paid as fee and refunded, as the chain says."""
        self._tell("receipts", "read from the chain:")
        numbers = ("kWh", "held", "paid", "of it fee", "back")
        table = plain_table("session", *numbers, "status", right=numbers)
        for one in receipts:
            table.add_row(
                one.session_id.hex()[:8],
                kwh(one.energy_wh),
                *(
                    format_scaled(units, 6, 6)
                    for units in (
                        one.held_units,
                        one.gross_units,
                        one.fee_units,
                        one.refunded_units,
                    )
                ),
                f"[green]{one.status.name.lower()}[/]",
            )
        self._screen.show(Padding.indent(table, _INDENT))

    def end(self, receipts: tuple[SessionReceipt, ...], report: ReplayReport, folder: Path) -> None:
        """Say who keeps which promise, and that replay agrees."""
        is_native = self._place.venue.chain.capabilities.hold is Support.NATIVE
        keeper = "the chain enforces" if is_native else "the operator keeps, and anybody can check"
        self._tell("who keeps", f"{keeper}:")
        for promise in (
            "what is held is not spent twice, and never above the cap",
            "only newer countersigned or metered evidence counts",
            "a claim waits for its window, and nobody waits for ever",
        ):
            self._more(promise)
        if not is_native:
            self._more("every step lies on the chain with its evidence and signatures")
        spent = sum(one.gross_units for one in receipts)
        self._screen.show(
            "",
            f"✓ meters, chain and journal agree to the Wh and the unit: {self._money(spent)} paid",
            f"✓ replay: {report.entries} entries, {report.blocks_compared} blocks, no difference",
            f"  sauma replay {escape(str(folder))}   compute it all again, believing nothing",
        )

    def _money(self, units: int) -> str:
        return f"{format_scaled(units, 6, 2)} {self._place.coin}"

    def _tell(self, what: str, text: str) -> None:
        self._step += 1
        self._screen.show(f"[bold]{self._step}[/] [bold]{what:<{_INDENT - 2}}[/]{text}")

    def _more(self, text: str) -> None:
        self._screen.show(f"{'':{_INDENT}}{text}")
