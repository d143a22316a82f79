"""A node, or several, as a process of their own: what a command line starts."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from sauma.errors import Conflict, InvalidInput
from sauma_nem.network import REST_PORT, Network

from .clock import NodeClock, WallClock, node_seconds
from .fault_texts import switch_on
from .network import TestNetwork
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
    local: bool = True,
    requests_per_second: int | None = None,
    faults: Sequence[str] = (),
    faults_seed: int = 0,
    middleware: Middleware | None = None,
    on_ready: Callable[[NodeServer], None] | None = None,
    until: threading.Event | None = None,
) -> None:
    """Run a node until SIGINT or SIGTERM, `until` is set, or GET /shutdown; then close its file.

    `block_seconds` is the seconds between blocks, "auto" for a block after each accepted announce,
    or "manual" for blocks only by the control routes.  `accounts` and the JSON object in
    `accounts_file` give starting balances in micro XEM by address or public key; a file at `path`
    that has a chain already keeps its own.  Without `manual_clock` the node bears the machine's
    time, and a new chain starts now.  `faults` are switched on as `fault_texts` reads them, `local` and
    `requests_per_second` are as for `NodeServer`.  `on_ready` is called once the port answers.
    """
    _check_rhythm(block_seconds)
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
        _switch_on(node, faults, faults_seed)
        _check_network(node, chosen, path)
        server = NodeServer(
            node,
            host=host,
            port=port,
            block_seconds=None if isinstance(block_seconds, str) else block_seconds,
            control=control,
            local=local,
            requests_per_second=requests_per_second,
            middleware=middleware,
        )
        ends = until or threading.Event()
        server.when_stopped(ends.set)
        with server, _ended_by_signals(ends):
            if on_ready is not None:
                on_ready(server)
            ends.wait()
    finally:
        node.close()


def serve_network(
    count: int,
    *,
    port: int = REST_PORT,
    network: str | Network = "testnet",
    folder: Path | str | None = None,
    block_seconds: BlockRhythm = "auto",
    accounts: Mapping[str, int] | None = None,
    accounts_file: Path | str | None = None,
    control: bool = False,
    manual_clock: bool = False,
    local: bool = True,
    requests_per_second: int | None = None,
    faults: Sequence[str] = (),
    faults_seed: int = 0,
    on_ready: Callable[[TestNetwork], None] | None = None,
    until: threading.Event | None = None,
) -> None:
    """Run `count` nodes that share blocks, on `port` and those after it, until `serve` would end.

    With `control` POST /sauma/part and /sauma/join part them and join them again.  `faults` befall
    the first node alone, so that there are others to turn to; the rest is as for `serve`.
    """
    _check_rhythm(block_seconds)
    chosen = network if isinstance(network, Network) else network_named(network)
    clock: NodeClock | None = None if manual_clock else WallClock()
    settings = _settings(accounts, accounts_file, chosen, clock)
    ends = until or threading.Event()
    with TestNetwork.create(
        count,
        settings.accounts,
        network=chosen,
        folder=folder,
        clock=clock,
        auto_mine=block_seconds == "auto",
        file_wins=True,
        block_seconds=None if isinstance(block_seconds, str) else block_seconds,
        port=port,
        control=control,
        local=local,
        requests_per_second=requests_per_second,
        genesis_time_seconds=settings.genesis_time_seconds,
    ) as made:
        _check_network(made.nodes[0], chosen, folder)
        _switch_on(made.nodes[0], faults, faults_seed)
        for server in made.servers:
            server.when_stopped(ends.set)
        with _ended_by_signals(ends):
            if on_ready is not None:
                on_ready(made)
            ends.wait()


def _check_network(node: TestNode, chosen: Network, path: Path | str | None) -> None:
    if node.settings.network != chosen:
        raise Conflict(
            f"{path} holds a chain of the {node.settings.network.name}, not of the "
            f"{chosen.name}; name its network or take another path"
        )


def _check_rhythm(block_seconds: BlockRhythm) -> None:
    if isinstance(block_seconds, str) and block_seconds not in ("auto", "manual"):
        raise InvalidInput(f"blocks come in seconds, auto or manual, not {block_seconds!r}")


def _switch_on(node: TestNode, faults: Sequence[str], seed: int) -> None:
    node.faults.reseed(seed)
    for text in faults:
        switch_on(node.faults, text)


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


@contextmanager
def _ended_by_signals(until: threading.Event) -> Iterator[None]:
    """Have SIGINT and SIGTERM set the event, from before anybody is told that the port answers."""
    if threading.current_thread() is not threading.main_thread():  # signals reach only that one
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: until.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
