"""The pure half: from a batch to bytes, and from bytes to what they say."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sauma.chain import Decoded, Effect
from sauma.errors import InvalidInput
from sauma.identifiers import AccountId, AssetId, canonical_json

SIGNATURE_BYTES = 32


class TemplateCodec:
    """Reads signed bytes without a network."""

    def decode(self, raw: bytes) -> Decoded:
        """Return what signed bytes say; raises `InvalidInput` for bytes that are no transaction."""
        body, signature = raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:]
        try:
            facts = json.loads(body)
            sender = AccountId(facts["sender"])
            reference = bytes.fromhex(facts["reference"])
            effects = tuple(_effect(each) for each in facts["effects"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInput(
                f"bytes are no transaction of the template chain: {error}"
            ) from error
        if body != body_of(sender, reference, effects):
            raise InvalidInput("bytes are no transaction of the template chain: not canonical")
        return Decoded(
            transaction_id=transaction_id_of(raw),
            sender=sender,
            reference=reference,
            effects=effects,
            fee_payer=sender,
            fee_units_max=0,
            valid_until=None,
            signature_valid=signature == sign(sender, body),
        )


def body_of(sender: AccountId, reference: bytes, effects: tuple[Effect, ...]) -> bytes:
    """Return what is signed; the same facts always give the same bytes."""
    return canonical_json(
        {
            "sender": str(sender),
            "reference": reference,
            "effects": [[str(each.account), str(each.asset), each.delta_units] for each in effects],
        }
    )


def sign(sender: AccountId, body: bytes) -> bytes:
    """Return a checksum that stands for a signature: ask a `Signer` here, verify with its key."""
    return hashlib.sha256(b"template:" + str(sender).encode() + b":" + body).digest()


def transaction_id_of(raw: bytes) -> bytes:
    """Return the id, known before anything is sent."""
    return hashlib.sha256(raw).digest()


def _effect(facts: Any) -> Effect:
    account, asset, delta_units = facts
    if type(delta_units) is not int:
        raise InvalidInput(f"{delta_units!r} is no number of units")
    return Effect(account=AccountId(account), asset=AssetId(asset), delta_units=delta_units)
