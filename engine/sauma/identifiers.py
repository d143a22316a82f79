"""Names that other systems understand, and ids that are hashes of facts.

Chains, accounts and assets are written as the Chain Agnostic Improvement Proposals say: CAIP-2
(`eip155:1`), CAIP-10 (`eip155:1:0xab…`) and CAIP-19 (`eip155:1/erc20:0xab…`).  NEM has no registered
namespace; sauma uses `nem:mainnet`, `nem:testnet` and `nem:mijin`, accounts by their 40-character
address, and `nem:testnet/mosaic:grid.wh` for the mosaic `grid:wh`; `memory:<name>` is the reference
chain.  Both namespaces are ours and unregistered.

Metering points carry an 18-digit GSRN (GS1) with a modulo-10 check digit.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import attrs
from stdnum import ean

from sauma.errors import InvalidInput

ID_BYTES: Final = 32

_CHAIN = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_ADDRESS = re.compile(r"[-.%a-zA-Z0-9]{1,128}")
_ASSET = re.compile(r"[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}")
_GSRN = re.compile(r"[0-9]{18}")
_PARTICIPANT = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,62}[a-z0-9])?")


@attrs.frozen(order=True, cache_hash=True)
class ChainId:
    """A chain as CAIP-2 names it: `namespace:reference`."""

    text: str

    def __attrs_post_init__(self) -> None:
        """Refuse what CAIP-2 does not allow."""
        if not isinstance(self.text, str) or not _CHAIN.fullmatch(self.text):
            raise InvalidInput(f"{self.text!r} is not a CAIP-2 chain id such as nem:testnet")

    @property
    def namespace(self) -> str:
        """The part before the colon."""
        return self.text.partition(":")[0]

    @property
    def reference(self) -> str:
        """The part behind the colon."""
        return self.text.partition(":")[2]

    def __str__(self) -> str:
        """Show the CAIP-2 text."""
        return self.text


@attrs.frozen(order=True, cache_hash=True)
class AccountId:
    """An account as CAIP-10 names it: `namespace:reference:address`."""

    text: str

    def __attrs_post_init__(self) -> None:
        """Refuse what CAIP-10 does not allow."""
        chain, _, address = (
            self.text.rpartition(":") if isinstance(self.text, str) else ("", "", "")
        )
        if not _CHAIN.fullmatch(chain) or not _ADDRESS.fullmatch(address):
            raise InvalidInput(
                f"{self.text!r} is not a CAIP-10 account such as nem:testnet:TAOD4Q…"
            )

    @property
    def chain_id(self) -> ChainId:
        """The chain that the account lives on."""
        return ChainId(self.text.rpartition(":")[0])

    @property
    def address(self) -> str:
        """The chain's own name of the account."""
        return self.text.rpartition(":")[2]

    def __str__(self) -> str:
        """Show the CAIP-10 text."""
        return self.text

    @classmethod
    def on(cls, chain_id: ChainId, address: str) -> AccountId:
        """Return the account with that address on that chain."""
        return cls(f"{chain_id}:{address}")


@attrs.frozen(order=True, cache_hash=True)
class AssetId:
    """An asset as CAIP-19 names it: `namespace:reference/kind:name`."""

    text: str

    def __attrs_post_init__(self) -> None:
        """Refuse what CAIP-19 does not allow."""
        chain, _, asset = self.text.partition("/") if isinstance(self.text, str) else ("", "", "")
        if not _CHAIN.fullmatch(chain) or not _ASSET.fullmatch(asset):
            raise InvalidInput(
                f"{self.text!r} is not a CAIP-19 asset such as nem:testnet/mosaic:grid.wh"
            )

    @property
    def chain_id(self) -> ChainId:
        """The chain that the asset lives on."""
        return ChainId(self.text.partition("/")[0])

    @property
    def kind(self) -> str:
        """The CAIP-19 asset namespace, such as `mosaic`."""
        return self.text.partition("/")[2].partition(":")[0]

    @property
    def reference(self) -> str:
        """The chain's own name of the asset."""
        return self.text.partition("/")[2].partition(":")[2]

    def __str__(self) -> str:
        """Show the CAIP-19 text."""
        return self.text

    @classmethod
    def on(cls, chain_id: ChainId, kind: str, reference: str) -> AssetId:
        """Return the asset of that kind and name on that chain."""
        return cls(f"{chain_id}/{kind}:{reference}")


