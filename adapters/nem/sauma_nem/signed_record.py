"""What a cosigner has signed, written down before the signature leaves: it never signs two for one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

import attrs

from sauma.errors import StoreDamaged

FILE_MODE: Final = 0o600


@attrs.frozen(kw_only=True)
class Signed:
    """A wrapper that was signed for, and what it was signed as."""

    purpose: bytes
    """What only one transaction may ever do: a batch's reference, a top-up's account and hour."""
    inner_hash: bytes
    raw: bytes
    """The wrapper's verifiable bytes."""
    prepared_at: int
    """The height from which a search for it starts."""


class SignedRecord:
    """A file to which lines are added; each is on the disk before `write` returns.

    Keep it with the key: without it a cosigner that starts anew knows only what the chain shows.
    """

    def __init__(self, path: Path | str) -> None:
        """Read the record at a path, or begin one; raises `StoreDamaged` for a line that is none.

        A last line without an end was being written when the process died: nothing was signed for it.
        """
        self._path = Path(path)
        self._newest: dict[bytes, Signed] = {}
        content = self._path.read_bytes() if self._path.exists() else b""
        *lines, rest = content.split(b"\n")
        for number, line in enumerate(lines, 1):
            signed = self._read(line, number)
            self._newest[signed.purpose] = signed
        if rest:
            os.truncate(self._path, len(content) - len(rest))

    def newest(self, purpose: bytes) -> Signed | None:
        """Return what was signed last for a purpose."""
        return self._newest.get(purpose)

    def write(self, signed: Signed) -> None:
        """Write down what is about to be signed."""
        if self._newest.get(signed.purpose) == signed:
            return
        line = json.dumps(
            {
                "purpose": signed.purpose.hex(),
                "inner_hash": signed.inner_hash.hex(),
                "raw": signed.raw.hex(),
                "prepared_at": signed.prepared_at,
            }
        )
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, FILE_MODE)
        with os.fdopen(descriptor, "ab") as file:
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._newest[signed.purpose] = signed

    def _read(self, line: bytes, number: int) -> Signed:
        try:
            row: dict[str, Any] = json.loads(line)
            prepared_at = row["prepared_at"]
            if type(prepared_at) is not int:
                raise TypeError
            return Signed(
                purpose=bytes.fromhex(row["purpose"]),
                inner_hash=bytes.fromhex(row["inner_hash"]),
                raw=bytes.fromhex(row["raw"]),
                prepared_at=prepared_at,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StoreDamaged(
                f"line {number} of {self._path} is no record of a signature: restore the file from a "
                "copy; without it something could be signed twice"
            ) from error
