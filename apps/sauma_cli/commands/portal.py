"""`sauma demo portal`: a whole neighbourhood in one process, to be looked at in a browser."""

from __future__ import annotations

import tempfile
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from sauma.errors import InvalidInput
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import Json, Verbose
from sauma_cli.screen import Screen
from sauma_cli.stopping import stopped_by_signals

QUARTER_SECONDS: Final = 6.0
BLOCK_SECONDS: Final = 3.0
SECONDS_MIN: Final = 0.2


def portal(
    *,
    port: Annotated[int, Parameter(help="Loopback port.")] = 8000,
    quarter_seconds: Annotated[
        float, Parameter(help="How long a quarter of an hour takes.")
    ] = QUARTER_SECONDS,
    block_seconds: Annotated[float, Parameter(help="The seconds between blocks.")] = BLOCK_SECONDS,
    json: Json = False,
    verbose: Verbose = False,
    until: Annotated[threading.Event | None, Parameter(parse=False)] = None,
) -> int:
    """Show a neighbourhood of seven real homes in the browser until Ctrl-C.

    The portal, the metering server, the service and a NEM node run in this process; nothing is kept.
    """
    configure_logging(verbose=verbose)
    if not 1 <= port <= 65_535:
        raise InvalidInput(f"--port {port} is no port: choose one from 1 to 65535")
    for name, seconds in (
        ("--quarter-seconds", quarter_seconds),
        ("--block-seconds", block_seconds),
    ):
        if not SECONDS_MIN <= seconds <= 3_600:
            raise InvalidInput(f"{name} {seconds} must be from {SECONDS_MIN} to 3600")
    from sauma_metering.server import HttpServer
    from sauma_portal import create_app
    from sauma_portal.demo.scene import PASSWORD, SPARE_POINT, moving, open_scene

    screen = Screen(as_json=json)
    screen.show("setting the scene: seven homes, two days of their past, their bills …")
    with (
        stopped_by_signals() if until is None else nullcontext(until) as stop,
        tempfile.TemporaryDirectory(prefix="sauma-portal-") as folder,
        open_scene(
            Path(folder),
            base_url=f"http://127.0.0.1:{port}",
            quarter_s=quarter_seconds,
            block_s=block_seconds,
        ) as scene,
        HttpServer(create_app(scene.portal), port=port) as server,
        moving(scene),
    ):
        screen.show(
            f"[bold]the portal is at {server.url}[/]",
            f"  a quarter of an hour takes {quarter_seconds:g} s, a block {block_seconds:g} s",
            f"  the NEM node is at {scene.nem.server.url}",
            "",
            f"  log in with the password  [bold]{PASSWORD}[/]  as",
            *(f"    {one.email:<26}{_does(one)}" for one in scene.people),
            f"  or register: the metering point {SPARE_POINT} reports at once",
            "",
            "Ctrl-C ends it; nothing is kept",
        )
        screen.finish(
            {
                "url": server.url,
                "node": scene.nem.server.url,
                "password": PASSWORD,
                "people": [one.email for one in scene.people],
            }
        )
        stop.wait()
    return 0


def _does(person: object) -> str:
    role = getattr(person, "role").value  # noqa: B009 - no import of the portal before it is needed
    if role != "household":
        return str(role)
    return "buys and sells" if getattr(person, "sells") else "buys"  # noqa: B009
