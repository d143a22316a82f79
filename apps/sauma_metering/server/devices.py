"""Devices and their tokens: which device may report which metering points.

A token is shown once, when it is made; kept is only its SHA-256, which is enough because a token has
256 random bits.  A device is bound to metering points, or (a head-end system) to whole areas.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import attrs
import sqlalchemy as sa

from sauma.errors import Conflict, InvalidInput, StoreVersion, UnknownName
from sauma.identifiers import check_gsrn, check_name
from sauma.intervals import to_unix
from sauma.store.connecting import BUSY_TIMEOUT_MS, WRITER, connect_engine, store_url
from sauma.store.faults import database_faults

TOKEN_PREFIX: Final = "sauma-device-"  # noqa: S105 - what tokens begin with, so that scanners find them
TOKEN_BYTES: Final = 32
FORMAT: Final = 1

_metadata: Final = sa.MetaData()
_format = sa.Table("metering_format", _metadata, sa.Column("version", sa.Integer, nullable=False))
_devices = sa.Table(
    "metering_devices",
    _metadata,
    sa.Column("device", sa.String(64), primary_key=True),
    sa.Column("token_digest", sa.LargeBinary(32), nullable=False, unique=True),
    sa.Column("made_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger, nullable=True),
)
_points = sa.Table(
    "metering_device_points",
    _metadata,
    sa.Column("device", sa.String(64), primary_key=True),
    sa.Column("gsrn", sa.String(18), primary_key=True),
)
_areas = sa.Table(
    "metering_device_areas",
    _metadata,
    sa.Column("device", sa.String(64), primary_key=True),
    sa.Column("area", sa.String(64), primary_key=True),
)
_limits = sa.Table(
    "metering_limits",
    _metadata,
    sa.Column("gsrn", sa.String(18), primary_key=True),
    sa.Column("energy_wh_max", sa.BigInteger, nullable=False),
)


@attrs.frozen(kw_only=True)
class Device:
    """A device that may report, and for what; equal devices have equal bindings."""

    name: str
    points: frozenset[str]
    areas: frozenset[str]
    is_revoked: bool = False


class DeviceRegistry:
    """The devices of an installation, in a database of their own beside the journal."""

    def __init__(self, engine: sa.Engine, draw_token: Callable[[int], str]) -> None:
        """Use `open`."""
        self._engine = engine
        self._draw_token = draw_token

    @classmethod
    def open(
        cls,
        location: str | os.PathLike[str],
        *,
        draw_token: Callable[[int], str] = secrets.token_urlsafe,
    ) -> Self:
        """Open or begin the registry at a path (SQLite) or database URL."""
        url = store_url(location)
        engine = connect_engine(url, read_only=False, busy_timeout_ms=BUSY_TIMEOUT_MS)
        registry = cls(engine, draw_token)
        try:
            with registry._writing() as connection:
                _metadata.create_all(connection)
                version = connection.execute(sa.select(_format.c.version)).scalar()
                if version is None:
                    connection.execute(sa.insert(_format).values(version=FORMAT))
                elif version != FORMAT:
                    raise StoreVersion(
                        f"the device registry is of format {version}, this version knows {FORMAT}"
                    )
        except BaseException:
            engine.dispose()
            raise
        if url.get_backend_name() == "sqlite":
            Path(str(url.database)).chmod(0o600)
        return registry

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        """Return the registry."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    def add(
        self,
        name: str,
        now: datetime,
        *,
        points: Iterable[str] = (),
        areas: Iterable[str] = (),
    ) -> str:
        """Register a device and return its token, which is shown this once.

        Raises `Conflict` when a device has that name, revoked or not.
        """
        check_name(name, "device")
        gsrns = sorted({check_gsrn(gsrn) for gsrn in points})
        places = sorted({check_name(area, "area") for area in areas})
        if not gsrns and not places:
            raise InvalidInput(
                f"device {name} is bound to nothing: name its metering points or areas"
            )
        token = TOKEN_PREFIX + self._draw_token(TOKEN_BYTES)
        with self._writing() as connection:
            if _row(connection, name) is not None:
                raise Conflict(f"there is a device {name} already: revoke it and take another name")
            connection.execute(
                sa.insert(_devices).values(
                    device=name,
                    token_digest=_digest(token),
                    made_at=to_unix(now.replace(microsecond=0)),
                    revoked_at=None,
                )
            )
            _bind(connection, name, gsrns, places)
        return token

    def bind(self, name: str, points: Iterable[str]) -> None:
        """Let a device report more metering points; those that it has are a no-op."""
        gsrns = {check_gsrn(gsrn) for gsrn in points}
        with self._writing() as connection:
            if _row(connection, name) is None:
                raise UnknownName(f"there is no device {name!r}: add it first")
            known = set(
                connection.execute(
                    sa.select(_points.c.gsrn).where(_points.c.device == name)
                ).scalars()
            )
            _bind(connection, name, sorted(gsrns - known), [])

    def revoke(self, name: str, now: datetime) -> None:
        """Take a device's token out of use, at once and for ever; again it is a no-op."""
        with self._writing() as connection:
            if _row(connection, name) is None:
                raise UnknownName(f"there is no device {name!r}: nothing was revoked")
            connection.execute(
                sa.update(_devices)
                .where(_devices.c.device == name, _devices.c.revoked_at.is_(None))
                .values(revoked_at=to_unix(now.replace(microsecond=0)))
            )

    def find(self, token: str) -> Device | None:
        """Return the device of a token that is in use, None for every other text."""
        if not token.startswith(TOKEN_PREFIX):
            return None
        with database_faults("read the devices"), self._engine.connect() as connection:
            row = connection.execute(
                sa.select(_devices).where(
                    _devices.c.token_digest == _digest(token), _devices.c.revoked_at.is_(None)
                )
            ).first()
            return None if row is None else _device(connection, row)

    def devices(self) -> tuple[Device, ...]:
        """Return every device by name, revoked ones too."""
        with database_faults("read the devices"), self._engine.connect() as connection:
            rows = connection.execute(sa.select(_devices).order_by(_devices.c.device)).all()
            return tuple(_device(connection, row) for row in rows)

    def set_limit(self, gsrn: str, energy_wh_max: int) -> None:
        """Say what a metering point can at most measure in an interval, in either direction."""
        check_gsrn(gsrn)
        if isinstance(energy_wh_max, bool) or energy_wh_max < 0:
            raise InvalidInput(f"a limit of {energy_wh_max} Wh is none")
        with self._writing() as connection:
            connection.execute(sa.delete(_limits).where(_limits.c.gsrn == gsrn))
            connection.execute(sa.insert(_limits).values(gsrn=gsrn, energy_wh_max=energy_wh_max))

    def limits(self) -> dict[str, int]:
        """Return the limits that differ from the usual one, by metering point."""
        with database_faults("read the limits"), self._engine.connect() as connection:
            return {row.gsrn: row.energy_wh_max for row in connection.execute(sa.select(_limits))}

    def _writing(self) -> Any:
        return _Writing(self._engine)


