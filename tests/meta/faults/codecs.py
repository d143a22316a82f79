"""Codecs that read wrongly."""

from __future__ import annotations

import attrs

from sauma.chain import (
    Decoded,
)
from sauma.memory import MemoryCodec


class WrongEffects(MemoryCodec):
    caught_by = "CS-130"

    def decode(self, raw: bytes) -> Decoded:
        decoded = super().decode(raw)
        effects = (attrs.evolve(each, delta_units=each.delta_units + 1) for each in decoded.effects)
        return attrs.evolve(decoded, effects=tuple(effects))


class BelievesEverySignature(MemoryCodec):
    caught_by = "CS-132"

    def decode(self, raw: bytes) -> Decoded:
        return attrs.evolve(super().decode(raw), signature_valid=True)


class ReadsTornBytes(MemoryCodec):
    caught_by = "CS-133"

    def decode(self, raw: bytes) -> Decoded:
        return super().decode(raw[:-1] if raw.endswith(b"\x00") else raw)
