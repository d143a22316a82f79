"""`sauma settle`: from files to final bills, in a folder that can be taken up again at any time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from sauma.dispatch import Progress as Round
from sauma.engine import Engine
from sauma.errors import InvalidInput
from sauma.store import queries, seal_folder
from sauma_cli.carrying import Carried, Goal, carry
from sauma_cli.corrections_shown import adjustment_facts, adjustments_table
from sauma_cli.folder import Folder
from sauma_cli.inputs import Inputs, enter, read_inputs, rehearse
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import (
    FOLDER_DEFAULT,
    TIMEOUT_S_DEFAULT,
    Agreement,
    ChainName,
    Delegates,
    Floats,
    FolderOption,
    Hourly,
    Json,
    NetworkName,
    Nodes,
    TimeoutS,
    Verbose,
    named_keys,
)
from sauma_cli.rendering import (
    agreement_facts,
    agreement_line,
    anchor_facts,
    anchors_line,
    bill_facts,
    bills_table,
    count,
    kwh,
    shares_line,
)
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, Site, open_site

EXIT_HELD = 1


def settle(
    *,
    participants: Annotated[Path | None, Parameter(help="Who takes part (CSV).")] = None,
    readings: Annotated[Path | None, Parameter(help="Plain CSV or Finnish Datahub CSV.")] = None,
    prices: Annotated[Path | None, Parameter(help="Who buys and sells at what price.")] = None,
    rulebook: Annotated[Path | None, Parameter(help="The contract (TOML).")] = None,
    chain: Annotated[
        ChainName | None, Parameter(help="What the folder settles on; nem unless it knows better.")
    ] = None,
    folder: FolderOption = FOLDER_DEFAULT,
    node: Nodes = (),
    agreement: Agreement = None,
    floats: Floats = None,
    delegate: Delegates = (),
    advance: Annotated[
        bool, Parameter(negative="", help="Ask the node for blocks (sauma node --control, anvil).")
    ] = False,
    network: Annotated[NetworkName | None, Parameter(help="NEM: testnet unless named.")] = None,
    mosaic: Annotated[
        str | None, Parameter(help="NEM: namespace:name of the energy; sauma:wh unless named.")
    ] = None,
    hourly: Hourly = "refuse",
    late: Annotated[
        bool,
        Parameter(
            negative="", help="Correct what is settled by readings that are newer or were missing."
        ),
    ] = False,
    until: Annotated[
        Literal["included", "final"], Parameter(help="Stop at provisional or at final bills.")
    ] = "final",
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Carry readings to bills: clear, move energy on the chain, bill from what it says.

    The same command goes on wherever it was stopped.  Without files it goes on with what the folder
    holds.  Everything is imported or nothing; a folder that could not be settled stays as it was.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    inputs = _read(participants, readings, prices, rulebook, hourly, Folder(folder), late=late)
    choice = ChainChoice(
        kind=chain,
        node_urls=node,
        agreement=agreement,
        floats=floats,
        delegates=named_keys(delegate),
        network=network,
        mosaic=mosaic,
        timeout_s=timeout_s,
        advance=advance,
    )
    place = Folder(folder)
    with place.working():
        rehearse(place, choice, inputs)
        with open_site(place, choice) as site:
            carried = _settle(place, site, inputs, Goal(until), screen)
        seal_folder(place.path)
    return EXIT_HELD if carried.held else 0


def _read(
    participants: Path | None,
    readings: Path | None,
    prices: Path | None,
    rulebook: Path | None,
    hourly: Hourly,
    folder: Folder,
    *,
    late: bool,
) -> Inputs | None:
    """Read all four files; none of them, where the folder has what it takes to go on."""
    if participants and readings and prices and rulebook:
        return read_inputs(participants, readings, prices, rulebook, hourly=hourly, late=late)
    if participants or readings or prices or rulebook:
        raise InvalidInput("give all of --participants, --readings, --prices and --rulebook")
    if not folder.store.is_file():
        raise InvalidInput(
            f"there is no settlement in {folder.path} to go on with: give --participants, "
            "--readings, --prices and --rulebook"
        )
    return None


def _settle(
    folder: Folder, site: Site, inputs: Inputs | None, goal: Goal, screen: Screen
) -> Carried:
    screen.show(f"[bold]settling[/] in {escape(str(folder.path))} on {site.title}")
    if inputs is not None:
        # Keys reach the disk before anything on the chain depends on them.
        for row in inputs.participants:
            site.wallets.account(row.participant, row.account)
    site.make_ready(lambda what: screen.show(f"  set up     {what}"))
    rulebook = None if inputs is None else inputs.rulebook
    with Engine.open(folder.store, site.venue, rulebook=rulebook, holder="settle") as engine:
        if inputs is not None:
            new = enter(engine, site.wallets, inputs)
            screen.show(
                f"  take in    {count(len(inputs.names), 'participant')}, "
                f"{count(len(inputs.prices), 'price')}, {count(len(inputs.readings), 'reading')} "
                f"({new} new), rulebook {inputs.rulebook.name} version {inputs.rulebook.version}"
            )
        _clear_and_plan(engine, screen)
        _correct(engine, inputs, screen)
        carried = _carry(engine, site, goal, screen)
        _conclude(engine, folder, carried, screen)
    return carried


def _clear_and_plan(engine: Engine, screen: Screen) -> None:
    cleared, planned = engine.clear_due(), engine.settle_due()
    with engine.store.reading() as connection:
        settlements = queries.settlements(connection)
    traded_wh = sum(one.energy_wh for one in settlements)
    moved_wh = sum(one.moved_wh for one in settlements)
    screen.show(
        f"  clear      {count(cleared, 'interval')} by {engine.rulebook.mechanism}",
        f"  plan       {count(planned, 'netting period')}; in all {kwh(traded_wh)} kWh traded, "
        f"{kwh(moved_wh)} kWh to move",
    )


def _correct(engine: Engine, inputs: Inputs | None, screen: Screen) -> None:
    """Settle the corrections that are due; those of readings that were said to be late, now."""
    engine.issue_bills()
    corrected = engine.correct_due(early=inputs is not None and inputs.late)
    if corrected:
        bills = len(engine.adjustments())
        screen.show(
            f"  correct    {count(corrected, 'netting period')}; in all {count(bills, 'adjusting bill')}"
        )


def _carry(engine: Engine, site: Site, goal: Goal, screen: Screen) -> Carried:
    """Carry with a line that tells how far it is, where somebody looks at it."""
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        console=screen.console,
        transient=True,
        disable=not screen.console.is_terminal or screen.as_json,
    )
    finality_blocks = site.venue.chain.capabilities.finality_blocks
    sent = 0
    with bar:
        task = bar.add_task("moving", total=None)

        def watch(one: Round, missing: int) -> None:
            nonlocal sent
            sent += one.signed
            if missing:
                text = f"block {one.blocks_read_to}: all included, final in {missing} blocks"
                bar.update(
                    task,
                    description=text,
                    total=finality_blocks,
                    completed=finality_blocks - missing,
                )
            else:
                text = f"block {one.blocks_read_to}: {sent} sent, {one.waiting} wait"
                bar.update(task, description=text)

        carried = carry(engine, site, goal=goal, watch=watch)
    final = "final" if carried.final else "not all of it final yet"
    screen.show(
        f"  move       {count(sent, 'transaction')} signed, chain read to block {carried.height}, {final}"
    )
    return carried


def _conclude(engine: Engine, folder: Folder, carried: Carried, screen: Screen) -> None:
    statements, adjustments = engine.statements(), engine.adjustments()
    agreed = engine.agreement()
    currency = engine.rulebook.currency
    anchors = engine.anchors()
    if anchors:
        screen.show(anchors_line(anchors))
    if statements:
        screen.show(bills_table(statements, currency))
    if adjustments:
        screen.show(adjustments_table(adjustments, currency))
    for one in carried.held:
        screen.show(f"[bold red]held[/] a movement of {one.authority}: {escape(one.reason)}")
    screen.show(shares_line(agreed, currency), agreement_line(agreed, currency))
    if not carried.final:
        screen.show(f"to go on later: sauma settle --folder {escape(str(folder.path))}")
    screen.finish(
        {
            "folder": str(folder.path),
            "chain": engine.venue.chain_id,
            "height": carried.height,
            "final": carried.final,
            "held": [
                {"authority": one.authority, "reason": one.reason, "batch": one.batch_id.hex()}
                for one in carried.held
            ],
            "bills": [bill_facts(one) for one in statements],
            "adjustments": [adjustment_facts(one) for one in adjustments],
            "anchors": [anchor_facts(one) for one in anchors],
            "agreement": agreement_facts(agreed),
        }
    )
