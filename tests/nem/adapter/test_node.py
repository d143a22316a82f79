"""A node that is down, slow, elsewhere, broken or lying: each has a named error."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sauma.chain import Cursor, Fate, Word
from sauma.errors import (
    BadAnswer,
    ChainError,
    InvalidInput,
    OutcomeUnknown,
    Unavailable,
    WrongNetwork,
)
from sauma_nem import NemChain, NodeClient
from sauma_nem.network import MAINNET, TESTNET
from sauma_nem.signing import AnnounceRequest
from sauma_nem.testnode import NodeServer, NodeStatus, Reply, TestNode
from sauma_nem.transactions import MosaicId
from sauma_nem.transport import ErrorReply, HttpTransport

from .street import BUYER, ISSUER, SETTINGS, Street, batch_of, issue

REQUEST = AnnounceRequest(data=b"\x01", signature=b"\x02")


@contextmanager
def a_socket(answer: bytes | None) -> Iterator[str]:
    """A server that answers every connection with these bytes and closes; None never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stopping = threading.Event()

        def serve() -> None:
            held = []
            while True:
                connection, _ = server.accept()
                held.append(connection)
                if stopping.is_set():
                    break
                if answer is not None:
                    connection.recv(65_536)
                    connection.sendall(answer)
                    connection.close()
            for each in held:
                each.close()

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = server.getsockname()
        try:
            yield f"http://{host}:{port}"
        finally:
            stopping.set()
            socket.create_connection((host, port)).close()
            thread.join()


def http(body: bytes, status: str = "200 OK") -> bytes:
    """An HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def free_url() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
    return f"http://{host}:{port}"


def impatient(url: str) -> NodeClient:
    """A client that waits a tenth of a second."""
    return NodeClient(url, connect_timeout_s=0.1, read_timeout_s=0.1)


def test_a_node_that_is_down_is_unavailable_to_everything():
    """When no connection comes about nothing was sent, not even an announcement."""
    with impatient(free_url()) as client:
        with pytest.raises(Unavailable, match="repeat"):
            client.height()
        with pytest.raises(Unavailable, match="nothing was sent"):
            client.announce(REQUEST)


def test_a_name_that_nobody_knows_is_unavailable():
    """So is a host that has no address."""
    with impatient("http://node.invalid:7890") as client, pytest.raises(Unavailable):
        client.announce(REQUEST)


def test_a_slow_node_leaves_an_announcement_open():
    """A question may be repeated after a time-out; an announcement may have arrived."""
    with a_socket(None) as url, impatient(url) as client:
        with pytest.raises(Unavailable):
            client.height()
        with pytest.raises(Unavailable):
            client.block_at(1)
        with pytest.raises(OutcomeUnknown, match="look for it"):
            client.announce(REQUEST)


@pytest.mark.parametrize("answer", [b"", http(b"{"), http(b"[]"), http(b"{}")])
def test_an_answer_that_cannot_be_read_leaves_an_announcement_open(answer):
    """Whatever came back, what was sent may have arrived."""
    with a_socket(answer) as url, impatient(url) as client:
        with pytest.raises(OutcomeUnknown):
            client.announce(REQUEST)
        with pytest.raises((BadAnswer, Unavailable)):
            client.height()


@pytest.mark.parametrize(
    ("status", "error"),
    [("500 Server Error", OutcomeUnknown), ("408 Slow", OutcomeUnknown), ("503 x", Unavailable)],
)
def test_a_failing_node_leaves_an_announcement_open(status, error):
    """A server's failure says nothing; that it is not ready, or asked too often, does."""
    with (
        a_socket(http(b'{"message":"oops"}', status)) as url,
        impatient(url) as client,
        pytest.raises(error, match="oops"),
    ):
        client.announce(REQUEST)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Loading"])
def test_a_node_that_is_not_ready_is_unavailable(status):
    """The call may be repeated later."""
    body = b'{"message":"NIS_ILLEGAL_STATE_LOADING_CHAIN"}'
    with (
        a_socket(http(body, status)) as url,
        impatient(url) as client,
        pytest.raises(Unavailable, match="LOADING"),
    ):
        client.height()


def test_a_redirection_is_not_followed():
    """An announcement is never turned into a question at another address."""
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with a_socket(moved) as url, impatient(url) as client, pytest.raises(BadAnswer, match="302"):
        client.height()


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b'"height"',
        b"{}",
        b'{"height":"1"}',
        b'{"height":true}',
        b'{"height":-1}',
        b'{"height":1.0}',
        b'{"height":NaN}',
        b'{"height":null}',
        b"[" * 100_000,
    ],
)
def test_an_answer_of_the_wrong_shape_is_bad(body):
    """A proxy's page and a member of the wrong type are no node's answer."""
    with a_socket(http(body)) as url, impatient(url) as client, pytest.raises(BadAnswer):
        client.height()


def test_an_endless_answer_is_cut():
    """No node may fill our memory."""
    with (
        a_socket(http(b"x" * 200_000)) as url,
        NodeClient(url, answer_bytes_max=100_000) as client,
        pytest.raises(BadAnswer, match="100000 bytes"),
    ):
        client.height()


def test_an_error_shows_what_nis_said(street: Street):
    """NIS's own words are in the message."""
    with pytest.raises(BadAnswer, match="address must be valid"):
        street.client.account("NOBODY")


def test_documented_absences_are_none(street: Street):
    """What is not there is no error."""
    client = street.client

    assert client.block_at(1_000) is None
    assert client.namespace("nobody") is None
    assert client.mosaic_definition(MosaicId(namespace="grid", name="nothing")) is None
    assert client.mosaic_supply(MosaicId(namespace="grid", name="nothing")) is None
    assert client.transaction(bytes(32)) is None
    assert client.account(BUYER.account.address).public_key is None


