"""Reading real input: meter readings, participants and standing prices from files.

Every importer is whole or nothing: one broken line stops the file, and the error names file, line and
column, what was found there, and what to do.
"""

from sauma_metering.datahub import format_datahub, parse_datahub
from sauma_metering.files import read_participants, read_prices, read_readings, recognise_format
from sauma_metering.participants import (
    ParticipantRow,
    Role,
    parse_participants,
    production_points,
)
from sauma_metering.plain import KEY_DEFAULT, format_plain, parse_plain
from sauma_metering.prices import parse_prices
from sauma_metering.rounding import round_cumulatively

__all__ = [
    "KEY_DEFAULT",
    "ParticipantRow",
    "Role",
    "format_datahub",
    "format_plain",
    "parse_datahub",
    "parse_participants",
    "parse_plain",
    "parse_prices",
    "production_points",
    "read_participants",
    "read_prices",
    "read_readings",
    "recognise_format",
    "round_cumulatively",
]
