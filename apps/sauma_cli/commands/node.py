"""`sauma node`: a NEM test node in the foreground."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, TypedDict

from cyclopts import Parameter

from sauma.errors import InvalidInput
from sauma.units import format_scaled
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import Json, NetworkName, Verbose
from sauma_cli.screen import Screen
from sauma_nem.testnode import NodeServer, serve, serve_network
from sauma_nem.testnode.serving import BlockRhythm

BLOCK_SECONDS_DEFAULT: Final = 60.0
PUBLIC_REQUESTS_PER_SECOND: Final = 50
_RHYTHM_WORDS: Final = {"auto": "one after each transaction", "manual": "on request"}


class _Options(TypedDict):
    port: int
    network: str
    block_seconds: BlockRhythm
    accounts_file: Path | None
    control: bool
    manual_clock: bool
    local: bool
    requests_per_second: int | None
    faults: tuple[str, ...]
    faults_seed: int


def node(
    *,
    port: Annotated[int, Parameter(help="Loopback port; 0 takes a free one.")] = 7890,
    path: Annotated[
        Path | None, Parameter(help="Keep the chain in this file, several nodes' in this folder.")
    ] = None,
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
    nodes: Annotated[
        int, Parameter(help="So many nodes that share blocks, on this port and those after it.")
    ] = 1,
    public: Annotated[
        bool,
        Parameter(
            negative="", help="Refuse what public nodes refuse: local routes, 50 requests/s."
        ),
    ] = False,
    manual_clock: Annotated[
        bool,
        Parameter(negative="", help="Stand still between blocks, instead of bearing our time."),
    ] = False,
    fault: Annotated[
        list[str] | None,
        Parameter(
            negative="",
            help="Go wrong: NAME[:SETTING=VALUE,…], as drop:lost=answer,permille=50 or "
            "delay:milliseconds=200,every=3,route=/chain/height; may be given again.",
        ),
    ] = None,
    faults_seed: Annotated[int, Parameter(help="Decides which requests permille draws.")] = 0,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Run a NEM test node, or several, until Ctrl-C: the rules and the interface of NIS1."""
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    rhythm = _rhythm(block_seconds, auto=auto, manual=manual)
    options = _Options(
        port=port,
        network=network,
        block_seconds=rhythm,
        accounts_file=fund,
        control=control,
        manual_clock=manual_clock,
        local=not public,
        requests_per_second=PUBLIC_REQUESTS_PER_SECOND if public else None,
        faults=tuple(fault or ()),
        faults_seed=faults_seed,
    )
    _serve(nodes, path, options, screen)
    return 0


def _serve(nodes: int, path: Path | None, options: _Options, screen: Screen) -> None:
    """Run so many nodes until the end."""
    if nodes == 1:
        serve(path=path, on_ready=lambda made: _show([made], options, path, screen), **options)
        return
    if path is not None:
        path.mkdir(parents=True, exist_ok=True)
    serve_network(
        nodes,
        folder=path,
        on_ready=lambda made: _show(made.servers, options, path, screen),
        **options,
    )


def _rhythm(block_seconds: float | None, *, auto: bool, manual: bool) -> BlockRhythm:
    if auto + manual + (block_seconds is not None) > 1:
        raise InvalidInput("choose one of --block-seconds, --auto and --manual")
    if auto or manual:
        return "auto" if auto else "manual"
    return block_seconds or BLOCK_SECONDS_DEFAULT


def _show(
    servers: Sequence[NodeServer], options: _Options, path: Path | None, screen: Screen
) -> None:
    """Say where the nodes are, as soon as they answer."""
    first = servers[0].node
    accounts = first.settings.balances_micro()
    urls = [server.url for server in servers]
    network, rhythm = options["network"], options["block_seconds"]
    screen.show(
        f"[bold]NEM test node[/] ({network}) at {', '.join(urls)}, height {first.height}",
        f"  blocks   {_RHYTHM_WORDS.get(str(rhythm)) or f'every {rhythm} s'}",
    )
    for switch in first.faults.active():
        screen.show(f"  fault    {switch.fault}")
    for address, balance_micro in accounts.items():
        screen.show(f"  funded   {address} with {format_scaled(balance_micro, 6, 0)} XEM")
    screen.show("Ctrl-C ends it" + ("" if path else "; nothing is kept: there is no --path"))
    screen.finish(
        {
            "url": urls[0],
            "urls": urls,
            "network": network,
            "height": first.height,
            "accounts": accounts,
        }
    )
