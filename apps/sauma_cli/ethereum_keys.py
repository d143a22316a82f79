"""The keystore of a folder that settles on Ethereum, and the accounts that its keys have.

As for NEM: with a passphrase the files are encrypted, without one they are not, and say so.  A contract's
settler moves energy for everybody, so that participants' keys sign nothing here; they are kept for what
their owners do by themselves.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from sauma.chain import Signer
from sauma.errors import InvalidInput, NoSigner, WrongNetwork
from sauma.identifiers import AccountId, ChainId
from sauma.settlement import CLEARING, ISSUER
from sauma_cli.ethereum_key_files import open_key_file
from sauma_ethereum.caip import address_on
from sauma_ethereum.signing import PRIVATE_KEY_BYTES, EthereumSigner

FILE_BYTES_MAX: Final = 200
"""The most that a file with one private key may hold."""
ROLE_KEYS: Final = {ISSUER: "issuer", CLEARING: "clearing"}


class EthereumKeys:
    """Two files of private keys, apart so that a participant may bear any name."""

    def __init__(self, path: Path, chain_id: ChainId) -> None:
        """Open the key files in a folder, or begin them; the folder must be locked by the caller."""
        self.path = path
        self.chain_id = chain_id
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for remnant in (*path.glob("*.new"), *path.glob("*.making")):
            remnant.unlink()  # of a process that was killed: the lock says that none is writing
        self._operator = open_key_file(path / "operator.json")
        self._participants = open_key_file(path / "participants.json")

    def signer(self, holder: str) -> EthereumSigner:
        """Return a holder's signer; a key is made, and is on the disk, when there was none."""
        role = ROLE_KEYS.get(holder)
        file = self._participants if role is None else self._operator
        name = role or holder
        if name not in file.keys:
            file.add(name, secrets.token_bytes(PRIVATE_KEY_BYTES))
        return EthereumSigner(file.keys[name], self.chain_id)

    def account(self, holder: str) -> AccountId:
        """Return a holder's account, as `signer` does."""
        return self.signer(holder).account

    def signers(self) -> dict[AccountId, Signer]:
        """Return the signers of the operator's two roles, by account."""
        roles = (self.signer(role) for role in ROLE_KEYS)
        return {signer.account: signer for signer in roles}

    def check_role(self, role: str, account: AccountId) -> None:
        """Raise `NoSigner` when a role's account in the journal is not the one in the file."""
        name = ROLE_KEYS[role]
        if name not in self._operator.keys or self.account(role) != account:
            raise NoSigner(
                f"{self._operator.path} has no key of {account}, the {name} account of this folder: "
                "restore the file from a copy"
            )


class EthereumWallets:
    """On Ethereum an account is an address, with a key in the folder or with its owner."""

    def __init__(self, keys: EthereumKeys) -> None:
        """Name accounts on the chain of the keys."""
        self._keys = keys
        self.named: dict[AccountId, None] = {}
        """Every account that was asked for: the contract must know them before they can receive."""

    def account(
        self, holder: str, given: str | None = None, bound: AccountId | None = None
    ) -> AccountId:
        """Return the account; raises `WrongNetwork` for one of another chain."""
        if given is None:
            account = bound or self._keys.account(holder)
        else:
            account = self._given(holder, given)
        self.named[account] = None
        return account

    def _given(self, holder: str, given: str) -> AccountId:
        chain_id = self._keys.chain_id
        try:
            account = AccountId(given) if ":" in given else AccountId.on(chain_id, given)
            address_on(account, chain_id)
        except WrongNetwork as error:
            raise WrongNetwork(f"the wallet of {holder}: {error}") from error
        except InvalidInput as error:
            raise InvalidInput(f"the wallet of {holder}: {error}") from error
        return account


def read_private_key(path: Path) -> bytes:
    """Read a file that holds one private key, 64 hexadecimal digits, and nobody else may read."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}: check the name") from error
    _check_private(path, mode)
    try:
        key = bytes.fromhex(content.decode("ascii").strip().removeprefix("0x"))
    except ValueError:
        key = b""  # the cause is not shown: it may quote the key
    if len(key) != PRIVATE_KEY_BYTES:
        raise InvalidInput(
            f"{path} must hold a private key and nothing else: 64 hexadecimal digits"
        )
    return key


def _check_private(path: Path, mode: int) -> None:
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise InvalidInput(f"key file {path} can be read by others: chmod 600 {path}")
