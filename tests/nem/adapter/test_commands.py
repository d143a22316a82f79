"""Several signatures from the shell, on a node over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sauma_cli.__main__ import run
from sauma_nem import KeyFile

from .authority import AUDITOR
from .justified import RULES, a_justified_street
from .street import BUYER, POOR, SETTINGS, STRANGER, Street, key_of, signer_of


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """Everybody's keys in one file, as no two of them should be."""
    path = tmp_path / "keys.json"
    made = KeyFile.create(path, "testnet")
    for name in ("stranger", "anna", "bert"):
        made.add(name, key_of(name))
    made.add("auditor", key_of("auditor"))
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    """Run a command and return exit code, document and errors."""
    code = run([*map(str, arguments), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def test_a_treasury_from_the_shell(street: Street, keys: Path, tmp_path: Path, capsys):
    """An account of two is made, one proposes, the other signs, the float is filled."""
    signing = ("--node", street.client.url, "--keys", keys)
    both = [signer_of(name).public_key.hex() for name in ("anna", "bert")]
    entrusting = (
        "nem", "delegate", *signing, "--name", "stranger",
        "--cosigner", both[0], "--cosigner", both[1], "--needed", "2",
    )  # fmt: skip
    _, first, _ = told(capsys, *entrusting)
    street.node.mine()
    _, second, _ = told(capsys, *entrusting)
    terms = (
        "nem", "treasury", *signing, "--treasury", STRANGER.public_key.hex(),
        "--float", POOR.account.address, "--floor", "5", "--amount", "20.5", "--once",
        "--record", tmp_path / "signed.jsonl",
    )  # fmt: skip
    _, proposed, _ = told(capsys, *terms, "--name", "anna")
    code, signed, _ = told(capsys, *terms, "--name", "bert", "--cosign")
    street.node.mine()

    assert (first["done"], second["done"]) == (False, True)
    assert [each["account"] for each in proposed["proposed"]] == [str(POOR.account)]
    assert [each["signed"] for each in signed["verdicts"]] == [True]
    assert code == 0
    assert street.client.account(POOR.account.address).balance_micro == 20_500_000


def test_an_auditor_from_the_shell(keys: Path, tmp_path: Path, capsys):
    """What the store derives is signed; by another rulebook it is refused, with exit code 1."""
    rulebook, other = tmp_path / "rules.toml", tmp_path / "other.toml"
    text = (
        'name = "street"\nversion = 1\ndelivery = "issuer_direct"\n\n'
        '[supplier]\nname = "supplier"\nsells_at = "0.16"\nbuys_at = "0.04"\n'
    )
    rulebook.write_text(text)
    other.write_text(text.replace("0.16", "0.17"))
    with a_justified_street(tmp_path) as justified:
        justified.sell(1_500, 900)
        justified.engine.step()
        command = (
            "nem", "cosign", tmp_path / "store.sqlite", "--node", justified.street.client.url,
            "--keys", keys, "--name", "auditor", "--once", "--record", tmp_path / "signed.jsonl",
        )  # fmt: skip
        refused = told(capsys, *command, "--rulebook", other)
        signed = told(capsys, *command, "--rulebook", rulebook)
        justified.mine()

        assert refused[0] == 1
        assert refused[1]["verdicts"][0]["objection"] == "wrong_rulebook"
        assert (signed[0], signed[1]["verdicts"][0]["signed"]) == (0, True)
        units = justified.street.node.mosaic_units(BUYER.account.address, SETTINGS.mosaic_id)
        assert units == 900
    assert AUDITOR.public_key.hex() not in capsys.readouterr().out
    assert RULES.name == "street"


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["delegate", "--name", "anna", "--cosigner", "00"], 2, "public key"),
        (["delegate", "--name", "nobody", "--cosigner", "00" * 32], 2, "no key of"),
        (["cosign", "nowhere.sqlite", "--name", "anna", "--rulebook", "none.toml"], 2, "none.toml"),
        (
            ["treasury", "--name", "anna", "--treasury", "11" * 32, "--float", "TX",
             "--floor", "1", "--amount", "1", "--once"],
            2,
            "40 characters",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(keys: Path, capsys, arguments, code, why):
    """Usage mistakes are told before any node is asked."""
    found, document, _ = told(
        capsys, "nem", *arguments, "--node", "http://127.0.0.1:9", "--keys", keys
    )

    assert found == code
    assert why in document["error"]["message"]
