"""A whole installation on this machine: node, service, metering server and meters, each a process.

Everything is real: the commands of the shell, HTTP between them, SIGKILL at any moment.  Ports are
fixed once, so that a process that comes back is found where it was.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import requests

from sauma.intervals import format_time
from sauma_metering import read_participants
from sauma_metering.server.devices import DeviceRegistry

NEIGHBOURHOOD: Final = Path(__file__).parents[2] / "examples" / "neighbourhood"
SHOWS: Final = datetime(2021, 3, 13, 9, 0, tzinfo=UTC)
"""When the played day begins: the sun is up, so that energy changes hands from the first interval on."""
AREAS: Final = ("north", "south", "west")
FINALITY_BLOCKS: Final = 12
NAMES: Final = ("node", "run", "metering", "meters")


class Installation:
    """The four processes of a folder; each is started, killed and started again by name."""

    def __init__(self, folder: Path, *, speed: float, block_s: float) -> None:
        """Lay out the files; nothing runs yet."""
        self.folder = folder
        self._block_s = block_s
        self.speed = speed
        self.started = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
        self.ports = dict(zip(NAMES[:3], _free_ports(3), strict=True))
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: dict[str, int] = dict.fromkeys(NAMES, 0)
        self._write_files()

    def _write_files(self) -> None:
        rows = read_participants(NEIGHBOURHOOD / "participants.csv")
        self.points = [row.metering_point for row in rows]
        lines = ["participant,metering_point,area"]
        prices = ["participant,area,side,price_per_kwh,valid_from"]
        for number, row in enumerate(rows):
            area = AREAS[number % len(AREAS)]
            lines.append(f"{row.participant},{row.metering_point},{area}")
            for side, price in (("buy", "0.12"), ("sell", "0.07")):
                prices.append(f"{row.participant},{area},{side},{price},2021-03-01T00:00:00Z")
        self._write("participants.csv", "\n".join(lines) + "\n")
        self._write("prices.csv", "\n".join(prices) + "\n")
        rulebook = (NEIGHBOURHOOD / "rulebook.toml").read_text()
        self._write("rulebook.toml", rulebook.replace('"day"', '"interval"'))
        config = f"""
folder = "settlement"
rulebook = "rulebook.toml"
participants = "participants.csv"
prices = "prices.csv"
[chain]
node = "http://127.0.0.1:{self.ports["node"]}"
timeout_s = 5.0
finality_blocks = {FINALITY_BLOCKS}
[service]
port = {self.ports["run"]}
poll_s = 0.1
retry_first_s = 0.5
retry_max_s = 2.0
reconcile_every_s = 15.0
[metering]
port = {self.ports["metering"]}
[clock]
started = {self.started.isoformat()}
shows = {SHOWS.isoformat()}
speed = {self.speed}
"""
        self._write("sauma.toml", config)
        self._write("funds.json", "{}")

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def make_devices(self) -> None:
        """Give every metering point a device of its own."""
        (self.folder / "settlement").mkdir(exist_ok=True)
        with DeviceRegistry.open(self.folder / "settlement" / "devices.sqlite") as registry:
            tokens = {
                gsrn: registry.add(f"meter-{gsrn}", self.started, points=[gsrn])
                for gsrn in self.points
            }
        self._write("tokens.json", json.dumps(tokens))

    def command(self, name: str) -> list[str]:
        """Return what a process is started with."""
        config = str(self.folder / "sauma.toml")
        return [sys.executable, "-m", "sauma_cli", *{
            "node": [
                "node", "--port", str(self.ports["node"]), "--path", str(self.folder / "node.sqlite"),
                "--block-seconds", str(self._block_s), "--fund", str(self.folder / "funds.json"),
            ],
            "run": ["run", "--config", config],
            "metering": ["metering", "--config", config],
            "meters": [
                "meters", "--config", config, "--profile", str(NEIGHBOURHOOD / "readings.csv"),
                "--tokens", str(self.folder / "tokens.json"), "--since", SHOWS.isoformat(),
            ],
        }[name]]  # fmt: skip

    def start(self, name: str) -> None:
        """Start a process; what it writes goes into a file of its name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [*self.command(name), "--verbose"],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )

    def kill(self, name: str) -> None:
        """Kill a process where it stands."""
        self._processes[name].kill()
        self._processes[name].wait()
        self.kills[name] += 1

    def revive(self) -> None:
        """Start again what has ended by itself; each such end is an error of the test's subject."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise AssertionError(f"{name} ended with {process.returncode}: {self.tail(name)}")

    def stop(self, name: str) -> int:
        """Ask a process to end, and return its exit code."""
        process = self._processes.pop(name)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return -1

    def close(self) -> None:
        """End whatever still runs."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def tail(self, name: str, lines: int = 15) -> str:
        """Return the last lines that a process wrote."""
        return "\n".join((self.folder / f"{name}.log").read_text().splitlines()[-lines:])

    def metrics(self) -> dict[str, float]:
        """Return the service's figures; empty while it does not answer."""
        try:
            text = requests.get(f"http://127.0.0.1:{self.ports['run']}/metrics", timeout=10).text
        except requests.RequestException:
            return {}
        found = (line.split() for line in text.splitlines() if line[:1] != "#")
        return {parts[0]: float(parts[1]) for parts in found if len(parts) == 2}

    def clock_now(self) -> datetime:
        """Return what the played clock shows."""
        return SHOWS + (datetime.now(UTC) - self.started) * self.speed

    def has_reported(self, end: datetime) -> bool:
        """Whether the metering server has a reading of every point for each interval before `end`."""
        tokens = json.loads((self.folder / "tokens.json").read_text())
        asked = {"start": format_time(SHOWS), "end": format_time(end)}
        try:
            for gsrn in self.points:
                reply = requests.get(
                    f"http://127.0.0.1:{self.ports['metering']}/metering/v1/points/{gsrn}/readings",
                    params=asked,
                    headers={"Authorization": f"Bearer {tokens[gsrn]}"},
                    timeout=10,
                )
                if reply.status_code != requests.codes.ok or reply.json()["gaps"]:
                    return False
        except requests.RequestException:
            return False
        return True

    def wait_for(self, what: str, holds: Any, seconds: float) -> None:
        """Wait until the figures are as they should be."""
        self.wait_until(what, lambda: holds(self.metrics()), seconds)

    def wait_until(self, what: str, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds, while nothing may end by itself."""
        until = time.monotonic() + seconds
        while not holds():
            self.revive()
            if time.monotonic() > until:
                raise AssertionError(
                    f"not {what} within {seconds} s: {self.metrics()}\n{self.tail('run')}"
                )
            time.sleep(0.2)


def operate(
    installation: Installation, seconds: float, draw: random.Random, pause_s: float
) -> None:
    """Let the installation work for a time while random processes of it are killed."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(draw.uniform(pause_s / 2, pause_s * 1.5))
        name = draw.choice(NAMES)
        installation.revive()
        installation.kill(name)
        time.sleep(draw.uniform(0, pause_s / 2))
        installation.start(name)


def _free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports
