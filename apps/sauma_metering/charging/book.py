"""What the desk remembers of charges, so that it can die at any moment and go on.

One row a charge, in a database of its own: it maps a station's transaction to a session, and keeps the
last reading, which no chain knows until the session is closed.  What a station says that fits no
charge is kept too, with the reason, for a person to look at.
"""

from __future__ import annotations

import enum
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, Self

import attrs
import sqlalchemy as sa

from sauma.errors import StoreVersion
from sauma.identifiers import canonical_json
from sauma.intervals import from_unix, to_unix
from sauma.session import SessionTerms
from sauma.store.connecting import BUSY_TIMEOUT_MS, WRITER, connect_engine, store_url
from sauma_metering.charging.events import Sample

FORMAT: Final = 1

metadata: Final = sa.MetaData()

book_format: Final = sa.Table(
    "charges_format", metadata, sa.Column("version", sa.Integer, nullable=False)
)

charges: Final = sa.Table(
    "charges",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("station", sa.String, nullable=False),
    sa.Column("token", sa.String, nullable=False),
    sa.Column("phase", sa.Integer, nullable=False, index=True),
    sa.Column("session_id", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("terms", sa.LargeBinary, nullable=False),
    sa.Column("connector", sa.Integer),
    sa.Column("transaction", sa.String),
    sa.Column("register_start_wh", sa.BigInteger),
    sa.Column("started_unix", sa.BigInteger),
    sa.Column("sequence", sa.BigInteger, nullable=False, default=0),
    sa.Column("register_wh", sa.BigInteger),
    sa.Column("read_unix", sa.BigInteger),
    sa.Column("read_status", sa.Integer),
    sa.Column("reason", sa.String),
)
"""`number` is the transaction id that OCPP 1.6 stations are given."""

unplaced: Final = sa.Table(
    "unplaced",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("station", sa.String, nullable=False),
    sa.Column("heard_unix", sa.BigInteger, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("said", sa.LargeBinary, nullable=False),
)


class Phase(enum.IntEnum):
    """Where a charge stands at the desk; the chain says where its session stands."""

    ASKED = 1
    """About to be authorised; what a crash leaves here is looked up when the desk comes back."""
    AUTHORISED = 2
    CHARGING = 3
    ENDING = 4
    """The car is gone; its session is still to be closed or claimed."""
    CLOSED = 5
    """Closed or claimed; the window or the chain may still be awaited."""
    DONE = 6
    REFUSED = 7


OPEN: Final = (Phase.ASKED, Phase.AUTHORISED, Phase.CHARGING, Phase.ENDING, Phase.CLOSED)


@attrs.frozen(kw_only=True)
class Charge:
    """One charge as the desk knows it."""

    number: int
    station: str
    token: str
    phase: Phase
    session_id: bytes
    terms: SessionTerms
    connector: int | None
    transaction: str | None
    sequence: int
    start: Sample | None
    last: Sample | None
    reason: str | None


class ChargeBook:
    """Charges in a database; every call is one transaction."""

    def __init__(self, database: sa.Engine) -> None:
        """Use a database, and make the tables that it does not have.

        Raises `StoreVersion` for a book of another format.
        """
        self._database = database
        with self._writing() as connection:
            metadata.create_all(connection)
            version = connection.execute(sa.select(book_format.c.version)).scalar()
            if version is None:
                connection.execute(sa.insert(book_format).values(version=FORMAT))
            elif version != FORMAT:
                raise StoreVersion(
                    f"the book of charges is of format {version}, this version knows {FORMAT}: "
                    "use the version that wrote it"
                )

    @classmethod
    def open(cls, location: str | os.PathLike[str]) -> Self:
        """Open or begin the book at a path (SQLite) or database URL."""
        return cls(
            connect_engine(store_url(location), read_only=False, busy_timeout_ms=BUSY_TIMEOUT_MS)
        )

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Give a connection that holds the writer's lock from the start."""
        with (
            self._database.connect().execution_options(**{WRITER: True}) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Let go of the database."""
        self._database.dispose()

    def reserve(self) -> int:
        """Return a number that no charge has had."""
        with self._database.connect() as connection:
            highest = connection.execute(sa.select(sa.func.max(charges.c.number))).scalar()
        return (highest or 0) + 1

    def add(self, number: int, station: str, token: str, terms: SessionTerms) -> Charge:
        """Note that a charge is about to be authorised."""
        with self._writing() as connection:
            connection.execute(
                charges.insert().values(
                    number=number,
                    station=station,
                    token=token,
                    phase=Phase.ASKED,
                    session_id=terms.session_id,
                    terms=canonical_json(terms.facts()),
                    sequence=0,
                )
            )
        return self.get(number)

    def get(self, number: int) -> Charge:
        """Return the charge of a number."""
        (found,) = self._select(charges.c.number == number)
        return found

    def open_charges(self) -> list[Charge]:
        """Return every charge that is not done, oldest first."""
        return self._select(charges.c.phase.in_(OPEN))

    def waiting(self, station: str, token: str) -> Charge | None:
        """Return the charge that is authorised for a token at a station and has not begun."""
        found = self._select(
            charges.c.station == station,
            charges.c.token == token,
            charges.c.phase == Phase.AUTHORISED,
        )
        return found[-1] if found else None

    def charging(self, *, token: str | None = None, station: str | None = None) -> list[Charge]:
        """Return what charges now, by token or station."""
        wanted = [charges.c.phase == Phase.CHARGING]
        if token is not None:
            wanted.append(charges.c.token == token)
        if station is not None:
            wanted.append(charges.c.station == station)
        return self._select(*wanted)

    def begun(self, station: str) -> list[Charge]:
        """Return every charge that ever began at a station, newest last."""
        return self._select(charges.c.station == station, charges.c.started_unix.is_not(None))

    def start(self, charge: Charge, *, connector: int, transaction: str | None, at: Sample) -> None:
        """Note where a charge began."""
        self._update(
            charge,
            phase=Phase.CHARGING,
            connector=connector,
            transaction=transaction,
            register_start_wh=at.register_wh,
            started_unix=to_unix(at.time),
            **_reading(0, at),
        )

    def read(self, charge: Charge, sequence: int, sample: Sample) -> None:
        """Note the newest reading."""
        self._update(charge, **_reading(sequence, sample))

    def move(self, charge: Charge, phase: Phase, reason: str | None = None) -> None:
        """Note where a charge stands now."""
        values: dict[str, Any] = {"phase": phase}
        if reason is not None:
            values["reason"] = reason
        self._update(charge, **values)

    def keep_unplaced(
        self, station: str, now: datetime, why: str, said: dict[str, str | int | None]
    ) -> None:
        """Keep what fits no charge, once."""
        row = {"station": station, "why": why, "said": canonical_json(said)}
        with self._writing() as connection:
            known = connection.execute(
                sa.select(unplaced.c.number).where(
                    *(unplaced.c[name] == value for name, value in row.items())
                )
            ).first()
            if known is None:
                connection.execute(unplaced.insert().values(heard_unix=to_unix(now), **row))

    def unplaced(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what fits no charge: station, reason, and what was said."""
        with self._database.connect() as connection:
            rows = connection.execute(sa.select(unplaced).order_by(unplaced.c.number)).all()
        return [(row.station, row.why, json.loads(row.said)) for row in rows]

    def _select(self, *wanted: sa.ColumnElement[bool]) -> list[Charge]:
        with self._database.connect() as connection:
            rows: Sequence[Any] = connection.execute(
                sa.select(charges).where(*wanted).order_by(charges.c.number)
            ).all()
        return [_charge(row) for row in rows]

    def _update(self, charge: Charge, **values: Any) -> None:
        with self._writing() as connection:
            connection.execute(
                charges.update().where(charges.c.number == charge.number).values(**values)
            )


def _reading(sequence: int, sample: Sample) -> dict[str, int]:
    return {
        "sequence": sequence,
        "register_wh": sample.register_wh,
        "read_unix": to_unix(sample.time),
        "read_status": int(sample.status),
    }


def _charge(row: Any) -> Charge:
    start = last = None
    if row.started_unix is not None:
        start = Sample(register_wh=row.register_start_wh, time=from_unix(row.started_unix))
        last = Sample(
            register_wh=row.register_wh, time=from_unix(row.read_unix), status=row.read_status
        )
    return Charge(
        number=row.number,
        station=row.station,
        token=row.token,
        phase=Phase(row.phase),
        session_id=bytes(row.session_id),
        terms=SessionTerms.from_facts(json.loads(row.terms)),
        connector=row.connector,
        transaction=row.transaction,
        sequence=row.sequence,
        start=start,
        last=last,
        reason=row.reason,
    )
