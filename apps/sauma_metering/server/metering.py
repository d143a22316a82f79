"""`Metering`: checks what devices send, and commits it through one bounded queue.

Every batch is answered after its commit.  Batches that wait together are committed together, in one
transaction, so that many small devices cost one write to the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from types import TracebackType
from typing import Final, Self

import attrs
import numpy as np

from sauma.clock import Clock, SystemClock
from sauma.errors import InvalidInput, SaumaError, StoreError
from sauma.logs import get_logger
from sauma.readings import Fault, ReadingColumns
from sauma.store import Store
from sauma.store.points import Points
from sauma.taking import ReadingDesk, Taken
from sauma_metering.server.devices import Device, DeviceRegistry

log = get_logger(__name__)

NOT_YOURS: Final = "not_yours"
IMPLAUSIBLE: Final = "implausible"
TOO_EARLY: Final = "too_early"


@attrs.frozen(kw_only=True)
class MeteringSettings:
    """What the server takes, and how much of it at a time."""

    body_bytes_max: int = 8 * 1024 * 1024
    queue_rows_max: int = 100_000
    """Readings that may wait to be committed; beyond, devices are asked to come later."""
    device_batches_max: int = 4
    """Batches of one device that may wait at the same time."""
    commit_rows_max: int = 50_000
    energy_wh_max: int = 25_000
    """What a metering point can measure in an interval unless it has its own limit: 100 kW for a quarter."""
    ahead_s: int = 300
    """How far a device's clock may be ahead: an interval that ends later has not been measured."""
    retry_after_s: int = 2

    def __attrs_post_init__(self) -> None:
        """Refuse limits that let nothing pass."""
        for field in attrs.fields(type(self)):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidInput(f"{field.name} is {value!r}: give a whole number from 1")


class Overloaded(SaumaError):
    """Nothing was taken: too much waits already, or the store is busy.  Send it again later."""

    def __init__(self, message: str, *, of_device: bool) -> None:
        super().__init__(message)
        self.of_device = of_device


@attrs.frozen(kw_only=True)
class _Waiting:
    """A batch in the queue, and who is told what became of it."""

    columns: ReadingColumns
    answer: asyncio.Future[Taken]


