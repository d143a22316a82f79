"""The table of a real plan: every policy planned on a copy of the folder, priced by the chain's quote."""

from __future__ import annotations

from typing import Any

from sauma.engine import Engine
from sauma.forecast import Forecast, forecast, policies
from sauma_cli.folder import Folder
from sauma_cli.inputs import Inputs, enter
from sauma_cli.plan_described import policy_words
from sauma_cli.rendering import count, hours, plain_table
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, FeeUnit, Site, open_site


def show_real(place: Folder, choice: ChainChoice, inputs: Inputs | None, screen: Screen) -> None:
    """Show what every policy takes; the rulebook's own is marked.  The folder is not touched."""
    with place.planning() as copy, open_site(copy, choice) as site:
        if inputs is not None:
            for row in inputs.participants:
                site.wallets.account(row.participant, row.account)
        if choice.node_url is None:
            site.make_ready(lambda _: None)
        found, own = _forecasts(copy, site, inputs)
    _show(found, own, site.title, site.fee_unit, screen)


def _forecasts(copy: Folder, site: Site, inputs: Inputs | None) -> tuple[list[Forecast], Forecast]:
    rulebook = None if inputs is None else inputs.rulebook
    with Engine.open(copy.store, site.venue, rulebook=rulebook) as engine:
        if inputs is not None:
            enter(engine, site.wallets, inputs)
        engine.clear_due()
        with engine.store.reading() as connection:
            return (
                [forecast(connection, one, site.venue) for one in policies(engine.rulebook)],
                forecast(connection, engine.rulebook, site.venue),
            )


def _show(
    found: list[Forecast], own: Forecast, title: str, fee_unit: FeeUnit | None, screen: Screen
) -> None:
    screen.show(f"[bold]plan[/] on {title}; nothing was sent")
    numbers = ("anchors", "transactions", "blocks", "hours", "fees")
    table = plain_table("policy", *numbers, "", right=numbers)
    for one in found:
        table.add_row(
            policy_words(one.netting, one.period),
            f"{one.anchors:,}" if one.anchors else "[dim]-[/]",
            f"{one.transactions:,}",
            f"{one.blocks:,}",
            hours(one.seconds),
            _fees(one.fee_units, fee_unit),
            "[bold]◂ now[/]" if _is_like(one, own) else "",
        )
    screen.show(table)
    anchored = f", {count(own.anchors, 'anchor')} among them" if own.anchors else ""
    screen.show(
        f"the rulebook as it is: {count(own.transactions, 'transaction')}{anchored}, "
        f"{count(own.blocks, 'block')}, {_fees(own.fee_units, fee_unit)}"
    )
    if own.unplaced:
        screen.show(f"{count(own.unplaced, 'batch')} wait for an account and are not counted")
    screen.finish(
        {
            "chain": title,
            "rulebook": _facts(own),
            "policies": [_facts(one) for one in found],
        }
    )


def _is_like(one: Forecast, own: Forecast) -> bool:
    return (one.netting, one.period) == (own.netting, own.period)


def _fees(units: int, fee_unit: FeeUnit | None) -> str:
    return "none" if fee_unit is None else fee_unit.show(units)


def _facts(one: Forecast) -> dict[str, Any]:
    return {
        "netting": one.netting.value,
        "period": one.period.value,
        "anchor": one.anchor.value,
        "settlements": one.settlements,
        "anchors": one.anchors,
        "movements": one.movements,
        "transactions": one.transactions,
        "blocks": one.blocks,
        "seconds": one.seconds,
        "bytes": one.bytes_total,
        "fee_units": one.fee_units,
        "anchor_fee_units": one.anchor_fee_units,
        "unplaced": one.unplaced,
    }
