"""Write a revision: `python -m sauma.store.migrations 0003 "add bills"`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from sauma.store import migrating
from sauma.store.connecting import BUSY_TIMEOUT_MS, WRITER, connect_engine, store_url


def write_revision(number: str, title: str) -> Path:
    """Migrate a scratch store to head, write what the tables have more, and return the file."""
    with tempfile.TemporaryDirectory() as folder:
        url = store_url(Path(folder) / "store.sqlite")
        engine = connect_engine(url, read_only=False, busy_timeout_ms=BUSY_TIMEOUT_MS)
        with (
            engine.connect().execution_options(**{WRITER: True}) as connection,
            connection.begin(),
        ):
            migrating.upgrade(connection)
            path = migrating.new_revision(number, title, connection)
        engine.dispose()
    return path


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("say the number and the title of the revision, such as 0003 'add bills'")
    sys.stdout.write(f"{write_revision(sys.argv[1], sys.argv[2])}\n")
