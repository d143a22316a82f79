"""The desk: from what stations say to steps of sessions, each exactly once, whatever gets lost between.

A station's word is turned into evidence that the payee's meter key signs, and into one of these steps:

===============  ==========================================  =========================
the station      the session                                 on the chain
===============  ==========================================  =========================
authorise        1 authorise, with the driver's signature    hold
start            2 start, reading 0                          attest
meter values     kept here; only the highest counts          nothing
stop             7 close with the driver's receipt           capture and release
stop, no driver  8 claim with the last reading; 11 settle    attest; capture, release
silence          8 claim with the last reading the station sent
===============  ==========================================  =========================

Sequence and register decide, never the station's clock: a value that comes twice, late, or after the
end changes nothing.  What fits no charge is kept by the book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, Protocol

from sauma.errors import InsufficientBalance, InvalidInput, Refused, SaumaError, UnknownName
from sauma.identifiers import AccountId
from sauma.intervals import to_unix
from sauma.logs import get_logger
from sauma.session import (
    Authorisation,
    Receipt,
    Session,
    SessionReading,
    SessionStep,
    Signed,
    Transition,
    exit_of,
)
from sauma.session.arithmetic import gross_units
from sauma_metering.charging.book import Charge, ChargeBook, Phase
from sauma_metering.charging.events import (
    Advice,
    ChargeEnded,
    ChargeSampled,
    ChargeStarted,
    Sample,
    Verdict,
)
from sauma_metering.charging.parties import Driver, Party
from sauma_metering.charging.station import Station

LOST_END: Final = "another charge began at the connector before this one ended"
STATION_SILENT: Final = "the station was silent"

log = get_logger(__name__)


class SessionBook(Protocol):
    """Who carries sessions: an engine, or anything else that keeps its promises."""

    def submit(self, step: SessionStep) -> Session:
        """Take a step, or raise `Refused` or `InvalidInput` and change nothing; the same step is a no-op."""
        ...

    def session(self, session_id: bytes) -> Session | None:
        """Return where a session stands with every step that was taken, None if there is none."""
        ...


class ChargingDesk:
    """Turns the words of stations into sessions; everything it must remember is in its book."""

    def __init__(
        self,
        sessions: SessionBook,
        book: ChargeBook,
        *,
        stations: Iterable[Station],
        meters: Mapping[AccountId, Party],
        drivers: Mapping[str, Driver],
        now: Callable[[], datetime],
    ) -> None:
        """Take who carries sessions, the keys of the meters by account, and the drivers by token."""
        self._sessions = sessions
        self._book = book
        self._stations = {station.name: station for station in stations}
        self._meters = meters
        self._drivers = drivers
        self._now = now
        for station in self._stations.values():
            if station.meter not in meters:
                raise UnknownName(
                    f"station {station.name} has meter {station.meter}, whose key is not here: "
                    "give its Party in `meters`"
                )

    @property
    def stations(self) -> Mapping[str, Station]:
        """The stations that may speak."""
        return self._stations

    # --- what stations say ------------------------------------------------------------------------

    def authorise(self, station_name: str, token: str) -> Verdict:
        """Have the driver's money held, so that a charge can begin; asked twice it is held once."""
        station = self._station(station_name)
        driver = self._drivers.get(token)
        if driver is None:
            return Verdict.UNKNOWN
        if self._book.charging(token=token):
            return Verdict.BUSY
        waiting = self._book.waiting(station_name, token)
        if waiting is not None and self._now() < waiting.terms.starts_before:
            return Verdict.ACCEPTED
        number = self._book.reserve()
        terms = station.terms(driver.account, f"{station_name}:{token}:{number}", self._now())
        authorisation = Authorisation(
            session_id=terms.session_id,
            held_units=station.tariff.held_units,
            valid_until=to_unix(terms.starts_before),
        )
        signed = driver.authorise(terms, authorisation)
        if signed is None:
            return Verdict.BLOCKED
        charge = self._book.add(number, station_name, token, terms)
        try:
            caller = terms.operator if station.operator_submits else terms.payer
            self._step(charge, Transition.AUTHORISE, caller, signed)
        except InsufficientBalance as error:
            self._book.move(charge, Phase.REFUSED, str(error))
            return Verdict.NO_CREDIT
        except (Refused, InvalidInput) as error:
            self._book.move(charge, Phase.REFUSED, str(error))
            return Verdict.BLOCKED
        self._book.move(charge, Phase.AUTHORISED)
        return Verdict.ACCEPTED

    def started(self, event: ChargeStarted) -> tuple[int, Verdict]:
        """Begin a charge; return its number and whether the driver may charge.

        Told twice it is one charge.  A start that comes late, because the station was offline, is
        authorised now; a driver who cannot pay then is the payee's risk, and the start is kept.
        """
        station = self._station(event.station)
        if not 0 < event.connector <= station.connectors:
            raise InvalidInput(
                f"station {station.name} has connectors 1 to {station.connectors}, not "
                f"{event.connector}"
            )
        known = self._same_start(event)
        if known is not None:
            return known.number, Verdict.ACCEPTED
        for charge in self._book.charging(station=event.station):
            if charge.connector == event.connector:
                self._end(charge, LOST_END)
        waiting = self._book.waiting(event.station, event.token)
        verdict = (
            self.authorise(event.station, event.token) if waiting is None else Verdict.ACCEPTED
        )
        charge_or_none = waiting or self._book.waiting(event.station, event.token)
        if verdict is not Verdict.ACCEPTED or charge_or_none is None:
            self._unplaced(event.station, f"a start of a driver who is {verdict.value}", event)
            return 0, verdict
        charge = charge_or_none
        reading = self._reading(charge, 0, event.sample)
        try:
            self._step(charge, Transition.START, charge.terms.payee, reading)
        except (Refused, InvalidInput) as error:
            self._unplaced(event.station, f"a start that was refused: {error}", event)
            return 0, Verdict.BLOCKED
        self._book.start(
            charge, connector=event.connector, transaction=event.transaction, at=event.sample
        )
        return charge.number, Verdict.ACCEPTED

    def sampled(self, event: ChargeSampled) -> Advice:
        """Keep the highest reading of a charge; say stop when what is held is used up."""
        charge = self._find(event.station, event.transaction, event.connector)
        if charge is None:
            self._unplaced(event.station, "meter values of no charge that is known", event)
            return Advice.GO_ON
        if charge.phase is not Phase.CHARGING:
            log.info("reading_after_end", station=event.station, number=charge.number)
            return Advice.GO_ON
        for sample in sorted(event.samples, key=lambda each: each.time):
            charge = self._take(charge, sample)
        return self._advice(charge)

    def ended(self, event: ChargeEnded) -> None:
        """End a charge with its last reading; told twice it ends once."""
        charge = self._find(event.station, event.transaction, event.connector, event.token)
        if charge is None:
            self._unplaced(event.station, "the end of no charge that is known", event)
            return
        if charge.phase is Phase.CHARGING:
            if event.sample is not None:
                charge = self._take(charge, event.sample, is_last=True)
            self._end(charge, event.reason)

    def tick(self) -> int:
        """Do what time asks for: close what ended, claim from silent stations, settle, time out.

        One that cannot be done now is logged and tried again; it holds up no other.  Returns how many
        charges moved.
        """
        moved = 0
        for charge in self._book.open_charges():
            try:
                moved += self._tick(charge)
            except SaumaError as error:
                log.warning("charge_held", number=charge.number, reason=str(error))
        return moved

    # --- how it is done ---------------------------------------------------------------------------

    def _tick(self, charge: Charge) -> bool:
        session = self._sessions.session(charge.session_id)
        if session is None:
            if charge.phase is Phase.ASKED:
                self._book.move(charge, Phase.REFUSED, "nobody took the authorisation")
            return charge.phase is Phase.ASKED
        if session.state.is_terminal:
            self._book.move(charge, Phase.DONE)
            return True
        if charge.phase is Phase.ASKED:
            self._book.move(charge, Phase.AUTHORISED)
            return True
        if charge.phase is Phase.ENDING:
            self._close(charge)
            return True
        now = to_unix(self._now())
        if charge.phase is Phase.CHARGING and now > self._silent_after(charge):
            self._end(charge, STATION_SILENT)
            return True
        leaving = exit_of(session)
        if leaving is not None and now > leaving[1]:
            self._step(charge, leaving[0], charge.terms.operator)
            return True
        return False

    def _silent_after(self, charge: Charge) -> int:
        heard = charge.last.time if charge.last else charge.terms.starts_before
        return min(to_unix(heard) + charge.terms.silence_limit_s, to_unix(charge.terms.ends_before))

    def _take(self, charge: Charge, sample: Sample, *, is_last: bool = False) -> Charge:
        """Keep a sample if it is newer than the last; a register that fell is told and not kept."""
        last = charge.last
        if last is not None and sample.register_wh < last.register_wh:
            log.warning(
                "register_backwards",
                number=charge.number,
                register_wh=sample.register_wh,
                last_wh=last.register_wh,
            )
            return charge
        is_newer = last is None or sample.time > last.time or sample.register_wh > last.register_wh
        if not is_newer and not (is_last and charge.sequence == 0):
            return charge
        self._book.read(charge, charge.sequence + 1, sample)
        return self._book.get(charge.number)

    def _advice(self, charge: Charge) -> Advice:
        session = self._sessions.session(charge.session_id)
        if session is None or charge.start is None or charge.last is None:
            return Advice.GO_ON
        due_units = gross_units(
            charge.terms, session.held_units, charge.start.register_wh, charge.last.register_wh
        )
        delivered_wh = charge.last.register_wh - charge.start.register_wh
        is_used_up = due_units >= session.held_units or delivered_wh >= charge.terms.energy_wh_max
        return Advice.STOP if is_used_up else Advice.GO_ON

    def _end(self, charge: Charge, reason: str) -> None:
        """Note that a car is gone, then close its session; what fails now is done by `tick`."""
        self._book.move(charge, Phase.ENDING, reason)
        try:
            self._close(self._book.get(charge.number))
        except SaumaError as error:
            log.warning("charge_held", number=charge.number, reason=str(error))

    def _close(self, charge: Charge) -> None:
        """Close with the driver's receipt, or claim with the meter's reading and wait for the window."""
        session = self._sessions.session(charge.session_id)
        if session is None or charge.last is None or charge.sequence == 0:
            # nothing was ever read after the start, so nothing is due: the session expires
            self._book.move(charge, Phase.CLOSED)
            return
        receipt = self._receipt(charge, session, charge.last)
        if receipt is not None:
            self._step(charge, Transition.CLOSE, charge.terms.payee, receipt)
        else:
            reading = self._reading(charge, charge.sequence, charge.last)
            self._step(charge, Transition.CLAIM, charge.terms.payee, reading)
        self._book.move(charge, Phase.CLOSED)

    def _receipt(self, charge: Charge, session: Session, last: Sample) -> Signed | None:
        driver = self._drivers.get(charge.token)
        if driver is None:
            return None
        due_units = gross_units(
            charge.terms, session.held_units, session.register_start_wh, last.register_wh
        )
        return driver.countersign(
            session,
            Receipt(
                session_id=charge.session_id,
                sequence=charge.sequence,
                register_wh=last.register_wh,
                amount_units=due_units,
            ),
        )

    def _reading(self, charge: Charge, sequence: int, sample: Sample) -> Signed:
        reading = SessionReading(
            session_id=charge.session_id,
            sequence=sequence,
            register_wh=sample.register_wh,
            time=to_unix(sample.time),
            status=sample.status,
        )
        return self._meters[charge.terms.meter].signed(charge.terms, reading)

    def _step(
        self, charge: Charge, transition: Transition, caller: AccountId, *evidence: Signed
    ) -> None:
        self._sessions.submit(
            SessionStep(transition=transition, terms=charge.terms, caller=caller, evidence=evidence)
        )
        log.info("session_step", number=charge.number, transition=transition.name.lower())

    def _station(self, name: str) -> Station:
        if name not in self._stations:
            raise UnknownName(f"station {name} is not known here: register it")
        return self._stations[name]

    def _same_start(self, event: ChargeStarted) -> Charge | None:
        """Return the charge of which a station tells again that it began."""
        for charge in reversed(self._book.begun(event.station)):
            if event.transaction is not None and charge.transaction == event.transaction:
                return charge
            if (
                event.transaction is None
                and charge.connector == event.connector
                and charge.token == event.token
                and charge.start is not None
                and charge.start.register_wh == event.sample.register_wh
                and to_unix(charge.start.time) == to_unix(event.sample.time)
            ):
                return charge
        return None

    def _find(
        self,
        station: str,
        transaction: str | None,
        connector: int | None,
        token: str | None = None,
    ) -> Charge | None:
        """Return the charge that a station means: by its transaction, or else the one that charges there.

        A station that began offline has no number from us and says none, or -1.
        """
        self._station(station)
        if transaction is not None:
            for charge in reversed(self._book.begun(station)):
                if transaction == (charge.transaction or str(charge.number)):
                    return charge
            return None
        here = [
            charge
            for charge in self._book.charging(station=station)
            if connector in (None, charge.connector) and token in (None, charge.token)
        ]
        return here[0] if len(here) == 1 else None

    def _unplaced(
        self, station: str, why: str, event: ChargeStarted | ChargeSampled | ChargeEnded
    ) -> None:
        samples = event.samples if isinstance(event, ChargeSampled) else (event.sample,)
        highest = max(filter(None, samples), key=lambda each: each.register_wh, default=None)
        self._book.keep_unplaced(
            station,
            self._now(),
            why,
            {
                "event": type(event).__name__,
                "connector": event.connector,
                "transaction": event.transaction,
                "token": None if isinstance(event, ChargeSampled) else event.token,
                "register_wh": None if highest is None else highest.register_wh,
                "time": None if highest is None else to_unix(highest.time),
            },
        )
        log.warning("station_event_unplaced", station=station, why=why)
