"""`sauma ethereum deploy` and `verify`: the contract on somebody's node."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

import attrs
from cyclopts import Parameter
from rich.markup import escape

from sauma.errors import BadAnswer, Conflict, InvalidInput
from sauma_cli.ethereum_contract import read_contract, read_deployment
from sauma_cli.ethereum_deploying import Deploying
from sauma_cli.ethereum_keys import EthereumKeys, read_private_key
from sauma_cli.ethereum_sites import client_at, miner_of
from sauma_cli.folder import Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import (
    FOLDER_DEFAULT,
    TIMEOUT_S_DEFAULT,
    FolderOption,
    Json,
    TimeoutS,
    Verbose,
)
from sauma_cli.screen import Screen
from sauma_ethereum.caip import account_of, chain_id_of, checksummed, parse_address
from sauma_ethereum.deployment import escrow_of
from sauma_ethereum.deployment import verify as verify_contract
from sauma_ethereum.node import NodeClient
from sauma_ethereum.reading import LedgerReader
from sauma_ethereum.settings import FINALIZED_BLOCKS, EthereumSettings, FinalityRule
from sauma_ethereum.signing import keccak

EXIT_DIFFERS: Final = 1
POLL_S: Final = 2.0
FinalityName = Literal["finalized", "safe", "depth"]
NodeUrl = Annotated[
    str, Parameter(name="--node", help="URL of an Ethereum node, such as http://127.0.0.1:8545.")
]


def deploy(
    *,
    node: NodeUrl,
    key: Annotated[
        Path, Parameter(help="A file with the private key of who pays: 64 hexadecimal digits.")
    ],
    folder: FolderOption = FOLDER_DEFAULT,
    money: Annotated[str | None, Parameter(help="The ERC-20 that the contract keeps.")] = None,
    test_money: Annotated[
        bool, Parameter(negative="", help="Make a token that anybody may mint; for test chains.")
    ] = False,
    finality: Annotated[
        FinalityName, Parameter(help="By what a block is final: the node's tag, or depth.")
    ] = "finalized",
    finality_blocks: Annotated[
        int, Parameter(help="How many confirmations; with a tag, how many to expect.")
    ] = FINALIZED_BLOCKS,
    advance: Annotated[
        bool, Parameter(negative="", help="Ask a test node such as anvil for blocks.")
    ] = False,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Bring the settlement contract into being for a folder, operated by keys that the folder keeps.

    The key pays for it, and supplies issuer and settler with ether for gas.  The same command goes on
    wherever it was stopped: what was signed is written down before it is sent.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    private_key = read_private_key(key)
    if test_money == (money is not None):
        raise InvalidInput("name the ERC-20 that the contract keeps with --money, or --test-money")
    if money is not None:
        parse_address(money)
    place = Folder(folder)
    with place.working(), client_at(node, timeout_s) as client:
        _check_unused(place)
        deploying = Deploying.by(
            client,
            private_key,
            _passing(client, advance=advance),
            lambda what: screen.show(f"  {escape(what)}"),
        )
        keys = EthereumKeys(place.keys, deploying.owner.account.chain_id)
        screen.show(f"[bold]deploying[/] for {escape(str(folder))} on {keys.chain_id}")
        deployment = read_deployment(place.contract)
        if deployment is None:
            deploying.supply(keys)
            token = deploying.test_money() if money is None else money
            deployment = deploying.sign(place, keys, token)
        if deployment.chain != keys.chain_id:
            raise Conflict(
                f"{place.contract} is about {deployment.chain}, node {client.name} serves "
                f"{keys.chain_id}: name a node of that chain, or another folder"
            )
        settings = deploying.finish(place, deployment, FinalityRule(finality), finality_blocks)
    screen.show(
        f"[bold green]✓[/] the contract stands at {settings.ledger}, area {settings.area}",
        f"  sauma settle --chain ethereum --node URL --folder {escape(str(folder))} …",
        f"  sauma ethereum verify --node URL {settings.ledger}",
    )
    screen.finish({"folder": str(folder), **settings.to_facts()})
    return 0


def verify(
    address: Annotated[str, Parameter(help="The contract, with checksum.")],
    /,
    *,
    node: NodeUrl,
    area: Annotated[int, Parameter(help="The area whose operators are shown.")] = 1,
    folder: Annotated[
        Path | None, Parameter(help="Compare code and operators with this folder's contract.")
    ] = None,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Compare the code at an address with the compiled contract, and say who operates an area of it.

    Exit code 0 when it is the contract, 1 with what differs.  Needs no key and changes nothing.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    with client_at(node, timeout_s) as client:
        known = None if folder is None else read_contract(Folder(folder).contract)
        settings = known or _as_it_stands(client, address, area)
        if settings is not None and settings.ledger != address:
            raise InvalidInput(
                f"{folder} settles on the contract {settings.ledger}, not {address}: name that"
            )
        found = None if settings is None else verify_contract(client, settings)
        differences = (f"{address} has no code",) if found is None else found.differences
    for difference in differences:
        screen.show(f"[bold red]✗[/] {escape(difference)}")
    if settings is not None and not differences:
        screen.show(
            f"[bold green]✓[/] {address} on {settings.chain} is the compiled contract",
            f"  code hash  {settings.code_hash}",
            f"  escrow     {settings.escrow}",
            f"  its hash   {settings.escrow_hash}",
            f"  area       {settings.area}",
            f"  issuer     {settings.issuer.address}",
            f"  settler    {settings.settler.address}",
        )
    facts = {} if settings is None else settings.to_facts()
    names = ("chain", "code_hash", "escrow", "escrow_hash", "area", "issuer", "settler")
    shown = {name: facts.get(name) for name in names}
    screen.finish(
        {"address": address, "ok": not differences, **shown, "differences": list(differences)}
    )
    return EXIT_DIFFERS if differences else 0


def _check_unused(place: Folder) -> None:
    if place.ethereum.is_file():
        raise Conflict(
            f"{place.path} has an Ethereum chain of its own, with a contract: name another folder"
        )
    stored = place.stored_chain()
    if stored is not None and not place.contract.is_file():
        raise Conflict(f"{place.path} settles on {stored.chain_id}: name another folder")


def _as_it_stands(client: NodeClient, address: str, area: int) -> EthereumSettings | None:
    """Return settings that name whoever operates the area; None when there is no code."""
    code = client.code(parse_address(address))
    if not code:
        return None
    chain = chain_id_of(client.chain_number())
    nobody = account_of(bytes(20), chain)
    try:
        escrow = escrow_of(client, parse_address(address))
    except BadAnswer:
        escrow = bytes(20)
    unread = EthereumSettings(
        chain=chain,
        ledger=address,
        code_hash=keccak(code).hex(),
        escrow=checksummed(escrow),
        escrow_hash=keccak(client.code(escrow)).hex(),
        area=area,
        issuer=nobody,
        settler=nobody,
    )
    if any("compiled contract" in each for each in verify_contract(client, unread).differences):
        return unread
    state = LedgerReader(unread).area_state(client, client.height())
    return attrs.evolve(
        unread,
        issuer=account_of(state.issuer, chain),
        settler=account_of(state.settler, chain),
    )


def _passing(client: NodeClient, *, advance: bool) -> Callable[[], None]:
    """Return what makes a block, or waits for one."""
    if advance:
        mine = miner_of(client)
        return lambda: mine(1)

    def wait() -> None:
        height = client.height()
        while client.height() <= height:
            time.sleep(POLL_S)

    return wait
