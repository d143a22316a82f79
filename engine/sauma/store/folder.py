"""A sealed folder: a manifest in which every byte of every file is accounted for.

A sauma folder holds the store's file, the keystore, the rulebook and whatever else belongs to an
installation.  `seal_folder` writes `MANIFEST.json` when everything is closed; `check_folder` then names
the file and the byte range of any change, also in unused space of a database and in the manifest
itself.  Opening the store for writing removes the manifest: an open folder is not sealed.

The manifest is canonical JSON and a newline: format, files (path, size, SHA-256 of each 4096 bytes, one
behind the other) and `manifest`, the SHA-256 of the same text with 64 zeros in its place.  It guards
against damage and careless hands.  Against somebody who rewrites files and manifest together only a
copy of that hash elsewhere helps; `seal_folder` returns it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs

from sauma.errors import StoreBusy, StoreError
from sauma.identifiers import Fact, canonical_json

MANIFEST: Final = "MANIFEST.json"
CHUNK_BYTES: Final = 4096
_FORMAT: Final = "sauma folder 1"
_NO_HASH: Final = "0" * 64
_DIGEST_HEX: Final = 64


@attrs.frozen(kw_only=True, order=True)
class Finding:
    """Something in a folder that is not as it was sealed."""

    path: str
    """Relative to the folder, with `/`."""
    first_byte: int | None = None
    """The changed bytes lie in first_byte … last_byte; None when the whole file is meant."""
    last_byte: int | None = None
    explanation: str

    def __str__(self) -> str:
        """Name the file, the bytes and what is wrong."""
        place = self.path
        if self.first_byte is not None:
            place += f" bytes {self.first_byte} … {self.last_byte}"
        return f"{place}: {self.explanation}"


def seal_folder(folder: Path) -> bytes:
    """Write the manifest of a folder in which nothing is open; return the manifest's hash.

    Raises `StoreBusy` while a database in it has a write-ahead log, `StoreError` for links.
    """
    for path in _paths(folder):
        if path.name.endswith("-wal") and path.stat().st_size:
            raise StoreBusy(
                f"{path} shows that a database is open or was not closed: close it first"
            )
    text, digest = _manifest(_read_files(folder))
    path = folder / MANIFEST
    draft = _draft(folder)
    with draft.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync_folder(folder)
    return bytes.fromhex(digest)


def unseal_folder(folder: Path) -> bool:
    """Remove the manifest before anything in the folder changes; tell whether there was one."""
    path = folder / MANIFEST
    if not path.exists():
        return False
    path.unlink()
    _sync_folder(folder)
    return True


def check_folder(folder: Path) -> tuple[Finding, ...]:
    """Return everything in which a folder differs from its seal; empty when nothing does."""
    path = folder / MANIFEST
    if not path.is_file():
        return (Finding(path=MANIFEST, explanation="the folder is not sealed"),)
    sealed = path.read_bytes()
    try:
        found = _read_files(folder)
    except StoreError as error:
        return (Finding(path=".", explanation=str(error)),)
    expected, _ = _manifest(found)
    if sealed == expected:
        return ()
    stated = _read_manifest(sealed)
    if stated is None:
        return tuple(_damaged_manifest(sealed, expected))
    return tuple(_file_findings(stated, found))


@attrs.frozen(kw_only=True)
class _File:
    """One file as the manifest describes it."""

    size_bytes: int
    chunks: str
    """SHA-256 of each chunk in hexadecimal, one behind the other."""


def _paths(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder except its manifest, in the order of their names."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise StoreError(f"{path} is a link: a sealed folder holds files only")
        if path.is_file() and path != folder / MANIFEST and path != _draft(folder):
            yield path


def _draft(folder: Path) -> Path:
    """Return the name under which a manifest is written before it takes its place."""
    return folder / f"{MANIFEST}.new"


def _read_files(folder: Path) -> dict[str, _File]:
    """Return what the files of a folder are now."""
    return {path.relative_to(folder).as_posix(): _read_file(path) for path in _paths(folder)}


def _read_file(path: Path) -> _File:
    """Return size and chunk hashes of a file."""
    chunks: list[str] = []
    size_bytes = 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                chunks.append(sha256(chunk).hexdigest())
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    return _File(size_bytes=size_bytes, chunks="".join(chunks))


def _manifest(files: dict[str, _File]) -> tuple[bytes, str]:
    """Return the text of a manifest and its hash."""
    described: list[Fact] = [
        {"path": path, "size_bytes": file.size_bytes, "chunks": file.chunks}
        for path, file in sorted(files.items())
    ]
    digest = sha256(_manifest_text(described, _NO_HASH)).hexdigest()
    return _manifest_text(described, digest), digest


def _manifest_text(described: list[Fact], digest: str) -> bytes:
    """Return the canonical text with a given hash in it."""
    fact: Fact = {"files": described, "format": _FORMAT, "manifest": digest}
    return canonical_json(fact) + b"\n"


def _read_manifest(text: bytes) -> dict[str, _File] | None:
    """Return what a manifest says, None when it is not, byte for byte, what was sealed."""
    try:
        plain: Any = json.loads(text)
        files = {
            str(file["path"]): _File(size_bytes=int(file["size_bytes"]), chunks=str(file["chunks"]))
            for file in plain["files"]
        }
    except (ValueError, KeyError, TypeError):
        return None
    return files if _manifest(files)[0] == text else None


def _damaged_manifest(sealed: bytes, expected: bytes) -> Iterator[Finding]:
    """Say which bytes of a manifest were changed, when the files are as they were sealed.

    They are when the hash that belongs to them is in the damaged manifest, or when the damage lies in
    that hash alone.  Otherwise nothing can be said of the files.
    """
    stated = _stated_hash(expected)
    hash_at = expected.rindex(stated)
    same_body = (
        len(sealed) == len(expected)
        and sealed[:hash_at] == expected[:hash_at]
        and sealed[hash_at + _DIGEST_HEX :] == expected[hash_at + _DIGEST_HEX :]
    )
    if same_body or stated in sealed:
        first, last = _differing(sealed, expected)
        yield Finding(
            path=MANIFEST,
            first_byte=first,
            last_byte=last,
            explanation="the manifest was changed; the files are as they were sealed",
        )
        return
    yield Finding(
        path=MANIFEST,
        explanation="the manifest was changed, and files too or the manifest as a whole: "
        "compare with a copy",
    )


def _stated_hash(manifest: bytes) -> bytes:
    """Return the manifest's own hash: the last value of its text."""
    return manifest[-len(b'"}\n') - _DIGEST_HEX : -len(b'"}\n')]


