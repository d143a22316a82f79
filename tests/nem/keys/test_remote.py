"""Signers elsewhere: the same bytes however often one asks, and refusals by name."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from sauma.errors import BadAnswer, InvalidInput, NoSigner
from sauma.identifiers import AccountId
from sauma_nem import NemChain, NemSettings, NemSigner, NodeClient
from sauma_nem.caip import network_named
from sauma_nem.remote import ATTEMPTS_MAX, RemoteSigner, SignerUnavailable
from sauma_nem.signing import verify
from sauma_nem.signing_server import SigningServer

TOKEN = "a token"
SIGNER = NemSigner.from_private_key(bytes(range(32)), network_named("testnet"))
OTHER = NemSigner.from_private_key(bytes(range(1, 33)), network_named("testnet"))


class SlowSigner:
    """Signs, and is silent afterwards as often as it is told."""

    account, public_key = SIGNER.account, SIGNER.public_key

    def __init__(self) -> None:
        self.silences = 0
        self.signed: list[bytes] = []
        self.waking = threading.Event()

    def sign(self, payload: bytes) -> bytes:
        signature = SIGNER.sign(payload)
        self.signed.append(signature)
        if len(self.signed) <= self.silences:
            self.waking.wait(2)
        return signature


@pytest.fixture
def slow() -> Iterator[SlowSigner]:
    made = SlowSigner()
    yield made
    made.waking.set()


@pytest.fixture
def server(slow: SlowSigner) -> Iterator[SigningServer]:
    """A server with a token that signs nothing beginning with `no`."""

    def rule(account: AccountId, payload: bytes) -> str | None:
        return "not that" if payload.startswith(b"no") else None

    with SigningServer({slow.account: slow}, token=TOKEN, rule=rule) as made:
        yield made


def signer_at(server: SigningServer, account: AccountId = SIGNER.account, **options):
    return RemoteSigner(server.url, account, **{"token": TOKEN, "timeout_s": 0.3, **options})


def until(what):
    """Wait until another thread has done something."""
    ends_at = time.monotonic() + 10
    while not what():
        assert time.monotonic() < ends_at, "waited too long"
        time.sleep(0.01)


def test_who_does_not_wait_is_logged_and_nothing_is_printed(
    server: SigningServer, slow: SlowSigner, capfd, caplog
):
    """A client that has gone when the signature is there is no traceback."""
    slow.silences = 1
    body = json.dumps({"account": str(SIGNER.account), "payload": b"words".hex()})
    headers = f"Authorization: Bearer {TOKEN}\r\nContent-Length: {len(body)}\r\n"
    client = socket.create_connection(urlsplit(server.url).netloc.split(":"))
    client.sendall(f"POST /sign HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}".encode())
    until(lambda: slow.signed)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    slow.waking.set()
    until(lambda: caplog.records)

    assert "connection_failed" in caplog.text
    assert "Traceback" not in capfd.readouterr().err


def test_it_signs_as_the_key_itself_does(server: SigningServer):
    """Nobody can tell where the key is."""
    remote = signer_at(server)

    assert (remote.account, remote.public_key) == (SIGNER.account, SIGNER.public_key)
    assert remote.sign(b"words") == SIGNER.sign(b"words")
    assert verify(remote.public_key, b"words", remote.sign(b"words"))
    remote.close()


def test_a_lost_answer_is_asked_for_again(server: SigningServer, slow: SlowSigner):
    """Signed and not answered: the next question gives the same bytes, and no second signature."""
    remote = signer_at(server)
    slow.silences = 1
    signature = remote.sign(b"words")

    assert signature == SIGNER.sign(b"words")
    assert len(slow.signed) == 2
    assert set(slow.signed) == {signature}


def test_silence_holds_and_does_not_harm(server: SigningServer, slow: SlowSigner):
    """A signer that does not answer is no signer for now; later the same call goes on."""
    remote = signer_at(server)
    slow.silences = ATTEMPTS_MAX
    with pytest.raises(SignerUnavailable, match="repeat the call"):
        remote.sign(b"words")

    assert remote.sign(b"words") == slow.signed[0]


def test_refusals_are_named(server: SigningServer):
    """The signer's own rules, a wrong token, an account that it has not."""
    with pytest.raises(NoSigner, match="not that"):
        signer_at(server).sign(b"no words")
    with pytest.raises(NoSigner, match="401"):
        signer_at(server, token="another")
    with pytest.raises(NoSigner, match="401"):
        signer_at(server, token=None)
    with pytest.raises(NoSigner, match="does not sign for"):
        signer_at(server, OTHER.account)
    with pytest.raises(NoSigner, match="1 to 2048"):
        signer_at(server).sign(bytes(2_049))
    with pytest.raises(NoSigner, match="bytes"):
        signer_at(server).sign(bytes(9_000))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"account": 1, "payload": "00"}', b'{"account": ""}']
)
def test_requests_that_are_none_are_refused(server: SigningServer, body):
    """Whatever is sent, the server answers with an error and goes on."""
    status, document = server.answer("/sign", body, f"Bearer {TOKEN}")

    assert status in (400, 404)
    assert document["error"]
    assert server.answer("/elsewhere", None, f"Bearer {TOKEN}")[0] == 404


def test_nobody_there_is_unavailable():
    """So is a signer that is down when it is first named."""
    with pytest.raises(SignerUnavailable):
        RemoteSigner("http://127.0.0.1:9", SIGNER.account, timeout_s=0.2)
    with pytest.raises(InvalidInput, match="must look like"):
        RemoteSigner("signer", SIGNER.account)


def test_an_answer_that_is_none_is_a_bad_answer(server: SigningServer, monkeypatch):
    """A server of another kind is told apart from a refusal."""
    for answer in ([], {"accounts": [{"account": str(SIGNER.account), "public_key": "00"}]}):
        monkeypatch.setattr(server, "answer", lambda *_, found=answer: (200, found))
        with pytest.raises(BadAnswer, match="check the address"):
            signer_at(server)


def test_a_signature_of_another_key_is_refused(
    server: SigningServer, slow: SlowSigner, monkeypatch
):
    """What does not verify is never used."""
    remote = signer_at(server)
    monkeypatch.setattr(slow, "sign", OTHER.sign)

    with pytest.raises(NoSigner, match="does not hold"):
        remote.sign(b"words")


def test_neither_token_nor_key_is_shown(server: SigningServer):
    """Messages and objects show the account and the host."""
    assert TOKEN not in repr(signer_at(server))


def test_a_chain_signs_by_it(server: SigningServer):
    """It is a signer like any other."""
    settings = NemSettings(network="testnet", mosaic="grid:wh", issuer=SIGNER.account)
    remote = signer_at(server)

    assert NemChain(settings, NodeClient("http://127.0.0.1:9"), {SIGNER.account: remote})
