"""Charge points: what a station says over OCPP becomes a prepaid session that is settled and refunded.

A station speaks OCPP 1.6 or 2.0.1 to the `CentralSystem`.  The `ChargingDesk` turns authorise, start,
meter values and stop into steps of the metered escrow (`sauma.session`): hold, attest, capture and
release.  The simulator is the same package's client, so a charger can be played without one.
"""

from sauma_metering.charging.book import ChargeBook
from sauma_metering.charging.central import CentralSystem, station_verifier
from sauma_metering.charging.desk import ChargingDesk, SessionBook
from sauma_metering.charging.events import (
    Advice,
    ChargeEnded,
    ChargeSampled,
    ChargeStarted,
    Sample,
    Verdict,
)
from sauma_metering.charging.parties import Driver, Party, SigningDriver
from sauma_metering.charging.station import ChargingTariff, Station

__all__ = [
    "Advice",
    "CentralSystem",
    "ChargeBook",
    "ChargeEnded",
    "ChargeSampled",
    "ChargeStarted",
    "ChargingDesk",
    "ChargingTariff",
    "Driver",
    "Party",
    "Sample",
    "SessionBook",
    "SigningDriver",
    "Station",
    "Verdict",
    "station_verifier",
]
