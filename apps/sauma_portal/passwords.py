"""Passwords: hashed with argon2id, a few at a time, and never kept."""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

CHARACTERS_MIN: Final = 10
CHARACTERS_MAX: Final = 200
AT_ONCE: Final = 2
"""Each hash takes 64 MiB and a tenth of a second or more: more at once would starve everybody else."""


class Passwords:
    """Hashes and checks; slow on purpose, so call it in a thread."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use argon2-cffi's recommended parameters unless others are given."""
        self._hasher = hasher or PasswordHasher()
        self._turn = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        """Return what to keep of a password."""
        with self._turn:
            return self._hasher.hash(password)

    def is_right(self, kept: str | None, password: str) -> bool:
        """Tell whether a password is the one; takes as long when there is no such account."""
        if self._nobodys is None:
            self._nobodys = self.hash("nobody has this password")
        with self._turn:
            try:
                right = self._hasher.verify(kept or self._nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
        return right and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Tell whether a hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(kept)
