"""Keys at rest and signers: a file of private keys, and what signs with one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma.identifiers import AccountId, check_name
from sauma_nodes.key_files import Document, change_document, create_document, read_document

from .caip import account_of, network_named
from .network import Network
from .signing import KeyPair

KEY_BYTES: Final = 32
FORMAT: Final = "sauma-nem-keys-1"
NOTICE: Final = (
    "private keys, not encrypted: whoever reads this file can spend what the accounts have"
)


class NemSigner:
    """Signs for one account with a key that it never shows."""

    __slots__ = ("_key_pair", "account")

    account: AccountId

    def __init__(self, key_pair: KeyPair, network: Network) -> None:
        """Sign for the key pair's account on a network."""
        self._key_pair = key_pair
        self.account = account_of(key_pair.public_key, network)

    @classmethod
    def from_private_key(cls, private_key: bytes, network: Network) -> NemSigner:
        """Sign with 32 bytes, in the order of NEM wallets' hexadecimal digits."""
        return cls(KeyPair(private_key), network)

    @property
    def public_key(self) -> bytes:
        """The key that others verify with."""
        return self._key_pair.public_key

    def sign(self, payload: bytes) -> bytes:
        """Return the 64-byte signature; the same payload gives the same one."""
        return self._key_pair.sign(payload)

    def __repr__(self) -> str:
        """Show the account only."""
        return f"NemSigner({self.account})"


class KeyFile:
    """Private keys by the names of their holders, in one JSON file that only its owner may read.

    The keys are *not encrypted*, and the file says so.  For accounts with more than a float of
    money use a `Keystore`, or give the adapter another signer.
    """

    def __init__(self, path: Path, network: Network, keys: Mapping[str, KeyPair]) -> None:
        """Prefer `create` or `load`; this only holds what they found."""
        self.path = path
        self.network = network
        self._keys = dict(keys)

    def __repr__(self) -> str:
        """Show the file and how many keys it holds."""
        return f"KeyFile({str(self.path)!r}, {self.network.name}, {len(self._keys)} keys)"

    @classmethod
    def create(cls, path: Path | str, network: str) -> KeyFile:
        """Begin an empty key file; raises `Conflict` when there is a file already."""
        nem_network = network_named(network)
        create_document(
            Path(path),
            {"format": FORMAT, "notice": NOTICE, "network": nem_network.name, "keys": {}},
        )
        return cls(Path(path), nem_network, {})

    @classmethod
    def load(cls, path: Path | str) -> KeyFile:
        """Read a key file; raises `InvalidInput` for a damaged one, or one that others may read."""
        document = read_document(Path(path))
        _check(document, Path(path))
        network = network_named(document["network"])
        keys = {}
        for name, digits in document["keys"].items():
            keys[check_name(name, "key")] = KeyPair.from_hex(digits)
        return cls(Path(path), network, keys)

    @property
    def names(self) -> tuple[str, ...]:
        """The holders' names, sorted."""
        return tuple(sorted(self._keys))

    def generate(self, name: str, randomness: Callable[[int], bytes]) -> NemSigner:
        """Make a key for a holder and write it down; `randomness` is such as `secrets.token_bytes`.

        Raises `Conflict` when the holder has one already.
        """
        private_key = random_key(randomness)
        return self.add(name, private_key)

    def add(self, name: str, private_key: bytes) -> NemSigner:
        """Write a holder's key down; the same key again changes nothing, another is a `Conflict`."""
        check_name(name, "key")
        key_pair = KeyPair(private_key)

        def with_key(document: Document) -> Document:
            _check(document, self.path)
            digits = private_key.hex()
            if document["keys"].get(name, digits) != digits:
                raise Conflict(f"{name} has another key in {self.path}: choose another name")
            return {**document, "keys": {**document["keys"], name: digits}}

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


def random_key(randomness: Callable[[int], bytes]) -> bytes:
    """Return a new private key; raises `InvalidInput` for randomness that is none."""
    private_key = randomness(KEY_BYTES)
    if not isinstance(private_key, bytes) or len(private_key) != KEY_BYTES:
        raise InvalidInput(f"randomness must give {KEY_BYTES} bytes: use secrets.token_bytes")
    return private_key


def _check(document: Mapping[str, Any], path: Path) -> None:
    if not (
        document.get("format") == FORMAT
        and isinstance(document.get("network"), str)
        and isinstance(document.get("keys"), dict)
        and all(isinstance(digits, str) for digits in document["keys"].values())
    ):
        raise InvalidInput(f"{path} is no key file of format {FORMAT}: restore it from a copy")
