"""Finding mechanisms by name: the built-in ones, and what other packages register.

Another package offers a mechanism by an entry point in the group `sauma.mechanisms` that names a
class without arguments.  A built-in name cannot be taken over.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final

from sauma.errors import InvalidInput, UnknownName
from sauma.matching.clearing import Mechanism

ENTRY_POINT_GROUP: Final = "sauma.mechanisms"

_BUILT_IN: Final = {
    "equal_shares": ("sauma.matching.equal_shares", "EqualShares"),
    "uniform_price": ("sauma.matching.uniform_price", "UniformPrice"),
}


def mechanism_names() -> tuple[str, ...]:
    """Return the names of all mechanisms that can be had here, sorted."""
    registered = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return tuple(sorted(registered | set(_BUILT_IN)))


def mechanism(name: str) -> Mechanism:
    """Return the mechanism of that name.

    Raises `UnknownName`, which lists those there are, and `InvalidInput` when a registered class
    gives itself another name.
    """
    found: Any
    if name in _BUILT_IN:
        module_name, class_name = _BUILT_IN[name]
        found = getattr(import_module(module_name), class_name)()
    else:
        points = entry_points(group=ENTRY_POINT_GROUP, name=name)
        if not points:
            raise UnknownName(
                f"mechanism {name!r} is not known: there are {', '.join(mechanism_names())}"
            )
        found = next(iter(points)).load()()
    if found.name != name:
        raise InvalidInput(
            f"the mechanism registered as {name!r} calls itself {found.name!r}: "
            "make both names the same"
        )
    mechanism: Mechanism = found
    return mechanism
