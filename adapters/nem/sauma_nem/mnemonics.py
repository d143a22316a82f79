"""Keys from words: BIP-39 mnemonics and the BIP-44 path of NEM, by the SDK.

The path is m/44'/43'/account'/0'/0' on the main network and m/44'/1'/account'/0'/0' on the others, so
wallets that follow it show the same accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mnemonic import Mnemonic
from symbolchain.Bip32 import Bip32

from sauma.errors import InvalidInput
from sauma.units import check_integer

from .network import MAINNET, Network

COIN_TYPE: Final = 43
TEST_COIN_TYPE: Final = 1
ACCOUNTS_MAX: Final = 1 << 31
ENTROPY_BYTES: Final = 32
"""24 words."""

_CURVE: Final = "ed25519-keccak"
_LANGUAGE: Final = "english"


def new_mnemonic(randomness: Callable[[int], bytes]) -> str:
    """Return 24 new words; `randomness` is such as `secrets.token_bytes`."""
    return str(Mnemonic(_LANGUAGE).to_mnemonic(randomness(ENTROPY_BYTES)))


def derivation_path(network: Network, account: int) -> tuple[int, ...]:
    """Return the path of an account, each step hardened."""
    if not 0 <= check_integer(account, "account") < ACCOUNTS_MAX:
        raise InvalidInput(f"account {account} must be between 0 and {ACCOUNTS_MAX - 1}")
    coin_type = COIN_TYPE if network == MAINNET else TEST_COIN_TYPE
    return (44, coin_type, account, 0, 0)


def private_key_of(
    mnemonic: str, network: Network, *, account: int = 0, passphrase: str = ""
) -> bytes:
    """Return the private key of an account, in the order of NEM wallets' hexadecimal digits.

    `passphrase` is BIP-39's own, not the keystore's.  Raises `InvalidInput` for words that are none or
    whose checksum is wrong; the words are never shown.
    """
    words = " ".join(mnemonic.split()).lower()
    if not Mnemonic(_LANGUAGE).check(words):
        raise InvalidInput(
            f"the {len(words.split())} words are no BIP-39 mnemonic in English: 12, 15, 18, 21 or 24 "
            "words of its list belong together; look for a mistyped or misplaced one"
        )
    node = Bip32(_CURVE).from_mnemonic(words, passphrase)
    key: bytes = node.derive_path(derivation_path(network, account)).private_key.bytes
    return key[::-1]
