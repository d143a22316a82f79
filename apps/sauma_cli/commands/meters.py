"""`sauma meters`: simulated meters that play real profiles against a metering server."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from sauma.errors import InvalidInput
from sauma.intervals import parse_time
from sauma.offers import Reading
from sauma_cli.commands.run import CONFIG_DEFAULT, _ConfigOption
from sauma_cli.logging_setup import configure_logging
from sauma_cli.options import Json, Verbose
from sauma_cli.screen import Screen
from sauma_cli.stopping import stopped_by_signals
from sauma_metering import read_readings
from sauma_metering.simulator import Meter, MeterSimulator, Profile
from sauma_service.configuration import read_configuration


def meters(
    *,
    profile: Annotated[Path, Parameter(help="Readings of whole days (CSV), which repeat.")],
    tokens: Annotated[Path, Parameter(help="JSON object: token of each metering point.")],
    url: Annotated[
        str | None, Parameter(help="The metering server; from the file if left out.")
    ] = None,
    since: Annotated[
        str | None, Parameter(help="Report from this time on (ISO 8601); from now if left out.")
    ] = None,
    config: _ConfigOption = CONFIG_DEFAULT,
    json: Json = False,
    verbose: Verbose = False,
) -> int:
    """Play meters until Ctrl-C: each interval is reported when it has ended, at the file's clock."""
    configure_logging(verbose=verbose)
    found = read_configuration(config)
    clock = found.make_clock()
    screen = Screen(as_json=json)
    target = url or f"http://{found.metering.host}:{found.metering.port}"
    simulator = MeterSimulator(
        target,
        _meters(profile, tokens),
        clock=clock,
        since=clock.now() if since is None else parse_time(since, "--since"),
    )
    screen.show(f"[bold]meters[/] report to {target}")
    screen.finish({"url": target})
    with stopped_by_signals() as stop:
        simulator.run(stop, poll_s=0.2 if found.clock is not None else 1.0)
    return 0


def _meters(profile: Path, tokens: Path) -> list[Meter]:
    by_point: dict[str, list[Reading]] = defaultdict(list)
    for one in read_readings(profile):
        by_point[one.metering_point].append(one)
    try:
        known = msgspec.json.decode(tokens.read_bytes(), type=dict[str, str])
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(
            f"cannot read {tokens} as a JSON object of metering point and token: {error}"
        ) from error
    unknown = sorted(known.keys() - by_point.keys())
    if unknown:
        raise InvalidInput(f"{profile} has no readings of {unknown[0]}: leave its token out")
    points: dict[str, dict[str, Profile]] = defaultdict(dict)
    for gsrn, token in sorted(known.items()):
        points[token][gsrn] = Profile(by_point[gsrn])
    return [Meter(token=token, profiles=profiles) for token, profiles in points.items()]
