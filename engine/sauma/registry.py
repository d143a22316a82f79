"""Finding chains and codecs by name: built in, or from any installed package's entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from sauma.errors import UnknownName

CHAINS: Final = "sauma.chains"
CODECS: Final = "sauma.codecs"
MECHANISMS: Final = "sauma.mechanisms"

_EXTRAS: Final = {"nem": "nem", "ethereum": "ethereum"}


def available(group: str) -> tuple[str, ...]:
    """Return the names that installed packages offer in a group, sorted."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))


def load(group: str, name: str) -> Any:
    """Return what an installed package offers under a name.

    Raises `UnknownName` that lists what there is, says which extra is missing, or names the packages
    that offer different things under one name.
    """
    found = {point.value: point for point in entry_points(group=group) if point.name == name}
    if not found:
        raise UnknownName(f"{group} knows no {name!r}: installed are {', '.join(available(group))}")
    if len(found) > 1:
        raise UnknownName(
            f"{group} knows several {name!r}: {', '.join(sorted(found))}; uninstall all but one"
        )
    return _load(next(iter(found.values())))


def _load(point: EntryPoint) -> Any:
    try:
        return point.load()
    except ImportError as error:
        extra = _EXTRAS.get(point.name)
        if extra is None:
            raise
        raise UnknownName(
            f"{point.name!r} needs a package that is not installed ({error.name}): "
            f"pip install 'sauma[{extra}]'"
        ) from error
