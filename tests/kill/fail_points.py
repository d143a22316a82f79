"""Moments at which a process may be told to kill itself: around every commit and every HTTP call.

A commit that wrote something has a point before and one after it.  An HTTP call has three: before
anything is sent, after the request has left and nothing is answered, and after the answer came and
before anybody saw it.
"""

from __future__ import annotations

import os
import signal
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from urllib3.connection import HTTPConnection

from sauma_nodes import Connections


class FailPoints:
    """Counts the moments that pass, and ends the process by SIGKILL at the one it was given."""

    def __init__(self, fatal: int | None) -> None:
        """Kill at the moment number `fatal`, counted from 1; `None` only counts."""
        self._fatal = fatal
        self.passed: list[str] = []

    def install(self) -> None:
        """Stand around commits and calls of this process, for the rest of its life."""
        self._watch_commits()
        self._watch_calls()

    def _pass(self, name: str) -> None:
        self.passed.append(name)
        if len(self.passed) == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def _watch_commits(self) -> None:
        commit = SQLiteDialect_pysqlite.do_commit
        changes_before: dict[int, int] = {}

        def watched(dialect: Any, connection: Any) -> None:
            database = getattr(connection, "dbapi_connection", connection)
            changes = database.total_changes
            if changes == changes_before.get(id(database), 0):
                commit(dialect, connection)
                return
            changes_before[id(database)] = changes
            self._pass("commit:before")
            commit(dialect, connection)
            self._pass("commit:after")

        SQLiteDialect_pysqlite.do_commit = watched

    def _watch_calls(self) -> None:
        exchange, getresponse = Connections._exchange, HTTPConnection.getresponse
        paths: list[str] = []

        def watched(connections: Connections, url: str, *rest: Any) -> Any:
            path = urlsplit(url).path
            self._pass(f"{path}:before")
            paths.append(path)
            answer = exchange(connections, url, *rest)
            paths.pop()
            self._pass(f"{path}:answered")
            return answer

        def sent(connection: HTTPConnection) -> Any:
            if paths:
                self._pass(f"{paths[-1]}:sent")
            return getresponse(connection)

        Connections._exchange = watched
        HTTPConnection.getresponse = sent
