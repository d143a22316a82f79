"""Bills as they stand, line by line."""

from datetime import UTC, datetime, timedelta


def test_lines(sauma_run, settled_in_memory) -> None:
    """Each line has its energy, price and money; each bill its sum and how sure it is."""
    shown = sauma_run("bills", "--folder", settled_in_memory)

    assert shown.code == 0
    rows = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert "test1 sold to test3 7.500 0.10 -0.60" in rows
    assert "receives, final 1.20" in rows
    assert "test3 bought from test1 7.500 0.10 0.75" in rows
    assert "owes, final 0.75" in rows


def test_one_participant(sauma_run, settled_in_memory) -> None:
    """The bills of one participant, as a document with integers in named units."""
    (bill,) = sauma_run(
        "bills", "--folder", settled_in_memory, "--participant", "test3", "--json"
    ).document["bills"]

    assert bill["lines"] == [
        {
            "kind": "bought",
            "counterparty": "test1",
            "energy_wh": 7_500,
            "price_micro": 100_000,
            "amount_nano": 750_000_000,
        }
    ]
    assert (bill["owed_cents"], bill["carry_nano"], bill["status"]) == (75, 0, "final")


def test_what_is_carried_is_shown(sauma_run, files, tmp_path) -> None:
    """What rounding to cents leaves is on the bill, and goes to the next."""
    prices = (files.folder / "prices").read_text().replace("0.10", "0.1001")
    files.write(prices=prices)
    sauma_run("settle", *files.options, "--chain", "memory", "--folder", tmp_path / "day")

    shown = sauma_run("bills", "--folder", tmp_path / "day")

    assert "carried to the next bill" in shown.out
    assert "-0.00075" in shown.out


def test_nobody(sauma_run, settled_in_memory) -> None:
    """A name that takes no part is answered with those that do."""
    shown = sauma_run("bills", "--folder", settled_in_memory, "--participant", "test4")

    assert shown.code == 2
    assert "there are test1, test3, test5" in shown.err


def test_looking_keeps_the_seal(sauma_run, settled_in_memory, bytes_of) -> None:
    """Showing bills changes no byte."""
    before = bytes_of(settled_in_memory)

    sauma_run("bills", "--folder", settled_in_memory)

    assert bytes_of(settled_in_memory) == before


def test_a_late_file_corrects_and_the_adjusting_bill_is_shown(sauma_run, files, tmp_path) -> None:
    """Newer versions are refused unless they are said to be late; then old and new stand side by side."""
    day = (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%d")
    readings = (files.folder / "readings").read_text().replace("2026-06-21", day)
    where = ["--chain", "memory", "--folder", tmp_path / "day"]
    files.write(readings=readings)
    sauma_run("settle", *files.options, *where)
    header, line = readings.splitlines()[0], readings.splitlines()[2]
    files.write(readings=f"{header},version\n{line.replace('7500', '8000')},2\n")

    refused = sauma_run("settle", *files.options, *where)
    corrected = sauma_run("settle", *files.options, *where, "--late")
    shown = sauma_run("bills", "--folder", tmp_path / "day")
    (one,) = sauma_run("bills", "--folder", tmp_path / "day", "--json").document["adjustments"]

    assert refused.code == 2
    assert "say that they are late" in refused.err
    assert "correct    1 netting period; in all 1 adjusting bill" in corrected.out
    rows = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert any("0.75 0.83 0.08 0.08" in row for row in rows)
    assert any("7.500/0.000 8.000/0.000" in row for row in rows)
    assert (one["owed_cents"], one["readings"][0]["outcome"]) == (8, "counted")
    assert sauma_run("replay", tmp_path / "day").code == 0
