"""What a node does for its own machine only, and what others get instead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sauma_nem.binary import serialise, transaction_hash
from sauma_nem.json_form import transaction_to_json
from sauma_nem.network import TESTNET
from sauma_nem.signing import KeyPair
from sauma_nem.testnode import NodeServer, NodeStatus, TestNode, serve
from sauma_nem.testnode.throttle import Throttle

from .actors import ALICE, BOB, DAVE, START_MICRO, XEM, Actor, confirm, new_node, private_key_of
from .http_client import ANNOUNCE, Client

LOCAL_ROUTES = (
    ("GET", "/account/generate"),
    ("GET", "/shutdown"),
    ("POST", "/node/boot"),
    ("POST", "/transaction/prepare"),
    ("POST", "/transaction/prepare-announce"),
    ("POST", "/local/block/at"),
    ("POST", "/local/chain/blocks-after"),
    ("GET", "/local/mosaic/definition/supply"),
    ("GET", "/local/mosaics/expired"),
)


@pytest.fixture
def node() -> TestNode:
    return new_node(unlocked_max=2)


@pytest.fixture
def client(node: TestNode) -> Iterator[Client]:
    with NodeServer(node) as server, Client(server) as connected:
        yield connected


@pytest.fixture
def stranger(node: TestNode) -> Iterator[Client]:
    """Somebody who does not count as the node's own machine."""
    with NodeServer(node, local=False) as server, Client(server) as connected:
        yield connected


def _key(actor: Actor, name: str = "value") -> dict[str, str]:
    return {name: private_key_of(actor.label).hex()}


@pytest.mark.parametrize(("method", "path"), LOCAL_ROUTES)
def test_strangers_are_refused(stranger: Client, method: str, path: str) -> None:
    """401 on every local route, with who asked and for what, before anything is read."""
    status, error = stranger.ask(method, path, "nonsense" if method == "POST" else None)

    assert status == 401
    assert error["error"] == "Unauthorized"
    assert error["message"] == f"remote 127.0.0.1 attempted to call local {path}"


def test_unknown_local_routes_are_unknown_to_everybody(stranger: Client) -> None:
    """Who may ask is looked at after what there is."""
    assert stranger.get("/local/nothing")[0] == 404
    assert stranger.post("/account/generate")[0] == 500


def test_generated_keys_are_keys(client: Client) -> None:
    """Key, public key and address belong together, and are others every time."""
    first, second = (client.get("/account/generate")[1] for _ in range(2))

    key = KeyPair(bytes.fromhex(first["privateKey"]))
    assert (key.public_key.hex(), key.address(TESTNET)) == (first["publicKey"], first["address"])
    assert first["privateKey"] != second["privateKey"]


def test_prepare_gives_the_bytes_to_sign(node: TestNode, client: Client) -> None:
    """The server's serialisation, of a transaction that would pass; otherwise 400 with the result."""
    good = ALICE.transfer(node, BOB, 1)
    poor = DAVE.transfer(node, BOB, 1)

    prepared = client.post("/transaction/prepare", transaction_to_json(good))
    refused = client.post("/transaction/prepare", transaction_to_json(poor))

    assert prepared == (200, {"data": serialise(good).hex()})
    assert (refused[0], refused[1]["message"]) == (400, "FAILURE_INSUFFICIENT_BALANCE")
    assert node.waiting() == ()


def test_prepare_announce_signs_and_announces(node: TestNode, client: Client) -> None:
    """One request with the key in it; a key of somebody else makes a bad signature."""
    path = "/transaction/prepare-announce"
    mine, other = ALICE.transfer(node, BOB, 1), ALICE.transfer(node, BOB, 2)

    announced = client.post(
        path, {"transaction": transaction_to_json(mine), **_key(ALICE, "privateKey")}
    )
    forged = client.post(
        path, {"transaction": transaction_to_json(other), **_key(BOB, "privateKey")}
    )
    node.mine()

    assert announced[1]["message"] == "SUCCESS"
    assert announced[1]["transactionHash"] == {"data": transaction_hash(mine).hex()}
    assert forged[1]["message"] == "FAILURE_SIGNATURE_NOT_VERIFIABLE"
    assert node.balance_micro(BOB.address) == START_MICRO + 1


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 500, "expected value for property transaction, but none was found"),
        ({"transaction": 5}, 500, "property transaction has an incompatible value"),
        ("[]", 400, "JSON Object was expected"),
    ],
)
def test_bad_bodies_are_errors(client: Client, body: object, status: int, message: str) -> None:
    """As on every route that reads JSON."""
    answered, error = client.post("/transaction/prepare-announce", body)

    assert (answered, error["message"]) == (status, message)


