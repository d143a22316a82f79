"""`sauma keys`: files of keys for NEM, encrypted unless asked otherwise."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.markup import escape

from sauma.errors import Conflict, InvalidInput, UnknownName
from sauma_cli.options import Json, NetworkName
from sauma_cli.passphrases import asked_passphrase, given_passphrase, secret_words
from sauma_cli.screen import Screen

if TYPE_CHECKING:
    from sauma_nem.keystore import Keystore, PublicKey
    from sauma_nem.wallet import KeyFile

File = Annotated[Path, Parameter(name="FILE", help="A file of keys; it is begun if there is none.")]
Name = Annotated[str, Parameter(name="--name", help="Whose key it is: a-z, 0-9, '_', '.', '-'.")]
Network = Annotated[NetworkName | None, Parameter(help="For a new file: testnet unless named.")]
Unencrypted = Annotated[
    bool, Parameter(negative="", help="Begin a file without a passphrase; it says so itself.")
]
AccountNumber = Annotated[int, Parameter(name="--account", help="Which account of the words.")]


def new(
    file: File,
    /,
    *,
    name: Name,
    network: Network = None,
    unencrypted: Unencrypted = False,
    words_file: Annotated[
        Path | None,
        Parameter(help="Derive the key from 24 new words, and write them to this new file."),
    ] = None,
    json: Json = False,
) -> int:
    """Make a key and write it to a file.

    The passphrase comes from SAUMA_PASSPHRASE or is asked for.
    """
    from sauma_nem.mnemonics import new_mnemonic, private_key_of

    keys = _open(file, network, unencrypted=unencrypted)
    if name in keys.names:
        raise Conflict(f"{name} has a key in {file}: choose another name")
    if words_file is None:
        keys.generate(name, secrets.token_bytes)
    else:
        words = new_mnemonic(secrets.token_bytes)
        _write_words(words_file, words)
        keys.add(name, private_key_of(words, keys.network))
    return _show(file, name, json=json)


def import_(
    file: File,
    /,
    *,
    name: Name,
    network: Network = None,
    mnemonic_file: Annotated[
        Path | None, Parameter(help="A file with the words; without it they are asked for.")
    ] = None,
    account: AccountNumber = 0,
    unencrypted: Unencrypted = False,
    json: Json = False,
) -> int:
    """Write the key of a BIP-39 mnemonic to a file: m/44'/43'/account'/0'/0', testnet 1'.

    The words are typed at a prompt or lie in a file; they are never given on the command line.
    """
    from sauma_nem.caip import network_named
    from sauma_nem.mnemonics import private_key_of

    words = secret_words(mnemonic_file)
    if not file.exists():
        private_key_of(words, network_named(network or "testnet"), account=account)
    keys = _open(file, network, unencrypted=unencrypted)
    keys.add(name, private_key_of(words, keys.network, account=account))
    return _show(file, name, json=json)


def list_(file: File, /, *, json: Json = False) -> int:
    """Show who has which account in a file of keys; needs no passphrase."""
    from sauma_nem.keystore import is_encrypted, public_keys

    screen = Screen(as_json=json)
    is_sealed = is_encrypted(file)
    found = public_keys(file)
    kind = "encrypted" if is_sealed else "[bold yellow]not encrypted[/]"
    screen.show(f"[bold]{escape(str(file))}[/], {kind}, {len(found)} keys")
    for each in found:
        screen.show(f"  {each.name:<16} {each.account}")
    screen.finish({"encrypted": is_sealed, "keys": [_facts(each) for each in found]})
    return 0


def export_public(file: File, /, *, name: Name, json: Json = False) -> int:
    """Print the public key of a holder, as cosigners and multisig accounts are named by."""
    screen = Screen(as_json=json)
    found = _find(file, name)
    screen.show(found.public_key.hex())
    screen.finish(_facts(found))
    return 0


def _open(path: Path, network: str | None, *, unencrypted: bool) -> KeyFile | Keystore:
    """Open a file of keys, or begin one."""
    from sauma_nem.keystore import Keystore, is_encrypted
    from sauma_nem.wallet import KeyFile

    if not path.exists():
        if unencrypted:
            return KeyFile.create(path, network or "testnet")
        passphrase = given_passphrase() or asked_passphrase(path, twice=True)
        return Keystore.create(path, network or "testnet", passphrase)
    keys: KeyFile | Keystore
    if is_encrypted(path):
        keys = Keystore.load(path, given_passphrase() or asked_passphrase(path))
    else:
        keys = KeyFile.load(path)
    if network not in (None, keys.network.name):
        raise Conflict(f"{path} has keys of the {keys.network.name}, not of the {network}")
    return keys


def _write_words(path: Path, words: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Conflict(f"{path} exists: name another file for the words") from error
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(words + "\n")
        file.flush()
        os.fsync(file.fileno())


def _find(path: Path, name: str) -> PublicKey:
    from sauma_nem.keystore import public_keys

    for each in public_keys(path):
        if each.name == name:
            return each
    raise UnknownName(f"{path} has no key of {name!r}: see `sauma keys list {path}`")


def _show(path: Path, name: str, *, json: bool) -> int:
    screen = Screen(as_json=json)
    found = _find(path, name)
    screen.show(f"[bold]{name}[/] has {found.account}, in {escape(str(path))}")
    screen.finish(_facts(found))
    return 0


def _facts(found: PublicKey) -> dict[str, str]:
    return {
        "name": found.name,
        "account": str(found.account),
        "public_key": found.public_key.hex(),
    }
