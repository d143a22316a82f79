"""Files of Ethereum keys: encrypted under a passphrase, or not, and then they say so.

::

    {"format": "sauma-ethereum-keystore-1", "cipher": …, "kdf": …, "check": …,
     "keys": {"<holder>": {"address": "0x…", "nonce": "<12 bytes>", "sealed": "<32 + 16 bytes>"}}}

It is sealed as a keystore for NEM is (`sauma_nodes.sealing`), each private key with format, holder and
address as its associated data, so that no entry can be moved or renamed.  One scrypt opens all keys of
a file; the files of Ethereum's wallets have one for each key, which takes a neighbourhood minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sauma.errors import InvalidInput
from sauma.identifiers import ChainId, check_name
from sauma_cli.passphrases import asked_passphrase, given_passphrase
from sauma_ethereum.signing import PRIVATE_KEY_BYTES, EthereumSigner
from sauma_nodes.key_files import Document, change_document, create_document, read_document

if TYPE_CHECKING:
    from sauma_nodes.sealing import Seal

PLAIN_FORMAT: Final = "sauma-ethereum-keys-1"
FORMAT: Final = "sauma-ethereum-keystore-1"
NOTICE: Final = "These private keys are not encrypted: whoever reads this file has the accounts."
_ANY_CHAIN: Final = ChainId("eip155:1")
"""An address is the same on each."""


class PlainKeys:
    """Private keys by the names of their holders, readable by whoever reads the file."""

    def __init__(self, path: Path, keys: Mapping[str, bytes]) -> None:
        """Prefer `create` or `load`; this only holds what they found."""
        self.path = path
        self.keys = dict(keys)

    @classmethod
    def create(cls, path: Path) -> PlainKeys:
        """Begin an empty file of keys; raises `Conflict` when there is a file already."""
        create_document(path, {"format": PLAIN_FORMAT, "notice": NOTICE, "keys": {}})
        return cls(path, {})

    @classmethod
    def load(cls, path: Path) -> PlainKeys:
        """Read a file of keys; raises `InvalidInput` for a damaged one, or one that others may read."""
        document = read_document(path)
        if document.get("format") != PLAIN_FORMAT:
            raise _damaged(path, PLAIN_FORMAT)
        try:
            keys = {name: _key_of(digits) for name, digits in document["keys"].items()}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise _damaged(path, PLAIN_FORMAT) from None  # the cause may quote a key
        return cls(path, keys)

    def add(self, name: str, private_key: bytes) -> None:
        """Write the key of somebody down who had none."""
        change_document(self.path, lambda document: _with_row(document, name, private_key.hex()))
        self.keys[name] = private_key


class SealedKeys:
    """Private keys by the names of their holders, in a file that only a passphrase opens."""

    def __init__(self, path: Path, seal: Seal, keys: Mapping[str, bytes]) -> None:
        """Prefer `create` or `load`; this only holds what they found."""
        self.path = path
        self.keys = dict(keys)
        self._seal = seal

    @classmethod
    def create(cls, path: Path, passphrase: str, keys: Mapping[str, bytes]) -> SealedKeys:
        """Begin a file with these keys; raises `Conflict` when there is a file already."""
        from sauma_nodes.sealing import Seal

        seal, head = Seal.begin(path, FORMAT.encode(), passphrase)
        rows = {name: _sealed(seal, name, key) for name, key in keys.items()}
        create_document(path, {"format": FORMAT, **head, "keys": rows})
        return cls(path, seal, keys)

    @classmethod
    def load(cls, path: Path, passphrase: str) -> SealedKeys:
        """Open a file; raises `WrongPassphrase`, and `InvalidInput` for a damaged one."""
        from sauma_nodes.sealing import Seal

        document = read_document(path)
        addresses = _addresses(document, path)
        seal = Seal.reopen(path, document, FORMAT.encode(), passphrase)
        keys = {}
        for name, address in addresses.items():
            key = seal.open(document["keys"][name], _data(name, address))
            if key is None or _address_of(key) != address:
                raise _damaged(path)
            keys[name] = key
        return cls(path, seal, keys)

    def add(self, name: str, private_key: bytes) -> None:
        """Write the key of somebody down who had none."""
        row = _sealed(self._seal, check_name(name, "key"), private_key)
        change_document(self.path, lambda document: _with_row(document, name, row))
        self.keys[name] = private_key


Keys: TypeAlias = PlainKeys | SealedKeys


def open_key_file(path: Path) -> Keys:
    """Open a file of keys, or begin one; a half-written one never gets the name.

    With a passphrase a new file is encrypted, and an unencrypted one becomes it.
    """
    passphrase = given_passphrase()
    keys: Keys
    if not path.exists():
        making = _making(path)
        if passphrase is None:
            keys = PlainKeys.create(making)
        else:
            keys = SealedKeys.create(making, passphrase, {})
        return _named(keys, path)
    if read_document(path).get("format") == FORMAT:
        return SealedKeys.load(path, passphrase or asked_passphrase(path))
    plain = PlainKeys.load(path)
    if passphrase is None:
        return plain
    return _named(SealedKeys.create(_making(path), passphrase, plain.keys), path)


def _making(path: Path) -> Path:
    return path.with_name(path.name + ".making")


def _named(keys: Keys, path: Path) -> Keys:
    """Give a whole file its name."""
    keys.path.replace(path)
    keys.path = path
    return keys


def _with_row(document: Document, name: str, row: Any) -> Document:
    return {**document, "keys": {**document["keys"], name: row}}


def _sealed(seal: Seal, name: str, private_key: bytes) -> dict[str, str]:
    address = _address_of(private_key)
    return {"address": address, **seal.close(private_key, _data(name, address))}


def _key_of(digits: str) -> bytes:
    key = bytes.fromhex(digits)
    if len(key) != PRIVATE_KEY_BYTES:
        raise ValueError
    return key


def _address_of(private_key: bytes) -> str:
    return EthereumSigner(private_key, _ANY_CHAIN).account.address


def _data(name: str, address: str) -> bytes:
    return f"{FORMAT}\n{address}\n{name}".encode()


def _addresses(document: Document, path: Path) -> dict[str, str]:
    """Return the addresses by holder, once the whole document is known to have the right shape."""
    from sauma_nodes.sealing import check_head, check_sealed

    try:
        check_head(document)
        found = {}
        for name, row in document["keys"].items():
            check_sealed(row, PRIVATE_KEY_BYTES)
            found[check_name(name, "key")] = str(row["address"])
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _damaged(path) from None
    return found


def _damaged(path: Path, wanted: str = FORMAT) -> InvalidInput:
    return InvalidInput(f"{path} is no key file of format {wanted}: restore it from a copy")
