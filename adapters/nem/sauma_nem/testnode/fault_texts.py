"""Faults as a command line writes them.

`delay:milliseconds=200,every=3` is a delay of each third request, `drop:lost=answer,permille=50,
route=/transaction/announce` the loss of one in twenty answers to an announce.
"""

from __future__ import annotations

from sauma.errors import InvalidInput

from .faults import FaultSwitches, fault_named

_LIMITS = ("times", "every", "skip", "permille")


def switch_on(switches: FaultSwitches, text: str) -> int:
    """Switch on what a text says and return the number of the switch.  Raises InvalidInput."""
    name, _, written = text.partition(":")
    members: dict[str, int | str] = {}
    routes: list[str] = []
    for part in filter(None, written.split(",")):
        member, equals, value = part.partition("=")
        if not equals or not value:
            raise InvalidInput(f"{part!r} in the fault {text!r} must be written name=value")
        if member == "route":
            routes.append(value)
        else:
            members[member] = int(value) if value.lstrip("-").isdecimal() else value
    limits = {each: _limit(text, each, members.pop(each)) for each in _LIMITS if each in members}
    return switches.on(fault_named(name, members), routes=tuple(routes), **limits)


def _limit(text: str, name: str, value: int | str) -> int:
    if not isinstance(value, int):
        raise InvalidInput(f"{name} in the fault {text!r} must be an integer, not {value!r}")
    return value
