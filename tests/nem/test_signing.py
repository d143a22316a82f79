"""Keys, signatures and announce requests."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from sauma_nem import signing
from sauma_nem.binary import serialise, transaction_hash
from sauma_nem.network import MAINNET, TESTNET, keccak_256
from sauma_nem.signing import AnnounceRequest, KeyPair, sign, verify
from sauma_nem.transactions import Transfer
from sauma_nem.unreadable import ForbiddenValue, Unreadable

VECTORS = Path(__file__).parent.parent / "vectors" / "nem"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
PRIVATE_KEY = "d95c5c36793c953a816d70393cbcc863ad33ee98b7df9a7ddab0805c874f77ff"


def transfer(signer: bytes) -> Transfer:
    return Transfer(
        network_byte=TESTNET.byte,
        version=1,
        timestamp_seconds=1,
        signer=signer,
        fee_micro=50_000,
        deadline_seconds=3_601,
        recipient="TAOD4QYZA5RQYM64MFZ4MBCKQBWVZEETCQE3HB3A",
        amount_micro=1,
    )


def test_public_keys_of_private_keys() -> None:
    """A private key has the public key of the 200 published vectors."""
    cases = json.loads((VECTORS / "symbol_1.test-keys.json").read_text())

    keys = [KeyPair.from_hex(case["privateKey"]).public_key.hex().upper() for case in cases]

    assert keys == [case["publicKey"] for case in cases]
    assert len(cases) == 200


def test_signatures_are_the_server_s() -> None:
    """Keys, addresses and signatures are those that the server's own classes make (100 vectors)."""
    cases = json.loads((VECTORS / "nis_sign.json").read_text())

    for case in cases:
        pair = KeyPair.from_hex(case["privateKey"])
        data = bytes.fromhex(case["data"])
        signature = bytes.fromhex(case["signature"])
        assert pair.public_key.hex() == case["publicKey"]
        assert pair.address(TESTNET) == case["testnetAddress"]
        assert pair.address(MAINNET) == case["mainnetAddress"]
        assert pair.sign(data) == signature
        assert verify(pair.public_key, data, signature)
        assert not verify(pair.public_key, data + b"\0", signature)
    assert len(cases) == 100


def test_what_a_key_made_here_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key's first signature and every 128th are reckoned; the others are known, and nothing like them."""
    reckoned: list[bytes] = []

    def reckon(public_key: bytes, data: bytes, signature: bytes) -> bool:
        reckoned.append(data)
        return False

    monkeypatch.setattr(signing, "_reckoned", reckon)
    pair = KeyPair(bytes(range(1, 33)))
    made = [(data, pair.sign(data)) for data in (b"%d" % number for number in range(260))]

    known = [verify(pair.public_key, data, signature) for data, signature in made]

    assert reckoned == [b"0", b"128", b"256"]
    assert known.count(True) == 257
    data, signature = made[1]
    assert not verify(pair.public_key, data + b"0", signature)
    assert not verify(pair.public_key, data, made[2][1])
    assert not verify(KeyPair(bytes(32)).public_key, data, signature)
    assert not verify(pair.public_key + signature[:1], data, signature[1:])


def test_a_key_that_signs_wrongly_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first signature of a key proves the key: another one's is refused before anything leaves."""
    pair, other = KeyPair(bytes(range(2, 34))), KeyPair(bytes(range(3, 35)))
    pair.public_key = other.public_key

    assert not verify(pair.public_key, b"energy", pair.sign(b"energy"))


