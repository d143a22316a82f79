"""The vault: personal data and raw bytes beside the journal, committed by salted digest, erasable.

The journal holds `digest = SHA-256(salt ‖ content)`.  As long as the vault has salt and content,
anybody can check them; once they are erased, nobody can guess them back, and the journal still
verifies.  Salts have 32 bytes and are passed in: the core draws no random number.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from itertools import repeat
from typing import Final

import attrs
import sqlalchemy as sa

from sauma.errors import Conflict, InvalidInput, StoreDamaged
from sauma.store.inserting import insert_columns
from sauma.store.tables import vault

SALT_BYTES: Final = 32
CONTENT_BYTES_MAX: Final = 64 * 1024 * 1024
KEYS_MAX: Final = 500
"""How many keys one select is given: databases limit the parameters of a statement."""

_ITEMS: Final = sa.select(vault.c.key, vault.c.salt, vault.c.content, vault.c.digest).where(
    vault.c.kind == sa.bindparam("of_kind"),
    vault.c.key.in_(sa.bindparam("keys", expanding=True)),
)


@attrs.frozen(kw_only=True)
class VaultItem:
    """Content with the salt that its digest was made with."""

    salt: bytes = attrs.field(repr=False)
    content: bytes = attrs.field(repr=False)
    digest: bytes


def salted_digest(salt: bytes, content: bytes) -> bytes:
    """Return what the journal commits to: SHA-256 of salt and content."""
    if len(salt) != SALT_BYTES:
        raise InvalidInput(f"a salt has {SALT_BYTES} bytes, got {len(salt)}")
    return sha256(salt + content).digest()


def put_item(
    connection: sa.Connection, kind: str, key: str, *, salt: bytes, content: bytes
) -> bytes:
    """Keep content and return its digest; the same again is a no-op, other content a `Conflict`."""
    (digest,) = put_items(connection, kind, [(key, salt, content)])
    return digest


def put_items(
    connection: sa.Connection, kind: str, items: Sequence[tuple[str, bytes, bytes]]
) -> list[bytes]:
    """Keep contents given as (key, salt, content), all or none, and return their digests."""
    digests = []
    for key, salt, content in items:
        if len(content) > CONTENT_BYTES_MAX:
            raise InvalidInput(
                f"{kind} {key} has {len(content)} bytes; the vault takes {CONTENT_BYTES_MAX}"
            )
        digests.append(salted_digest(salt, content))
    known = get_items(connection, kind, [key for key, _, _ in items])
    rows = []
    for (key, salt, content), digest in zip(items, digests, strict=True):
        if key not in known:
            rows.append((key, salt, content, digest))
        elif known[key].digest != digest:
            raise Conflict(f"the vault has other content or another salt for {kind} {key}")
    names = ("key", "salt", "content", "digest")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    insert_columns(connection, vault, {"kind": repeat(kind), **columns}, len(rows))
    return digests


def get_item(connection: sa.Connection, kind: str, key: str) -> VaultItem | None:
    """Return what is kept, checked against its digest; None when it was erased or never there."""
    return get_items(connection, kind, [key]).get(key)


def get_items(connection: sa.Connection, kind: str, keys: Sequence[str]) -> dict[str, VaultItem]:
    """Return what is kept of some keys, each checked against its digest."""
    found: dict[str, VaultItem] = {}
    for first in range(0, len(keys), KEYS_MAX):
        for row in connection.execute(
            _ITEMS, {"of_kind": kind, "keys": keys[first : first + KEYS_MAX]}
        ):
            item = VaultItem(
                salt=bytes(row.salt), content=bytes(row.content), digest=bytes(row.digest)
            )
            if sha256(item.salt + item.content).digest() != item.digest:
                raise StoreDamaged(
                    f"vault {kind} {row.key}: salt, content or digest is not what was kept"
                )
            found[row.key] = item
    return found


def erase_item(connection: sa.Connection, kind: str, key: str) -> bool:
    """Erase salt, content and key; tell whether there was anything."""
    result = connection.execute(sa.delete(vault).where(vault.c.kind == kind, vault.c.key == key))
    return result.rowcount > 0
