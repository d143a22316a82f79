"""The same settlement on several chains: what it took on each, and who keeps which promise."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import attrs
from rich.table import Table

from sauma.chain import Capabilities, Support
from sauma.engine import Engine
from sauma.intervals import Interval
from sauma_cli.carrying import Goal, carry
from sauma_cli.demo_scene import NAMES, RULEBOOK, play
from sauma_cli.folder import Folder
from sauma_cli.movements import moved
from sauma_cli.options import ChainName
from sauma_cli.rendering import bill_facts, count, plain_table
from sauma_cli.sites import ChainChoice, FeeUnit, Site, open_site

CHAINS: Final[dict[ChainName, tuple[str, str]]] = {
    "memory": ("memory", "reference chain"),
    "nem": ("NEM", "a node over HTTP"),
    "ethereum": ("Ethereum", "a contract, eth-tester"),
}
"""What people call each chain, and as what it is run here."""
NEEDED: Final[dict[ChainName, tuple[str, ...]]] = {
    "nem": ("sauma_nem", "symbolchain"),
    "ethereum": ("sauma_ethereum", "coincurve", "eth_tester", "web3", "eth"),
}
"""Whose absence means that a chain is not installed."""
PROMISES: Final = {
    "issue": "bring energy in",
    "transfer": "move it",
    "net": "net positions",
    "atomic_batch": "all or nothing",
    "idempotency": "nothing twice",
}
WORDS: Final = {
    Support.NATIVE: "chain enforces",
    Support.EMULATED: "operator keeps",
    Support.ABSENT: "[dim]not offered[/]",
}


@attrs.frozen(kw_only=True)
class Took:
    """What the settlement took on a chain; blocks are counted from the one before it was sent."""

    kind: ChainName
    transactions: int
    fee_units: int
    fee_unit: FeeUnit | None
    gas: int | None
    included_blocks: int
    final_blocks: int
    capabilities: Capabilities
    bills: tuple[Any, ...]


@attrs.frozen(kw_only=True)
class NotRun:
    """A chain whose packages are not installed."""

    kind: ChainName
    package: str

    @property
    def reason(self) -> str:
        """What is missing, and how to get it."""
        return f"{self.package} is not installed: pip install 'sauma[{self.kind}]'"


def measure(kind: ChainName, engine: Engine, site: Site, begun_height: int) -> Took:
    """Read what was moved by an engine since a height."""
    by_id = {one.transaction_id: one for one in moved(engine.store, after_height=begun_height)}
    capabilities = site.venue.chain.capabilities
    included_blocks = max(one.height for one in by_id.values()) - begun_height
    return Took(
        kind=kind,
        transactions=len(by_id),
        fee_units=sum(one.fee_units for one in by_id.values()),
        fee_unit=site.fee_unit,
        gas=site.gas_used(sorted(by_id)),
        included_blocks=included_blocks,
        final_blocks=included_blocks + capabilities.finality_blocks - 1,
        capabilities=capabilities,
        bills=tuple(_what_is_owed(bill_facts(one)) for one in engine.statements()),
    )


def run_elsewhere(kind: ChainName, interval: Interval) -> Took | NotRun:
    """Settle the demo's scene on a chain of its own, which is gone afterwards."""
    missing = missing_package(kind)
    if missing is not None:
        return NotRun(kind=kind, package=missing)
    with tempfile.TemporaryDirectory(prefix="sauma-") as name:
        folder = Folder(Path(name))
        with open_site(folder, ChainChoice(kind=kind)) as site:
            for each in NAMES:
                site.wallets.account(each)
            site.make_ready(lambda _: None)
            with Engine.open(folder.store, site.venue, rulebook=RULEBOOK) as engine:
                play(engine, site.wallets, interval)
                begun_height = site.venue.chain.head().newest.height
                carry(engine, site, goal=Goal.FINAL, watch=lambda _, __: None)
                engine.agreement()
                return measure(kind, engine, site, begun_height)


def missing_package(kind: ChainName) -> str | None:
    """Return which package a chain lacks; None when it has all."""
    for package in NEEDED.get(kind, ()):
        try:
            importlib.import_module(package)
        except ModuleNotFoundError as error:
            return (error.name or package).partition(".")[0]
    return None


def comparison_table(found: Sequence[Took | NotRun]) -> Table:
    """Return one column a chain: what it took, then who keeps which promise."""
    table = plain_table("", *(CHAINS[one.kind][0] for one in found))
    rows: dict[str, list[str]] = {
        "": [f"[dim]{CHAINS[one.kind][1]}[/]" for one in found],
        "transactions": [_of(one, lambda took: str(took.transactions)) for one in found],
        "fee": [_of(one, _fee) for one in found],
    }
    if any(isinstance(one, Took) and one.gas is not None for one in found):
        rows["gas"] = [_of(one, _gas) for one in found]
    rows["included after"] = [
        _of(one, lambda took: count(took.included_blocks, "block")) for one in found
    ]
    rows["final after"] = [_of(one, _final) for one in found]
    for name, word in PROMISES.items():
        rows[word] = [_of(one, partial(_promise, name)) for one in found]
    for word, cells in rows.items():
        table.add_row(word, *cells)
    return table


def agrees(found: Sequence[Took | NotRun]) -> bool:
    """Tell whether every chain that was run has the same bills."""
    ran = [one.bills for one in found if isinstance(one, Took)]
    return all(bills == ran[0] for bills in ran)


def comparison_facts(one: Took | NotRun) -> dict[str, Any]:
    """Return one chain's figures for programs."""
    if isinstance(one, NotRun):
        return {"chain": one.kind, "not_run": one.reason}
    return {
        "chain": one.kind,
        "transactions": one.transactions,
        "fee_units": one.fee_units,
        "fee_unit": None if one.fee_unit is None else one.fee_unit.name,
        "fee_decimals": None if one.fee_unit is None else one.fee_unit.decimals,
        "gas": one.gas,
        "included_blocks": one.included_blocks,
        "final_blocks": one.final_blocks,
        "promises": {name: getattr(one.capabilities, name).value for name in PROMISES},
    }


def _of(one: Took | NotRun, cell: Callable[[Took], str]) -> str:
    return cell(one) if isinstance(one, Took) else "[dim]not run[/]"


def _fee(took: Took) -> str:
    return "none" if took.fee_unit is None else took.fee_unit.show(took.fee_units)


def _gas(took: Took) -> str:
    return "none" if took.gas is None else f"{took.gas:,}"


def _promise(name: str, took: Took) -> str:
    return WORDS[getattr(took.capabilities, name)]


def _final(took: Took) -> str:
    minutes = took.final_blocks * took.capabilities.block_seconds // 60
    time = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    return f"{took.final_blocks} blocks, {time}"


def _what_is_owed(bill: dict[str, Any]) -> dict[str, Any]:
    """Return what of a bill does not depend on how a chain moves energy."""
    names = ("participant", "bought_wh", "sold_wh", "owed_nano", "owed_cents", "lines")
    return {name: bill[name] for name in names}
