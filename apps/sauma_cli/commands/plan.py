"""`sauma plan`: what a plan takes of its chain, before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from sauma.errors import InvalidInput
from sauma.outlook import Population
from sauma.rulebook import Delivery
from sauma_cli.folder import Folder
from sauma_cli.inputs import read_inputs
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import (
    FOLDER_DEFAULT,
    TIMEOUT_S_DEFAULT,
    ChainName,
    FolderOption,
    Hourly,
    Json,
    NetworkName,
    Node,
    TimeoutS,
    Verbose,
    one_node,
)
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice

_Files: TypeAlias = tuple[Path | None, Path | None, Path | None, Path | None]
"""Participants, readings, prices and rulebook."""


def plan(
    *,
    households: Annotated[
        int | None, Parameter(help="A described population instead of files, on NEM.")
    ] = None,
    intervals_per_day: Annotated[int, Parameter(help="How often it settles.")] = 24,
    households_per_area: Annotated[int, Parameter(help="How many clear together.")] = 100,
    sellers_per_area: Annotated[int, Parameter(help="How many of them sell.")] = 10,
    partners: Annotated[int, Parameter(help="Of how many sellers one buys in an interval.")] = 1,
    delivery: Annotated[
        Literal["issuer_direct", "producer_wallets"], Parameter(help="Whose wallet energy leaves.")
    ] = "issuer_direct",
    senders: Annotated[
        int, Parameter(help="Accounts that send; a node's pool takes so many of each.")
    ] = 1,
    participants: Annotated[Path | None, Parameter(help="Who takes part (CSV).")] = None,
    readings: Annotated[Path | None, Parameter(help="Plain CSV or Finnish Datahub CSV.")] = None,
    prices: Annotated[Path | None, Parameter(help="Who buys and sells at what price.")] = None,
    rulebook: Annotated[Path | None, Parameter(help="The contract (TOML).")] = None,
    chain: Annotated[ChainName | None, Parameter(help="What would be settled on.")] = None,
    folder: FolderOption = FOLDER_DEFAULT,
    node: Node = None,
    network: Annotated[NetworkName | None, Parameter(help="NEM: testnet unless named.")] = None,
    mosaic: Annotated[str | None, Parameter(help="NEM: namespace:name of the energy.")] = None,
    hourly: Hourly = "refuse",
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Say how many transactions, blocks, fees and hours a plan takes: unnetted, netted and anchored.

    With --households it is about a described population; with the four files, or with what a folder
    holds and has not settled, every policy is planned for real on a copy.  Nothing is sent.
    """
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    files = (participants, readings, prices, rulebook)
    if households is not None:
        if any(files):
            raise InvalidInput("give --households or the four files, not both")
        from sauma_cli.plan_described import show_described

        population = Population(
            households=households,
            intervals_per_day=intervals_per_day,
            households_per_area=households_per_area,
            sellers_per_area=sellers_per_area,
            partners=partners,
        )
        show_described(population, Delivery(delivery), senders, screen)
        return 0
    choice = ChainChoice(
        kind=chain, node_urls=one_node(node), network=network, mosaic=mosaic, timeout_s=timeout_s
    )
    _plan_real(Folder(folder), choice, files, hourly, screen)
    return 0


def _plan_real(
    place: Folder, choice: ChainChoice, files: _Files, hourly: Hourly, screen: Screen
) -> None:
    """Plan what is in the four files, or what the folder has not settled."""
    from sauma_cli.plan_real import show_real

    participants, readings, prices, rulebook = files
    inputs = None
    if participants and readings and prices and rulebook:
        inputs = read_inputs(participants, readings, prices, rulebook, hourly=hourly)
    elif any(files):
        raise InvalidInput("give all of --participants, --readings, --prices and --rulebook")
    elif not place.store.is_file():
        raise InvalidInput(
            "say what to plan: --households 500000 for a described population, or --participants, "
            f"--readings, --prices and --rulebook; there is nothing in {place.path}"
        )
    show_real(place, choice, inputs, screen)
