"""`sauma metering`: the metering server as a process of its own, beside `sauma run`."""

from __future__ import annotations

import time

from sauma.errors import StoreError
from sauma_cli.commands.run import CONFIG_DEFAULT, _ConfigOption
from sauma_cli.folder import Folder
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import Json, Verbose
from sauma_cli.screen import Screen
from sauma_cli.stopping import stopped_by_signals
from sauma_metering.server import HttpServer, Metering
from sauma_service.configuration import Configuration, read_configuration
from sauma_service.metering import metering_settings
from sauma_service.routes import operations_app

WAIT_S = 60.0
"""How long to wait for a folder that `sauma run` is only making now."""


def metering(
    *, config: _ConfigOption = CONFIG_DEFAULT, json: Json = False, verbose: Verbose = False
) -> int:
    """Take readings over HTTP until SIGTERM or Ctrl-C; acknowledged is what is on the disk."""
    configure_logging(verbose=verbose)
    found = read_configuration(config)
    screen = Screen(as_json=json)
    folder = Folder(found.path(found.folder))
    with stopped_by_signals() as stop, _open(folder, found) as opened:
        server = HttpServer(
            operations_app(None, opened), host=found.metering.host, port=found.metering.port
        )
        with server:
            screen.show(f"[bold]metering[/] at {server.url}/metering/v1")
            screen.finish({"url": server.url})
            stop.wait()
    return 0


def _open(folder: Folder, found: Configuration) -> Metering:
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return Metering.open(
                folder.store,
                found.devices(),
                clock=found.make_clock(),
                settings=metering_settings(found),
            )
        except StoreError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
