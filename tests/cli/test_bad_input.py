"""What is wrong is named with its remedy, and the folder is as it was."""

import fcntl
import os

import pytest

GSRN = "643000000000000016"
HEADER = "metering_point,interval_start,imported_wh,exported_wh\n"
TIME = "2026-06-21T10:00:00Z"
OTHER_NETWORK = "NALICELGU3IVY4DPJKHYLSSVYFFWYS5QPLYEZDJJ"

WRONG_FILES = {
    "a broken line": (
        {"readings": HEADER + f"{GSRN},{TIME},1\n"},
        ("readings, line 2", "4"),
    ),
    "a naive time": (
        {"readings": HEADER + f"{GSRN},2026-06-21T10:00:00,1,0\n"},
        ("line 2, column 2 (interval_start)", "naive"),
    ),
    "an unaligned time": (
        {"readings": HEADER + f"{GSRN},2026-06-21T10:07:00Z,1,0\n"},
        ("line 2, column 2 (interval_start)", "15-minute grid"),
    ),
    "a float": (
        {"readings": HEADER + f"{GSRN},{TIME},7.5,0\n"},
        ("line 2, column 3 (imported_wh)", "whole Wh"),
    ),
    "negative energy": (
        {"readings": HEADER + f"{GSRN},{TIME},0,-5\n"},
        ("line 2, column 4 (exported_wh)", "never negative"),
    ),
    "the same reading with other contents": (
        {"readings": HEADER + f"{GSRN},{TIME},5,0\n{GSRN},{TIME},6,0\n"},
        ("line 3 contradicts line 2", "delete the line that is wrong"),
    ),
    "an unknown metering point": (
        {"readings": HEADER + f"643000000000000092,{TIME},5,0\n"},
        ("643000000000000092 is not registered", "none of them was taken"),
    ),
    "a metering point with a wrong digit": (
        {"readings": HEADER + f"643000000000000019,{TIME},5,0\n"},
        ("line 2, column 1 (metering_point)", "check digit"),
    ),
    "a price above the cap": (
        {
            "prices": "participant,area,side,price_per_kwh,valid_from\n"
            "test1,street,sell,0.51,2026-06-01T00:00:00Z\n"
        },
        ("price of test1 of 0.51", "cap"),
    ),
    "a price of nobody": (
        {
            "prices": "participant,area,side,price_per_kwh,valid_from\n"
            "nobody,street,sell,0.10,2026-06-01T00:00:00Z\n"
        },
        ("'nobody'", "register"),
    ),
    "a mistyped wallet": (
        {"participants": f"participant,metering_point,area,account\ntest1,{GSRN},street,TABC\n"},
        ("the wallet of test1", "40 characters"),
    ),
    "an unknown mechanism": (
        {
            "rulebook": 'name = "street"\nversion = 1\nmechanism = "lottery"\n[supplier]\n'
            'name = "supplier"\nsells_at = "0.16"\nbuys_at = "0.04"\n'
        },
        ("'lottery' is not known", "equal_shares"),
    ),
    "a rulebook that is no TOML": (
        {"rulebook": 'name = "street\n'},
        ("rulebook", "no valid TOML"),
    ),
    "a rulebook with an unknown key": (
        {
            "rulebook": 'name = "street"\nversion = 1\nproducer = 1\n[supplier]\n'
            'name = "supplier"\nsells_at = "0.16"\nbuys_at = "0.04"\n'
        },
        ("unknown keys ['producer']",),
    ),
    "a rulebook that cheats the producer": (
        {
            "rulebook": 'name = "street"\nversion = 1\nproducer_bps = 5000\ngrid_bps = 4500\n'
            '[supplier]\nname = "supplier"\nsells_at = "0.16"\nbuys_at = "0.04"\n'
        },
        ("the producer would get 5000", "producer_minority"),
    ),
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_a_wrong_file(sauma_run, files, tmp_path, wrong: str) -> None:
    """It is named with file, line and column where it has them, and no folder comes into being."""
    changes, said = WRONG_FILES[wrong]
    files.write(**changes)

    shown = sauma_run("settle", *files.options, "--folder", tmp_path / "day")

    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith("error: ")
    for words in said:
        assert words in shown.err
    assert not (tmp_path / "day").exists()


@pytest.mark.parametrize("name", ["participants", "readings", "prices", "rulebook"])
def test_a_missing_file(sauma_run, files, tmp_path, name: str) -> None:
    """A file that is not there is named."""
    (files.folder / name).unlink()

    shown = sauma_run("settle", *files.options, "--folder", tmp_path / "day")

    assert shown.code == 2
    assert f"cannot read {files.folder / name}" in shown.err
    assert not (tmp_path / "day").exists()


def test_a_file_that_is_not_named(sauma_run, files, tmp_path) -> None:
    """Three of the four files are a mistake, not a wish to go on."""
    shown = sauma_run("settle", *files.options[:-2], "--folder", tmp_path / "day")

    assert shown.code == 2
    assert "--rulebook" in shown.err


SECOND_RUNS = {
    "a known reading with other contents": (
        {"readings": HEADER + f"{GSRN},{TIME},1,15000\n"},
        (),
        (2, "is known as 0 Wh in and 15000 Wh out", "higher version"),
    ),
    "a late reading": (
        {"readings": HEADER + f"{GSRN},{TIME[:-9]}10:00:00Z,1,15000,measured,2\n"},
        (),
        (2, "line 2", ""),
    ),
    "a rulebook that was changed": (
        {
            "rulebook": 'name = "street"\nversion = 1\n[supplier]\nname = "supplier"\n'
            'sells_at = "0.17"\nbuys_at = "0.04"\n'
        },
        (),
        (2, "rulebook street version 1", "needs a new version"),
    ),
    "another wallet": (
        {
            "participants": f"participant,metering_point,area,account\n"
            f"test1,{GSRN},street,TALICELGU3IVY4DPJKHYLSSVYFFWYS5QPJLR66LG\n"
        },
        (),
        (2, "test1", ""),
    ),
    "a wallet of another network": (
        {
            "participants": f"participant,metering_point,area,account\nnew,{GSRN},street,"
            f"nem:mainnet:{OTHER_NETWORK}\n"
        },
        (),
        (1, "the wallet of new", "nem:testnet"),
    ),
    "another chain": ({}, ("--chain", "memory"), (2, "settles on nem:testnet", "another folder")),
    "another network": ({}, ("--network", "mainnet"), (2, "settles on the testnet", "")),
    "another mosaic": ({}, ("--mosaic", "grid:wh"), (2, "issues sauma:wh", "")),
    "another node": (
        {},
        ("--node", "http://127.0.0.1:9"),
        (2, "has a node of its own", "leave --node out"),
    ),
}


@pytest.mark.parametrize("wrong", SECOND_RUNS)
def test_a_wrong_second_run(sauma_run, files, settled, bytes_of, wrong: str) -> None:
    """It is named, and not one byte of the folder has changed."""
    changes, options, (code, *said) = SECOND_RUNS[wrong]
    before = bytes_of(settled)
    files.write(**changes)

    shown = sauma_run("settle", *files.options, "--folder", settled, *options)

    assert shown.code == code
    for words in said:
        assert words in shown.err
    assert bytes_of(settled) == before


def test_a_wrong_way_to_go_on(sauma_run, settled, bytes_of) -> None:
    """Also without files, nothing of the folder changes before the chain is known to be the right one."""
    before = bytes_of(settled)

    shown = sauma_run("settle", "--folder", settled, "--chain", "memory")

    assert shown.code == 2
    assert bytes_of(settled) == before


def test_a_folder_in_use(sauma_run, files, settled, bytes_of) -> None:
    """While one process works in a folder, another is told so."""
    before = bytes_of(settled)
    descriptor = os.open(settled / ".lock", os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)

    shown = [
        sauma_run("settle", *files.options, "--folder", settled),
        sauma_run("participant", "add", "late", "--folder", settled),
        sauma_run("replay", settled),
        sauma_run("rebuild", settled),
    ]
    os.close(descriptor)

    assert [(one.code, "another process works in" in one.err) for one in shown] == [(1, True)] * 4
    assert bytes_of(settled) == before


def test_a_lost_key(sauma_run, settled) -> None:
    """Without the issuing account's key nothing is signed, and the remedy is to restore it."""
    (settled / "keys" / "operator.json").unlink()

    shown = sauma_run("settle", "--folder", settled)

    assert shown.code == 1
    assert "restore the file from a copy" in shown.err


def test_a_folder_that_is_a_file(sauma_run, files) -> None:
    """A file is no folder."""
    shown = sauma_run("settle", *files.options, "--folder", files.folder / "readings")

    assert shown.code == 2
    assert "is no folder" in shown.err
