"""What a node can do wrong on purpose, and the switches that make it do so.

::

    node.faults.on(ServerError(), times=3)                         # the next three requests
    node.faults.on(Drop(lost="answer"), routes=("/transaction/announce",))
    node.faults.on(Delay(milliseconds=200), every=3)               # each third one
    node.faults.on(WrongHash(), permille=50)                       # drawn by the seed

A switch strikes the requests it is set for until its `times` are used up or it is put `off`.  The
routes under /sauma/ are never struck, so that another process can always put a switch off.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, ClassVar, Literal, get_type_hints

import attrs

from sauma.errors import InvalidInput

Lost = Literal["request", "answer"]
"""What got lost: the request, which the node then never had, or the answer to one it worked on."""

_PER_MILLE = 1_000
_LOST = ("request", "answer")


class Fault:
    """One way of going wrong; `name` is what the control route calls it."""

    name: ClassVar[str]

    def members(self) -> dict[str, Any]:
        """The fault's own settings, as JSON shows them."""
        return attrs.asdict(self)  # type: ignore[arg-type]


def _is_lost(_fault: object, _attribute: object, value: str) -> None:
    if value not in _LOST:
        raise InvalidInput(f"a request or an answer can be lost, not {value!r}")


def _is_count(_fault: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidInput(f"{attribute.name} must be an integer of at least 1, not {value!r}")


def _is_shift(_fault: object, attribute: attrs.Attribute[int], value: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value == 0:
        raise InvalidInput(f"{attribute.name} must be an integer other than 0, not {value!r}")


def _is_error_status(_fault: object, _attribute: object, value: int) -> None:
    if not isinstance(value, int) or not 400 <= value <= 599:
        raise InvalidInput(f"an HTTP error has a status from 400 to 599, not {value!r}")


@attrs.frozen(kw_only=True)
class Drop(Fault):
    """The connection ends in good order without an answer."""

    name = "drop"
    lost: Lost = attrs.field(default="request", validator=_is_lost)


@attrs.frozen(kw_only=True)
class Reset(Fault):
    """The connection is reset (RST), as by a node that was killed."""

    name = "reset"
    lost: Lost = attrs.field(default="request", validator=_is_lost)


@attrs.frozen(kw_only=True)
class Delay(Fault):
    """The request waits so long before the node sees it."""

    name = "delay"
    milliseconds: int = attrs.field(validator=_is_count)


@attrs.frozen(kw_only=True)
class Duplicate(Fault):
    """The node gets the request twice; the answer is the one to the second."""

    name = "duplicate"


@attrs.frozen(kw_only=True)
class WrongHash(Fault):
    """Every hash in the answer is another one."""

    name = "wrong_hash"


@attrs.frozen(kw_only=True)
class StaleHeight(Fault):
    """The node answers as it did so many blocks ago; what is announced it takes nevertheless."""

    name = "stale_height"
    blocks: int = attrs.field(default=1, validator=_is_count)


@attrs.frozen(kw_only=True)
class HalfPage(Fault):
    """Of a list in the answer only the first half is there, rounded down."""

    name = "half_page"


@attrs.frozen(kw_only=True)
class CutShort(Fault):
    """The connection ends in the middle of the answer's body."""

    name = "cut_short"


@attrs.frozen(kw_only=True)
class ServerError(Fault):
    """An HTTP error instead of an answer: 500 unless told otherwise, 429 for a node that is busy."""

    name = "server_error"
    status: int = attrs.field(default=500, validator=_is_error_status)
    message: str | None = "java.lang.NullPointerException"
    lost: Lost = attrs.field(default="request", validator=_is_lost)


@attrs.frozen(kw_only=True)
class NotBooted(Fault):
    """The node runs but has not been booted: what needs the network is answered 503."""

    name = "not_booted"


@attrs.frozen(kw_only=True)
class Loading(Fault):
    """The node loads its chain: all but height and status is answered 503."""

    name = "loading"


@attrs.frozen(kw_only=True)
class TimeSkew(Fault):
    """The node's clock is so many seconds ahead, or behind for a negative number."""

    name = "time_skew"
    seconds: int = attrs.field(validator=_is_shift)


FAULTS: Mapping[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        Drop,
        Reset,
        Delay,
        Duplicate,
        WrongHash,
        StaleHeight,
        HalfPage,
        CutShort,
        ServerError,
        NotBooted,
        Loading,
        TimeSkew,
    )
}
"""Every fault by its name."""


def fault_named(name: str, members: Mapping[str, Any]) -> Fault:
    """The fault of this name with these settings.  Raises InvalidInput for what there is not."""
    kind = FAULTS.get(name)
    if kind is None:
        raise InvalidInput(f"there is no fault {name!r}; take one of {', '.join(FAULTS)}")
    known = {each.name for each in attrs.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(members) - known)
    if unknown:
        raise InvalidInput(f"the fault {name} has no {unknown[0]}; it has {sorted(known)}")
    for member, value in members.items():
        if get_type_hints(kind)[member] is int and not isinstance(value, int):
            raise InvalidInput(f"{member} of the fault {name} is an integer, not {value!r}")
    try:
        return kind(**members)
    except TypeError as error:
        raise InvalidInput(f"the fault {name} needs all of {sorted(known)}") from error


@attrs.frozen(kw_only=True)
class Switch:
    """A fault and the requests that it strikes."""

    number: int
    fault: Fault
    routes: tuple[str, ...]
    times: int | None
    every: int
    skip: int
    permille: int
    seen: int = 0
    struck: int = 0

    @property
    def is_used_up(self) -> bool:
        """Whether it has struck as often as it should."""
        return self.times is not None and self.struck >= self.times

    def concerns(self, path: str) -> bool:
        """Whether a request to this path is one of its own; a route ending in * stands for many."""
        return not self.routes or any(
            path.startswith(route[:-1]) if route.endswith("*") else path == route
            for route in self.routes
        )

    def to_json(self) -> dict[str, Any]:
        """As the control route shows it."""
        return {
            "switch": self.number,
            "fault": self.fault.name,
            **self.fault.members(),
            "routes": list(self.routes),
            "times": self.times,
            "every": self.every,
            "skip": self.skip,
            "permille": self.permille,
            "struck": self.struck,
        }


class FaultSwitches:
    """The switches of one node; all methods may be called from several threads."""

    def __init__(self, seed: int = 0) -> None:
        """Start with everything off; `seed` decides what `permille` draws."""
        self._lock = threading.Lock()
        self._switches: dict[int, Switch] = {}
        self._next_number = 1
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Draw from now on as a fresh set of switches with this seed would."""
        self._draw = Random(f"sauma-node-faults-{seed}")  # noqa: S311 - faults, and no secret

    def on(
        self,
        fault: Fault,
        *,
        routes: tuple[str, ...] = (),
        times: int | None = None,
        every: int = 1,
        skip: int = 0,
        permille: int = _PER_MILLE,
    ) -> int:
        """Switch a fault on and return the number of its switch.

        It strikes requests to `routes` (all without any; `/account/*` is what begins so): after the
        first `skip` of these each `every`-th, of these `permille` in a thousand by chance, and at most
        `times` in all.  Several switches may strike one request, in the order in which they were switched on.
        """
        for name, number in (("times", times), ("every", every)):
            if number is not None and number < 1:
                raise InvalidInput(f"{name} must be at least 1, not {number}")
        if skip < 0:
            raise InvalidInput(f"skip must be at least 0, not {skip}")
        if not 0 <= permille <= _PER_MILLE:
            raise InvalidInput(f"permille is from 0 to {_PER_MILLE}, not {permille}")
        if any(not route.startswith("/") for route in routes):
            raise InvalidInput(f"a route begins with a slash, unlike one of {routes}")
        with self._lock:
            switch = Switch(
                number=self._next_number,
                fault=fault,
                routes=tuple(routes),
                times=times,
                every=every,
                skip=skip,
                permille=permille,
            )
            self._switches[switch.number] = switch
            self._next_number += 1
            return switch.number

    def off(self, number: int) -> bool:
        """Switch one off; whether it was on."""
        with self._lock:
            switch = self._switches.pop(number, None)
            return switch is not None and not switch.is_used_up

    def clear(self) -> None:
        """Switch everything off."""
        with self._lock:
            self._switches.clear()

    def active(self) -> tuple[Switch, ...]:
        """What is on, in the order in which it was switched on."""
        with self._lock:
            return tuple(each for each in self._switches.values() if not each.is_used_up)

    def struck(self, number: int) -> int:
        """How many requests a switch has struck so far; 0 once it was put off."""
        with self._lock:
            switch = self._switches.get(number)
            return 0 if switch is None else switch.struck

    def drawn(self, path: str) -> tuple[Fault, ...]:
        """The faults that strike the request that came now."""
        with self._lock:
            return tuple(self._strike(path))

    def _strike(self, path: str) -> Iterator[Fault]:
        for switch in tuple(self._switches.values()):
            if switch.is_used_up or not switch.concerns(path):
                continue
            seen = switch.seen + 1
            in_rhythm = seen > switch.skip and (seen - switch.skip) % switch.every == 0
            strikes = in_rhythm and (
                switch.permille == _PER_MILLE or self._draw.randrange(_PER_MILLE) < switch.permille
            )
            self._switches[switch.number] = attrs.evolve(
                switch, seen=seen, struck=switch.struck + strikes
            )
            if strikes:
                yield switch.fault