def check_gsrn(text: object) -> str:
    """Return an 18-digit GSRN with a right check digit, or raise `InvalidInput`.

    Source: GS1 General Specifications, GSRN (AI 8018), standard modulo-10 check digit.
    """
    if not isinstance(text, str) or not _GSRN.fullmatch(text):
        raise InvalidInput(f"metering point {text!r} is not a GSRN: it must have 18 digits")
    check_digit = ean.calc_check_digit(text[:17])
    if text[17] != check_digit:
        raise InvalidInput(
            f"metering point {text} has check digit {text[17]}, expected {check_digit}: "
            "one of its digits is wrong"
        )
    return text


def complete_gsrn(first_17_digits: str) -> str:
    """Return the GSRN made of 17 digits and their check digit."""
    if not re.fullmatch(r"[0-9]{17}", first_17_digits):
        raise InvalidInput(f"{first_17_digits!r} must have 17 digits to complete a GSRN")
    return first_17_digits + str(ean.calc_check_digit(first_17_digits))


def check_name(text: object, what: str = "participant") -> str:
    """Return a pseudonymous name: lower-case letters, digits, `_`, `.`, `-`, at most 64 characters."""
    if not isinstance(text, str) or not _PARTICIPANT.fullmatch(text):
        raise InvalidInput(
            f"{what} {text!r} is not a name: use 1 to 64 of a-z, 0-9, '_', '.' and '-', "
            "starting and ending with a letter or digit"
        )
    return text


Fact: TypeAlias = "str | int | bytes | Sequence[Fact] | Mapping[str, Fact] | None"


def canonical_json(fact: Fact) -> bytes:
    """Return the one JSON text of a fact: sorted keys, no white space, integers only, bytes as hex.

    For the values allowed here (no floats) this is RFC 8785 for keys within the Basic Multilingual
    Plane.  Raises `InvalidInput` for a float or another type.
    """
    return _text(fact).encode()


_QUOTED: Final = json.encoder.encode_basestring
"""What `json.dumps` writes for text, without asking what it is."""


def _text(fact: object) -> str:
    """Write a fact; by its exact type, since ids are made of text, integers and bytes by the million."""
    kind = type(fact)
    if kind is bytes:
        return f'"{fact.hex()}"'  # type: ignore[attr-defined]
    if kind is str:
        return _QUOTED(fact)  # type: ignore[arg-type]
    if kind is int:
        return str(fact)
    if kind is list or kind is tuple:
        return f"[{','.join(map(_text, fact))}]"  # type: ignore[call-overload]
    return _other_text(fact)


def _other_text(fact: object) -> str:
    if fact is None or isinstance(fact, bool):
        return {None: "null", True: "true", False: "false"}[fact]
    if isinstance(fact, str):
        return _QUOTED(fact)
    if isinstance(fact, int):
        return int.__repr__(fact)
    if isinstance(fact, bytes):
        return f'"{fact.hex()}"'
    if isinstance(fact, Mapping):
        texts = {str(key): value for key, value in fact.items()}
        pairs = (f"{_QUOTED(key)}:{_text(texts[key])}" for key in sorted(texts))
        return f"{{{','.join(pairs)}}}"
    if isinstance(fact, Sequence):
        return f"[{','.join(map(_text, fact))}]"
    raise InvalidInput(
        f"{fact!r} of type {type(fact).__name__} cannot be hashed: use integers or text"
    )


def content_id(kind: str, *facts: Fact) -> bytes:
    """Return the 32-byte id of facts: SHA-256 of `sauma:<kind>:` and their canonical JSON.

    The same facts give the same id on every machine; ids are never random.
    """
    return hashlib.sha256(b"sauma:" + kind.encode() + b":" + canonical_json(list(facts))).digest()
