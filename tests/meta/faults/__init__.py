"""Chains that break one promise each, made of the reference chain."""

from __future__ import annotations

from types import ModuleType

from sauma.chain import Chain
from sauma.memory import SESSION_RULES, MemoryCodec
from sauma.testing import MemoryHarness, World

from . import (
    codecs,
    declaring,
    following,
    movements,
    preparing,
    quoting,
    reading,
    replacing,
    sessions,
)
from .fault import Fault


def _in(module: ModuleType, kind: type) -> list[type]:
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, kind) and vars(each).get("caught_by")
    ]


FAULTS: list[type[Fault]] = [
    fault
    for module in (
        movements,
        preparing,
        quoting,
        replacing,
        declaring,
        following,
        reading,
        sessions,
    )
    for fault in _in(module, Fault)
]
CODEC_FAULTS: list[type[MemoryCodec]] = _in(codecs, MemoryCodec)


class FaultyHarness(MemoryHarness):
    """A reference chain with a fault, in its adapter or in its codec."""

    def __init__(self, fault: type[Fault] | None, codec: type[MemoryCodec] = MemoryCodec) -> None:
        super().__init__(SESSION_RULES if fault is None else fault.session_rules)
        self.codec = codec()
        self.fault = fault
        if fault is not None:
            self.chain = fault(self.link, self)

    def watcher(self, page_blocks: int) -> Chain:
        watcher = super().watcher(page_blocks)
        return watcher if self.fault is None else self.fault(watcher, self)


def world_with(fault: type[Fault] | type[MemoryCodec]) -> World:
    """A new world whose chain or codec has the fault."""
    if issubclass(fault, Fault):
        return World(FaultyHarness(fault))
    return World(FaultyHarness(None, fault))
