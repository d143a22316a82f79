"""Settling through somebody's node: one that works, and every kind that does not."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from sauma.settlement import ISSUER
from sauma_cli import nem_sites
from sauma_cli.keys import Keys
from sauma_nem.network import MAINNET, TESTNET, Network
from sauma_nem.testnode import NodeServer, TestNode, WallClock
from sauma_nem.testnode.clock import node_seconds

XEM = 1_000_000
Serve = Callable[..., NodeServer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has its operator's keys already, so that a node can have funded them."""
    folder = tmp_path / "day"
    Keys(folder / "keys", "testnet").account(ISSUER)
    return folder


@pytest.fixture
def serve(folder: Path) -> Iterator[Serve]:
    """Serve a test node whose genesis gave the folder's issuer so many XEM."""
    servers: list[NodeServer] = []

    def start(
        *, micro_xem: int = 1_000 * XEM, network: Network = TESTNET, **options: object
    ) -> NodeServer:
        issuer = Keys(folder / "keys", "testnet").account(ISSUER).address
        node = TestNode.create(
            {issuer: micro_xem} if network is TESTNET else {},
            network=network,
            genesis_time_seconds=node_seconds(WallClock()),
        )
        servers.append(NodeServer(node, **options).start())
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
        server.node.close()


def test_a_node_with_control_routes(sauma_run, files, folder, serve) -> None:
    """With --advance the node is asked for blocks; replay compares with the same node."""
    url = serve(control=True).url

    settled = sauma_run(
        "settle", *files.options, "--folder", folder, "--node", url, "--advance", "--json"
    )
    replayed = sauma_run("replay", folder, "--node", url, "--json")

    assert (settled.code, settled.err) == (0, "")
    assert [bill["owed_cents"] for bill in settled.document["bills"]] == [-120, 75, 75]
    assert {bill["status"] for bill in settled.document["bills"]} == {"final"}
    assert replayed.code == 0
    assert not (folder / "node.sqlite").exists()


