"""A proof that a bill is under a root on a chain, as one JSON document that needs nothing else.

::

    {"format": "sauma.bill-proof", "version": 1, or 2 for an adjusting bill,
     "chain":     {"chain_id": …, "settings": {…}},
     "rows":      [{"facts": {…}, "salt": hex 32, "locator": hex 4}, …],
     "inclusion": {"index": n, "size": n, "path": [hex 32, …]},
     "anchor":    {"period_start": unix s, "period_end": unix s, "root": hex 32,
                   "transaction_id": hex 32, "raw": hex, "height": n, "block_hash": hex 32,
                   "block_time": unix s}}

`settings` are the plain facts from which the chain's codec is built.  A version, once written, is read
for ever; what a version does not know is refused and not passed over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs
import msgspec

from sauma.anchoring.rows import LOCATOR_BYTES, Row
from sauma.errors import InvalidInput
from sauma.units import INT64_MAX

FORMAT: Final = "sauma.bill-proof"
VERSION: Final = 1
ADJUSTMENT_VERSION: Final = 2
"""That of the proof of an adjusting bill, whose rows version 1 does not know."""
PROOF_BYTES_MAX: Final = 256 * 1024 * 1024
ROW_FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
    "bill": {
        "bill_id": str,
        "settlement_id": str,
        "participant": str,
        "area": str,
        "chain_id": str,
        "settings_hash": str,
        "period_start": int,
        "period_end": int,
        "rulebook_hash": str,
        "currency": str,
        "lines": int,
        "trades": int,
        "owed_nano": int,
        "carried_nano": int,
        "owed_cents": int,
        "carry_nano": int,
    },
    "adjustment": {
        "bill_id": str,
        "correction_id": str,
        "number": int,
        "settlement_id": str,
        "adjusted_bill_id": str,
        "participant": str,
        "area": str,
        "chain_id": str,
        "settings_hash": str,
        "period_start": int,
        "period_end": int,
        "made_at": int,
        "rulebook_hash": str,
        "currency": str,
        "lines": int,
        "readings": int,
        "old_nano": int,
        "new_nano": int,
        "owed_nano": int,
        "carried_nano": int,
        "owed_cents": int,
        "carry_nano": int,
    },
    "line": {
        "kind": str,
        "counterparty": str,
        "energy_wh": int,
        "price_micro": int,
        "amount_nano": int,
    },
    "reading": {
        "interval_start": int,
        "imported_wh": int,
        "exported_wh": int,
        "quality": str,
        "old_imported_wh": int,
        "old_exported_wh": int,
        "old_quality": str,
    },
    "trade": {
        "interval_start": int,
        "interval_minutes": int,
        "buyer": str,
        "seller": str,
        "energy_wh": int,
        "price_micro": int,
    },
}
"""The facts of each kind of row, beside `row` itself."""


@attrs.frozen(kw_only=True)
class ProvenRow:
    """A row with its salt, and the first bytes of its leaf hash."""

    facts: Row
    salt: bytes
    locator: bytes


@attrs.frozen(kw_only=True)
class BillProof:
    """Everything that shows a bill under a root on a chain; checked by `check_proof`."""

    chain_id: str
    settings: Mapping[str, Any]
    rows: tuple[ProvenRow, ...]
    index: int
    size: int
    path: tuple[bytes, ...]
    period_start: int
    period_end: int
    root: bytes
    transaction_id: bytes
    raw: bytes = attrs.field(repr=False)
    height: int
    block_hash: bytes
    block_time: int

    @property
    def is_adjustment(self) -> bool:
        """Whether it is about an adjusting bill."""
        return bool(self.rows) and self.rows[0].facts["row"] == "adjustment"

    def to_json(self) -> str:
        """Write the document; the same proof gives the same text."""
        document = {
            "format": FORMAT,
            "version": ADJUSTMENT_VERSION if self.is_adjustment else VERSION,
            "chain": {"chain_id": self.chain_id, "settings": dict(self.settings)},
            "rows": [
                {"facts": row.facts, "salt": row.salt.hex(), "locator": row.locator.hex()}
                for row in self.rows
            ],
            "inclusion": {
                "index": self.index,
                "size": self.size,
                "path": [sibling.hex() for sibling in self.path],
            },
            "anchor": {
                "period_start": self.period_start,
                "period_end": self.period_end,
                "root": self.root.hex(),
                "transaction_id": self.transaction_id.hex(),
                "raw": self.raw.hex(),
                "height": self.height,
                "block_hash": self.block_hash.hex(),
                "block_time": self.block_time,
            },
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> BillProof:
        """Read what `to_json` wrote; raises `InvalidInput` that names the first field that is none."""
        if len(text) > PROOF_BYTES_MAX:
            raise InvalidInput(f"{len(text)} bytes are no proof: {PROOF_BYTES_MAX} are the most")
        try:
            document = msgspec.json.decode(text)
        except (msgspec.DecodeError, ValueError) as error:
            raise InvalidInput(f"the proof is no JSON document: {error}") from error
        top = _Fields(document, "the proof")
        if top.text("format") != FORMAT:
            raise InvalidInput(
                f"format {top.text('format')!r} is not {FORMAT!r}: no proof of a bill"
            )
        if top.integer("version") not in (VERSION, ADJUSTMENT_VERSION):
            raise InvalidInput(
                f"version {top.integer('version')} of the proof is not known here, {VERSION} and "
                f"{ADJUSTMENT_VERSION} are: "
                "verify it with the version of sauma that wrote it, or a newer one"
            )
        chain = top.fields("chain")
        inclusion = top.fields("inclusion")
        anchor = top.fields("anchor")
        proof = cls(
            chain_id=chain.text("chain_id"),
            settings=chain.mapping("settings"),
            rows=tuple(_row(one) for one in top.each("rows")),
            index=inclusion.count("index"),
            size=inclusion.count("size"),
            path=inclusion.hashes("path"),
            period_start=anchor.integer("period_start"),
            period_end=anchor.integer("period_end"),
            root=anchor.digits("root", 32),
            transaction_id=anchor.digits("transaction_id", 32),
            raw=anchor.digits("raw"),
            height=anchor.count("height"),
            block_hash=anchor.digits("block_hash", 32),
            block_time=anchor.integer("block_time"),
        )
        for fields in (top, chain, inclusion, anchor):
            fields.end()
        if proof.is_adjustment != (top.integer("version") == ADJUSTMENT_VERSION):
            raise InvalidInput(
                f"version {top.integer('version')} is not that of a proof of such a bill: "
                f"{ADJUSTMENT_VERSION} is of adjusting bills, {VERSION} of others"
            )
        return proof


def _row(fields: _Fields) -> ProvenRow:
    facts = fields.fields("facts")
    kind = facts.text("row")
    if kind not in ROW_FIELDS:
        raise InvalidInput(f"{facts.place} row {kind!r} is none of {sorted(ROW_FIELDS)}")
    values: Row = {"row": kind}
    for name, type_ in ROW_FIELDS[kind].items():
        values[name] = facts.text(name) if type_ is str else facts.integer(name)
    row = ProvenRow(
        facts=values,
        salt=fields.digits("salt", 32),
        locator=fields.digits("locator", LOCATOR_BYTES),
    )
    facts.end()
    fields.end()
    return row


class _Fields:
    """The fields of one JSON object, each taken once; what is left over is refused."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise InvalidInput(f"{place} is {str(value)[:80]!r}, not an object")
        self.place = place
        self._values = value
        self._left = set(value)

    def _take(self, name: str) -> Any:
        if name not in self._values:
            raise InvalidInput(f"{self.place} lacks {name!r}")
        self._left.discard(name)
        return self._values[name]

    def _wrong(self, name: str, value: object, wanted: str) -> InvalidInput:
        return InvalidInput(f"{self.place} {name} {str(value)[:80]!r} is not {wanted}")

    def text(self, name: str) -> str:
        value = self._take(name)
        if not isinstance(value, str):
            raise self._wrong(name, value, "a text")
        return value

    def integer(self, name: str) -> int:
        value = self._take(name)
        if type(value) is not int or not -INT64_MAX <= value <= INT64_MAX:
            raise self._wrong(name, value, "an integer of 64 bits")
        return value

    def count(self, name: str) -> int:
        value = self.integer(name)
        if value < 0:
            raise self._wrong(name, value, "zero or more")
        return value

    def digits(self, name: str, width: int | None = None) -> bytes:
        return self._bytes(name, self.text(name), width)

    def hashes(self, name: str) -> tuple[bytes, ...]:
        value = self._take(name)
        if not isinstance(value, list):
            raise self._wrong(name, value, "a list")
        return tuple(self._bytes(f"{name}[{at}]", one, 32) for at, one in enumerate(value))

    def fields(self, name: str) -> _Fields:
        return _Fields(self._take(name), f"{self.place} {name}".replace("the proof ", "", 1))

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._take(name)
        if not isinstance(value, dict):
            raise self._wrong(name, value, "an object")
        return value

    def each(self, name: str) -> list[_Fields]:
        value = self._take(name)
        if not isinstance(value, list):
            raise self._wrong(name, value, "a list")
        return [_Fields(one, f"{name}[{at}]") for at, one in enumerate(value)]

    def end(self) -> None:
        if self._left:
            raise InvalidInput(f"{self.place} has unknown fields {sorted(self._left)}")

    def _bytes(self, name: str, value: object, width: int | None) -> bytes:
        wanted = "lower-case hexadecimal" + ("" if width is None else f" of {width} bytes")
        try:
            found = bytes.fromhex(value) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None or found.hex() != value or width not in (None, len(found)):
            raise self._wrong(name, value, wanted)
        return found
