"""Forked processes of a warm parent: work that may be killed, and a node that outlives it."""

from __future__ import annotations

import json
import os
import select
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from sauma_nem.testnode import serve

END_SECONDS_MAX = 120
KILLED = -signal.SIGKILL


@attrs.frozen(kw_only=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and what it returned."""

    code: int
    returned: Any


class Child:
    """Work in a forked process; what it returns must be JSON."""

    def __init__(self, work: Callable[[], Any]) -> None:
        """Fork now.  The parent must be single-threaded and hold no database."""
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reading)
            _work_and_exit(work, writing)
        os.close(writing)
        self._reading = reading
        self._ended = os.pidfd_open(self.pid)

    def kill_after(self, seconds: float) -> None:
        """Send SIGKILL after so many seconds, unless the process has ended before."""
        select.select([self._ended], [], [], seconds)
        os.kill(self.pid, signal.SIGKILL)

    def end(self, signal_number: int | None = None) -> Ended:
        """Wait for the end, after a signal if one is named; one that never ends is killed."""
        if signal_number is not None:
            os.kill(self.pid, signal_number)
        written = bytearray()
        while select.select([self._reading], [], [], END_SECONDS_MAX)[0]:
            chunk = os.read(self._reading, 65_536)
            if not chunk:
                break
            written += chunk
        else:
            os.kill(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._reading)
        os.close(self._ended)
        code = os.waitstatus_to_exitcode(status)
        return Ended(code=code, returned=json.loads(written) if code == 0 and written else None)


def _work_and_exit(work: Callable[[], Any], writing: int) -> None:
    """Never return into the parent's program."""
    code = 1
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            returned = work()
            if returned is not None:
                json.dump(returned, pipe)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class NodeProcess:
    """A NIS1 node in its own process, on the chain of a file."""

    def __init__(self, path: Path, *, block_seconds: float | None) -> None:
        """Start it; without `block_seconds` it makes blocks only when it is asked to."""
        reading, writing = os.pipe()
        self._child = Child(
            lambda: serve(
                port=0,
                path=path,
                block_seconds=block_seconds or "manual",
                control=True,
                manual_clock=True,
                on_ready=lambda server: _say(writing, server.url),
            )
        )
        os.close(writing)
        self.url = os.read(reading, 256).decode()
        os.close(reading)
        if not self.url:
            raise RuntimeError("the node did not start")

    def stop(self) -> None:
        """End it; its chain stays in the file."""
        self._child.end(signal.SIGTERM)


def _say(descriptor: int, text: str) -> None:
    os.write(descriptor, text.encode())
    os.close(descriptor)
