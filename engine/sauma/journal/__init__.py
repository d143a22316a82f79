"""The journal: append-only, hash-linked entries of sealed tables; the only truth of the engine.

Pure: it computes bytes and hashes and reads no file.  `sauma.store` keeps what is sealed here.
"""

from sauma.journal.columns import (
    Column,
    ColumnKind,
    blob,
    bytes32,
    fixed_bytes,
    flag,
    int8,
    int16,
    int32,
    int64,
    int256,
    text,
    uint8,
    unix_time,
)
from sauma.journal.differences import Difference, first_difference
from sauma.journal.encoding import decode_entry, encode_entry
from sauma.journal.entries import (
    GENESIS_HASH,
    Header,
    SealedEntry,
    entry_hash_of,
    seal_entry,
)
from sauma.journal.merkle import (
    consistency_proof,
    inclusion_proof,
    merkle_root,
    verify_consistency,
    verify_inclusion,
)
from sauma.journal.registry import SchemaRegistry
from sauma.journal.tables import (
    SealedTable,
    Table,
    TableClass,
    TableRecord,
    TableSchema,
    schema_from_json,
)
from sauma.journal.verifying import Damage, find_damage, verify_entry

__all__ = [
    "GENESIS_HASH",
    "Column",
    "ColumnKind",
    "Damage",
    "Difference",
    "Header",
    "SchemaRegistry",
    "SealedEntry",
    "SealedTable",
    "Table",
    "TableClass",
    "TableRecord",
    "TableSchema",
    "blob",
    "bytes32",
    "consistency_proof",
    "decode_entry",
    "encode_entry",
    "entry_hash_of",
    "find_damage",
    "first_difference",
    "fixed_bytes",
    "flag",
    "inclusion_proof",
    "int8",
    "int16",
    "int32",
    "int64",
    "int256",
    "merkle_root",
    "schema_from_json",
    "seal_entry",
    "text",
    "uint8",
    "unix_time",
    "verify_consistency",
    "verify_entry",
    "verify_inclusion",
]