def _differing(left: bytes, right: bytes) -> tuple[int, int]:
    """Return the first and last byte of `left` that differ from `right`, counted from the ends."""
    shorter = min(len(left), len(right))
    first = next((at for at in range(shorter) if left[at] != right[at]), shorter)
    behind = 0
    while behind < shorter - first and left[-1 - behind] == right[-1 - behind]:
        behind += 1
    return first, max(first, len(left) - behind - 1)


def _file_findings(sealed: dict[str, _File], found: dict[str, _File]) -> Iterator[Finding]:
    """Compare the files of a folder with what a sound manifest says."""
    for path in sorted(sealed.keys() | found.keys()):
        if path not in found:
            yield Finding(path=path, explanation="the file is missing")
        elif path not in sealed:
            yield Finding(path=path, explanation="the file was added after sealing")
        elif sealed[path] != found[path]:
            yield from _changed_chunks(path, sealed[path], found[path])


def _changed_chunks(path: str, sealed: _File, found: _File) -> Iterator[Finding]:
    """Yield the runs of chunks that differ, as byte ranges."""
    if sealed.size_bytes != found.size_bytes:
        yield Finding(
            path=path,
            explanation=f"the file has {found.size_bytes} bytes, {sealed.size_bytes} were sealed",
        )
        # The last chunk of the shorter one is not a chunk of the longer one.
        size_bytes = min(sealed.size_bytes, found.size_bytes) // CHUNK_BYTES * CHUNK_BYTES
    else:
        size_bytes = sealed.size_bytes
    differing = [
        index
        for index in range(-(-size_bytes // CHUNK_BYTES))
        if _chunk(sealed, index) != _chunk(found, index)
    ]
    runs: list[list[int]] = []
    for index in differing:
        if runs and runs[-1][1] == index - 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    for first, last in runs:
        yield Finding(
            path=path,
            first_byte=first * CHUNK_BYTES,
            last_byte=min((last + 1) * CHUNK_BYTES, size_bytes) - 1,
            explanation="the bytes are not what was sealed",
        )


def _chunk(file: _File, index: int) -> str:
    """Return the hash of a chunk."""
    return file.chunks[index * _DIGEST_HEX : (index + 1) * _DIGEST_HEX]


def _sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
