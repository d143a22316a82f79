"""Participants, one at a time."""

import stat

import pytest

GSRN = "643000000000000016"


def test_a_new_folder(sauma_run, tmp_path) -> None:
    """The first participant begins the folder, gets a wallet, and its key only its owner may read."""
    folder = tmp_path / "street"

    added = sauma_run(
        "participant", "add", "anna", "--metering-point", GSRN, "--area", "street",
        "--folder", folder, "--json",
    )  # fmt: skip

    assert added.code == 0
    assert added.document["account"].startswith("nem:testnet:T")
    assert added.document["metering_points"] == [{"gsrn": GSRN, "area": "street"}]
    assert stat.S_IMODE((folder / "keys" / "participants.json").stat().st_mode) == 0o600
    assert sauma_run("replay", folder).code == 0


def test_again(sauma_run, tmp_path) -> None:
    """The same participant again is the same wallet."""
    options = ("participant", "add", "anna", "--folder", tmp_path / "street", "--json")

    assert sauma_run(*options).document == sauma_run(*options).document


def test_an_account_of_ones_own(sauma_run, tmp_path) -> None:
    """An address that a participant brings needs no key here."""
    first = sauma_run("participant", "add", "anna", "--folder", tmp_path / "one", "--json")
    address = first.document["account"].rpartition(":")[2]

    second = sauma_run(
        "participant", "add", "anna", "--account", address, "--folder", tmp_path / "two", "--json"
    )

    assert second.document["account"] == first.document["account"]
    assert address not in (tmp_path / "two" / "keys" / "participants.json").read_text()


@pytest.mark.parametrize("chain", ["nem", "memory"])
def test_an_account_is_kept(sauma_run, tmp_path, chain) -> None:
    """Who brought an account keeps it when the same command comes without it; energy goes nowhere new."""
    other = sauma_run(
        "participant", "add", "ben", "--chain", chain, "--folder", tmp_path / "other", "--json"
    ).document["account"]
    options = (
        "participant",
        "add",
        "anna",
        "--chain",
        chain,
        "--folder",
        tmp_path / "one",
        "--json",
    )
    brought = sauma_run(*options, "--account", other)

    again = sauma_run(*options)

    assert brought.document["account"] == again.document["account"] == other


def test_any_name(sauma_run, tmp_path) -> None:
    """A participant may be called as one of the operator's keys; on each chain it has its own account."""
    for chain in ("nem", "memory"):
        for name in ("issuer", "clearing", "a_b"):
            added = sauma_run(
                "participant", "add", name, "--chain", chain, "--folder", tmp_path / chain
            )
            assert (added.code, added.err) == (0, "")


def test_a_metering_point_of_somebody_else(sauma_run, tmp_path, bytes_of) -> None:
    """A metering point has one owner; the folder stays as it was."""
    folder = tmp_path / "street"
    where = ("--metering-point", GSRN, "--area", "street", "--folder", folder)
    sauma_run("participant", "add", "anna", *where)
    before = bytes_of(folder)

    shown = sauma_run("participant", "add", "ben", *where)

    assert shown.code == 2
    assert "belongs to anna" in shown.err
    assert bytes_of(folder) == before


def test_half_a_place(sauma_run, tmp_path) -> None:
    """A metering point without an area is refused, and so is a wrong name."""
    half = sauma_run(
        "participant", "add", "anna", "--metering-point", GSRN, "--folder", tmp_path / "s"
    )
    named = sauma_run("participant", "add", "Anna Virtanen", "--folder", tmp_path / "s")

    assert (half.code, named.code) == (2, 2)
    assert "--area" in half.err
    assert "is not a name" in named.err
    assert not (tmp_path / "s").exists()
