"""`sauma replay`: believe nothing, compute everything again, and compare."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import attrs

from sauma.errors import SaumaError
from sauma.replay import ReplayReport
from sauma.replay import replay as replay_store
from sauma.store import Store, check_folder
from sauma.store.folder import MANIFEST
from sauma_cli.folder import Folder, StoredChain
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import TIMEOUT_S_DEFAULT, FolderArgument, Json, Node, TimeoutS, Verbose
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, codec_of, open_copy

EXIT_DIFFERS = 1


@attrs.frozen(kw_only=True)
class Verdict:
    """What was found in a folder: the seal's differences first, then the replay's."""

    sealed: bool
    findings: tuple[str, ...]
    report: ReplayReport | None
    chain: str | None
    """The chain that was compared with; None when there was none to ask."""


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
    choice = ChainChoice(node_url=node, timeout_s=timeout_s)
    place = Folder(folder)
    with place.looking():
        verdict = _judge(place, choice)
    _show(verdict, folder.name or str(folder), screen)
    screen.finish(_facts(verdict, str(folder)))
    return EXIT_DIFFERS if verdict.findings else 0


def _judge(place: Folder, choice: ChainChoice) -> Verdict:
    sealed = (place.path / MANIFEST).is_file()
    changed = tuple(str(one) for one in check_folder(place.path)) if sealed else ()
    report: ReplayReport | None = None
    chain: str | None = None
    try:
        report, chain = _replay(place, choice)
        findings = tuple(str(one) for one in report.findings)
    except SaumaError as error:
        if not changed:
            raise
        findings = (f"the replay stopped: {error}",)
    except Exception as error:
        # Bytes that are known to be changed can break anything; the seal has named them.
        if not changed:
            raise
        findings = (f"the replay stopped: {type(error).__name__}: {error}",)
    return Verdict(sealed=sealed, findings=(*changed, *findings), report=report, chain=chain)


def _replay(place: Folder, choice: ChainChoice) -> tuple[ReplayReport, str | None]:
    """Replay the store beside a copy of the chain, so that asking leaves no trace in the folder."""
    stored = place.stored_chain()
    if stored is None:
        stored = StoredChain(chain_id="memory:main", energy_asset="", settings={})
    with ExitStack() as stack:
        copy = stack.enter_context(place.chain_copy())
        site = open_copy(copy, stored, choice)
        if site is not None:
            stack.enter_context(site)
        store = stack.enter_context(Store.open(place.store, read_only=True))
        report = replay_store(
            store, codec=codec_of(stored), chain=None if site is None else site.venue.chain
        )
    return report, None if site is None else site.title


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
            screen.show("  chain    not compared: name a node with --node URL")
    if not verdict.sealed:
        screen.show("  seal     the folder is not sealed (a note: somebody worked in it last)")
    elif not verdict.findings:
        screen.show("  seal     every byte of the folder is what was sealed")
    for finding in verdict.findings:
        screen.show(f"[bold red]✗[/] {finding}")
    if not verdict.findings and report is not None:
        screen.show(f"[bold green]✓[/] nothing differs; journal head {report.head_hash.hex()}")


def _facts(verdict: Verdict, folder: str) -> dict[str, Any]:
    report = verdict.report
    counts: dict[str, Any] = {}
    if report is not None:
        counts = attrs.asdict(
            report, filter=lambda field, _: field.name not in ("findings", "head_hash")
        )
        counts["head_hash"] = report.head_hash.hex()
    return {
        "folder": folder,
        "ok": not verdict.findings,
        "sealed": verdict.sealed,
        "chain": verdict.chain,
        "findings": list(verdict.findings),
        **counts,
    }