def test_a_node_that_makes_its_own_blocks(
    sauma_run, files, folder, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks are waited for; the folder can be gone on with, and needs its node named."""
    monkeypatch.setattr(nem_sites, "POLL_S", 0.05)
    server = serve(block_seconds=0.1)

    settled = sauma_run(
        "settle", *files.options, "--folder", folder, "--node", server.url,
        "--until", "included", "--json",
    )  # fmt: skip
    server.node.mine(360)
    unnamed = sauma_run("settle", "--folder", folder)
    later = sauma_run("settle", "--folder", folder, "--node", server.url, "--json")

    assert {bill["status"] for bill in settled.document["bills"]} == {"provisional"}
    assert unnamed.code == 2
    assert "name one with --node URL" in unnamed.err
    assert {bill["status"] for bill in later.document["bills"]} == {"final"}


def test_no_control_routes(sauma_run, files, folder, serve) -> None:
    """A node that makes no blocks on request is found out, and what to do is said."""
    shown = sauma_run(
        "settle", *files.options, "--folder", folder, "--node", serve().url, "--advance"
    )

    assert shown.code == 2
    assert "leave --advance out" in shown.err


def test_a_wallet_without_fee_money(sauma_run, files, folder, serve) -> None:
    """The issuer's address and what it lacks are named; nothing is taken in."""
    server = serve(micro_xem=100 * XEM, control=True)
    issuer = Keys(folder / "keys", "testnet").account(ISSUER)

    shown = sauma_run(
        "settle", *files.options, "--folder", folder, "--node", server.url, "--advance"
    )

    assert shown.code == 1
    assert re.search(r"needs 110\.3\d* XEM .* has 100\.0+ XEM: send .* to T[A-Z2-7]{39}", shown.err)
    assert not (folder / "store.sqlite").exists()
    assert server.node.chain.height == 1
    assert Keys(folder / "keys", "testnet").account(ISSUER) == issuer


def test_fee_money_that_ends_underway(sauma_run, files, folder, serve) -> None:
    """What cannot be paid is held, with whose wallet lacks what; the bills stay open."""
    server = serve(micro_xem=110_400_000, control=True)

    shown = sauma_run(
        "settle", *files.options, "--folder", folder, "--node", server.url, "--advance", "--json"
    )

    assert shown.code == 1
    held = shown.document["held"]
    assert {one["authority"] for one in held} == {ISSUER}
    assert all("XEM" in one["reason"] for one in held)
    assert {bill["status"] for bill in shown.document["bills"]} == {"open"}


def test_a_node_that_is_down(sauma_run, files, folder) -> None:
    """Nothing listens there: named, and nothing is taken in."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    shown = sauma_run("settle", *files.options, "--folder", folder, "--node", url)

    assert shown.code == 1
    assert url in shown.err
    assert "ask another node" in shown.err
    assert not (folder / "store.sqlite").exists()


def test_a_node_that_is_slow(sauma_run, files, folder, serve) -> None:
    """A node that keeps silent for longer than --timeout is given up."""

    def slow(request, ask):
        time.sleep(0.6)
        return ask(request)

    url = serve(middleware=slow).url
    shown = sauma_run("settle", *files.options, "--folder", folder, "--node", url, "--timeout", 0.2)

    assert shown.code == 1
    assert "did not answer" in shown.err
    assert not (folder / "store.sqlite").exists()


def test_a_node_of_another_network(sauma_run, files, folder, serve) -> None:
    """A node of the main network is refused before anything happens."""
    url = serve(network=MAINNET).url

    shown = sauma_run("settle", *files.options, "--folder", folder, "--node", url)

    assert shown.code == 1
    assert "name a node of the testnet" in shown.err
    assert not (folder / "store.sqlite").exists()


def test_a_node_that_answers_another_hash(sauma_run, files, folder, serve) -> None:
    """A node that read other bytes than were sent is not gone on with."""

    def forge(request, ask):
        reply = ask(request)
        if request.path == "/transaction/announce":
            reply.body["transactionHash"] = {"data": "ab" * 32}
        return reply

    url = serve(control=True, middleware=forge).url
    shown = sauma_run("settle", *files.options, "--folder", folder, "--node", url, "--advance")

    assert shown.code == 1
    assert "ask another node" in shown.err
    assert not (folder / "store.sqlite").exists()


def test_no_address(sauma_run, files, folder) -> None:
    """What is no URL is named as such."""
    shown = sauma_run("settle", *files.options, "--folder", folder, "--node", "nodeland:7890")

    assert shown.code == 2
    assert "http://host:7890" in shown.err


def test_the_node_command(sauma_started, sauma_run, files, folder, tmp_path) -> None:
    """`sauma node` serves until it is told to end, keeps its chain, and funds whom it was told to."""
    issuer = Keys(folder / "keys", "testnet").account(ISSUER).address
    fund = tmp_path / "fund.json"
    fund.write_text(f'{{"{issuer}": {1_000 * XEM}}}')
    process = sauma_started(
        "node",
        "--port",
        0,
        "--manual",
        "--control",
        "--fund",
        fund,
        "--path",
        tmp_path / "n.sqlite",
    )
    said = "".join(process.stdout.readline() for _ in range(4))
    url = re.search(r"http://[\d.:]+", said).group()

    settled = sauma_run(
        "settle", *files.options, "--folder", folder, "--node", url, "--advance", "--json"
    )
    process.terminate()
    _, errors = process.communicate(timeout=10)

    assert settled.code == 0
    assert f"{issuer} with 1000 XEM" in said
    assert (process.returncode, errors) == (0, "")
    assert (tmp_path / "n.sqlite").is_file()


def test_several_nodes_with_faults(sauma_started, tmp_path) -> None:
    """`--nodes` are joined and parted by others; `--fault` befalls the first; `--public` refuses."""
    process = sauma_started(
        "node", "--port", 0, "--nodes", 2, "--manual", "--manual-clock", "--control", "--public",
        "--path", tmp_path / "chains", "--fault", "server_error:every=2,route=/chain/height",
        "--json",
    )  # fmt: skip
    said = "".join(iter(process.stdout.readline, "}\n")) + "}"
    first, second = json.loads(said)["urls"]

    statuses = [requests.get(f"{first}/chain/height", timeout=5).status_code for _ in range(4)]
    requests.post(f"{first}/sauma/part", json={}, timeout=5)
    requests.post(f"{second}/sauma/mine", json={"blocks": 2}, timeout=5)
    joined = requests.post(f"{first}/sauma/join", json={}, timeout=5).json()
    local = requests.get(f"{second}/account/generate", timeout=5).status_code
    process.terminate()
    _, errors = process.communicate(timeout=10)

    assert statuses == [200, 500, 200, 500]
    assert joined == {"height": 3}
    assert local == 401
    assert (process.returncode, errors) == (0, "")
    assert sorted(path.name for path in (tmp_path / "chains").glob("*.sqlite")) == [
        "node-0.sqlite",
        "node-1.sqlite",
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("gremlin", "there is no fault 'gremlin'"),
        ("delay", "needs all of ['milliseconds']"),
        ("delay:milliseconds", "must be written name=value"),
        ("drop:every=often", "every in the fault 'drop:every=often' must be an integer"),
        ("drop:lost=both", "not 'both'"),
    ],
)
def test_faults_that_cannot_be(sauma_run, fault: str, said: str) -> None:
    """What is wrong with a fault is named, and no node starts."""
    shown = sauma_run("node", "--port", 0, "--fault", fault)

    assert shown.code == 2
    assert said in " ".join(shown.err.split())


def test_a_port_in_use(sauma_run) -> None:
    """A port that somebody else has is named."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = sauma_run("node", "--port", taken.getsockname()[1])

    assert shown.code == 2
    assert "take another port" in shown.err
