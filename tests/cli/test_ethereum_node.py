"""A contract on somebody's node: deployed, verified, settled on and replayed; and what goes wrong."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sauma_cli.commands.ethereum as command
from sauma_ethereum.anvil import AnvilProcess, install_anvil
from sauma_ethereum.local import ANVIL_KEY

CONTRACTS = Path(__file__).parents[2] / "contracts"
"""Where npm puts anvil."""
NOWHERE = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A node that makes blocks on request."""
    anvil = AnvilProcess(install_anvil(CONTRACTS))
    yield anvil.url
    anvil.close()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """The file with the key of who pays."""
    path = tmp_path / "owner.key"
    path.write_text(ANVIL_KEY.hex() + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def deploy(sauma_run, url: str, key: Path, tmp_path: Path) -> Callable[..., object]:
    """Deploy for a folder of one's own, with blocks on request."""
    options = ("--test-money", "--finality", "depth", "--finality-blocks", "6", "--advance")

    def call(*more: object) -> object:
        folder = ("--folder", tmp_path / "day")
        return sauma_run(
            "ethereum", "deploy", "--node", url, "--key", key, *folder, *options, *more
        )

    return call


def test_from_nothing_to_final_bills(sauma_run, deploy, url, files, tmp_path) -> None:
    """Deployed and verified, a node settles the seed's scenario, and replay compares with it."""
    deployed = deploy("--json").document
    verified = sauma_run("ethereum", "verify", deployed["ledger"], "--node", url, "--json")
    nodes = ("--node", "http://127.0.0.1:1", "--node", url)  # nobody listens at the first
    options = (*files.options, "--chain", "ethereum", *nodes, "--advance")
    settled = sauma_run("settle", *options, "--folder", tmp_path / "day", "--json")
    replayed = sauma_run("replay", tmp_path / "day", "--node", url, "--json")
    without = sauma_run("replay", tmp_path / "day")

    assert verified.code == 0
    for name in ("chain", "code_hash", "issuer", "settler"):
        assert verified.document[name] == deployed[name]
    assert [bill["owed_cents"] for bill in settled.document["bills"]] == [-120, 75, 75]
    assert settled.document["final"]
    assert (replayed.code, replayed.document["findings"]) == (0, [])
    assert replayed.document["blocks_compared"] > 6
    assert "not compared: name a node with --node URL" in without.out


def test_deploying_again(sauma_run, deploy, url, tmp_path) -> None:
    """A second run finds the contract and changes nothing; verify with the folder agrees."""
    first, second = deploy("--json").document, deploy("--json").document
    folder = ("--folder", tmp_path / "day")
    verified = sauma_run("ethereum", "verify", first["ledger"], "--node", url, *folder)

    assert first == second
    assert verified.code == 0
    assert "is the compiled contract" in verified.out


def test_deploying_is_interrupted(deploy, monkeypatch, tmp_path, sauma_run, url, files) -> None:
    """Stopped before any of its blocks and run again, it goes on, with the contract that was signed."""
    patient = command.miner_of
    left = 0

    def impatient(client):
        mine = patient(client)

        def mine_some(blocks: int) -> None:
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            mine(blocks)

        return mine_some

    monkeypatch.setattr(command, "miner_of", impatient)
    signed, codes = set(), []
    for blocks in (0, 1, 2, 1, 1):
        left = blocks
        codes.append(deploy().code)
        contract = tmp_path / "day" / "contract.json"
        if contract.is_file():
            signed.add(json.loads(contract.read_text())["deployment"]["ledger"])
    options = (*files.options, "--chain", "ethereum", "--node", url, "--advance")
    early = sauma_run("settle", *options, "--folder", tmp_path / "day")
    monkeypatch.setattr(command, "miner_of", patient)
    done = deploy("--json")

    assert codes[0] == 130
    assert set(codes) <= {0, 130}
    assert codes[-1] == 0 or "not deployed yet" in early.err
    assert done.code == 0
    assert signed <= {done.document["ledger"]}


@pytest.mark.parametrize("address", [NOWHERE, "the test money"])
def test_something_else_stands_there(sauma_run, url, deploy, monkeypatch, address: str) -> None:
    """No code and other code are told apart, with exit code 1."""
    words = "has no code"
    if address != NOWHERE:
        shown = deploy().out
        address = shown.split("test money at ")[1].split()[0]
        words = "other code than the compiled contract"

    found = sauma_run("ethereum", "verify", address, "--node", url)

    assert found.code == 1
    assert words in found.out


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "check the name"),
        ("not a key", 0o600, "64 hexadecimal digits"),
        ("ab" * 31, 0o600, "64 hexadecimal digits"),
        ("ab" * 32, 0o644, "chmod 600"),
    ],
)
def test_keys_that_cannot_be(deploy, key, content, mode, said, tmp_path) -> None:
    """A key file that is missing, damaged or open to others is refused, and never quoted."""
    key.unlink()
    if content is not None:
        key.write_text(content)
        key.chmod(mode)

    shown = deploy()

    assert shown.code == 2
    assert said in shown.err
    assert content is None or content not in shown.err + shown.out
    assert not (tmp_path / "day").exists()


def test_an_owner_without_ether(deploy, key) -> None:
    """Who cannot pay for the gas is named, with what is missing."""
    key.write_text("17" * 32)

    shown = deploy("--json")

    assert shown.code == 1
    assert shown.document["error"]["kind"] == "InsufficientBalance"
    assert "give it ether" in shown.err


def test_which_money(sauma_run, url, key, tmp_path) -> None:
    """The token that the contract keeps must be named, or asked for."""
    options = ("--node", url, "--key", key, "--folder", tmp_path / "day")

    shown = sauma_run("ethereum", "deploy", *options)

    assert shown.code == 2
    assert "--test-money" in shown.err


def test_mistyped_and_silent(sauma_run, url) -> None:
    """A mistyped address is the caller's mistake; a node that is down is not."""
    mistyped = sauma_run("ethereum", "verify", NOWHERE.lower(), "--node", url)
    silent = sauma_run("ethereum", "verify", NOWHERE, "--node", "http://127.0.0.1:1")

    assert (mistyped.code, silent.code) == (2, 1)
    assert "checksum" in mistyped.err
    assert "did not answer" in silent.err


def test_a_folder_with_another_chain(deploy, settled_in_memory, sauma_run, url, key) -> None:
    """A folder that settles elsewhere gets no contract."""
    options = ("--node", url, "--key", key, "--folder", settled_in_memory, "--test-money")

    shown = sauma_run("ethereum", "deploy", *options)

    assert shown.code == 2
    assert "name another folder" in shown.err
