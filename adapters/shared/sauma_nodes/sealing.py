"""Secrets under a passphrase: one scrypt for a file, AES-256-GCM for each secret in it.

A file that seals has these members, bytes as hexadecimal digits::

    {"cipher": "aes-256-gcm",
     "kdf": {"name": "scrypt", "n": 131072, "r": 8, "p": 1, "salt": "<16 bytes>"},
     "check": {"nonce": "<12 bytes>", "sealed": "<16 bytes>"}}

scrypt makes one key of the passphrase (UTF-8, NFKC) and the salt.  `check` seals nothing under the
associated data of the file: it tells a wrong passphrase from a damaged file.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from sauma.errors import InvalidInput

from .key_files import Document

CIPHER: Final = "aes-256-gcm"
SCRYPT_LOG2_N: Final = 17
"""128 MB and a few tenths of a second for each guess."""
SCRYPT_LOG2_N_MAX: Final = 20
"""A file that asks for more would stop the machine that opens it."""
PASSPHRASE_LENGTH_MIN: Final = 8

_KEY_BYTES: Final = 32
_SCRYPT_R: Final = 8
_SCRYPT_P: Final = 1
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16


class WrongPassphrase(InvalidInput):
    """The passphrase does not open the keystore."""


class Seal:
    """Seals secrets for one file, and opens them; it never shows its key."""

    __slots__ = ("_cipher",)

    def __init__(self, cipher: AESGCM) -> None:
        """Prefer `begin` or `reopen`; this only holds what they found."""
        self._cipher = cipher

    @classmethod
    def begin(
        cls,
        path: Path,
        data: bytes,
        passphrase: str,
        *,
        log2_n: int | None = None,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> tuple[Seal, Document]:
        """Return the seal of a new file, and the members of the file that open it again.

        `data` is the associated data of the file; `log2_n` the cost of a guess: one more doubles time
        and memory.  Raises `InvalidInput` for a passphrase that is too short.
        """
        if len(passphrase) < PASSPHRASE_LENGTH_MIN:
            raise InvalidInput(
                f"a passphrase needs {PASSPHRASE_LENGTH_MIN} characters or more: choose a longer one"
            )
        kdf = {
            "name": "scrypt",
            "n": 1 << (SCRYPT_LOG2_N if log2_n is None else log2_n),
            "r": _SCRYPT_R,
            "p": _SCRYPT_P,
            "salt": randomness(_SALT_BYTES).hex(),
        }
        seal = cls(_cipher_of(kdf, passphrase, path))
        check = seal.close(b"", data, randomness)
        return seal, {"cipher": CIPHER, "kdf": kdf, "check": check}

    @classmethod
    def reopen(cls, path: Path, document: Document, data: bytes, passphrase: str) -> Seal:
        """Return the seal of a file whose members are known to have the right shape.

        Raises `WrongPassphrase`, and `InvalidInput` for a file that asks for another way.
        """
        seal = cls(_cipher_of(document["kdf"], passphrase, path))
        if seal.open(document["check"], data) is None:
            raise WrongPassphrase(
                f"the passphrase does not open {path}: give the one it was made with"
            )
        return seal

    def close(
        self,
        secret: bytes,
        data: bytes,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> dict[str, str]:
        """Return a secret sealed under its associated data."""
        nonce = randomness(_NONCE_BYTES)
        return {"nonce": nonce.hex(), "sealed": self._cipher.encrypt(nonce, secret, data).hex()}

    def open(self, row: Mapping[str, str], data: bytes) -> bytes | None:
        """Return a secret; None where it was not sealed so, by this."""
        try:
            return self._cipher.decrypt(
                bytes.fromhex(row["nonce"]), bytes.fromhex(row["sealed"]), data
            )
        except InvalidTag:
            return None


def check_head(document: Mapping[str, Any]) -> None:
    """Raise `KeyError`, `TypeError` or `ValueError` unless the members of a seal have their shape."""
    if document["cipher"] != CIPHER:
        raise ValueError
    if not isinstance(document["kdf"], dict):
        raise TypeError
    check_sealed(document["check"], 0)


def check_sealed(row: Mapping[str, str], secret_bytes: int) -> None:
    """Raise as `check_head` does unless something has the shape of a sealed secret of that length."""
    sizes = (len(bytes.fromhex(row["nonce"])), len(bytes.fromhex(row["sealed"])))
    if sizes != (_NONCE_BYTES, secret_bytes + _TAG_BYTES):
        raise ValueError


def _cipher_of(kdf: Mapping[str, Any], passphrase: str, path: Path) -> AESGCM:
    n, salt = kdf.get("n"), kdf.get("salt")
    if not (
        kdf.get("name") == "scrypt"
        and (kdf.get("r"), kdf.get("p")) == (_SCRYPT_R, _SCRYPT_P)
        and isinstance(n, int)
        and 2 <= n <= 1 << SCRYPT_LOG2_N_MAX
        and n & (n - 1) == 0
        and isinstance(salt, str)
    ):
        raise InvalidInput(
            f"{path} asks for another way to turn passphrases into keys than scrypt with n up to "
            f"2^{SCRYPT_LOG2_N_MAX}, r {_SCRYPT_R} and p {_SCRYPT_P}: restore it from a copy"
        )
    try:
        scrypt = Scrypt(salt=bytes.fromhex(salt), length=_KEY_BYTES, n=n, r=_SCRYPT_R, p=_SCRYPT_P)
    except ValueError:
        raise InvalidInput(f"{path} has no salt in it: restore it from a copy") from None
    return AESGCM(scrypt.derive(unicodedata.normalize("NFKC", passphrase).encode()))
