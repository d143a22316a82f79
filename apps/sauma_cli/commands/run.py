"""`sauma run`: the service in the foreground, until it is told to stop."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sauma.engine import Engine
from sauma.errors import Unavailable
from sauma.service import Backoff, Service
from sauma_cli.folder import Folder
from sauma_cli.inputs import accounts_of, check_delegates, read_rulebook
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import Json, Verbose
from sauma_cli.portal_serving import portal_serving
from sauma_cli.screen import Screen
from sauma_cli.sites import ChainChoice, Site, open_site
from sauma_cli.stopping import stopped_by_signals
from sauma_metering import read_participants, read_prices
from sauma_service.configuration import Configuration, read_configuration

CONFIG_DEFAULT = Path("sauma.toml")
_ConfigOption = Annotated[
    Path, Parameter(name="--config", help="The installation's file, sauma.toml.")
]


def run(
    *, config: _ConfigOption = CONFIG_DEFAULT, json: Json = False, verbose: Verbose = False
) -> int:
    """Close intervals, clear, settle, follow the chain and bill, until SIGTERM or Ctrl-C.

    Killed at any moment and started again it goes on from there.  Health and metrics are served at
    the port that the file names.
    """
    configure_logging(verbose=verbose)
    found = read_configuration(config)
    screen = Screen(as_json=json)
    folder = Folder(found.path(found.folder))
    with stopped_by_signals() as stop, folder.working(), ExitStack() as stack:
        site = _open_site_patiently(stack, folder, found, stop, screen)
        if site is None:
            return 0
        rulebook = None if found.rulebook is None else read_rulebook(found.path(found.rulebook))
        engine = stack.enter_context(
            Engine.open(
                folder.store, site.venue, rulebook=rulebook, clock=found.make_clock(), holder="run"
            )
        )
        engine.work_ahead(found.service.workers)
        _enrol(engine, site, found)
        service = Service(engine, settings=found.service_settings())
        url = stack.enter_context(_serving(found, folder, service))
        if found.portal is not None:
            portal_url = stack.enter_context(portal_serving(found, folder, engine, site))
            screen.show(f"  portal     {portal_url}")
        screen.show(f"[bold]sauma[/] settles on {site.title}; health and metrics at {url}")
        screen.finish({"url": url, "chain": site.venue.chain_id})
        service.run(stop)
        screen.show("stopped; everything is on the disk")
    return 0


def choice_of(found: Configuration) -> ChainChoice:
    """Return what the file says of the chain."""
    chain = found.chain
    own_node = not chain.urls and chain.kind == "nem"
    return ChainChoice(
        kind=chain.kind,
        node_urls=chain.urls,
        agreement=chain.agreement,
        floats=chain.floats,
        delegates=chain.delegates,
        network=chain.network,
        mosaic=chain.mosaic,
        timeout_s=chain.timeout_s,
        advance=chain.advance,
        real_time_s=chain.block_s if own_node else None,
        finality_blocks=chain.finality_blocks,
    )


def _open_site_patiently(
    stack: ExitStack,
    folder: Folder,
    found: Configuration,
    stop: threading.Event,
    screen: Screen,
) -> Site | None:
    """Open the chain and make it ready, as often as it takes; None when told to stop meanwhile."""
    settings = found.service_settings()
    backoff = Backoff(settings.retry_first, settings.retry_max, lambda: 0.5)
    clock = Configuration().make_clock()
    while not stop.is_set():
        try:
            site = open_site(folder, choice_of(found))
            stack.callback(site.close)
            for name in _names(found):
                site.wallets.account(*name)
            site.make_ready(lambda what: screen.show(f"  set up     {what}"))
        except Unavailable as error:
            trouble = backoff.failed("chain", str(error), clock.now())
            screen.show(f"  waiting    {trouble.reason}")
            stop.wait((trouble.again_at - clock.now()).total_seconds())
        else:
            return site
    return None


def _names(found: Configuration) -> list[tuple[str, str | None]]:
    if found.participants is None:
        return []
    rows = read_participants(found.path(found.participants))
    return list(dict.fromkeys((row.participant, row.account) for row in rows))


def _enrol(engine: Engine, site: Site, found: Configuration) -> None:
    """Register who is in the files; whoever is registered already is a no-op."""
    if found.participants is not None:
        rows = read_participants(found.path(found.participants))
        engine.register_all(accounts_of(engine, site.wallets, _names(found)))
        engine.add_metering_points(row.to_metering_point() for row in rows)
    check_delegates(engine, site.wallets, found.chain.delegates)
    if found.prices is not None:
        engine.set_prices(read_prices(found.path(found.prices)))


@contextmanager
def _serving(found: Configuration, folder: Folder, service: Service) -> Iterator[str]:
    """Serve health and metrics, and metering where the file wants it in this process."""
    from sauma_metering.server import HttpServer, Metering
    from sauma_service.metering import metering_settings
    from sauma_service.routes import operations_app

    with ExitStack() as stack:
        metering = None
        if found.service.with_metering:
            metering = stack.enter_context(
                Metering.open(
                    folder.store,
                    found.devices(),
                    clock=service.engine.clock,
                    settings=metering_settings(found),
                )
            )
        server = HttpServer(
            operations_app(service, metering), host=found.service.host, port=found.service.port
        )
        yield stack.enter_context(server).url
