"""Energy, money and bills as people read them; every digit is exact, none comes from a float."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from rich import box
from rich.table import Table

from sauma.agreement import Agreement
from sauma.billing import BillLine, BillStatus, LineKind
from sauma.intervals import format_time
from sauma.statements import BillStatement
from sauma.store.anchored import AnchorStanding
from sauma.units import Rounding, divide_rounded, format_scaled

BILL_ID_DIGITS: Final = 16
"""How many digits of a bill's id are shown to people; `sauma prove` takes them."""
_TENTH_OF_HOUR_SECONDS: Final = 360

_LINE_WORDS: Final = {
    LineKind.BOUGHT: "bought from",
    LineKind.SOLD: "sold to",
    LineKind.SUPPLIER_SALE: "bought from",
    LineKind.SUPPLIER_PURCHASE: "sold to",
}

_ANCHOR_WORDS: Final = {
    BillStatus.OPEN: "unanchored",
    BillStatus.PROVISIONAL: "provisional",
    BillStatus.FINAL: "final",
}


def kwh(energy_wh: int) -> str:
    """Show Wh as kWh with three decimals."""
    return format_scaled(energy_wh, 3)


def price(price_micro: int) -> str:
    """Show micro-units per kWh with at least two decimals."""
    return format_scaled(price_micro, 6, 2)


def cents(amount_cents: int) -> str:
    """Show cents as currency units with two decimals."""
    return format_scaled(amount_cents, 2)


def nano(amount_nano: int) -> str:
    """Show nano-units with at least two decimals; what is smaller than a cent is never cut."""
    return format_scaled(amount_nano, 9, 2)


def hours(seconds: int) -> str:
    """Return a time in hours with one decimal, as `1,234.5`."""
    whole, tenths = divmod(divide_rounded(seconds, _TENTH_OF_HOUR_SECONDS, Rounding.HALF_EVEN), 10)
    return f"{whole:,}.{tenths}"


def count(number: int, what: str) -> str:
    """Show how many there are of something."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def short(transaction_id: bytes) -> str:
    """Show both ends of a transaction's hash."""
    digits = transaction_id.hex()
    return f"{digits[:8]}…{digits[-4:]}"


def plain_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return a table without frames; columns in `right` hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return table


def bills_table(statements: Sequence[BillStatement], currency: str) -> Table:
    """Return one row a bill: what was traded, what the chain says, what is owed.

    `supply` came from the supplier of last resort and `fed in` went there; `received` and `sent` are
    the wallet's movements as the chain says; money below zero is to be received.
    """
    numbers = ("bought", "sold", "supply", "fed in", "received", "sent", f"owes {currency}")
    table = plain_table("kWh", *numbers, "status", right=numbers)
    periods = {(one.area, one.period_start) for one in statements}
    shown: tuple[str, Any] | None = None
    for one in statements:
        if len(periods) > 1 and (one.area, one.period_start) != shown:
            shown = (one.area, one.period_start)
            table.add_row(f"[dim]{one.area} {format_time(one.period_start)}[/]")
        bill = one.bill
        table.add_row(
            bill.participant,
            _amount(bill.bought_wh),
            _amount(bill.sold_wh),
            _amount(_sum_wh(bill.lines, LineKind.SUPPLIER_SALE)),
            _amount(_sum_wh(bill.lines, LineKind.SUPPLIER_PURCHASE)),
            _amount(bill.chain.received_wh),
            _amount(bill.chain.sent_wh),
            cents(bill.owed_cents),
            _status(bill.status),
        )
    return table


def lines_table(statements: Sequence[BillStatement], currency: str) -> Table:
    """Return every line of every bill, with what the chain says and what is carried."""
    numbers = ("kWh", f"{currency}/kWh", currency)
    table = plain_table("bill", "", *numbers, right=numbers)
    for one in statements:
        bill = one.bill
        name = f"[bold]{bill.participant}[/]"
        for line in bill.lines:
            table.add_row(
                name,
                f"{_LINE_WORDS[line.kind]} {line.counterparty}",
                kwh(line.energy_wh),
                price(line.price_micro),
                nano(line.amount_nano),
            )
            name = ""
        if bill.carried_nano:
            table.add_row(name, "carried from earlier bills", "", "", nano(bill.carried_nano))
        if bill.carry_nano:
            table.add_row(name, "carried to the next bill", "", "", nano(-bill.carry_nano))
        table.add_row("", f"[dim]bill {bill.bill_id.hex()[:BILL_ID_DIGITS]}[/]", "", "", "")
        verb = "receives" if bill.owed_cents < 0 else "owes"
        table.add_row(
            name,
            f"[bold]{verb}[/], {_status(bill.status)}",
            "",
            "",
            f"[bold]{cents(abs(bill.owed_cents))}[/]",
            end_section=True,
        )
    return table


