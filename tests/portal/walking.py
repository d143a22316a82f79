"""What the browser tests walk with: a scene that is moved by hand, and a browser on it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path

import pytest

from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval
from sauma_metering.server import HttpServer
from sauma_portal.app import create_app
from sauma_portal.demo.running import FastClock, Repeating
from sauma_portal.demo.scene import Scene, open_scene
from sauma_portal.passwords import Passwords

from .street import QUICK

BLOCK_S = 0.3
PATIENCE_S = 60.0
DAY = datetime(2026, 6, 10, 9, tzinfo=UTC)
"""Which meters of the scene stay silent in which quarter-hour follows from the day."""
NOON = clock_time(11)
CHROMIUM = shutil.which("chromium")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Those of a machine without a screen and without a network."""


class Walk:
    """The demo's neighbourhood over HTTP: real services, a real node; its market moves when it is told to."""

    def __init__(self, scene: Scene, server: HttpServer) -> None:
        self.scene, self.url = scene, server.url
        self._points = 100

    def new_point(self) -> str:
        """A metering point that is nobody's yet."""
        self._points += 1
        return complete_gsrn(f"64300000000000{self._points}")

    def next_quarter(self) -> None:
        """Let the quarter-hour that runs end."""
        clock = self.scene.clock
        clock.advance(Interval.containing(clock.now()).end)

    def until(self, what: Callable[[], object]) -> object:
        """Wait until something is so."""
        begun = time.monotonic()
        while not (found := what()):
            assert time.monotonic() - begun < PATIENCE_S, "waited too long"
            time.sleep(0.1)
        return found


@contextmanager
def walking(folder: Path) -> Iterator[Walk]:
    """Set the scene and let everything run but the market's clock."""
    clock = FastClock(DAY, 1)
    clock.start()
    with ExitStack() as stack:
        scene = stack.enter_context(
            open_scene(
                folder,
                base_url="http://127.0.0.1",
                block_s=None,
                history=False,
                passwords=Passwords(QUICK),
                clock=clock,
                begins=NOON,
            )
        )
        server = stack.enter_context(HttpServer(create_app(scene.portal)))
        for each in (*scene.running[1:], Repeating("blocks", BLOCK_S, scene.nem.mine)):
            each.start()
            stack.callback(each.stop)
        yield Walk(scene, server)


@contextmanager
def chromium() -> Iterator[object]:
    """Give a browser without a screen, or report the test as not run."""
    if CHROMIUM is None:
        pytest.skip("not run: no Chromium on this machine (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()