class Metering:
    """Readings from devices into the journal; for one event loop."""

    def __init__(
        self,
        store: Store,
        devices: DeviceRegistry,
        *,
        clock: Clock | None = None,
        settings: MeteringSettings | None = None,
    ) -> None:
        """Work on an open store and registry, which stay the caller's to close."""
        self.store = store
        self.devices = devices
        self.settings = settings or MeteringSettings()
        self.clock = clock or SystemClock()
        self.counts: Counter[str] = Counter()
        """Readings by what became of them, and refusals by code."""
        self.waiting_rows = 0
        self._desk = ReadingDesk(store, clock=self.clock)
        self._of_device: Counter[str] = Counter()
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._committing: asyncio.Task[None] | None = None
        self._owned: contextlib.ExitStack = contextlib.ExitStack()

    @classmethod
    def open(
        cls,
        store: str | os.PathLike[str],
        devices: str | os.PathLike[str],
        *,
        clock: Clock | None = None,
        settings: MeteringSettings | None = None,
    ) -> Self:
        """Open store and registry at their places; `close` lets go of them."""
        with contextlib.ExitStack() as stack:
            opened = stack.enter_context(Store.open(store, create=False))
            registry = stack.enter_context(DeviceRegistry.open(devices))
            metering = cls(opened, registry, clock=clock, settings=settings)
            metering._owned = stack.pop_all()
        return metering

    def close(self) -> None:
        """Let go of what `open` opened."""
        self._owned.close()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()

    # --- taking ---------------------------------------------------------------------------------

    async def take(
        self, device: Device, columns: ReadingColumns, faults: dict[int, Fault]
    ) -> Taken:
        """Check a batch against its device, commit what is sound, and say what became of each row.

        Raises `Overloaded` when it cannot wait any more or the store is busy; nothing was taken then.
        """
        if self._of_device[device.name] >= self.settings.device_batches_max:
            raise Overloaded(
                f"{self.settings.device_batches_max} batches of this device wait already",
                of_device=True,
            )
        if self.waiting_rows + len(columns) > max(self.settings.queue_rows_max, len(columns)):
            raise Overloaded(f"{self.waiting_rows} readings wait already", of_device=False)
        self._of_device[device.name] += 1
        self.waiting_rows += len(columns)
        try:
            return await self._take(device, columns, faults)
        finally:
            self._of_device[device.name] -= 1
            self.waiting_rows -= len(columns)

    async def _take(
        self, device: Device, columns: ReadingColumns, faults: dict[int, Fault]
    ) -> Taken:
        points = await asyncio.to_thread(self._desk.points)
        limits = await asyncio.to_thread(self.devices.limits)
        refused = {**self._refusals(device, columns, points, limits), **faults}
        sound = [row for row in range(len(columns)) if row not in refused]
        taken = Taken(new=0, known=0, late={}, refused={})
        if sound:
            taken = await self._commit(columns if not refused else _rows(columns, sound))
        back = dict(enumerate(sound))
        found = Taken(
            new=taken.new,
            known=taken.known,
            late={back[row]: why for row, why in taken.late.items()},
            refused={**refused, **{back[row]: fault for row, fault in taken.refused.items()}},
        )
        self._note(device, found)
        return found

    def _refusals(
        self, device: Device, columns: ReadingColumns, points: Points, limits: dict[str, int]
    ) -> dict[int, Fault]:
        """Return what the device may not report or nobody can believe."""
        refused: dict[int, Fault] = {}
        allowed = {number for number, area in enumerate(points.areas) if area in device.areas}
        for row, gsrn in enumerate(columns.metering_point):
            if gsrn in device.points:
                continue
            number = points.numbers.get(gsrn, -1)
            if number < 0 or int(points.area[number]) not in allowed:
                refused[row] = Fault(
                    field="metering_point",
                    code=NOT_YOURS,
                    message=f"this device does not report metering point {gsrn[:40]}",
                )
        usual_wh = self.settings.energy_wh_max
        for field in ("imported_wh", "exported_wh"):
            values = getattr(columns, field)
            smallest_wh = min((usual_wh, *limits.values()))
            for row in np.flatnonzero(values > smallest_wh).tolist():
                limit_wh = limits.get(columns.metering_point[row], usual_wh)
                if values[row] > limit_wh:
                    text = (
                        f"{field} of {values[row]} Wh is above {limit_wh}, the limit of this point"
                    )
                    refused.setdefault(row, Fault(field=field, code=IMPLAUSIBLE, message=text))
        now_unix = int(self.clock.now().timestamp()) + self.settings.ahead_s
        for row in np.flatnonzero(columns.interval_start > now_unix).tolist():
            text = "the interval has not begun: is the clock of the device right?"
            refused.setdefault(row, Fault(field="interval_start", code=TOO_EARLY, message=text))
        return refused

    def _note(self, device: Device, taken: Taken) -> None:
        """Count and log what became of a batch; a refusal is logged by name, without contents."""
        self.counts.update(new=taken.new, known=taken.known, late=len(taken.late))
        self.counts["refused"] += len(taken.refused)
        for row, fault in taken.refused.items():
            self.counts[f"refused {fault.code}"] += 1
            log.warning(
                "reading_refused", device=device.name, item=row, field=fault.field, code=fault.code
            )
        if taken.late:
            log.info("readings_came_late", device=device.name, readings=len(taken.late))

    # --- committing -----------------------------------------------------------------------------

    async def _commit(self, columns: ReadingColumns) -> Taken:
        """Queue a batch and wait for its commit."""
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._work_off())
        answer: asyncio.Future[Taken] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Waiting(columns=columns, answer=answer))
        return await answer

    async def _work_off(self) -> None:
        """Commit what waits, as much at a time as one transaction should hold."""
        while not self._queue.empty():
            lot: list[_Waiting] = []
            rows = 0
            while not self._queue.empty() and (not lot or rows < self.settings.commit_rows_max):
                lot.append(self._queue.get_nowait())
                rows += len(lot[-1].columns)
            try:
                taken = await asyncio.to_thread(self._desk.take, [one.columns for one in lot])
            except StoreError as error:
                log.warning("readings_not_taken", readings=rows, reason=str(error))
                _fail(lot, Overloaded(f"nothing was stored: {error}", of_device=False))
            except Exception as error:
                _fail(lot, error)
            else:
                for one, found in zip(lot, taken, strict=True):
                    if not one.answer.done():
                        one.answer.set_result(found)

    async def stop(self) -> None:
        """Wait until everything that was taken on is committed and answered."""
        if self._committing is not None:
            await self._committing


def _fail(lot: list[_Waiting], error: Exception) -> None:
    for one in lot:
        if not one.answer.done():
            one.answer.set_exception(error)


def _rows(columns: ReadingColumns, rows: list[int]) -> ReadingColumns:
    chosen = np.array(rows)
    return ReadingColumns(
        metering_point=[columns.metering_point[row] for row in rows],
        interval_start=columns.interval_start[chosen],
        imported_wh=columns.imported_wh[chosen],
        exported_wh=columns.exported_wh[chosen],
        quality=columns.quality[chosen],
        version=columns.version[chosen],
        key=[columns.key[row] for row in rows],
    )
