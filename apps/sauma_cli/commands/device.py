"""`sauma device`: which device may report which metering points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from sauma.clock import SystemClock
from sauma.errors import InvalidInput
from sauma_cli.commands.run import CONFIG_DEFAULT, _ConfigOption
from sauma_cli.options import Json
from sauma_cli.screen import Screen
from sauma_metering.server.devices import DeviceRegistry
from sauma_service.configuration import read_configuration

_Name = Annotated[str, Parameter(name="NAME", help="What the device is called.")]


def add(
    name: _Name,
    /,
    *,
    point: Annotated[
        tuple[str, ...], Parameter(help="A metering point that it reports; may be given again.")
    ] = (),
    area: Annotated[
        tuple[str, ...], Parameter(help="An area, all of whose points a head-end system reports.")
    ] = (),
    config: _ConfigOption = CONFIG_DEFAULT,
    json: Json = False,
) -> int:
    """Register a device and show its token, this once."""
    screen = Screen(as_json=json)
    with _registry(config) as registry:
        token = registry.add(name, SystemClock().now(), points=point, areas=area)
    screen.show(f"[bold]{name}[/] reports with the token", f"  {token}")
    screen.show("keep it in the device: it is not shown again")
    screen.finish({"device": name, "token": token})
    return 0


def revoke(name: _Name, /, *, config: _ConfigOption = CONFIG_DEFAULT, json: Json = False) -> int:
    """Take a device's token out of use, at once and for ever."""
    screen = Screen(as_json=json)
    with _registry(config) as registry:
        registry.revoke(name, SystemClock().now())
    screen.show(f"[bold]{name}[/] cannot report any more")
    screen.finish({"device": name, "revoked": True})
    return 0


def devices(*, config: _ConfigOption = CONFIG_DEFAULT, json: Json = False) -> int:
    """List the devices and what they report."""
    screen = Screen(as_json=json)
    with _registry(config) as registry:
        known = registry.devices()
    for one in known:
        bound = ", ".join([*sorted(one.points), *(f"area {area}" for area in sorted(one.areas))])
        screen.show(f"{one.name}  {bound}{'  revoked' if one.is_revoked else ''}")
    screen.finish(
        {
            "devices": [
                {
                    "device": one.name,
                    "points": sorted(one.points),
                    "areas": sorted(one.areas),
                    "revoked": one.is_revoked,
                }
                for one in known
            ]
        }
    )
    return 0


def _registry(config: Path) -> DeviceRegistry:
    found = read_configuration(config)
    folder = found.path(found.folder)
    location = found.devices()
    if isinstance(location, Path) and not folder.is_dir():
        raise InvalidInput(f"there is no folder {folder}: start `sauma run` once, or make it")
    return DeviceRegistry.open(location)
