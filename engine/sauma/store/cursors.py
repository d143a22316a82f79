"""How far each chain was read; moved only in the transaction that commits what was passed."""

from __future__ import annotations

import attrs
import sqlalchemy as sa

from sauma.chain import Cursor
from sauma.errors import InvalidInput
from sauma.identifiers import ChainId
from sauma.store.tables import cursors


@attrs.frozen(kw_only=True)
class StoredCursor:
    """The cursor of a chain and up to which height what was read is final."""

    cursor: Cursor
    final_height: int


def read_cursor(connection: sa.Connection, chain: ChainId) -> StoredCursor:
    """Return the cursor of a chain; one before the first block when it was never read."""
    row = connection.execute(
        sa.select(cursors.c.cursor, cursors.c.final_height).where(cursors.c.chain == str(chain))
    ).one_or_none()
    if row is None:
        return StoredCursor(cursor=Cursor(), final_height=0)
    return StoredCursor(cursor=Cursor.from_text(row.cursor), final_height=row.final_height)


def write_cursor(
    connection: sa.Connection, chain: ChainId, cursor: Cursor, final_height: int
) -> None:
    """Move the cursor of a chain; what was final stays final, so its height never falls."""
    row = connection.execute(
        sa.select(cursors.c.final_height).where(cursors.c.chain == str(chain))
    ).one_or_none()
    values = {"cursor": cursor.to_text(), "final_height": final_height}
    if row is None:
        connection.execute(sa.insert(cursors).values(chain=str(chain), **values))
        return
    if final_height < row.final_height:
        raise InvalidInput(
            f"final height {final_height} of {chain} is below {row.final_height}: what was final "
            "cannot be undone; is the node on another fork?"
        )
    connection.execute(sa.update(cursors).where(cursors.c.chain == str(chain)).values(**values))
