"""`sauma participant add`: one more participant, with a wallet and a metering point."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from rich.markup import escape

from sauma.engine import Engine
from sauma.errors import InvalidInput
from sauma.identifiers import check_name
from sauma.offers import MeteringPoint
from sauma.store import seal_folder
from sauma.venue import Venue
from sauma_cli.folder import Folder
from sauma_cli.inputs import accounts_of
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import (
    FOLDER_DEFAULT,
    TIMEOUT_S_DEFAULT,
    ChainName,
    FolderOption,
    Json,
    NetworkName,
    Node,
    TimeoutS,
    Verbose,
    one_node,
)
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, open_site, rehearsal_venue
from sauma_cli.wallets import Wallets


def add(
    name: Annotated[str, Parameter(help="A pseudonym: a-z, 0-9, '_', '.', '-'.")],
    /,
    *,
    account: Annotated[
        str | None,
        Parameter(help="CAIP-10 or an address; without it the folder's keystore makes a wallet."),
    ] = None,
    metering_point: Annotated[str | None, Parameter(help="An 18-digit GSRN.")] = None,
    area: Annotated[str | None, Parameter(help="The neighbourhood of the metering point.")] = None,
    folder: FolderOption = FOLDER_DEFAULT,
    chain: Annotated[
        ChainName | None, Parameter(help="For a new folder: what it settles on; nem by default.")
    ] = None,
    node: Node = None,
    network: Annotated[NetworkName | None, Parameter(help="NEM: testnet unless named.")] = None,
    mosaic: Annotated[str | None, Parameter(help="NEM: sauma:wh unless named.")] = None,
    timeout_s: TimeoutS = TIMEOUT_S_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Add a participant to a folder, which is begun when there is none."""
    configure_logging(verbose=verbose)
    screen = Screen(as_json=json)
    check_name(name)
    if (metering_point is None) != (area is None):
        raise InvalidInput("a metering point lies in an area: give --metering-point with --area")
    points = []
    if metering_point is not None and area is not None:
        points = [MeteringPoint(gsrn=metering_point, participant=name, area=area)]
    choice = ChainChoice(
        kind=chain, node_urls=one_node(node), network=network, mosaic=mosaic, timeout_s=timeout_s
    )
    place = Folder(folder)
    with place.working():
        with place.rehearsal() as copy:
            _add(copy, *rehearsal_venue(copy, choice), name, account, points)
        with open_site(place, choice) as site:
            wallet = _add(place, site.venue, site.wallets, name, account, points)
        seal_folder(place.path)
    screen.show(f"[bold]{name}[/] takes part in {escape(str(folder))}, wallet {wallet}")
    for point in points:
        screen.show(f"  metering point {point.gsrn} in {point.area}")
    screen.finish(
        {
            "participant": name,
            "account": wallet,
            "metering_points": [{"gsrn": point.gsrn, "area": point.area} for point in points],
            "folder": str(folder),
        }
    )
    return 0


def _add(
    folder: Folder,
    venue: Venue,
    wallets: Wallets,
    name: str,
    given: str | None,
    points: list[MeteringPoint],
) -> str:
    with Engine.open(folder.store, venue, holder="settle") as engine:
        ((_, wallet),) = accounts_of(engine, wallets, [(name, given)])
        engine.register(name, wallet)
        engine.add_metering_points(points)
    return str(wallet)