class _Writing:
    """A transaction that has the writer's lock from its beginning."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def __enter__(self) -> sa.Connection:
        with database_faults("write the devices"):
            self._connection = self._engine.connect().execution_options(**{WRITER: True})
            self._transaction = self._connection.begin()
        return self._connection

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        with database_faults("write the devices"):
            try:
                if kind is None:
                    self._transaction.commit()
                else:
                    self._transaction.rollback()
            finally:
                self._connection.close()


def _digest(token: str) -> bytes:
    return sha256(token.encode()).digest()


def _row(connection: sa.Connection, name: str) -> Any:
    return connection.execute(sa.select(_devices).where(_devices.c.device == name)).first()


def _bind(connection: sa.Connection, name: str, gsrns: list[str], areas: list[str]) -> None:
    if gsrns:
        connection.execute(sa.insert(_points), [{"device": name, "gsrn": one} for one in gsrns])
    if areas:
        connection.execute(sa.insert(_areas), [{"device": name, "area": one} for one in areas])


def _device(connection: sa.Connection, row: Any) -> Device:
    points = connection.execute(sa.select(_points.c.gsrn).where(_points.c.device == row.device))
    areas = connection.execute(sa.select(_areas.c.area).where(_areas.c.device == row.device))
    return Device(
        name=row.device,
        points=frozenset(points.scalars()),
        areas=frozenset(areas.scalars()),
        is_revoked=row.revoked_at is not None,
    )