def anchors_line(anchors: Sequence[AnchorStanding]) -> str:
    """Say in one line where the roots over the bills stand."""
    bills = sum(one.bill_count for one in anchors)
    states = Counter(_ANCHOR_WORDS[one.status] for one in anchors)
    shown = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    return f"  anchor     {count(len(anchors), 'root')} over {count(bills, 'bill')}: {shown}"


def anchor_facts(one: AnchorStanding) -> dict[str, Any]:
    """Return an anchor for programs."""
    return {
        "period_start": format_time(one.period_start),
        "period_end": format_time(one.period_end),
        "bills": one.bill_count,
        "rows": one.row_count,
        "root": one.root.hex(),
        "status": _ANCHOR_WORDS[one.status],
        "transaction_id": None if one.block is None else one.block.transaction_id.hex(),
        "height": None if one.block is None else one.block.height,
    }


def agreement_line(agreed: Agreement, currency: str) -> str:
    """Say in one line that three sources agree, and on what."""
    return (
        "[bold green]✓[/] chain, journal and bills agree to the Wh and the cent: "
        f"{kwh(agreed.traded_wh)} kWh, {nano(agreed.paid_nano)} {currency}"
    )


def shares_line(agreed: Agreement, currency: str) -> str:
    """Say who gets how much of what the buyers pay."""
    return (
        f"of {nano(agreed.paid_nano)} {currency} paid the producers get "
        f"[bold]{nano(agreed.producers_nano)}[/], the grid {nano(agreed.grid_nano)}, "
        f"the operator {nano(agreed.operator_nano)}"
    )


def agreement_facts(agreed: Agreement) -> dict[str, Any]:
    """Return an agreement for programs."""
    return {
        "settlements": agreed.settlements,
        "bills": agreed.bills,
        "status": agreed.status.name.lower(),
        "traded_wh": agreed.traded_wh,
        "billed_wh": agreed.billed_wh,
        "net_wh": agreed.net_wh,
        "delivered_wh": agreed.delivered_wh,
        "paid_nano": agreed.paid_nano,
        "producers_nano": agreed.producers_nano,
        "grid_nano": agreed.grid_nano,
        "operator_nano": agreed.operator_nano,
        "balances_checked": agreed.balances_checked,
    }


def bill_facts(one: BillStatement) -> dict[str, Any]:
    """Return a bill for programs: integers in the units that the names say."""
    bill = one.bill
    return {
        "bill_id": bill.bill_id.hex(),
        "participant": bill.participant,
        "area": one.area,
        "period_start": format_time(one.period_start),
        "period_end": format_time(one.period_end),
        "version": one.version,
        "status": bill.status.name.lower(),
        "bought_wh": bill.bought_wh,
        "sold_wh": bill.sold_wh,
        "chain_received_wh": bill.chain.received_wh,
        "chain_sent_wh": bill.chain.sent_wh,
        "carried_nano": bill.carried_nano,
        "owed_nano": bill.owed_nano,
        "owed_cents": bill.owed_cents,
        "carry_nano": bill.carry_nano,
        "lines": [line_facts(line) for line in bill.lines],
    }


def line_facts(line: BillLine) -> dict[str, Any]:
    """Return a line of a bill for programs."""
    return {
        "kind": line.kind.name.lower(),
        "counterparty": line.counterparty,
        "energy_wh": line.energy_wh,
        "price_micro": line.price_micro,
        "amount_nano": line.amount_nano,
    }


def _sum_wh(lines: Sequence[BillLine], kind: LineKind) -> int:
    return sum(line.energy_wh for line in lines if line.kind is kind)


def _amount(energy_wh: int) -> str:
    return kwh(energy_wh) if energy_wh else "[dim]-[/]"


def _status(status: BillStatus) -> str:
    style = {BillStatus.FINAL: "green", BillStatus.PROVISIONAL: "yellow"}.get(status, "red")
    return f"[{style}]{status.name.lower()}[/]"
