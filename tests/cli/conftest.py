"""Commands run in this process or in one of their own, and small files for them to read."""

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import attrs
import pytest

import sauma
import sauma_cli
import sauma_ethereum
import sauma_nem
import sauma_nodes
from sauma_cli.__main__ import run

ROOT = Path(__file__).parents[2]
MODULES = (sauma, sauma_nodes, sauma_nem, sauma_ethereum, sauma_cli)
SOURCES = [Path(module.__file__).parents[1] for module in MODULES]
POINTS = {
    "test1": "643000000000000016",
    "test3": "643000000000000023",
    "test5": "643000000000000030",
}

PARTICIPANTS = "participant,metering_point,area,account\n" + "".join(
    f"{name},{gsrn},street,\n" for name, gsrn in POINTS.items()
)
READINGS = """metering_point,interval_start,imported_wh,exported_wh
643000000000000016,2026-06-21T10:00:00Z,0,15000
643000000000000023,2026-06-21T10:00:00Z,7500,0
643000000000000030,2026-06-21T10:00:00Z,7500,0
"""
PRICES = """participant,area,side,price_per_kwh,valid_from
test1,street,sell,0.10,2026-06-01T00:00:00Z
test3,street,buy,0.10,2026-06-01T00:00:00Z
test5,street,buy,0.10,2026-06-01T00:00:00Z
"""
RULEBOOK = """name = "street"
version = 1
price_cap = "0.50"

[supplier]
name = "supplier"
sells_at = "0.16"
buys_at = "0.04"
"""


@attrs.frozen(kw_only=True)
class Outcome:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document of standard output."""
        return json.loads(self.out)


Sauma = Callable[..., Outcome]


@pytest.fixture
def sauma_run(capsys: pytest.CaptureFixture[str]) -> Sauma:
    """Run a command in this process; no traceback is ever shown."""

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return Outcome(code=code, out=captured.out, err=captured.err)

    return call


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("sauma", "sauma_nem", "sauma_ethereum")]
    before = [(logger, list(logger.handlers), logger.level) for logger in loggers]
    yield
    for logger, handlers, level in before:
        logger.handlers, logger.level = handlers, level


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")


def command(*arguments: object) -> list[str]:
    """Return the command line of a process of its own."""
    return [sys.executable, "-m", "sauma_cli", *map(str, arguments)]


def environment() -> dict[str, str]:
    """Return the environment in which a process of its own finds the sources."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, SOURCES)),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }


@pytest.fixture
def sauma_process() -> Sauma:
    """Run a command in a process of its own."""

    def call(*arguments: object) -> Outcome:
        done = subprocess.run(
            command(*arguments),
            env=environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stderr
        return Outcome(code=done.returncode, out=done.stdout, err=done.stderr)

    return call


@pytest.fixture
def sauma_started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a command in a process of its own, which ends with the test."""
    started: list[subprocess.Popen[str]] = []

    def call(*arguments: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command(*arguments),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        process.kill()
        process.communicate()


@attrs.frozen(kw_only=True)
class Files:
    """The four input files of the seed's scenario, to be changed by a test."""

    folder: Path

    def write(self, **contents: str) -> "Files":
        """Write files over: participants, readings, prices or rulebook."""
        for name, text in contents.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        return self

    @property
    def options(self) -> list[str]:
        """The files as options of `settle`."""
        names = ("participants", "readings", "prices", "rulebook")
        return [part for name in names for part in (f"--{name}", str(self.folder / name))]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """The seed's scenario: test1 has 15 kWh, test3 and test5 need half of it each."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Files(folder=folder).write(
        participants=PARTICIPANTS, readings=READINGS, prices=PRICES, rulebook=RULEBOOK
    )


def _settle_the_seed(place: Path, chain: str) -> Path:
    given = Files(folder=place / "files")
    given.folder.mkdir()
    given.write(participants=PARTICIPANTS, readings=READINGS, prices=PRICES, rulebook=RULEBOOK)
    where = ["--folder", str(place / "day"), "--chain", chain]
    with redirect_stdout(StringIO()):
        assert run(["settle", *given.options, *where]) == 0
    return place / "day"


@pytest.fixture(scope="session")
def settled_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seed's scenario settled on NEM: a folder to be copied, not to be changed."""
    return _settle_the_seed(tmp_path_factory.mktemp("nem"), "nem")


@pytest.fixture(scope="session")
def settled_once_in_memory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on the reference chain."""
    return _settle_the_seed(tmp_path_factory.mktemp("memory"), "memory")


@pytest.fixture(scope="session")
def settled_once_on_ethereum(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on a contract."""
    return _settle_the_seed(tmp_path_factory.mktemp("ethereum"), "ethereum")


@pytest.fixture
def settled(settled_once: Path, tmp_path: Path) -> Path:
    """A folder of one's own in which the seed's scenario is settled on NEM."""
    shutil.copytree(settled_once, tmp_path / "day")
    return tmp_path / "day"


@pytest.fixture
def settled_in_memory(settled_once_in_memory: Path, tmp_path: Path) -> Path:
    """The same on the reference chain, for what does not depend on the chain."""
    shutil.copytree(settled_once_in_memory, tmp_path / "memory")
    return tmp_path / "memory"


@pytest.fixture
def settled_on_ethereum(settled_once_on_ethereum: Path, tmp_path: Path) -> Path:
    """A folder of one's own in which the seed's scenario is settled on Ethereum."""
    shutil.copytree(settled_once_on_ethereum, tmp_path / "ethereum")
    return tmp_path / "ethereum"


@attrs.frozen(kw_only=True)
class Day:
    """A day that was settled: what the command said, and the folder, which is not to be changed."""

    document: dict[str, Any]
    folder: Path


@pytest.fixture(scope="session")
def neighbourhood(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Day]:
    """The example's day by one of its rulebooks, settled on a chain once."""
    example = ROOT / "examples" / "neighbourhood"
    settled: dict[tuple[str, str], Day] = {}

    def settle(chain: str, rulebook: str) -> Day:
        if (chain, rulebook) not in settled:
            given = {
                "participants": "participants.csv",
                "readings": "readings.csv",
                "prices": "prices.csv",
                "rulebook": rulebook,
            }
            options = [
                part for name, file in given.items() for part in (f"--{name}", str(example / file))
            ]
            folder = tmp_path_factory.mktemp(chain) / "day"
            with redirect_stdout(StringIO()) as out:
                where = ["--chain", chain, "--folder", str(folder)]
                assert run(["settle", *options, *where, "--json"]) == 0
            settled[chain, rulebook] = Day(document=json.loads(out.getvalue()), folder=folder)
        return settled[chain, rulebook]

    return settle


def contents(folder: Path) -> dict[str, str]:
    """Return every file of a folder with the hash of its bytes."""
    return {
        path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def bytes_of() -> Callable[[Path], dict[str, str]]:
    """Every file of a folder with the hash of its bytes."""
    return contents
