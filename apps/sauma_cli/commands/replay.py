"""`sauma replay`: believe nothing, compute everything again, and compare."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import attrs
from rich.markup import escape

from sauma.errors import BadAnswer, SaumaError, StoreDamaged
from sauma.replay import ReplayReport
from sauma.replay import replay as replay_store
from sauma.store import Store, check_folder
from sauma.store.folder import MANIFEST
from sauma_cli.folder import Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import (
    TIMEOUT_S_DEFAULT,
    FolderArgument,
    Json,
    Node,
    TimeoutS,
    Verbose,
    one_node,
)
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, codec_of, how_to_ask, reading_chain

EXIT_DIFFERS = 1
_NOT_SEALED = "the folder is not what was sealed"


@attrs.frozen(kw_only=True)
class Verdict:
    """What was found in a folder: the seal's differences first, then the replay's."""

    sealed: bool
    findings: tuple[str, ...]
    report: ReplayReport | None
    chain: str | None
    """The chain that was compared with; None when there was none to ask."""
    unasked: str | None
    """Why no chain was asked, and what to do about it; None when one was."""


def replay(
    folder: FolderArgument,
    /,
    *,
    node: Node = None,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Recompute every derived table, decode every signed transaction, and compare with the chain.

    Exit code 0 when everything agrees, 1 with the first difference by name.  Changes nothing.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    choice = ChainChoice(node_urls=one_node(node), timeout_s=timeout_s)
    place = Folder(folder)
    with place.looking():
        verdict = _judge(place, choice)
    _show(verdict, escape(str(folder)), screen)
    screen.finish(_facts(verdict, str(folder)))
    return EXIT_DIFFERS if verdict.findings else 0


def _judge(place: Folder, choice: ChainChoice) -> Verdict:
    sealed = (place.path / MANIFEST).is_file()
    changed = tuple(str(one) for one in check_folder(place.path)) if sealed else ()
    report: ReplayReport | None = None
    chain: str | None = None
    unasked: str | None = _NOT_SEALED
    try:
        # A chain file that may be changed proves nothing; the journal may still say which row is.
        report, chain, unasked = _replay(place, choice, asks_chain=not changed)
        findings = tuple(str(one) for one in report.findings)
    except BadAnswer as error:
        findings = (f"chain: {error}",)
    except SaumaError as error:
        if not changed:
            raise
        findings = (f"the replay stopped: {error}",)
    except Exception as error:
        # Bytes that are known to be changed can break anything; the seal has named them.
        if not changed:
            raise
        findings = (f"the replay stopped: {type(error).__name__}: {error}",)
    return Verdict(
        sealed=sealed,
        findings=(*changed, *findings),
        report=report,
        chain=chain,
        unasked=unasked if chain is None else None,
    )


def _replay(
    place: Folder, choice: ChainChoice, *, asks_chain: bool
) -> tuple[ReplayReport, str | None, str]:
    """Replay the store beside a copy of the chain, so that asking leaves no trace in the folder.

    Returns the chain's title, if it was asked, and why it was not, if not.
    """
    stored = place.stored_chain(migrates=False)
    if stored is None:
        raise StoreDamaged(f"the journal of {place.path} names no chain: it settles nothing yet")
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(place.store, read_only=True))
        chain, title = None, None
        unasked = how_to_ask(stored) if asks_chain else _NOT_SEALED
        if asks_chain:
            copy = stack.enter_context(place.chain_copy())
            found = stack.enter_context(reading_chain(copy, stored, choice))
            chain, title = found or (None, None)
        return replay_store(store, codec=codec_of(stored), chain=chain), title, unasked


def _show(verdict: Verdict, name: str, screen: Screen) -> None:
    report = verdict.report
    if report is not None:
        screen.show(
            f"[bold]replay[/] of {name}: {report.entries} entries with {report.rows} rows, "
            f"{report.tables_recomputed} tables computed again, "
            f"{report.transactions_decoded} transactions decoded"
        )
        if verdict.chain is not None:
            screen.show(
                f"  chain    {report.blocks_compared} blocks and {report.chain_events_compared} "
                f"events compared with {verdict.chain}"
            )
        else:
            screen.show(f"  chain    not compared: {verdict.unasked}")
    if not verdict.sealed:
        screen.show("  seal     the folder is not sealed (a note: work in it was not concluded)")
    elif not verdict.findings:
        screen.show("  seal     every byte of the folder is what was sealed")
    for note in () if report is None else report.notes:
        screen.show(f"[bold yellow]note[/] {escape(str(note))}")
    for finding in verdict.findings:
        screen.show(f"[bold red]✗[/] {escape(finding)}")
    if not verdict.findings and report is not None:
        screen.show(f"[bold green]✓[/] nothing differs; journal head {report.head_hash.hex()}")


def _facts(verdict: Verdict, folder: str) -> dict[str, Any]:
    found = {} if verdict.report is None else verdict.report.to_facts()
    return {
        **found,
        "folder": folder,
        "ok": not verdict.findings,
        "sealed": verdict.sealed,
        "chain": verdict.chain,
        "chain_unasked": verdict.unasked,
        "findings": list(verdict.findings),
    }
