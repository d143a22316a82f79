"""Keys at rest: encrypted, whole, for their owner only, and never shown."""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path

import pytest

from sauma.errors import Conflict, InvalidInput, StoreBusy, UnknownName
from sauma_nem import KeyFile
from sauma_nem.keystore import (
    FORMAT,
    Keystore,
    encrypt,
    is_encrypted,
    public_keys,
)
from sauma_nem.signing import KeyPair, verify
from sauma_nodes.sealing import SCRYPT_LOG2_N_MAX, WrongPassphrase

PASSPHRASE = "a long enough phrase"
KEY = bytes(range(32))
CHEAP = 4
"""scrypt with 2^4: what tests can afford."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def store(path: Path) -> Keystore:
    """A keystore with one key of its own making and one that was given."""
    made = Keystore.create(path, "testnet", PASSPHRASE, log2_n=CHEAP)
    made.add("anna", KEY)
    made.generate("ben", secrets.token_bytes)
    return made


def changed(path: Path, *keys: str, to: object) -> None:
    """Change a member of the file."""
    document = json.loads(path.read_bytes())
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(json.dumps(document))


def test_keys_come_back_and_sign(store: Keystore, path: Path):
    """What was written is what signs after the next start."""
    again = Keystore.load(path, PASSPHRASE)
    signer = again.signer("anna")

    assert again.names == ("anna", "ben")
    assert again.account("ben") == store.account("ben")
    assert verify(KeyPair(KEY).public_key, b"words", signer.sign(b"words"))
    assert set(again.signers()) == {again.account("anna"), again.account("ben")}


def test_no_key_and_no_passphrase_lies_in_the_file(store: Keystore, path: Path):
    """Neither can be found in it, in any spelling, nor in what objects show of themselves."""
    text = path.read_text()

    for secret in (KEY.hex(), KEY[::-1].hex(), PASSPHRASE):
        assert secret not in text
        assert secret not in repr(store) + repr(store.signer("anna"))


def test_only_the_owner_may_read_it(store: Keystore, path: Path):
    """The file has mode 0600, and one with more is refused."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(InvalidInput, match="chmod 600"):
        Keystore.load(path, PASSPHRASE)


@pytest.mark.parametrize("wrong", ["", "a long enough phrasE", PASSPHRASE + " "])
def test_a_wrong_passphrase_is_named(store: Keystore, path: Path, wrong):
    """It is told apart from a damaged file, and not shown."""
    with pytest.raises(WrongPassphrase) as caught:
        Keystore.load(path, wrong)

    assert str(path) in str(caught.value)
    assert not wrong or wrong not in str(caught.value)


def test_passphrases_are_the_same_however_they_were_typed(path: Path):
    """An ä of one or of two characters opens the same file."""
    Keystore.create(path, "testnet", "pässiväylä", log2_n=CHEAP)

    assert Keystore.load(path, "pa\u0308ssiva\u0308yla\u0308").names == ()


def test_a_short_passphrase_is_refused(path: Path):
    """Seven characters are guessed."""
    with pytest.raises(InvalidInput, match="8 characters"):
        Keystore.create(path, "testnet", "sevench")
    assert not path.exists()


def test_who_has_which_account_needs_no_passphrase(store: Keystore, path: Path):
    """Accounts and public keys may be shown to everybody."""
    anna, ben = public_keys(path)

    assert (anna.name, anna.account) == ("anna", store.account("anna"))
    assert ben.public_key == store.signer("ben").public_key


def test_entries_cannot_be_moved(store: Keystore, path: Path):
    """A sealed key under another name or public key does not open."""
    document = json.loads(path.read_bytes())
    anna, ben = document["keys"]["anna"], document["keys"]["ben"]
    changed(path, "keys", "anna", to={**anna, "sealed": ben["sealed"], "nonce": ben["nonce"]})
    with pytest.raises(InvalidInput, match="restore"):
        Keystore.load(path, PASSPHRASE)
    changed(path, "keys", to={"carl": anna})
    with pytest.raises(InvalidInput, match="restore"):
        Keystore.load(path, PASSPHRASE)