def test_what_was_made_long_ago_is_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the newest are remembered, and what is forgotten still holds."""
    monkeypatch.setattr(signing, "_made", signing._Made(4))
    pair = KeyPair(bytes(range(4, 36)))
    made = [(data, pair.sign(data)) for data in (b"%d" % number for number in range(20))]

    assert not signing._made.has(pair.public_key, *made[1])
    assert signing._made.has(pair.public_key, *made[19])
    assert all(verify(pair.public_key, data, signature) for data, signature in made)


def test_a_signature_must_be_canonical() -> None:
    """S and S plus the group order satisfy the same equation; only the smaller is a signature."""
    pair = KeyPair.from_hex(PRIVATE_KEY)
    signature = pair.sign(b"energy")
    s = int.from_bytes(signature[32:], "little")
    other = signature[:32] + (s + GROUP_ORDER).to_bytes(32, "little")

    assert verify(pair.public_key, b"energy", signature)
    assert not verify(pair.public_key, b"energy", other)
    assert not verify(pair.public_key, b"energy", signature[:32] + bytes(32))


@pytest.mark.parametrize(
    ("public_key", "signature"),
    [
        (bytes(32), bytes(64)),
        (bytes([1]) + bytes(31), bytes(32) + bytes([1]) + bytes(31)),
        (b"\xff" * 32, bytes(32) + bytes([1]) + bytes(31)),
        (bytes(31), bytes(64)),
        (bytes(32), bytes(63)),
    ],
)
def test_what_is_no_key_or_signature_does_not_verify(public_key: bytes, signature: bytes) -> None:
    """Points outside the group, the zero key and wrong lengths are answered with no, not raised."""
    assert verify(public_key, b"energy", signature) is False


def test_a_private_key_is_never_shown() -> None:
    """Neither repr nor str nor pickle gives the private key away."""
    pair = KeyPair.from_hex(PRIVATE_KEY)

    shown = f"{pair!r} {pair}"

    assert PRIVATE_KEY not in shown.lower()
    assert pair.public_key.hex() in shown
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(pair)


@pytest.mark.parametrize("text", ["", "00", PRIVATE_KEY + "00", "g" * 64])
def test_a_wrong_private_key_is_refused_without_quoting_it(text: str) -> None:
    """A key that is not 64 hex digits is the caller's mistake; the error does not repeat it."""
    with pytest.raises(ForbiddenValue, match="64 hex digits") as caught:
        KeyPair.from_hex(text)

    assert len(text) < 32 or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_signing_gives_what_a_node_verifies() -> None:
    """The request carries the non-verifiable bytes and the signer's signature over them."""
    pair = KeyPair.from_hex(PRIVATE_KEY)
    transaction = transfer(pair.public_key)

    request = sign(transaction, pair)

    assert request.data == serialise(transaction)
    assert verify(transaction.signer, request.data, request.signature)
    assert keccak_256(request.data) == transaction_hash(transaction)
    assert request == sign(transaction, pair)


def test_only_the_signer_signs() -> None:
    """A key that is not the signer's signs nothing."""
    with pytest.raises(ForbiddenValue, match="sign with the signer's key"):
        sign(transfer(bytes(32)), KeyPair.from_hex(PRIVATE_KEY))


def test_an_announce_request_is_stable_json() -> None:
    """The body of an announce names data and signature in hex and reads back as the same."""
    request = AnnounceRequest(data=b"\x01\xab", signature=b"\xcd")

    text = request.to_json()

    assert text == '{"data":"01ab","signature":"cd"}'
    assert AnnounceRequest.from_json(text) == request
    assert (
        AnnounceRequest.from_json(
            text.encode().upper().replace(b"DATA", b"data").replace(b"SIGNATURE", b"signature")
        )
        == request
    )


def test_an_odd_number_of_digits_gets_a_leading_zero() -> None:
    """The server reads `1ab` as `01ab`, and so does this."""
    request = AnnounceRequest.from_json('{"data":"1ab","signature":"d"}')

    assert request == AnnounceRequest(data=b"\x01\xab", signature=b"\x0d")


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("[]", 400, "JSON Object was expected"),
        ("{", 400, "JSON Object was expected"),
        ("{}", 500, "expected value for property data, but none was found"),
        ('{"data":"00"}', 500, "expected value for property signature, but none was found"),
        ('{"data":7,"signature":"00"}', 500, "property data has an incompatible value"),
        (
            '{"data":"zz","signature":"00"}',
            400,
            "org.apache.commons.codec.DecoderException: Illegal hexadecimal character z at index 0",
        ),
    ],
)
def test_a_malformed_announce_gets_the_server_s_answer(
    body: str, status: int, message: str
) -> None:
    """What is no announce request is refused with the server's status and words."""
    with pytest.raises(Unreadable) as caught:
        AnnounceRequest.from_json(body)

    assert (caught.value.server_status, caught.value.server_message) == (status, message)
