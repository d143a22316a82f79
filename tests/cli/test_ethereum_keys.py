"""The keys of a folder on Ethereum: encrypted as those for NEM are, whole, and never shown."""

import json
import stat
from pathlib import Path

import pytest

from sauma.errors import InvalidInput
from sauma.identifiers import ChainId
from sauma.settlement import CLEARING, ISSUER
from sauma_cli.ethereum_keys import EthereumKeys
from sauma_nodes import sealing

PASSPHRASE = "a long enough phrase"
CHAIN = ChainId("eip155:1")
HOLDERS = (ISSUER, CLEARING, "anna", "issuer")


@pytest.fixture(autouse=True)
def cheap(monkeypatch) -> None:
    """Guessing may be cheap in tests."""
    monkeypatch.setattr(sealing, "SCRYPT_LOG2_N", 4)
    monkeypatch.delenv("SAUMA_PASSPHRASE", raising=False)


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch) -> Path:
    """A folder of keys that was begun with a passphrase, which is still given."""
    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE)
    accounts_in(tmp_path / "keys")
    return tmp_path / "keys"


def accounts_in(path: Path) -> list[str]:
    """The accounts of some holders, whose keys are made where they have none."""
    keys = EthereumKeys(path, CHAIN)
    return [str(keys.account(holder)) for holder in HOLDERS]


def test_an_encrypted_key_comes_back(sealed: Path) -> None:
    """With the passphrase everybody has the same account again, and only its owner may read the file."""
    first = accounts_in(sealed)
    files = [sealed / "operator.json", sealed / "participants.json"]

    assert accounts_in(sealed) == first
    assert len({*first}) == len(HOLDERS)
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text())["format"] == "sauma-ethereum-keystore-1"


def test_an_old_folder_takes_a_passphrase(tmp_path: Path, monkeypatch) -> None:
    """Without one the keys lie open, and say so; as soon as there is one they do not any more."""
    path = tmp_path / "keys"
    plain = accounts_in(path)
    before = json.loads((path / "operator.json").read_text())
    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE)
    sealed = accounts_in(path)
    after = (path / "operator.json").read_text()

    assert "not encrypted" in before["notice"]
    assert sealed == plain == accounts_in(path)
    assert not any(digits in after for digits in before["keys"].values())
    assert sorted(each.name for each in path.iterdir()) == ["operator.json", "participants.json"]


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [
        (None, "is encrypted: set SAUMA_PASSPHRASE"),
        (PASSPHRASE + "!", "the passphrase does not open"),
    ],
)
def test_without_the_passphrase_nothing_opens(sealed: Path, monkeypatch, passphrase, said) -> None:
    """Who does not have it is told so, and no key is made in place of those that are there."""
    before = (sealed / "operator.json").read_bytes()
    monkeypatch.delenv("SAUMA_PASSPHRASE")
    if passphrase is not None:
        monkeypatch.setenv("SAUMA_PASSPHRASE", passphrase)

    with pytest.raises(InvalidInput, match=said):
        EthereumKeys(sealed, CHAIN)
    assert (sealed / "operator.json").read_bytes() == before


def test_a_passphrase_that_is_too_short(tmp_path: Path, monkeypatch) -> None:
    """It is refused before anything is written."""
    monkeypatch.setenv("SAUMA_PASSPHRASE", "short")

    with pytest.raises(InvalidInput, match="8 characters or more"):
        EthereumKeys(tmp_path / "keys", CHAIN)
    assert list((tmp_path / "keys").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.update(issuer=rows["clearing"]),
        lambda rows: rows["issuer"].update(address=rows["clearing"]["address"]),
        lambda rows: rows["issuer"].update(sealed="00" * 48),
        lambda rows: rows["issuer"].update(sealed="00"),
        lambda rows: rows["issuer"].pop("nonce"),
    ],
)
def test_an_entry_that_was_moved_or_damaged(sealed: Path, change) -> None:
    """A key opens for its holder and address alone; the file is named, and no key is shown."""
    file = sealed / "operator.json"
    document = json.loads(file.read_text())
    change(document["keys"])
    file.write_text(json.dumps(document))

    with pytest.raises(InvalidInput, match=r"operator\.json is no key file of format"):
        EthereumKeys(sealed, CHAIN)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": "else"}',
        '{"format": "sauma-ethereum-keys-1", "keys": {"issuer": "ab"}}',
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: str) -> None:
    """What is no file of keys is left as it is, and named."""
    path = tmp_path / "keys"
    path.mkdir()
    file = path / "operator.json"
    file.write_text(content)
    file.chmod(0o600)

    with pytest.raises(InvalidInput, match="restore it from a copy"):
        EthereumKeys(path, CHAIN)
    assert file.read_text() == content


def test_a_process_that_was_killed_while_it_began(tmp_path: Path) -> None:
    """What it left half-done is begun anew."""
    path = tmp_path / "keys"
    path.mkdir()
    (path / "operator.json.making").write_text("{")

    assert len(accounts_in(path)) == len(HOLDERS)
    assert not (path / "operator.json.making").exists()


def test_a_settlement_under_a_passphrase(sauma_run, settled_on_ethereum, monkeypatch) -> None:
    """A folder that was begun without one goes on with it, and afterwards not without it."""
    keys = settled_on_ethereum / "keys"
    options = ("participant", "add", "test1", "--folder", settled_on_ethereum, "--json")
    plain = sauma_run(*options)
    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE)
    sealed = sauma_run(*options)
    monkeypatch.delenv("SAUMA_PASSPHRASE")
    locked = sauma_run(*options)
    replayed = sauma_run("replay", settled_on_ethereum)

    assert sealed.document == plain.document
    assert "keystore" in json.loads((keys / "participants.json").read_text())["format"]
    assert (locked.code, "SAUMA_PASSPHRASE" in locked.err) == (2, True)
    assert replayed.code == 0
