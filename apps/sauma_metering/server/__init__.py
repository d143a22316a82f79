"""The metering server: readings over HTTP, committed before they are acknowledged.

::

    app = metering_app(Metering.open(folder / "store.sqlite", folder / "devices.sqlite"))

It needs the `metering` extra; nothing here is loaded by `import sauma_metering`.
"""

from sauma_metering.server.app import metering_app, metering_routes
from sauma_metering.server.devices import Device, DeviceRegistry
from sauma_metering.server.live import EnergyTotals, live_totals
from sauma_metering.server.metering import Metering, MeteringSettings
from sauma_metering.server.serving import HttpServer

__all__ = [
    "Device",
    "DeviceRegistry",
    "EnergyTotals",
    "HttpServer",
    "Metering",
    "MeteringSettings",
    "live_totals",
    "metering_app",
    "metering_routes",
]
