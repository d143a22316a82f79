"""Files of keys from the shell: secrets come by environment, prompt or file, and are never shown."""

import json
import stat
from pathlib import Path

import pytest

from sauma_nodes import sealing

PASSPHRASE = "a long enough phrase"
WORDS = "abandon " * 11 + "about"
FIRST_TEST_KEY = "5ad4795f35641ee324025acd27f8bcc843b7155f75532d9acd76242f89ef2851"


@pytest.fixture(autouse=True)
def cheap(monkeypatch) -> None:
    """Guessing may be cheap in tests."""
    monkeypatch.setattr(sealing, "SCRYPT_LOG2_N", 4)
    monkeypatch.delenv("SAUMA_PASSPHRASE", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_new_key_is_encrypted(sauma_run, file, monkeypatch) -> None:
    """The passphrase comes from the environment; the account is shown, and no secret."""
    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE)

    made = sauma_run("keys", "new", file, "--name", "anna", "--json")
    monkeypatch.delenv("SAUMA_PASSPHRASE")
    listed = sauma_run("keys", "list", file, "--json")
    exported = sauma_run("keys", "export-public", file, "--name", "anna")

    assert made.code == listed.code == exported.code == 0
    assert listed.document == {"encrypted": True, "keys": [made.document]}
    assert exported.out.strip() == made.document["public_key"]
    assert made.document["account"].startswith("nem:testnet:T")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "encrypted" in sauma_run("keys", "list", file).out


def test_without_a_passphrase_nothing_is_begun(sauma_run, file) -> None:
    """Who gives none, and sits at no terminal, must ask for an unencrypted file on purpose."""
    refused = sauma_run("keys", "new", file, "--name", "anna")
    plain = sauma_run("keys", "new", file, "--name", "anna", "--unencrypted")

    assert refused.code == 2
    assert "SAUMA_PASSPHRASE" in refused.err
    assert plain.code == 0
    assert "not encrypted" in sauma_run("keys", "list", file).out
    assert "not encrypted" in json.loads(file.read_text())["notice"]


def test_words_lead_to_the_account_that_wallets_show(sauma_run, file, tmp_path) -> None:
    """A mnemonic lies in a file, and its account is that of the SDK's vectors."""
    words = tmp_path / "words.txt"
    words.write_text(WORDS)
    options = ("--name", "anna", "--mnemonic-file", words, "--unencrypted", "--json")

    imported = sauma_run("keys", "import", file, *options)
    again = sauma_run("keys", "import", file, *options)
    other = sauma_run("keys", "import", file, *options, "--account", "1")

    assert imported.document["public_key"] == FIRST_TEST_KEY
    assert again.document == imported.document
    assert other.code == 2
    assert "another key" in other.err


def test_new_words_come_back(sauma_run, file, tmp_path) -> None:
    """A key that was made from new words can be made from them again."""
    words = tmp_path / "words.txt"
    made = sauma_run(
        "keys", "new", file, "--name", "anna", "--unencrypted", "--words-file", words, "--json"
    )
    again = sauma_run(
        "keys", "import", tmp_path / "other.json", "--name", "anna",
        "--mnemonic-file", words, "--unencrypted", "--json",
    )  # fmt: skip

    assert again.document == made.document
    assert stat.S_IMODE(words.stat().st_mode) == 0o600
    assert words.read_text().strip() not in made.out + made.err


@pytest.mark.parametrize("content", ["abandon " * 12, "", "\udcff"])
def test_words_that_are_none_begin_nothing(sauma_run, file, tmp_path, content) -> None:
    """Nothing is written, and the words are not shown."""
    words = tmp_path / "words.txt"
    words.write_bytes(content.encode("utf-8", "surrogateescape"))

    refused = sauma_run(
        "keys", "import", file, "--name", "anna", "--mnemonic-file", words, "--unencrypted"
    )

    assert refused.code == 2
    assert "abandon" not in refused.err
    assert not file.exists()


def test_what_is_wrong_is_named(sauma_run, file, tmp_path, monkeypatch) -> None:
    """A wrong passphrase, another network, a name that is taken or missing, a file that is none."""
    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE)
    sauma_run("keys", "new", file, "--name", "anna")

    twice = sauma_run("keys", "new", file, "--name", "anna")
    elsewhere = sauma_run("keys", "new", file, "--name", "ben", "--network", "mainnet")
    missing = sauma_run("keys", "export-public", file, "--name", "ben")
    nowhere = sauma_run("keys", "list", tmp_path / "none.json")
    no_words = sauma_run("keys", "import", file, "--name", "ben")
    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE + "!")
    wrong = sauma_run("keys", "new", file, "--name", "ben", "--json")

    assert "has a key" in twice.err
    assert "keys of the testnet" in elsewhere.err
    assert "no key of 'ben'" in missing.err
    assert "no key file" in nowhere.err
    assert "--mnemonic-file" in no_words.err
    assert wrong.document["error"]["kind"] == "WrongPassphrase"
    assert {each.code for each in (twice, elsewhere, missing, nowhere, no_words, wrong)} == {2}


def test_a_settlement_folder_takes_a_passphrase(sauma_run, tmp_path, monkeypatch) -> None:
    """Its keys become keystores when one is given, and open with it alone from then on."""
    folder = tmp_path / "street"
    options = ("participant", "add", "anna", "--folder", folder, "--json")
    plain = sauma_run(*options)
    keys = folder / "keys" / "participants.json"
    assert "not encrypted" in json.loads(keys.read_text())["notice"]

    monkeypatch.setenv("SAUMA_PASSPHRASE", PASSPHRASE)
    sealed = sauma_run(*options)
    monkeypatch.delenv("SAUMA_PASSPHRASE")
    locked = sauma_run(*options)
    replayed = sauma_run("replay", folder)

    assert sealed.document == plain.document
    assert json.loads(keys.read_text())["format"] == "sauma-nem-keystore-1"
    assert locked.code == 2
    assert "SAUMA_PASSPHRASE" in locked.err
    assert replayed.code == 0
