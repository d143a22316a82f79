"""`sauma verify`: is this bill under a root on a chain?  Offline, or with a chain to ask."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.markup import escape

from sauma.anchoring import BillProof, ProvenBill, check_proof, check_proof_on_chain
from sauma.errors import ChainError, Disagreement, InvalidInput, Refused, StoreError
from sauma.identifiers import AccountId
from sauma.intervals import format_time
from sauma_cli.folder import Folder, StoredChain
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import TIMEOUT_S_DEFAULT, Json, Node, TimeoutS, Verbose, one_node
from sauma_cli.rendering import cents, count
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, codec_of, reading_chain

EXIT_WRONG: Final = 1
EXIT_UNVERIFIABLE: Final = 2


def verify(
    proof: Annotated[Path, Parameter(name="PROOF", help="A document that `sauma prove` wrote.")],
    /,
    *,
    node: Node = None,
    folder: Annotated[
        Path | None, Parameter(help="Ask the chain that this folder keeps, instead of a node.")
    ] = None,
    signer: Annotated[
        str | None, Parameter(help="The account (CAIP-10) that must have signed the anchor.")
    ] = None,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Check the proof of a bill, without a network unless --node or --folder names a chain to ask.

    Exit code 0 when it holds, 1 when something is wrong, which is named, 2 when it cannot be told.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    choice = ChainChoice(node_urls=one_node(node), timeout_s=timeout_s)
    try:
        proven = _judge(_read(proof), choice, folder)
        if signer is not None and proven.signer != AccountId(signer):
            raise Disagreement(f"signer: the anchor is signed by {proven.signer}, not by {signer}")
    except Disagreement as error:
        return _say_no(screen, "wrong", str(error), EXIT_WRONG)
    except (InvalidInput, Refused, ChainError, StoreError) as error:
        return _say_no(screen, "unverifiable", str(error), EXIT_UNVERIFIABLE)
    except ImportError as error:
        return _say_no(
            screen,
            "unverifiable",
            f"{error.name} is not installed: pip install 'sauma[all]'",
            EXIT_UNVERIFIABLE,
        )
    _show(proven, screen)
    screen.finish({"ok": True, "verdict": "holds", **_facts(proven)})
    return 0


def _read(path: Path) -> BillProof:
    try:
        return BillProof.from_json(path.read_bytes())
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}: check the name") from error


def _judge(proof: BillProof, choice: ChainChoice, folder: Path | None) -> ProvenBill:
    stored = StoredChain(chain_id=proof.chain_id, energy_asset="", settings=dict(proof.settings))
    codec = codec_of(stored)
    if choice.node_url is None and folder is None:
        return check_proof(proof, codec)
    if choice.node_url is not None and folder is not None:
        raise InvalidInput("give --node or --folder, not both")
    with ExitStack() as stack:
        if folder is None:
            copy = Folder(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sauma-"))))
        else:
            place = Folder(folder)
            stack.enter_context(place.looking())
            copy = stack.enter_context(place.chain_copy())
        found = stack.enter_context(reading_chain(copy, stored, choice))
        if found is None:
            raise InvalidInput(
                f"there is no chain of {proof.chain_id} to ask: name a node of it with --node"
            )
        return check_proof_on_chain(proof, codec, found[0])


def _show(proven: ProvenBill, screen: Screen) -> None:
    kind, others = "bill", count(proven.trades, "trade")
    if proven.is_adjustment:
        kind, others = "adjusting bill", count(proven.readings, "corrected reading")
    screen.show(
        f"[bold green]✓[/] the {kind} of {escape(proven.participant)} in {escape(proven.area)} from "
        f"{format_time(proven.period_start)} to {format_time(proven.period_end)} holds: "
        f"{count(proven.lines, 'line')}, {others}, "
        f"{cents(proven.owed_cents)} {proven.currency}",
        f"  root       {proven.root.hex()}, over {count(proven.bills_beside, 'other bill')}",
        f"  signed by  {proven.signer} (is that the operator you know?)",
    )
    if proven.block_checked:
        screen.show(f"  block      {proven.height}, asked of the chain and final")
    else:
        screen.show(
            f"  block      {proven.height} by the proof, not asked: name a node with --node"
        )


def _facts(proven: ProvenBill) -> dict[str, Any]:
    return {
        "bill_id": proven.bill_id.hex(),
        "participant": proven.participant,
        "area": proven.area,
        "period_start": format_time(proven.period_start),
        "period_end": format_time(proven.period_end),
        "lines": proven.lines,
        "trades": proven.trades,
        "is_adjustment": proven.is_adjustment,
        "readings": proven.readings,
        "owed_cents": proven.owed_cents,
        "currency": proven.currency,
        "root": proven.root.hex(),
        "bills_beside": proven.bills_beside,
        "transaction_id": proven.transaction_id.hex(),
        "signer": str(proven.signer),
        "height": proven.height,
        "block_checked": proven.block_checked,
    }


def _say_no(screen: Screen, verdict: str, message: str, code: int) -> int:
    screen.show(f"[bold red]✗[/] {verdict}: {escape(message)}")
    screen.finish({"ok": False, "verdict": verdict, "finding": message})
    return code
