"""Several nodes, several issuing accounts, and accounts that let the operator sign: said on the command
line or in the installation's file."""

import hashlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sauma.errors import InvalidInput
from sauma.settlement import ISSUER
from sauma.store import Store, queries
from sauma_cli.commands.run import choice_of
from sauma_cli.keys import Keys
from sauma_nem import NemSigner, NodeClient
from sauma_nem.multisig import make_multisig
from sauma_nem.network import MAINNET, TESTNET
from sauma_nem.testnode import NodeServer, TestNode, WallClock
from sauma_nem.testnode.clock import node_seconds
from sauma_service.configuration import read_configuration

from .conftest import PARTICIPANTS, POINTS

XEM = 1_000_000
PUBLIC_KEY = "c5f54ba980fcbb657dbaaa42700539b207873e134d2375efeab5f1ab52f87844"


def signer_of(label: str) -> NemSigner:
    return NemSigner.from_private_key(hashlib.sha256(label.encode()).digest(), TESTNET)


PRODUCER = signer_of("a producer of its own")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that has its operator's keys already."""
    folder = tmp_path / "day"
    Keys(folder / "keys", "testnet").account(ISSUER)
    return folder


@pytest.fixture
def node(folder: Path) -> Iterator[TestNode]:
    """A node whose genesis gave issuer and producer money."""
    issuer = Keys(folder / "keys", "testnet").account(ISSUER).address
    with TestNode.create(
        {issuer: 1_000 * XEM, PRODUCER.account.address: 100 * XEM},
        genesis_time_seconds=node_seconds(WallClock()),
    ) as made:
        yield made


@pytest.fixture
def urls(node: TestNode) -> Iterator[list[str]]:
    """Two ways to the same chain."""
    with NodeServer(node, control=True) as first, NodeServer(node, control=True) as second:
        yield [first.url, second.url]


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{unused.getsockname()[1]}"


def asking(urls: list[str]) -> list[str]:
    """The options that name nodes."""
    return [part for url in urls for part in ("--node", url)]


def test_the_next_node_is_asked_when_the_first_is_down(
    sauma_run, files, folder, urls, nowhere
) -> None:
    """Everything a settlement asks of a node, blocks included, it asks of the next."""
    settled = sauma_run(
        "settle", *files.options, "--folder", folder, *asking([nowhere, *urls]),
        "--agreement", 2, "--advance", "--until", "included", "--json",
    )  # fmt: skip

    assert (settled.code, settled.err) == (0, "")
    assert {bill["status"] for bill in settled.document["bills"]} == {"provisional"}


def test_a_node_of_another_network_is_named_at_once(sauma_run, files, folder, urls) -> None:
    """Also when it is not the first one: nothing is begun, and the first is not taken for all."""
    with TestNode.create({}, network=MAINNET) as other, NodeServer(other) as stranger:
        shown = sauma_run(
            "settle",
            *files.options,
            "--folder",
            folder,
            *asking([urls[0], stranger.url]),
            "--advance",
        )

    assert shown.code == 1
    assert f"node {stranger.url} serves network" in " ".join(shown.err.split())
    assert not (folder / "store.sqlite").exists()


def test_more_agreement_than_nodes(sauma_run, files, folder, urls) -> None:
    """It is refused before anything is asked."""
    shown = sauma_run("settle", *files.options, "--folder", folder, *asking(urls), "--agreement", 3)

    assert shown.code == 2
    assert "between 1 and 2, the number of nodes" in " ".join(shown.err.split())
    assert not (folder / "store.sqlite").exists()


def test_further_accounts_issue(sauma_run, files, tmp_path) -> None:
    """They are made with the folder, stay what they are, and cannot be others later."""
    folder = tmp_path / "day"
    options = ("settle", "--folder", folder, "--until", "included", "--json")
    settled = sauma_run(*options, *files.options, "--floats", 2)
    fewer = sauma_run(*options, "--floats", 1)
    again = sauma_run(*options)

    keys = Keys(folder / "keys", "testnet")
    with Store.open(folder / "store.sqlite") as store, store.reading() as connection:
        bound = queries.accounts(connection, "nem:testnet")
    assert (settled.code, again.code) == (0, 0)
    assert [bound[f"{ISSUER}.{n}"] for n in (2, 3)] == [
        keys.account(f"{ISSUER}.{n}") for n in (2, 3)
    ]
    assert fewer.code == 2
    assert "issues over 2 further accounts, not 1" in " ".join(fewer.err.split())


def test_the_key_of_a_further_account_is_missed(sauma_run, files, tmp_path) -> None:
    """A folder whose issuing keys are not all there is not gone on with."""
    folder = tmp_path / "day"
    options = ("settle", "--folder", folder, "--until", "included")
    sauma_run(*options, *files.options, "--floats", 1)
    operator = folder / "keys" / "operator.json"
    operator.write_text(operator.read_text().replace('"issuer.2"', '"issuer.9"'))
    shown = sauma_run(*options)

    assert shown.code == 1
    assert "restore the file from a copy" in " ".join(shown.err.split())


