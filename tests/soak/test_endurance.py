"""An installation works on while any of its processes is killed at random, again and again."""

from __future__ import annotations

import os
import random
import tempfile
import time
from pathlib import Path

import pytest

from sauma.intervals import Interval

from .examining import faults_of
from .installation import AREAS, FINALITY_BLOCKS, NAMES, Installation, operate

MEMORY = Path("/dev/shm")  # noqa: S108
QUIET = ("sauma_open_intervals", "sauma_unsettled_intervals", "sauma_unfinished_settlements")


def endure(
    seconds: float, *, seed: int, pause_s: float, speed: float, block_s: float
) -> dict[str, int]:
    """Operate under kills, come to rest, and examine; return how often each was killed."""
    with tempfile.TemporaryDirectory(
        dir=MEMORY if os.access(MEMORY, os.W_OK) else None, prefix="sauma-soak-"
    ) as name:
        place = Installation(Path(name), speed=speed, block_s=block_s)
        try:
            _begin(place)
            operate(place, seconds, random.Random(seed), pause_s)
            intervals = _come_to_rest(place)
            url = f"http://127.0.0.1:{place.ports['node']}"
            faults = faults_of(place.folder / "settlement", url, place.points)
        finally:
            place.close()
    assert faults == []
    return {**place.kills, "intervals": intervals}


def _begin(place: Installation) -> None:
    """Fund the issuer that the folder's keystore makes, and start everything."""
    from sauma.settlement import ISSUER
    from sauma_cli.keys import Keys
    from sauma_cli.nem_sites import PREFUNDED_MICRO

    place.make_devices()
    issuer = Keys(place.folder / "settlement" / "keys", "testnet").account(ISSUER)
    (place.folder / "funds.json").write_text(f'{{"{issuer.address}": {PREFUNDED_MICRO}}}')
    for name in NAMES:
        place.start(name)
    place.wait_for("at work", lambda found: found.get("sauma_chain_height", 0) > 0, 90)


def _come_to_rest(place: Installation) -> int:
    """Stop the meters, let everything become final, stop the service; return how many intervals closed."""
    # Asked to end while the server is away, meters report the rest after their next start.
    running = Interval.containing(place.clock_now())
    place.wait_until("reported", lambda: place.has_reported(running.start), 120)
    assert place.stop("meters") == 0, place.tail("meters")
    place.wait_for(
        "at rest",
        lambda found: all(found.get(name) == 0 for name in QUIET),
        240,
    )
    place.wait_for("compared", lambda found: "sauma_ledger_minus_chain_wh" in found, 60)
    figures = place.metrics()
    assert figures["sauma_ledger_minus_chain_wh"] == 0
    assert figures["sauma_outbox_batches"] == 0
    assert place.stop("run") == 0, place.tail("run")
    assert place.stop("metering") == 0, place.tail("metering")
    import sqlalchemy as sa

    from sauma.store import Store
    from sauma.store import projections as p

    with Store.open(place.folder / "settlement" / "store.sqlite") as store:
        (row,) = store.query(sa.select(sa.func.count()).select_from(p.cleared_intervals))
    return int(row[0])


def test_half_a_minute_under_kills():
    """Killed at random, node, service, metering server and meters come back; all of it agrees."""
    found = endure(15, seed=1, pause_s=1.5, speed=450, block_s=0.25)

    assert sum(found[name] for name in NAMES) >= 5
    assert found["intervals"] >= len(AREAS)


@pytest.mark.soak
def test_ten_minutes_under_kills(capsys):
    """The same for ten minutes."""
    began = time.monotonic()
    found = endure(600, seed=2, pause_s=3, speed=450, block_s=0.25)
    with capsys.disabled():
        print(f"\n{found} in {time.monotonic() - began:.0f} s; finality {FINALITY_BLOCKS} blocks")

    assert min(found[name] for name in NAMES) >= 10
