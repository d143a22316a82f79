"""Words to keys, as the SDK's vectors have them."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from sauma.errors import InvalidInput
from sauma_nem.mnemonics import derivation_path, new_mnemonic, private_key_of
from sauma_nem.network import MAINNET, TESTNET
from sauma_nem.signing import KeyPair

VECTORS = json.loads(
    (Path(__file__).parents[2] / "vectors" / "nem" / "symbol_6.test-hd-derivation.json").read_text()
)
CASES = [
    (network, case, child)
    for network, kind in ((MAINNET, "public_net"), (TESTNET, "test_net"))
    for case in VECTORS[kind]
    for child in case["childAccounts"]
]
WORDS = "abandon " * 11 + "about"


def test_every_account_of_the_vectors_is_found():
    """Path and public key of all accounts of all words, with and without BIP-39 passphrase."""
    assert len(CASES) > 20
    for network, case, child in CASES:
        account = child["path"][2]
        key = private_key_of(
            case["mnemonic"], network, account=account, passphrase=case["passphrase"]
        )

        assert list(derivation_path(network, account)) == child["path"]
        assert KeyPair(key).public_key.hex().upper() == child["publicKey"]


def test_new_words_are_words():
    """24 of them, others each time, and they lead to a key."""
    first, second = new_mnemonic(secrets.token_bytes), new_mnemonic(secrets.token_bytes)

    assert first != second
    assert len(first.split()) == 24
    assert len(private_key_of(first, TESTNET)) == 32


def test_spaces_and_capitals_do_not_matter():
    """Words that were typed by hand lead to the same key."""
    assert private_key_of(f"  {WORDS.title()}\n", TESTNET) == private_key_of(WORDS, TESTNET)


@pytest.mark.parametrize(
    "words", ["", "abandon", "abandon " * 12, WORDS.replace("about", "abuot"), WORDS + " about"]
)
def test_words_that_are_no_mnemonic_are_refused(words):
    """The count is told, never the words."""
    with pytest.raises(InvalidInput, match="mistyped") as caught:
        private_key_of(words, TESTNET)

    assert "abandon" not in str(caught.value)


@pytest.mark.parametrize("account", [-1, 1 << 31, True])
def test_accounts_that_cannot_be_are_refused(account):
    """An account is a number that can be hardened."""
    with pytest.raises(InvalidInput):
        private_key_of(WORDS, TESTNET, account=account)