@pytest.mark.parametrize(
    "url", ["127.0.0.1:7890", "ftp://node", "http://", "http://node:99999", "http://[::1"]
)
def test_an_address_that_is_none_is_refused(url):
    """The form of the address is in the message."""
    with pytest.raises(InvalidInput, match="http://host:7890"):
        HttpTransport(url)


def test_a_node_of_another_network_is_refused_before_anything_else():
    """Its answers would be about other people's blocks."""
    with (
        TestNode.create({}, network=MAINNET) as node,
        NodeServer(node) as server,
        NodeClient(server.url) as client,
    ):
        chain = NemChain(SETTINGS, client, {ISSUER.account: ISSUER})
        for call in (
            chain.head,
            lambda: chain.quote([batch_of(issue(1))]),
            lambda: chain.prepare([batch_of(issue(1))], outstanding=()),
            lambda: chain.events(Cursor()),
            lambda: chain.balance(BUYER.account, SETTINGS.fee_asset),
        ):
            with pytest.raises(WrongNetwork, match="104"):
                call()


@pytest.mark.parametrize("status", [1, 2, 3, 4, 7, 8])
def test_a_node_that_is_not_synchronised_is_unavailable(street: Street, status):
    """It may lack blocks that others have."""
    street.node.status = NodeStatus(status)

    with pytest.raises(Unavailable, match=r"not synchronised|not ready"):
        street.client.check(TESTNET)


def test_a_network_of_one_may_be_asked_on_purpose(street: Street):
    """A node without peers is accepted where that was said."""
    street.node.status = NodeStatus.NO_REMOTE_NODE_AVAILABLE

    with NodeClient(street.client.url, alone=True) as client:
        client.check(TESTNET)


def test_another_hash_than_ours_is_a_bad_answer(street: Street):
    """A node that reads our bytes otherwise is named; the transaction may still land."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())

    def lie(request, answer):
        reply = answer(request)
        body = {**reply.body, "transactionHash": {"data": "00" * 32}}
        return Reply(body=body) if request.path == "/transaction/announce" else reply

    street.faults.now = lie
    with pytest.raises(BadAnswer, match=signed.transaction_id.hex()):
        street.chain.broadcast(signed)


def test_a_refusal_with_http_status_is_a_rejection(street: Street):
    """A node's word is a hint, in whatever form it comes."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    street.faults.now = lambda request, answer: Reply(
        status=400, body={"message": "unable to find fee information", "status": 400}
    )

    answer = street.chain.broadcast(signed)

    assert (answer.word, answer.code) == (Word.REJECTED, "HTTP 400")
    assert "fee information" in answer.message


def test_a_lost_answer_does_not_lose_the_transaction(street: Street):
    """After OutcomeUnknown the same bytes are known, and move once."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())

    def lose(request, answer):
        answer(request)

    street.faults.now = lose
    with pytest.raises(OutcomeUnknown):
        street.chain.broadcast(signed)
    street.faults.now = None

    assert street.chain.status(signed).fate is Fate.PENDING
    assert street.chain.broadcast(signed).word is Word.KNOWN
    street.node.mine()
    assert street.chain.balance(issue(5).recipient, SETTINGS.energy_asset).units == 5


def test_blocks_that_cannot_be_are_bad_answers(street: Street):
    """A block of another height, of numbers too large or of a broken form is never believed."""
    good = street.node.request("POST", "/block/at/public", body={"height": 3})[1]
    bad = [
        {**good, "height": 2},
        {**good, "timeStamp": 2**40},
        {**good, "signer": "zz"},
        {**good, "transactions": [{"type": 99}]},
        {key: value for key, value in good.items() if key != "prevBlockHash"},
    ]

    for body in bad:
        street.faults.now = lambda request, answer, body=body: Reply(body=body)
        with pytest.raises(BadAnswer):
            street.client.block_at(3)


def test_another_transaction_than_asked_for_is_a_bad_answer(street: Street):
    """The hash is computed, not believed."""
    first = street.issued(5, label="a")
    second = street.issued(5, label="b")
    path = "/transaction/get"
    other = street.node.request("GET", path, params={"hash": first.transaction_id.hex()})[1]
    street.faults.now = lambda request, answer: (
        Reply(body=other) if request.path == path else answer(request)
    )

    with pytest.raises(BadAnswer, match=second.transaction_id.hex()):
        street.chain.status(second)


def test_nothing_is_sent_twice(street: Street):
    """One announcement is one request, however it ends."""
    (signed,) = street.chain.prepare([batch_of(issue(5))], outstanding=())
    street.faults.asked.clear()
    street.faults.now = lambda request, answer: None

    with pytest.raises(ChainError):
        street.chain.broadcast(signed)

    assert street.faults.asked.count("/transaction/announce") == 1


def test_clients_may_be_shared_by_threads(street: Street):
    """Each thread has its own connections."""
    heights: list[int] = []
    threads = [
        threading.Thread(target=lambda: heights.extend(street.client.height() for _ in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert heights == [3] * 80


def test_an_error_reply_is_returned_for_a_refused_announcement(street: Street):
    """Bytes that are no transaction are refused before any rule is applied."""
    street.faults.now = lambda request, answer: Reply(status=404, body={"message": "invalid"})

    reply = street.client.announce(REQUEST)

    assert reply == ErrorReply(status=404, message="invalid")
    assert json.loads(REQUEST.to_json())["data"] == "01"
