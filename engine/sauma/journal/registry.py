"""The table schemas that this version of sauma knows, by name and version.

`sauma.journal.schemas` defines them::

    SCHEMAS = SchemaRegistry()

    READINGS = SCHEMAS.define(
        "readings",
        TableClass.INPUT,
        version=1,
        columns=(text("metering_point", 18), int64("imported_wh"), bytes32("reading_id")),
    )

and a test keeps the hash of every schema that was ever released, because a version, once used, never
changes.  Reading does not need the registry: a journal carries the schemas of its tables.
"""

from __future__ import annotations

from collections.abc import Iterator

from sauma.errors import Conflict, UnknownName
from sauma.journal.columns import Column
from sauma.journal.tables import TableClass, TableSchema


class SchemaRegistry:
    """Schemas by name and version; each is defined once."""

    def __init__(self) -> None:
        self._schemas: dict[tuple[str, int], TableSchema] = {}

    def define(
        self, name: str, table_class: TableClass, *, version: int, columns: tuple[Column, ...]
    ) -> TableSchema:
        """Build, remember and return a schema; a second one of that name and version is a `Conflict`."""
        schema = TableSchema(name=name, table_class=table_class, version=version, columns=columns)
        known = self._schemas.setdefault((name, version), schema)
        if known != schema:
            raise Conflict(
                f"version {version} of table {name} is defined already: a changed table needs "
                "a new version"
            )
        return known

    def get(self, name: str, version: int | None = None) -> TableSchema:
        """Return a schema, the newest when no version is given, or raise `UnknownName`."""
        if version is None:
            versions = [known for known_name, known in self._schemas if known_name == name]
            version = max(versions, default=0)
        if (name, version) not in self._schemas:
            raise UnknownName(f"no table {name!r} of version {version} is defined")
        return self._schemas[name, version]

    def __iter__(self) -> Iterator[TableSchema]:
        """Yield all schemas by name and version."""
        return (self._schemas[key] for key in sorted(self._schemas))