@pytest.mark.parametrize(
    ("place", "to"),
    [
        (("format",), "other"),
        (("cipher",), "rot13"),
        (("network",), 7),
        (("kdf",), None),
        (("kdf", "n"), 3),
        (("kdf", "n"), 2 << SCRYPT_LOG2_N_MAX),
        (("kdf", "r"), 1 << 20),
        (("kdf", "salt"), "xx"),
        (("check",), {}),
        (("check", "sealed"), "00"),
        (("keys",), []),
        (("keys", "anna", "public_key"), "00"),
        (("keys", "anna", "account"), "nem:testnet:TAOD4Q"),
        (("keys", "anna", "nonce"), "zz"),
        (("keys", "anna", "sealed"), None),
    ],
)
def test_a_damaged_file_is_named(store: Keystore, path: Path, place, to):
    """Whatever is wrong with it, the error names the file and nothing that was in it."""
    changed(path, *place, to=to)

    with pytest.raises(InvalidInput, match=r"keys\.json|network"):
        Keystore.load(path, PASSPHRASE)


def test_a_file_of_another_network_does_not_open(store: Keystore, path: Path):
    """The network is sealed too: a key never signs where it was not made for."""
    changed(path, "network", to="mainnet")

    with pytest.raises(InvalidInput):
        Keystore.load(path, PASSPHRASE)


def test_a_key_is_never_overwritten(store: Keystore, path: Path):
    """The same key again changes nothing, another is a conflict."""
    before = path.read_bytes()
    store.add("anna", KEY)

    assert path.read_bytes() == before
    with pytest.raises(Conflict, match="another key"):
        store.add("anna", bytes(31) + b"\x01")
    with pytest.raises(Conflict, match="exists"):
        Keystore.create(path, "testnet", PASSPHRASE, log2_n=CHEAP)
    with pytest.raises(UnknownName, match="carl"):
        store.signer("carl")


def test_two_writers_do_not_lose_keys(store: Keystore, path: Path):
    """Each adds to what is in the file, and one that comes in between is told to wait."""
    other = Keystore.load(path, PASSPHRASE)
    store.generate("carl", secrets.token_bytes)
    other.generate("dora", secrets.token_bytes)
    lock = path.with_name("keys.json.new")
    lock.touch()

    assert Keystore.load(path, PASSPHRASE).names == ("anna", "ben", "carl", "dora")
    with pytest.raises(StoreBusy):
        store.generate("emil", secrets.token_bytes)


def test_a_write_that_fails_leaves_the_old_file(store: Keystore, path: Path, monkeypatch):
    """The new file takes the old one's place whole, or not at all."""
    before = path.read_bytes()

    def fails(descriptor: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="full"):
        store.generate("carl", secrets.token_bytes)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_unencrypted_file_becomes_a_keystore(path: Path):
    """The same names and accounts, under a passphrase from now on."""
    plain = KeyFile.create(path, "testnet")
    plain.add("anna", KEY)
    listed = public_keys(path)
    assert not is_encrypted(path)
    keystore = encrypt(path, PASSPHRASE, log2_n=CHEAP)
    keystore.generate("ben", secrets.token_bytes)

    assert is_encrypted(path)
    assert KEY.hex() not in path.read_text()
    assert public_keys(path)[:1] == listed
    assert Keystore.load(path, PASSPHRASE).names == ("anna", "ben")
    assert list(path.parent.iterdir()) == [path]


def test_what_is_no_file_of_keys_is_refused(path: Path):
    """Another document, no document, no file."""
    with pytest.raises(UnknownName):
        is_encrypted(path)
    for content in ("{}", "[]", "\x00", json.dumps({"format": FORMAT + "9"})):
        path.write_text(content)
        path.chmod(0o600)
        with pytest.raises(InvalidInput, match="no file of keys"):
            is_encrypted(path)


@pytest.mark.parametrize("randomness", [lambda count: b"", lambda count: "x" * count])
def test_randomness_that_is_none_is_refused(store: Keystore, randomness):
    """A key of anything but 32 bytes is no key."""
    with pytest.raises(InvalidInput, match="token_bytes"):
        store.generate("carl", randomness)
