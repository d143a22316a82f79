"""`sauma node`: a NEM test node in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from sauma.errors import InvalidInput
from sauma.units import format_scaled
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import Json, NetworkName, Verbose
from sauma_cli.screen import Screen
from sauma_nem.testnode import NodeServer, serve
from sauma_nem.testnode.serving import BlockRhythm

BLOCK_SECONDS_DEFAULT: Final = 60.0
_RHYTHM_WORDS: Final = {"auto": "one after each transaction", "manual": "on request"}


def node(
    *,
    port: Annotated[int, Parameter(help="Loopback port; 0 takes a free one.")] = 7890,
    path: Annotated[Path | None, Parameter(help="Keep the chain in this file.")] = None,
    block_seconds: Annotated[
        float | None, Parameter(help="A block every so many seconds (60 by default).")
    ] = None,
    auto: Annotated[bool, Parameter(negative="", help="A block after each transaction.")] = False,
    manual: Annotated[bool, Parameter(negative="", help="Blocks only on request.")] = False,
    control: Annotated[
        bool, Parameter(negative="", help="Let others ask for blocks: POST /sauma/mine.")
    ] = False,
    fund: Annotated[
        Path | None,
        Parameter(help="JSON object: what address (or public key) begins with how many micro XEM."),
    ] = None,
    network: Annotated[NetworkName, Parameter(help="Which network it claims to be.")] = "testnet",
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run a NEM test node until Ctrl-C: the rules and the interface of NIS1, without peers."""
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    if auto + manual + (block_seconds is not None) > 1:
        raise InvalidInput("choose one of --block-seconds, --auto and --manual")
    rhythm: BlockRhythm = block_seconds or BLOCK_SECONDS_DEFAULT
    if auto or manual:
        rhythm = "auto" if auto else "manual"

    def on_ready(server: NodeServer) -> None:
        accounts = server.node.settings.balances_micro()
        screen.show(
            f"[bold]NEM test node[/] ({network}) at {server.url}, height {server.node.chain.height}",
            f"  blocks   {_RHYTHM_WORDS.get(str(rhythm)) or f'every {rhythm} s'}",
        )
        for address, balance_micro in accounts.items():
            screen.show(f"  funded   {address} with {format_scaled(balance_micro, 6, 0)} XEM")
        screen.show("Ctrl-C ends it" + ("" if path else "; nothing is kept: there is no --path"))
        screen.finish(
            {
                "url": server.url,
                "network": network,
                "height": server.node.chain.height,
                "accounts": accounts,
            }
        )

    serve(
        port=port,
        network=network,
        path=path,
        block_seconds=rhythm,
        accounts_file=fund,
        control=control,
        on_ready=on_ready,
    )
    return 0
