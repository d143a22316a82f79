"""A node as a process of its own: what a command line starts."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from sauma.errors import Conflict, InvalidInput
from sauma_nem.network import REST_PORT, Network

from .clock import NodeClock, WallClock, node_seconds
from .node import TestNode
from .server import Middleware, NodeServer
from .settings import GENESIS_TIME_SECONDS, NodeSettings, network_named

BlockRhythm = float | Literal["auto", "manual"]


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = REST_PORT,
    network: str | Network = "testnet",
    path: Path | str | None = None,
    block_seconds: BlockRhythm = "auto",
    accounts: Mapping[str, int] | None = None,
    accounts_file: Path | str | None = None,
    control: bool = False,
    manual_clock: bool = False,
    middleware: Middleware | None = None,
    on_ready: Callable[[NodeServer], None] | None = None,
    until: threading.Event | None = None,
) -> None:
    """Run a node until SIGINT or SIGTERM, `until` is set, or GET /shutdown; then close its file.

    `block_seconds` is the seconds between blocks, "auto" for a block after each accepted announce,
    or "manual" for blocks only by the control routes.  `accounts` and the JSON object in
    `accounts_file` give starting balances in micro XEM by address or public key; a file at `path`
    that has a chain already keeps its own.  Without `manual_clock` the node bears the machine's
    time, and a new chain starts now.  `on_ready` is called once the port answers.
    """
    if isinstance(block_seconds, str) and block_seconds not in ("auto", "manual"):
        raise InvalidInput(f"blocks come in seconds, auto or manual, not {block_seconds!r}")
    chosen = network if isinstance(network, Network) else network_named(network)
    clock: NodeClock | None = None if manual_clock else WallClock()
    node = TestNode(
        _settings(accounts, accounts_file, chosen, clock),
        path=path,
        clock=clock,
        auto_mine=block_seconds == "auto",
        file_wins=True,
    )
    try:
        if node.settings.network != chosen:
            raise Conflict(
                f"{path} holds a chain of the {node.settings.network.name}, not of the "
                f"{chosen.name}; name its network or take another path"
            )
        server = NodeServer(
            node,
            host=host,
            port=port,
            block_seconds=None if isinstance(block_seconds, str) else block_seconds,
            control=control,
            middleware=middleware,
        )
        ends = until or threading.Event()
        server.when_stopped(ends.set)
        with server:
            if on_ready is not None:
                on_ready(server)
            _wait(ends)
    finally:
        node.close()


def _settings(
    accounts: Mapping[str, int] | None,
    accounts_file: Path | str | None,
    network: Network,
    clock: NodeClock | None,
) -> NodeSettings:
    balances = dict(accounts or {})
    if accounts_file is not None:
        balances.update(read_accounts(Path(accounts_file)))
    started = GENESIS_TIME_SECONDS if clock is None else node_seconds(clock)
    return NodeSettings(accounts=balances, network=network, genesis_time_seconds=started)


def read_accounts(path: Path) -> dict[str, int]:
    """Starting balances from a JSON object: address or public key to micro XEM."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read as JSON ({error})") from error
    is_table = isinstance(document, dict) and all(
        isinstance(value, int) and not isinstance(value, bool) for value in document.values()
    )
    if not is_table:
        raise InvalidInput(f"{path} must hold one JSON object of address: micro XEM")
    return dict(document)


def _wait(until: threading.Event) -> None:
    """Wait for the event or a signal; signals reach only the main thread."""
    if threading.current_thread() is not threading.main_thread():
        until.wait()
        return
    before = {
        number: signal.signal(number, lambda *_: until.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        until.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
