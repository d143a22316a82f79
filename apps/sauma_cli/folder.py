"""A folder that settles: what lies in it, who may work in it, and its seal.

::

    settlement/
        store.sqlite            the journal and its tables
        keys/operator.json      the keys of the issuing and the clearing account
        keys/participants.json  the keys of participants who gave no account of their own
        node.sqlite             the chain of the folder's own NEM node, when it has one
        chain.sqlite            the reference chain, with --chain memory
        ethereum.jsonl          the folder's own Ethereum chain, with --chain ethereum
        contract.json           the contract on somebody's Ethereum node, deployed for this folder
        MANIFEST.json           the seal over all of these, while nobody works here

No file says where the folder is, so it can be moved as a whole.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import msgspec

from sauma.errors import InvalidInput, StoreBusy, StoreError, StoreVersion

LOCK: Final = ".lock"
_CONTRACT: Final = "contract.json"
_ETHEREUM: Final = "ethereum.jsonl"
_STORE_FILES: Final = ("store.sqlite", "store.sqlite-wal", _CONTRACT)
_CHAIN_FILES: Final = (
    "node.sqlite",
    "node.sqlite-wal",
    "chain.sqlite",
    "chain.sqlite-wal",
    _ETHEREUM,
)
_KINDS: Final = {"eip155": "ethereum"}
"""What people call a chain, where the CAIP-2 namespace is another word."""


@attrs.frozen(kw_only=True)
class StoredChain:
    """The chain that a folder's journal settles on, as it recorded it."""

    chain_id: str
    energy_asset: str
    settings: dict[str, Any]

    @property
    def kind(self) -> str:
        """`nem`, `ethereum` or `memory`."""
        namespace = self.chain_id.partition(":")[0]
        return _KINDS.get(namespace, namespace)


class Folder:
    """The paths of a folder and the right to work in it."""

    def __init__(self, path: Path) -> None:
        """Name a folder; it need not be there yet."""
        self.path = path
        self.store = path / "store.sqlite"
        self.keys = path / "keys"
        self.node = path / "node.sqlite"
        self.chain = path / "chain.sqlite"
        self.ethereum = path / _ETHEREUM
        self.contract = path / _CONTRACT

    @contextmanager
    def working(self) -> Iterator[None]:
        """Keep every other process out; raises `StoreBusy` while one works here.

        Makes the folder when there is none; when the work fails before anything was written, nothing
        is left of it.
        """
        is_new = not self.path.exists()
        if not is_new and not self.path.is_dir():
            raise InvalidInput(f"{self.path} is no folder: name another one")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StoreError(f"cannot work in {self.path}: {error.strerror}") from error
        try:
            self._lock(descriptor, shared=False)
            yield
        except BaseException:
            if is_new and [each.name for each in self.path.iterdir()] == [LOCK]:
                (self.path / LOCK).unlink()
                self.path.rmdir()
            raise
        finally:
            os.close(descriptor)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Keep out everybody who would change the folder, and change nothing oneself."""
        if not self.store.is_file():
            raise InvalidInput(
                f"there is no settlement in {self.path}: name a folder that `sauma settle` made"
            )
        if not (self.path / LOCK).exists():
            yield
            return
        descriptor = os.open(self.path / LOCK, os.O_RDONLY)
        try:
            self._lock(descriptor, shared=True)
            yield
        finally:
            os.close(descriptor)

    def stored_chain(self, *, migrates: bool = True) -> StoredChain | None:
        """Return the chain that the journal settles on, None before there is a journal.

        With `migrates` a store that an older version left, or a process that was killed while it made
        the store, is brought up to date; without, it raises `StoreVersion`.
        """
        if not self.store.is_file():
            return None
        try:
            return self._read_chain(read_only=True)
        except StoreVersion:
            if not migrates:
                raise
            return self._read_chain(read_only=False)

    def _read_chain(self, *, read_only: bool) -> StoredChain | None:
        from sauma.store import Store, queries

        with Store.open(self.store, read_only=read_only) as store, store.reading() as connection:
            row = queries.chain_row(connection)
        if row is None:
            return None
        return StoredChain(
            chain_id=row[0], energy_asset=row[1], settings=msgspec.json.decode(row[3])
        )

    @contextmanager
    def rehearsal(self) -> Iterator[Folder]:
        """Give a copy of store and keys in which something can be tried without consequences."""
        with tempfile.TemporaryDirectory(prefix="sauma-") as name:
            copy = Folder(Path(name))
            self._copy(_STORE_FILES, copy)
            if self.keys.is_dir():
                shutil.copytree(self.keys, copy.keys)
            yield copy

    @contextmanager
    def planning(self) -> Iterator[Folder]:
        """Give a copy of store, keys and chain in which something can be planned without consequences."""
        with self.rehearsal() as copy:
            self._copy(_CHAIN_FILES, copy)
            yield copy

    @contextmanager
    def chain_copy(self) -> Iterator[Folder]:
        """Give a copy of the chain that the folder keeps, so that it can be asked without a trace."""
        with tempfile.TemporaryDirectory(prefix="sauma-") as name:
            copy = Folder(Path(name))
            self._copy(_CHAIN_FILES, copy)
            yield copy

    def _copy(self, names: tuple[str, ...], target: Folder) -> None:
        for name in names:
            if (self.path / name).is_file():
                shutil.copyfile(self.path / name, target.path / name)

    def _lock(self, descriptor: int, *, shared: bool) -> None:
        """Take the lock, which ends with the process whatever becomes of it."""
        if sys.platform == "win32":
            import msvcrt

            try:
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                raise self._busy() from error
            return
        import fcntl

        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise self._busy() from error

    def _busy(self) -> StoreBusy:
        return StoreBusy(
            f"another process works in {self.path}: wait until it has ended, or name another folder"
        )
