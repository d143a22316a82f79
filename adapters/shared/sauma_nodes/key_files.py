"""Files of keys: read by their owner only, and never half written."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sauma.errors import Conflict, InvalidInput, StoreBusy, UnknownName

FILE_MODE: Final = 0o600
FILE_BYTES_MAX: Final = 16 * 1024 * 1024

Document = dict[str, Any]


def read_document(path: Path) -> Document:
    """Return the document in a key file; raises `InvalidInput` when others may read it.

    What is no document is returned as an empty one, and its contents are never shown.
    """
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise UnknownName(f"there is no key file {path}: create it") from error
    if os.name == "posix" and mode & 0o077:
        raise InvalidInput(f"key file {path} can be read by others: chmod 600 {path}")
    try:
        document = json.loads(content) if len(content) <= FILE_BYTES_MAX else None
    except ValueError:
        document = None  # the cause is not shown: it may quote a key
    return document if isinstance(document, dict) else {}


def create_document(path: Path, document: Mapping[str, Any]) -> None:
    """Write a new key file; raises `Conflict` when there is a file already."""
    try:
        descriptor = _open_new(path)
    except FileExistsError as error:
        raise Conflict(f"{path} exists: load it, or choose another name") from error
    with os.fdopen(descriptor, "wb") as file:
        _write(file.fileno(), document)


def change_document(path: Path, change: Callable[[Document], Document]) -> None:
    """Put a changed document in a key file's place, so that every reader sees the old or the new one.

    Raises `StoreBusy` while another process does the same.
    """
    new = path.with_name(path.name + ".new")
    try:
        descriptor = _open_new(new)
    except FileExistsError as error:
        raise StoreBusy(
            f"{new} exists: another process is writing keys; remove it if none is"
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file.fileno(), change(read_document(path)))
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _open_new(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)


def _write(descriptor: int, document: Mapping[str, Any]) -> None:
    content = (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
    while content:
        content = content[os.write(descriptor, content) :]
    os.fsync(descriptor)
