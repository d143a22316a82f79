"""A codec that remembers: what waits is looked at in every round, and the same bytes say the same."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from sauma.chain import Codec, Decoded

REMEMBERED_MAX: Final = 65_536
"""More than one sender has between signed and final; each takes about two kilobytes."""


class RememberingCodec:
    """Asks a codec once about each piece of bytes, while it is among the newest asked about."""

    def __init__(self, codec: Codec, remembered_max: int = REMEMBERED_MAX) -> None:
        """Take the codec to ask."""
        self._codec = codec
        self._remembered_max = remembered_max
        self._remembered: OrderedDict[bytes, Decoded] = OrderedDict()

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; what is refused is refused again each time."""
        found = self._remembered.get(raw)
        if found is None:
            found = self._codec.decode(raw)
            self._remembered[raw] = found
            if len(self._remembered) > self._remembered_max:
                self._remembered.popitem(last=False)
        else:
            self._remembered.move_to_end(raw)
        return found