def test_unlocking_has_its_limits(node: TestNode, client: Client) -> None:
    """10,000 XEM, a known account, and room; the list shows who is unlocked."""
    account = f"/account/status?address={ALICE.address}"

    poor = client.post("/account/unlock", _key(DAVE))
    confirm(node, BOB, BOB.transfer(node, DAVE, XEM))
    ineligible = client.post("/account/unlock", _key(DAVE))
    unlocked = client.post("/account/unlock", _key(ALICE))
    shown = (client.get(account)[1]["status"], client.post("/account/unlocked/info")[1])
    full = client.post("/account/unlock", _key(BOB))
    client.post("/account/lock", _key(ALICE))
    locked = client.get(account)[1]["status"]

    assert (poor[0], poor[1]["message"]) == (400, "FAILURE_UNKNOWN_ACCOUNT")
    assert (ineligible[0], ineligible[1]["message"]) == (400, "FAILURE_HARVESTING_INELIGIBLE")
    assert unlocked == (200, None)
    assert shown == ("UNLOCKED", {"max-unlocked": 2, "num-unlocked": 2})
    assert (full[0], full[1]["message"]) == (400, "FAILURE_SERVER_LIMIT")
    assert locked == "LOCKED"


def test_strangers_unlock_remote_harvesters_only(node: TestNode, stranger: Client) -> None:
    """A key that holds money is not to be sent through the world; one that only harvests may be."""
    remote = Actor("remote")
    refused = stranger.post("/account/unlock", _key(ALICE))
    confirm(node, ALICE, ALICE.importance_transfer(node, remote, 1))

    unlocked = stranger.post("/account/unlock", _key(remote))

    assert refused[0] == 401
    assert refused[1]["message"].endswith(f"with non-remote address {ALICE.address}")
    assert unlocked == (200, None)


@pytest.mark.parametrize("key", ["zz" * 32, "00", "1" * 63])
def test_a_bad_private_key_is_an_error(client: Client, key: str) -> None:
    """500, as for any member that cannot be read."""
    assert client.post("/account/unlock", {"value": key})[0] == 500


def test_boot_once(node: TestNode, client: Client) -> None:
    """A node that is not booted takes part after it; one that is says so with 503."""
    document = {
        "metaData": {"application": "NIS"},
        "endpoint": {"protocol": "http", "port": 7890, "host": "127.0.0.1"},
        "identity": {"name": "node", **_key(BOB, "private-key")},
    }
    node.status = NodeStatus.RUNNING

    before = client.get("/node/info")
    booted = client.post("/node/boot", document)
    after = client.get("/node/info")
    again = client.post("/node/boot", document)

    assert (before[0], before[1]["message"]) == (503, "NIS_ILLEGAL_STATE_NOT_BOOTED")
    assert booted == (200, None)
    assert after[0] == 200
    assert (again[0], again[1]["message"]) == (503, "NIS_ILLEGAL_STATE_ALREADY_BOOTED")


def test_shutdown_answers_and_stops(tmp_path: Path) -> None:
    """The answer comes, then the node stops; whoever served it goes on."""
    answers = []

    def ask(server: NodeServer) -> None:
        with Client(server) as client:
            answers.append(client.get("/shutdown"))

    serve(port=0, path=tmp_path / "chain", on_ready=ask)

    assert answers == [(200, None)]
    assert "nis1-http" not in {thread.name for thread in threading.enumerate()}


def test_too_many_requests_are_answered_429(node: TestNode) -> None:
    """From one address more than so many a second; the node does not see them."""
    with NodeServer(node, requests_per_second=3) as server, Client(server) as client:
        request = ALICE.signed(ALICE.transfer(node, BOB, 1))
        answers = [client.get("/chain/height")[0] for _ in range(3)]
        refused = client.post(ANNOUNCE, request.to_json())

    assert answers == [200] * 3
    assert (refused[0], refused[1]["error"]) == (429, "Too Many Requests")
    assert node.waiting() == ()


def test_the_throttle_counts_by_address_and_second() -> None:
    """What is older than a second does not count, nor what was refused."""
    times = iter([0.0, 0.5, 0.9, 0.9, 1.0, 1.4, 1.5])
    throttle = Throttle(2, seconds=lambda: next(times))

    admitted = [throttle.admits(remote) for remote in ("a", "a", "a", "b", "a", "a", "a")]

    assert admitted == [True, True, False, True, True, False, True]
