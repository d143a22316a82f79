"""Keys at rest, encrypted: a passphrase opens all of one file's, and without it they are noise.

::

    {"format": "sauma-nem-keystore-1", "network": "testnet", "cipher": "aes-256-gcm",
     "kdf": {"name": "scrypt", "n": 131072, "r": 8, "p": 1, "salt": "<16 bytes>"},
     "check": {"nonce": "<12 bytes>", "sealed": "<16 bytes>"},
     "keys": {"<holder>": {"account": "nem:testnet:T…", "public_key": "<32 bytes>",
                           "nonce": "<12 bytes>", "sealed": "<32 + 16 bytes>"}}}

Bytes are hexadecimal.  scrypt makes one key of the passphrase (UTF-8, NFKC) and the salt; AES-256-GCM
seals each private key under it, with format, network, holder and public key as its associated data, so
that no entry can be moved or renamed.  `check` seals nothing under the associated data of the file: it
tells a wrong passphrase from a damaged file.  Who has which account can be read without the passphrase.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import attrs

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma.identifiers import AccountId, check_name
from sauma_nodes.key_files import Document, change_document, create_document, read_document
from sauma_nodes.sealing import Seal, check_head, check_sealed

from .caip import account_of, network_named
from .network import PUBLIC_KEY_BYTES, Network
from .signing import KeyPair
from .wallet import FORMAT as PLAIN_FORMAT
from .wallet import KEY_BYTES, KeyFile, NemSigner, random_key

FORMAT: Final = "sauma-nem-keystore-1"


@attrs.frozen(kw_only=True)
class PublicKey:
    """Who has which account: what may be shown to everybody."""

    name: str
    account: AccountId
    public_key: bytes


class Keystore:
    """Private keys by the names of their holders, in one encrypted file that only its owner may read."""

    def __init__(
        self, path: Path, network: Network, seal: Seal, keys: Mapping[str, KeyPair]
    ) -> None:
        """Prefer `create` or `load`; this only holds what they found."""
        self.path = path
        self.network = network
        self._seal = seal
        self._keys = dict(keys)

    def __repr__(self) -> str:
        """Show the file and how many keys it holds."""
        return f"Keystore({str(self.path)!r}, {self.network.name}, {len(self._keys)} keys)"

    @classmethod
    def create(
        cls,
        path: Path | str,
        network: str,
        passphrase: str,
        *,
        log2_n: int | None = None,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> Keystore:
        """Begin an empty keystore; raises `Conflict` when there is a file already.

        `log2_n` is the cost of a guess: one more doubles time and memory.
        """
        nem_network = network_named(network)
        seal, head = Seal.begin(
            Path(path), _file_data(nem_network), passphrase, log2_n=log2_n, randomness=randomness
        )
        create_document(
            Path(path),
            {"format": FORMAT, "network": nem_network.name, **head, "keys": {}},
        )
        return cls(Path(path), nem_network, seal, {})

    @classmethod
    def load(cls, path: Path | str, passphrase: str) -> Keystore:
        """Open a keystore; raises `WrongPassphrase`, and `InvalidInput` for a damaged file."""
        path = Path(path)
        document = read_document(path)
        public = _public_keys(document, path)
        network = network_named(document["network"])
        seal = Seal.reopen(path, document, _file_data(network), passphrase)
        keys = {}
        for each in public:
            private_key = seal.open(document["keys"][each.name], _key_data(network, each))
            key_pair = None if private_key is None else KeyPair(private_key)
            if key_pair is None or key_pair.public_key != each.public_key:
                raise _damaged(path)
            keys[each.name] = key_pair
        return cls(path, network, seal, keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The holders' names, sorted."""
        return tuple(sorted(self._keys))

    def generate(self, name: str, randomness: Callable[[int], bytes]) -> NemSigner:
        """Make a key for a holder and write it down; `randomness` is such as `secrets.token_bytes`.

        Raises `Conflict` when the holder has one already.
        """
        return self.add(name, random_key(randomness), randomness)

    def add(
        self,
        name: str,
        private_key: bytes,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> NemSigner:
        """Write a holder's key down; the same key again changes nothing, another is a `Conflict`."""
        check_name(name, "key")
        key_pair = KeyPair(private_key)
        entry = PublicKey(
            name=name,
            account=account_of(key_pair.public_key, self.network),
            public_key=key_pair.public_key,
        )

        def with_key(document: Document) -> Document:
            there = {each.name: each for each in _public_keys(document, self.path)}.get(name)
            if there == entry:
                return document
            if there is not None:
                raise Conflict(f"{name} has another key in {self.path}: choose another name")
            row = {
                "account": str(entry.account),
                "public_key": entry.public_key.hex(),
                **self._seal.close(private_key, _key_data(self.network, entry), randomness),
            }
            return {**document, "keys": {**document["keys"], name: row}}

        change_document(self.path, with_key)
        self._keys[name] = key_pair
        return self.signer(name)

    def signer(self, name: str) -> NemSigner:
        """Return the signer of a holder; raises `UnknownName`."""
        key_pair = self._keys.get(name)
        if key_pair is None:
            raise UnknownName(f"{self.path} has no key of {name!r}: generate or add one")
        return NemSigner(key_pair, self.network)

    def account(self, name: str) -> AccountId:
        """Return the account of a holder; raises `UnknownName`."""
        return self.signer(name).account

    def signers(self) -> dict[AccountId, NemSigner]:
        """Return all signers by account, as `NemChain` takes them."""
        found = (self.signer(name) for name in self.names)
        return {signer.account: signer for signer in found}


def is_encrypted(path: Path | str) -> bool:
    """Tell whether a file of keys is a keystore; raises `InvalidInput` for neither kind."""
    found = read_document(Path(path)).get("format")
    if found not in (FORMAT, PLAIN_FORMAT):
        raise InvalidInput(f"{path} is no file of keys: restore it from a copy")
    return bool(found == FORMAT)


def public_keys(path: Path | str) -> tuple[PublicKey, ...]:
    """Return who has which account, of a keystore or an unencrypted file; needs no passphrase."""
    path = Path(path)
    if is_encrypted(path):
        return _public_keys(read_document(path), path)
    keys = KeyFile.load(path)
    return tuple(
        PublicKey(name=name, account=keys.account(name), public_key=keys.signer(name).public_key)
        for name in keys.names
    )


def encrypt(path: Path | str, passphrase: str, *, log2_n: int | None = None) -> Keystore:
    """Turn an unencrypted file of keys into a keystore of the same name, and open it.

    The old contents are replaced, not erased: on many disks traces of them stay for a while.
    """
    path = Path(path)
    plain = KeyFile.load(path)
    making = path.with_name(path.name + ".making")
    making.unlink(missing_ok=True)
    keystore = Keystore.create(making, plain.network.name, passphrase, log2_n=log2_n)
    for name, digits in read_document(path)["keys"].items():
        keystore.add(name, bytes.fromhex(digits))
    making.replace(path)
    keystore.path = path
    return keystore


def _file_data(network: Network) -> bytes:
    return f"{FORMAT}\n{network.name}".encode()


def _key_data(network: Network, entry: PublicKey) -> bytes:
    return f"{FORMAT}\n{network.name}\n{entry.public_key.hex()}\n{entry.name}".encode()


def _public_keys(document: Document, path: Path) -> tuple[PublicKey, ...]:
    """Return the public part, once the whole document is known to have the right shape."""
    try:
        if document["format"] != FORMAT:
            raise ValueError
        network = network_named(document["network"])
        check_head(document)
        found = []
        for name, row in document["keys"].items():
            check_sealed(row, KEY_BYTES)
            public_key = bytes.fromhex(row["public_key"])
            account = account_of(public_key, network)
            if len(public_key) != PUBLIC_KEY_BYTES or row["account"] != str(account):
                raise ValueError
            found.append(
                PublicKey(name=check_name(name, "key"), account=account, public_key=public_key)
            )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _damaged(path) from None
    return tuple(sorted(found, key=lambda each: each.name))


def _damaged(path: Path) -> InvalidInput:
    return InvalidInput(f"{path} is no keystore of format {FORMAT}: restore it from a copy")