def test_the_operator_signs_for_a_producer(sauma_run, files, folder, node, urls) -> None:
    """A producer whose account lets the issuer's key sign sells without giving its own away."""
    issuer = Keys(folder / "keys", "testnet").signer(ISSUER)
    with NodeClient(urls[0]) as client:
        cosigners = [issuer.public_key, signer_of("the producer's other key").public_key]
        while not make_multisig(client, TESTNET, PRODUCER, cosigners=cosigners, needed=1).is_done:
            node.mine()
    key = PRODUCER.public_key.hex()

    settled = sauma_run(
        "settle", *files.options, "--folder", folder, *asking(urls), "--advance",
        "--delegate", f"test1={key}", "--until", "included", "--json",
    )  # fmt: skip
    another = sauma_run(
        "settle", "--folder", folder, *asking(urls), "--delegate", f"test1={PUBLIC_KEY}"
    )

    forgotten = sauma_run(
        "settle", *files.options, "--folder", folder, *asking(urls), "--until", "included"
    )

    assert (settled.code, settled.err) == (0, "")
    assert {bill["status"] for bill in settled.document["bills"]} == {"provisional"}
    assert forgotten.code == 0
    with (
        Store.open(folder / "store.sqlite", read_only=True) as store,
        store.reading() as connection,
    ):
        bound = queries.accounts(connection, "nem:testnet")
    assert bound["test1"] == PRODUCER.account
    assert (another.code, "test1 takes part with" in another.err) == (2, True)
    keys = Keys(folder / "keys", "testnet")
    assert PRODUCER.account not in keys.signers()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--floats", 65], 2, "--floats 65 must be between 0 and 64"),
        (["--floats", -1], 2, "--floats -1 must be between 0 and 64"),
        (["--floats", 1, "--chain", "memory"], 2, "--floats 1 is about NEM: leave it out"),
        (["--agreement", 1, "--chain", "memory"], 2, "--agreement 1 is about NEM"),
        (
            ["--delegate", f"test1={PUBLIC_KEY}", "--chain", "memory"],
            2,
            "--delegate test1 is about",
        ),
        (["--agreement", 2], 2, "between 1 and 1, the number of nodes"),
        (["--delegate", "test1"], 2, "must be a participant, '=' and a public key"),
        (["--delegate", "test1=ab"], 2, "must be 64 hexadecimal digits"),
        (["--delegate", f"zoe={PUBLIC_KEY}"], 2, "nobody called 'zoe' takes part"),
        (
            ["--delegate", f"test1={PUBLIC_KEY}", "--delegate", f"test1={'ab' * 32}"],
            2,
            "names two public keys of test1",
        ),
    ],
)
def test_what_cannot_be(sauma_run, files, tmp_path, options, code, said) -> None:
    """Each is refused by name, and nothing is taken in."""
    shown = sauma_run("settle", *files.options, "--folder", tmp_path / "day", *options)

    assert (shown.code, said in " ".join(shown.err.split())) == (code, True)
    assert not (tmp_path / "day" / "store.sqlite").exists()


def test_another_account_in_the_file(sauma_run, files, tmp_path) -> None:
    """The wallet that participants.csv names must be the one of the public key."""
    files.write(
        participants=PARTICIPANTS.replace(
            f"{POINTS['test1']},street,", f"{POINTS['test1']},street,{PRODUCER.account.address}"
        )
    )
    shown = sauma_run(
        "settle", *files.options, "--folder", tmp_path / "day", "--delegate", f"test1={PUBLIC_KEY}"
    )

    assert shown.code == 2
    assert "correct one of them" in shown.err


def test_the_file_says_the_same(tmp_path) -> None:
    """`sauma run` takes from `[chain]` what `sauma settle` takes as options."""
    path = tmp_path / "sauma.toml"
    path.write_text(
        'folder = "x"\n[chain]\nnodes = ["http://a:7890", "http://b:7890"]\nagreement = 2\n'
        f'floats = 3\n[chain.delegates]\ntest1 = "{PUBLIC_KEY}"\n'
    )
    choice = choice_of(read_configuration(path))

    assert choice.node_urls == ("http://a:7890", "http://b:7890")
    assert (choice.agreement, choice.floats) == (2, 3)
    assert choice.delegates == {"test1": PUBLIC_KEY}
    assert choice.real_time_s is None


def test_one_node_or_several(tmp_path) -> None:
    """Naming both is refused."""
    path = tmp_path / "sauma.toml"
    path.write_text('folder = "x"\n[chain]\nnode = "http://a:7890"\nnodes = ["http://b:7890"]\n')

    with pytest.raises(InvalidInput, match="`node` and `nodes`"):
        read_configuration(path)
