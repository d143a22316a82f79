"""Forked processes of a warm parent: work that may be killed, and a node that outlives it."""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs

from sauma_nem.testnode import serve

END_SECONDS_MAX: Final = 120
"""A process that says nothing for so long hangs."""
KILLED: Final = -signal.SIGKILL

# The node would say of each connection that it broke off; that is what is done here.
logging.getLogger("sauma_nem").addHandler(logging.NullHandler())


@attrs.frozen(kw_only=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and what it returned or raised."""

    code: int
    returned: Any = None
    error: str = ""


class Child:
    """Work in a forked process; what it returns must be JSON."""

    def __init__(self, work: Callable[[], Any]) -> None:
        """Fork now.  The parent must be single-threaded and have no database open."""
        self._reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reading)
            _work_and_exit(work, writing)
        os.close(writing)

    def kill_after(self, seconds: float) -> None:
        """Send SIGKILL after so many seconds, or when the process is at its end before."""
        select.select([self._reading], [], [], seconds)
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> Ended:
        """Wait for the end; one that hangs is killed, and has failed."""
        written = bytearray()
        hangs = False
        while True:
            if not select.select([self._reading], [], [], END_SECONDS_MAX)[0]:
                hangs = True
                os.kill(self.pid, signal.SIGKILL)
                break
            chunk = os.read(self._reading, 65_536)
            if not chunk:
                break
            written += chunk
        _, status = os.waitpid(self.pid, 0)
        os.close(self._reading)
        if hangs:
            return Ended(code=1, error=f"it hung for {END_SECONDS_MAX} s")
        code = os.waitstatus_to_exitcode(status)
        if code == 0:
            return Ended(code=code, returned=json.loads(written))
        return Ended(code=code, error=written.decode())


def _work_and_exit(work: Callable[[], Any], writing: int) -> None:
    """Never return into the parent's program."""
    code = 1
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            try:
                returned = json.dumps(work())
                code = 0
            except BaseException:
                returned = traceback.format_exc(limit=-3)
            pipe.write(returned)
    finally:
        os._exit(code)


class NodeProcess:
    """A NIS1 node in its own process on the chain of a file; it ends when its parent is gone."""

    def __init__(self, path: Path, *, block_seconds: float | None) -> None:
        """Start it; without `block_seconds` it makes blocks only when it is asked to."""
        ready, say_ready = os.pipe()
        parent, self._alive = os.pipe()

        def work() -> None:
            os.close(self._alive)
            _serve(path, block_seconds, parent, say_ready)

        self._child = Child(work)
        os.close(say_ready)
        os.close(parent)
        self.url = os.read(ready, 256).decode()
        os.close(ready)
        if not self.url:
            raise RuntimeError("the node did not start")

    def stop(self) -> None:
        """End it; its chain stays in the file."""
        os.close(self._alive)
        self._child.end()


def _serve(path: Path, block_seconds: float | None, parent: int, say_ready: int) -> None:
    parent_gone = threading.Event()

    def watch() -> None:
        os.read(parent, 1)
        parent_gone.set()

    threading.Thread(target=watch, daemon=True).start()
    serve(
        port=0,
        path=path,
        block_seconds=block_seconds or "manual",
        control=True,
        manual_clock=True,
        on_ready=lambda server: _say(say_ready, server.url),
        until=parent_gone,
    )


def _say(descriptor: int, text: str) -> None:
    os.write(descriptor, text.encode())
    os.close(descriptor)
