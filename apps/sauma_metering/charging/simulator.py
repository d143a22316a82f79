"""A charge point that is played: the same OCPP package's client, with a meter, a queue and bad days.

It delivers energy by its own clock, tells what a real station tells, and can lose its connection: what
it could not say waits in its queue and is said, in order, when it is back, as OCPP asks.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import attrs
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v16.enums import Action as Action16
from ocpp.v16.enums import Reason, RemoteStartStopStatus
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from ocpp.v201.enums import Action as Action201
from ocpp.v201.enums import RequestStartStopStatusEnumType
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

SUBPROTOCOL: Final = {"1.6": "ocpp1.6", "2.0.1": "ocpp2.0.1"}
NO_TRANSACTION: Final = -1
"""What a 1.6 station says while it has no number from the central system."""


class _Client16(ChargePoint16):
    """Hears what the central system asks of a 1.6 station."""

    stop_asked: Callable[[], None]

    @on(Action16.remote_stop_transaction)
    async def on_stop(self, **_: Any) -> result16.RemoteStopTransaction:
        self.stop_asked()
        return result16.RemoteStopTransaction(status=RemoteStartStopStatus.accepted)


class _Client201(ChargePoint201):
    """Hears what the central system asks of a 2.0.1 station."""

    stop_asked: Callable[[], None]

    @on(Action201.request_stop_transaction)
    async def on_stop(self, **_: Any) -> result201.RequestStopTransaction:
        self.stop_asked()
        return result201.RequestStopTransaction(status=RequestStartStopStatusEnumType.accepted)


@attrs.define(kw_only=True)
class SimulatedStation:
    """One station with one connector in use; enter it to connect.

    ::

        async with SimulatedStation(url=central.url, name="corner", password=…, version="2.0.1") as car:
            await car.plug_in("card-7")
            await car.charge(1500)
            await car.unplug()
    """

    url: str
    name: str
    password: str
    version: str = "1.6"
    connector: int = 1
    register_wh: int = 1_000_000
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    stop_requested: bool = attrs.field(default=False, init=False)
    transaction: int | str = attrs.field(default=NO_TRANSACTION, init=False)
    _token: str = attrs.field(default="", init=False)
    _sequence: int = attrs.field(default=0, init=False)
    _number: int = attrs.field(default=0, init=False)
    _queue: deque[Any] = attrs.field(factory=deque, init=False)
    _connection: ClientConnection | None = attrs.field(default=None, init=False)
    _client: Any = attrs.field(default=None, init=False)
    _listening: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    async def __aenter__(self) -> SimulatedStation:
        """Connect and say hello."""
        await self.connect()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        await self.disconnect()

    # --- the line ---------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect, say hello, and tell everything that waited."""
        credentials = base64.b64encode(f"{self.name}:{self.password}".encode()).decode()
        self._connection = await connect(
            f"{self.url}/{self.name}",
            subprotocols=[SUBPROTOCOL[self.version]],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Basic {credentials}"},
        )
        client = (_Client16 if self.version == "1.6" else _Client201)(self.name, self._connection)
        client.stop_asked = self._note_stop
        self._client = client
        self._listening = asyncio.create_task(_listen(client))
        await self.say(self._hello())
        while self._queue:
            await self._deliver(self._queue[0])
            self._queue.popleft()

    async def disconnect(self) -> None:
        """Lose the connection; what is said from now on waits."""
        if self._connection is not None:
            await self._connection.close()
            self._connection = None
        if self._listening is not None:
            await self._listening
            self._listening = None

    async def say(self, request: Any) -> Any:
        """Ask the central system something and return its answer; needs a connection."""
        return await self._client.call(request, suppress=False)

    async def tell(self, request: Any) -> Any:
        """Tell something that must arrive: now, or when the station is back."""
        if self._connection is None or self._queue:
            self._queue.append(request)
            return None
        return await self._deliver(request)

    async def _deliver(self, request: Any) -> Any:
        if isinstance(request, call16.StopTransaction | call16.MeterValues) and (
            request.transaction_id == NO_TRANSACTION
        ):
            request.transaction_id = self.transaction  # it has a number by now, if it ever gets one
        answer = await self.say(request)
        if isinstance(request, call16.StartTransaction):
            self.transaction = answer.transaction_id
        return answer

    # --- what a driver does -----------------------------------------------------------------------

    async def authorize(self, token: str) -> str:
        """Hold a card before the reader; return what the display says."""
        if self.version == "1.6":
            answer = await self.say(call16.Authorize(id_tag=token))
            return str(answer.id_tag_info["status"])
        answer = await self.say(call201.Authorize(id_token=_token(token)))
        return str(answer.id_token_info["status"])

    async def plug_in(self, token: str) -> str | None:
        """Begin to charge; return what the central system says of it, None while offline."""
        self._token, self._sequence, self.stop_requested = token, 0, False
        if self.version == "1.6":
            self.transaction = NO_TRANSACTION
            answer = await self.tell(
                call16.StartTransaction(
                    connector_id=self.connector,
                    id_tag=token,
                    meter_start=self.register_wh,
                    timestamp=self._time(),
                )
            )
            return None if answer is None else str(answer.id_tag_info["status"])
        self._number += 1
        self.transaction = f"{self.name}-{self.register_wh}-{self._number}"
        answer = await self.tell(self._event("Started", "Authorized", "Transaction.Begin"))
        return None if answer is None else str(answer.id_token_info["status"])

    async def charge(self, energy_wh: int) -> None:
        """Deliver energy and tell the register."""
        self.register_wh += energy_wh
        if self.version == "1.6":
            await self.tell(
                call16.MeterValues(
                    connector_id=self.connector,
                    transaction_id=int(self.transaction),
                    meter_value=[self._values("Sample.Periodic")],
                )
            )
        else:
            await self.tell(self._event("Updated", "MeterValuePeriodic", "Sample.Periodic"))

    async def unplug(self, reason: str = "Local") -> None:
        """Stop charging and tell the last register."""
        if self.version == "1.6":
            await self.tell(
                call16.StopTransaction(
                    meter_stop=self.register_wh,
                    timestamp=self._time(),
                    transaction_id=int(self.transaction),
                    reason=Reason(reason),
                    id_tag=self._token,
                )
            )
        else:
            await self.tell(self._event("Ended", "EVDeparted", "Transaction.End", reason))

    # --- what is said -----------------------------------------------------------------------------

    def _note_stop(self) -> None:
        self.stop_requested = True

    def _hello(self) -> Any:
        if self.version == "1.6":
            return call16.BootNotification(
                charge_point_model="simulated", charge_point_vendor="sauma"
            )
        return call201.BootNotification(
            charging_station={"model": "simulated", "vendor_name": "sauma"}, reason="PowerUp"
        )

    def _event(self, kind: str, trigger: str, context: str, reason: str | None = None) -> Any:
        """Return a 2.0.1 event; each has the next sequence number of its transaction."""
        event = call201.TransactionEvent(
            event_type=kind,
            timestamp=self._time(),
            trigger_reason=trigger,
            seq_no=self._sequence,
            transaction_info={"transaction_id": self.transaction}
            | ({} if reason is None else {"stopped_reason": reason}),
            meter_value=[self._values(context)],
            offline=self._connection is None,
            evse={"id": self.connector} if kind == "Started" else None,
            id_token=_token(self._token) if kind == "Started" else None,
        )
        self._sequence += 1
        return event

    def _values(self, context: str) -> dict[str, Any]:
        value = str(self.register_wh) if self.version == "1.6" else self.register_wh
        return {
            "timestamp": self._time(),
            "sampled_value": [
                {
                    "value": value,
                    "context": context,
                    "measurand": "Energy.Active.Import.Register",
                }
            ],
        }

    def _time(self) -> str:
        return self.now().isoformat().replace("+00:00", "Z")


async def _listen(client: Any) -> None:
    try:
        await client.start()
    except ConnectionClosed:
        return


def _token(text: str) -> dict[str, str]:
    return {"id_token": text, "type": "ISO14443"}
