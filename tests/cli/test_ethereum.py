"""A folder with an Ethereum chain of its own, that is there again afterwards; and somebody's node."""

import json
import random
import shutil

import pytest

FLIPS = 12


def test_replay_finds_nothing(sauma_run, settled_on_ethereum, bytes_of) -> None:
    """The chain is played again from the folder, compared block by block, and left as it was."""
    before = bytes_of(settled_on_ethereum)

    shown = sauma_run("replay", settled_on_ethereum)

    assert (shown.code, shown.err) == (0, "")
    assert "70 blocks and 2 events compared with eip155:131277322940537" in shown.out
    assert bytes_of(settled_on_ethereum) == before


def test_bills(sauma_run, settled_on_ethereum) -> None:
    """The bills say what the contract moved: issued to the producer, netted to the buyers."""
    found = sauma_run("bills", "--folder", settled_on_ethereum, "--json").document["bills"]

    moved = {one["participant"]: (one["chain_received_wh"], one["chain_sent_wh"]) for one in found}
    assert moved == {"test1": (15_000, 15_000), "test3": (7_500, 0), "test5": (7_500, 0)}
    assert {one["status"] for one in found} == {"final"}


def test_one_changed_byte(sauma_run, settled_once_on_ethereum, tmp_path) -> None:
    """Whichever byte of the chain's file or of the keys is changed, replay gives 1 and names it."""
    chooser = random.Random(8_453)
    unnamed = []
    for number in range(FLIPS):
        folder = tmp_path / str(number)
        shutil.copytree(settled_once_on_ethereum, folder)
        path = folder / ("ethereum.jsonl" if number % 4 else "keys/operator.json")
        content = bytearray(path.read_bytes())
        content[chooser.randrange(len(content))] ^= 1 << (number % 8)
        path.write_bytes(content)
        shown = sauma_run("replay", folder)
        shutil.rmtree(folder)
        if shown.code != 1 or f"✗ {path.relative_to(folder)}" not in shown.out:
            unnamed.append((path, shown))

    assert unnamed == []


@pytest.mark.parametrize("what", ["genesis_time_s", "hash", "transactions"])
def test_a_chain_that_does_not_come_out(sauma_run, settled_on_ethereum, what: str) -> None:
    """A chain file that was changed together with the seal does not come out as it was written."""
    path = settled_on_ethereum / "ethereum.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    changed = next(line for line in lines if line.get(what))
    changed[what] = {"genesis_time_s": 1, "hash": "0x" + "00" * 32, "transactions": []}[what]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    (settled_on_ethereum / "MANIFEST.json").unlink()

    shown = sauma_run("replay", settled_on_ethereum)

    assert shown.code == 1
    assert "ethereum.jsonl, line 2" in shown.err or "line 3" in shown.err
    assert "restore the file from a copy" in shown.err


@pytest.mark.parametrize("torn", [b"", b'{"height": 71, "hash": "0x12'])
def test_going_on_from_the_disk(sauma_run, files, tmp_path, torn: bytes) -> None:
    """What another process left is gone on with; a line that was torn off by a kill never happened."""
    where = ("--folder", tmp_path / "day", "--chain", "ethereum", "--json")
    first = sauma_run("settle", *files.options, *where, "--until", "included").document
    with (tmp_path / "day" / "ethereum.jsonl").open("ab") as chain:
        chain.write(torn)

    second = sauma_run("settle", "--folder", tmp_path / "day", "--json").document

    assert {bill["status"] for bill in first["bills"]} == {"provisional"}
    assert {bill["status"] for bill in second["bills"]} == {"final"}
    assert sauma_run("replay", tmp_path / "day").code == 0


def test_a_participant_who_comes_later(sauma_run, settled_on_ethereum) -> None:
    """Whoever is added has a wallet at once, and an account in the contract before the next day."""
    added = sauma_run("participant", "add", "newcomer", "--folder", settled_on_ethereum, "--json")
    went_on = sauma_run("settle", "--folder", settled_on_ethereum)

    assert added.document["account"].startswith("eip155:131277322940537:0x")
    assert "1 account in contract" in went_on.out
    assert went_on.code == 0


def test_an_account_of_ones_own(sauma_run, files, tmp_path) -> None:
    """A participant may bring an address; the settler moves for it without any key of it."""
    own = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    text = (files.folder / "participants").read_text()
    files.write(
        participants=text.replace(
            "test1,643000000000000016,street,", "test1,643000000000000016,street," + own
        )
    )

    found = sauma_run(
        "settle", *files.options, "--chain", "ethereum", "--folder", tmp_path / "day", "--json"
    )

    assert [bill["owed_cents"] for bill in found.document["bills"]] == [-120, 75, 75]
    assert "test1" not in (tmp_path / "day" / "keys" / "participants.json").read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--mosaic", "a:b"), "is about NEM"),
        (("--network", "mainnet"), "is about NEM"),
        (("--advance",), "leave"),
        (("--node", "http://127.0.0.1:1"), "sauma ethereum deploy"),
    ],
)
def test_options_that_cannot_be(sauma_run, files, tmp_path, options, said: str) -> None:
    """What is not for this chain is refused before anything is written, with what to do."""
    shown = sauma_run(
        "settle", *files.options, "--chain", "ethereum", "--folder", tmp_path / "day", *options
    )

    assert shown.code == 2
    assert said in shown.err
    assert not (tmp_path / "day" / "store.sqlite").exists()


def test_another_chain_than_the_folders(sauma_run, settled_on_ethereum) -> None:
    """A folder settles on one chain for ever, through its own node where it has one."""
    other = sauma_run("settle", "--folder", settled_on_ethereum, "--chain", "nem")
    elsewhere = sauma_run("settle", "--folder", settled_on_ethereum, "--node", "http://127.0.0.1:1")

    assert "not on the chain 'nem'" in other.err
    assert "has an Ethereum chain of its own" in elsewhere.err


def test_a_wallet_that_was_mistyped(sauma_run, files, tmp_path) -> None:
    """An address without its checksum is refused, with the participant's name and what to write."""
    text = (files.folder / "participants").read_text()
    files.write(
        participants=text.replace(
            "street,\n", "street,0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed\n", 1
        )
    )

    shown = sauma_run("settle", *files.options, "--chain", "ethereum", "--folder", tmp_path / "day")

    assert shown.code == 2
    assert "the wallet of test1" in shown.err
    assert not (tmp_path / "day").exists() or not (tmp_path / "day" / "store.sqlite").exists()
