"""The metering server's settings, from the configuration file."""

from __future__ import annotations

from sauma_metering.server.metering import MeteringSettings
from sauma_service.configuration import Configuration


def metering_settings(configuration: Configuration) -> MeteringSettings:
    """Return the settings that the file gives, and the usual ones for the rest."""
    section = configuration.metering
    return MeteringSettings(
        body_bytes_max=section.body_bytes_max,
        queue_rows_max=section.queue_rows_max,
        energy_wh_max=section.energy_wh_max,
    )
