"""The programs and commands of the page on real NEM networks run as they stand."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sauma_cli.__main__ import run
from sauma_nem import KeyFile, NemSigner, NodeClient
from sauma_nem.network import TESTNET
from sauma_nem.testnode import NodeServer, TestNode

TEXT = (Path(__file__).parents[2] / "docs" / "nem.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
MODELS = {
    "one key": "one key",
    "1 of 2": "producers entrust the operator (1 of 2)",
    "2 of 2": "operator and auditor (2 of 2)",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_run(program: str, tmp_path: Path):
    """Whoever copies a program gets what the page says."""
    shown = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert shown.returncode == 0, shown.stderr
    for line in shown.stdout.splitlines():
        name, _, figures = line.partition(": ")
        if name in MODELS:
            fee, places = re.findall(r"[\d.]+", figures)
            (row,) = re.findall(rf"\| {re.escape(MODELS[name])} \|(.*)\n", TEXT)
            assert [cell.strip() for cell in row.split("|")][1:3] == [fee, places]


def commands_of(block: str) -> list[list[str]]:
    """Split a block at the ends of its commands."""
    joined = block.replace("\\\n", " ")
    return [shlex.split(line) for line in joined.splitlines() if line.startswith("sauma ")]


def test_a_treasury_fills_a_float(tmp_path: Path, monkeypatch, capsys):
    """The commands one after the other, a block between them: the float has what was sent."""
    block = next(each for each in COMMANDS if "nem treasury" in each)
    monkeypatch.chdir(tmp_path)
    names = ("treasury", "anna", "bert", "cleo", "float")
    signers = {
        name: NemSigner.from_private_key(bytes([number]) * 32, TESTNET)
        for number, name in enumerate(names, 1)
    }
    keys = KeyFile.create("keys.json", "testnet")
    for number, name in enumerate(names, 1):
        keys.add(name, bytes([number]) * 32)
    balances = {signers["treasury"].account.address: 1_000_000_000}
    with (
        TestNode.create(balances) as node,
        NodeServer(node) as server,
        NodeClient(server.url) as client,
    ):
        values = {
            "NODE": server.url,
            "TREASURY": signers["treasury"].public_key.hex(),
            "FLOAT": signers["float"].account.address,
            **{name.upper(): signers[name].public_key.hex() for name in ("anna", "bert", "cleo")},
        }
        node.mine()
        for command in commands_of(block):
            given = [values.get(word.removeprefix("$"), word) for word in command[1:]]
            assert run(given) == 0, capsys.readouterr().err
            if "treasury" not in command[1:3] or "--cosign" in command:
                node.mine()

        assert client.account(signers["float"].account.address).balance_micro == 20_000_000


def test_keys_are_made_and_found_again(tmp_path: Path, monkeypatch, capsys):
    """A key and the words that it was made from lead to the same account."""
    from sauma_nem import keystore
    from sauma_nodes import sealing

    block = next(each for each in COMMANDS if "sauma keys" in each)
    (passphrase,) = re.findall(r'export SAUMA_PASSPHRASE="(.*)"', block)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAUMA_PASSPHRASE", passphrase)
    monkeypatch.setattr(sealing, "SCRYPT_LOG2_N", 4)
    for command in commands_of(block):
        assert run(command[1:]) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    accounts = [keystore.public_keys(path)[0].account for path in ("wallet.json", "restored.json")]

    assert accounts[0] == accounts[1]
    assert str(accounts[0]) in shown
    assert shown.strip().splitlines()[-1] == keystore.public_keys("wallet.json")[0].public_key.hex()
