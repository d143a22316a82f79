"""Under pressure nothing that was acknowledged is lost, and what is refused may come again."""

from __future__ import annotations

import asyncio
import json

import pytest

from sauma.errors import StoreBusy
from sauma.readings import ReadingColumns
from sauma_metering.server import Device, Metering, MeteringSettings
from sauma_metering.server.messages import decode_batch
from sauma_metering.server.metering import Overloaded

from .conftest import GSRN, Site, reading


def columns(number: int) -> ReadingColumns:
    """One reading of Anna's."""
    found, faults = decode_batch(json.dumps({"readings": [reading("anna", number)]}).encode())
    assert faults == {}
    return found


DEVICE = Device(name="meter-anna", points=frozenset([GSRN["anna"]]), areas=frozenset())


def test_what_waits_together_is_committed_together(site: Site):
    """Many small batches at once cost few entries, and each is answered by itself."""
    before = site.engine.store.head_sequence()

    async def send() -> list[int]:
        metering = Metering(
            site.metering.store,
            site.devices,
            clock=site.clock,
            settings=MeteringSettings(device_batches_max=50),
        )
        taken = await asyncio.gather(*(metering.take(DEVICE, columns(n), {}) for n in range(40)))
        return [one.new for one in taken]

    assert asyncio.run(send()) == [1] * 40
    assert site.rows() == 40
    assert site.engine.store.head_sequence() - before < 20


def test_a_device_that_does_not_wait_for_answers_is_slowed_alone(site: Site):
    """Beyond its share it gets 429; what it had sent before is taken."""

    async def send() -> list[object]:
        metering = Metering(
            site.metering.store,
            site.devices,
            clock=site.clock,
            settings=MeteringSettings(device_batches_max=2),
        )
        return await asyncio.gather(
            *(metering.take(DEVICE, columns(number), {}) for number in range(5)),
            return_exceptions=True,
        )

    found = asyncio.run(send())

    slowed = [one for one in found if isinstance(one, Overloaded)]
    assert [one.of_device for one in slowed] == [True] * 3
    assert site.rows() == 2


def test_a_full_queue_takes_nothing_more(site: Site):
    """Whoever comes then is asked to come again; nothing of it was taken."""

    async def send() -> list[object]:
        metering = Metering(
            site.metering.store,
            site.devices,
            clock=site.clock,
            settings=MeteringSettings(device_batches_max=9, queue_rows_max=3),
        )
        return await asyncio.gather(
            *(metering.take(DEVICE, columns(number), {}) for number in range(5)),
            return_exceptions=True,
        )

    found = asyncio.run(send())

    assert sum(isinstance(one, Overloaded) and not one.of_device for one in found) == 2
    assert site.rows() == 3


def test_a_busy_store_is_answered_with_come_again(site: Site, monkeypatch: pytest.MonkeyPatch):
    """Another process writes for too long: 503 with the time to wait, and the same again is taken."""

    def busy(_: object) -> None:
        raise StoreBusy("another process writes")

    with monkeypatch.context() as patched:
        patched.setattr(site.metering._desk, "take", busy)
        refused = site.send(reading())
    taken = site.send(reading())

    assert (refused.status, refused.headers["retry-after"]) == (503, "2")
    assert (taken.status, taken.body["new"]) == (200, 1)
