"""`sauma.toml`: everything that a process of an installation has to know, in one file.

::

    folder = "settlement"              # journal, keys and devices; relative to this file
    rulebook = "rulebook.toml"
    participants = "participants.csv"
    prices = "prices.csv"

    [chain]
    kind = "nem"
    node = "http://127.0.0.1:7890"

    [service]
    port = 8480                        # /health/live, /health/ready, /metrics
    with_metering = true               # the metering API on the same port

    [metering]
    port = 8481                        # for `sauma metering`, a process of its own

    [portal]                           # the pages and the API for people, in this process
    port = 8482
    base_url = "https://portal.example.fi"
    areas = [{ name = "kortteli-1", title = "Kortteli 1" }]
    operator = { name = "Korttelin Aurinko", email = "apua@example.fi" }
"""

from __future__ import annotations

import tomllib
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import msgspec

from sauma.clock import Clock, SystemClock
from sauma.errors import InvalidInput
from sauma.service import ServiceSettings
from sauma_service.clocks import AcceleratedClock
from sauma_service.waits import wait_of

USUAL: Final = ServiceSettings()
"""How a service works unless the file says otherwise."""


class _Section(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A part of the file; unknown keys are refused by name."""


class ChainSection(_Section, frozen=True, kw_only=True):
    """The chain to settle on, as the options of `sauma settle` say it."""

    kind: Literal["nem", "ethereum", "memory"] = "nem"
    node: str | None = None
    nodes: tuple[str, ...] = ()
    """Several nodes instead of one, in the order of preference."""
    agreement: int | None = None
    """NEM: how many of them must have the same block before it is believed to be final."""
    floats: int | None = None
    """NEM: how many further accounts of a new folder issue, each with a lane of its own."""
    delegates: dict[str, str] = {}
    """NEM: the public keys of participants' accounts for which the issuer's key signs."""
    network: Literal["mainnet", "testnet", "mijin"] | None = None
    mosaic: str | None = None
    advance: bool = False
    timeout_s: float = 20.0
    block_s: float = 60.0
    """Seconds between the blocks of the folder's own node, where none is named."""
    finality_blocks: int | None = None
    """How deep a block is final; the chain's own depth unless a private network says otherwise."""

    @property
    def urls(self) -> tuple[str, ...]:
        """The nodes, one or several."""
        return self.nodes if self.node is None else (self.node,)


class ServiceSection(_Section, frozen=True, kw_only=True):
    """The rhythm of the service, and where it tells how it is."""

    host: str = "127.0.0.1"
    port: int = 8480
    with_metering: bool = False
    workers: int = 0
    """Processes that compute clearings and plans ahead: for a city, as many as there are cores."""
    poll_s: float = USUAL.poll.total_seconds()
    retry_first_s: float = USUAL.retry_first.total_seconds()
    retry_max_s: float = USUAL.retry_max.total_seconds()
    reconcile_every_s: float = USUAL.reconcile_every.total_seconds()
    tip_age_max_s: float = USUAL.tip_age_max.total_seconds()
    outbox_age_max_s: float = USUAL.outbox_age_max.total_seconds()


class MeteringSection(_Section, frozen=True, kw_only=True):
    """The metering server."""

    host: str = "127.0.0.1"
    port: int = 8481
    devices: str = "devices.sqlite"
    """In the folder, or a database URL."""
    body_bytes_max: int = 8 * 1024 * 1024
    queue_rows_max: int = 100_000
    energy_wh_max: int = 25_000


class PortalAreaSection(_Section, frozen=True, kw_only=True):
    """An area that households can join, and what they call it."""

    name: str
    title: str


class PortalOperatorSection(_Section, frozen=True, kw_only=True):
    """Who answers for the neighbourhood: what bills must say."""

    name: str
    email: str
    phone: str = ""
    address: str = ""
    business_id: str = ""
    vat_number: str = ""
    iban: str = ""
    bic: str = ""


class PortalMailSection(_Section, frozen=True, kw_only=True):
    """The mail server that carries letters; without one they wait."""

    host: str
    sender: str
    port: int = 587
    user: str = ""
    password_file: str = ""
    tls: bool = True


class PortalSection(_Section, frozen=True, kw_only=True):
    """The portal."""

    areas: list[PortalAreaSection]
    operator: PortalOperatorSection
    mail: PortalMailSection | None = None
    host: str = "127.0.0.1"
    port: int = 8482
    base_url: str
    """What links in letters begin with; where it is HTTPS, cookies travel over nothing else."""
    claims_need_operator: bool = True
    due_days: int = 14
    people: str = "people.sqlite"
    """In the folder, or a database URL."""


class ClockSection(_Section, frozen=True, kw_only=True):
    """A clock that runs faster, for rehearsals: what it shows at the real time `started`."""

    started: datetime
    shows: datetime
    speed: float


class Configuration(_Section, frozen=True, kw_only=True):
    """The whole file."""

    folder: str = "settlement"
    rulebook: str | None = None
    participants: str | None = None
    prices: str | None = None
    chain: ChainSection = ChainSection()
    service: ServiceSection = ServiceSection()
    metering: MeteringSection = MeteringSection()
    portal: PortalSection | None = None
    clock: ClockSection | None = None
    base: Path = Path()
    """The folder of the file itself, which its paths are relative to; not a key of the file."""

    def path(self, name: str) -> Path:
        """Return a path of the file."""
        return self.base / name

    def make_clock(self) -> Clock:
        """Return the clock of the market: the machine's, unless the file has another."""
        if self.clock is None:
            return SystemClock()
        return AcceleratedClock(
            started=self.clock.started, shows=self.clock.shows, speed=self.clock.speed
        )

    def service_settings(self) -> ServiceSettings:
        """Return the settings of the service."""
        section = self.service
        return ServiceSettings(
            poll=wait_of(section.poll_s, "poll_s"),
            retry_first=wait_of(section.retry_first_s, "retry_first_s"),
            retry_max=wait_of(section.retry_max_s, "retry_max_s"),
            reconcile_every=wait_of(section.reconcile_every_s, "reconcile_every_s"),
            tip_age_max=wait_of(section.tip_age_max_s, "tip_age_max_s"),
            outbox_age_max=wait_of(section.outbox_age_max_s, "outbox_age_max_s"),
        )

    def people(self) -> str | Path:
        """Return where the portal's database of people is."""
        name = "people.sqlite" if self.portal is None else self.portal.people
        return name if "://" in name else self.path(self.folder) / name

    def devices(self) -> str | Path:
        """Return where the device registry is."""
        name = self.metering.devices
        return name if "://" in name else self.path(self.folder) / name


def read_configuration(path: Path) -> Configuration:
    """Read a configuration file; the first thing that is wrong is named with its place."""
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInput(
            f"cannot read {path}: {error.strerror}: name it with --config"
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"{path} is no valid TOML: {error}") from error
    if "base" in facts:
        raise InvalidInput(f"{path}: Object contains unknown field `base`")
    try:
        found = msgspec.convert(facts, Configuration)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{path}: {error}") from error
    if found.chain.node is not None and found.chain.nodes:
        raise InvalidInput(f"{path}: [chain] has `node` and `nodes`: leave one out")
    return msgspec.structs.replace(found, base=path.parent)
