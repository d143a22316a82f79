"""Replay: nothing differs, or the first difference by name; and it leaves no trace."""

import os
import random
import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from sauma.store import Store

FLIPS = 30


def test_nothing_differs(sauma_run, settled, bytes_of) -> None:
    """An untouched folder gives 0, says what was compared, and is byte for byte as before."""
    before = bytes_of(settled)

    shown = sauma_run("replay", settled)

    assert (shown.code, shown.err) == (0, "")
    assert "every byte of the folder is what was sealed" in shown.out
    assert "365 blocks and 4 events compared with nem:testnet" in shown.out
    assert "✓ nothing differs" in shown.out
    assert bytes_of(settled) == before


def test_read_only_folders(sauma_run, settled_in_memory) -> None:
    """A folder that may only be read can be replayed."""
    settled_in_memory.chmod(0o500)
    try:
        shown = sauma_run("replay", settled_in_memory)
    finally:
        settled_in_memory.chmod(0o700)

    assert shown.code == 0


def _positions(folder: Path) -> list[tuple[str, int]]:
    """Sample byte positions over all files, each file at its ends and in between."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    chooser = random.Random(20260621)
    picked = [(path, place) for path in files for place in (0, path.stat().st_size - 1)]
    while len(picked) < FLIPS:
        path = chooser.choice(files)
        picked.append((path, chooser.randrange(path.stat().st_size)))
    return [(path.relative_to(folder).as_posix(), place) for path, place in picked]


def test_one_changed_byte_anywhere(sauma_run, settled_once, tmp_path) -> None:
    """Whichever byte of whichever file is changed, replay gives 1 and names the file."""
    unnamed = []
    for number, (name, place) in enumerate(_positions(settled_once)):
        folder = tmp_path / str(number)
        shutil.copytree(settled_once, folder)
        path = folder / name
        content = bytearray(path.read_bytes())
        content[place] ^= 1 << (number % 8)
        path.write_bytes(content)

        shown = sauma_run("replay", folder)

        shutil.rmtree(folder)
        if shown.code != 1 or f"✗ {name}" not in shown.out:
            unnamed.append((name, place, shown))

    assert unnamed == []


def test_a_file_too_many_and_one_too_few(sauma_run, settled) -> None:
    """A file that was added or is missing is a difference, too."""
    (settled / "note.txt").write_text("hello")
    (settled / "keys" / "participants.json").unlink()

    shown = sauma_run("replay", settled, "--json")

    assert shown.code == 1
    assert any("note.txt: the file was added" in one for one in shown.document["findings"])
    assert any(
        "participants.json: the file is missing" in one for one in shown.document["findings"]
    )


def test_a_folder_that_is_not_sealed(sauma_run, settled_in_memory) -> None:
    """That is a note, not a difference."""
    (settled_in_memory / "MANIFEST.json").unlink()

    shown = sauma_run("replay", settled_in_memory)

    assert shown.code == 0
    assert "not sealed" in shown.out


def test_a_table_that_was_changed(sauma_run, settled_in_memory) -> None:
    """Somebody who changes a bill and the seal with it is found by computing the bill again."""
    (settled_in_memory / "MANIFEST.json").unlink()
    engine = sa.create_engine(f"sqlite:///{settled_in_memory / 'store.sqlite'}")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE bills SET owed_cents = 1 WHERE participant = 'test3'"))
    engine.dispose()

    shown = sauma_run("replay", settled_in_memory)
    rebuilt = sauma_run("rebuild", settled_in_memory, "--json")

    assert shown.code == 1
    assert "✗" in shown.out
    assert "bills" in shown.out
    assert (rebuilt.code, rebuilt.document["equal"]) == (0, False)
    assert sauma_run("replay", settled_in_memory).code == 0


def test_another_chain(sauma_run, settled, tmp_path, files) -> None:
    """A chain on which something else happened is a difference."""
    other = tmp_path / "other"
    sauma_run("settle", *files.options, "--folder", other)
    shutil.copyfile(other / "node.sqlite", settled / "node.sqlite")
    (settled / "MANIFEST.json").unlink()

    shown = sauma_run("replay", settled)

    assert shown.code == 1
    assert "✗ chain: " in shown.out
    assert "it follows another chain" in shown.out


def test_without_a_chain(sauma_run, settled) -> None:
    """Without a chain to ask, the rest is compared, and that is said."""
    os.remove(settled / "node.sqlite")
    (settled / "MANIFEST.json").unlink()

    shown = sauma_run("replay", settled)

    assert shown.code == 0
    assert "not compared: name a node with --node URL" in shown.out


@pytest.mark.parametrize("command", ["replay", "rebuild"])
def test_no_settlement(sauma_run, tmp_path, command: str) -> None:
    """A folder without a settlement is the caller's mistake."""
    shown = sauma_run(command, tmp_path)

    assert shown.code == 2
    assert "there is no settlement in" in shown.err


def test_rebuild(sauma_run, settled_in_memory) -> None:
    """Tables rebuilt from the journal are those that were there; the folder is sealed again."""
    shown = sauma_run("rebuild", settled_in_memory)

    assert shown.code == 0
    assert "they were equal before" in shown.out
    assert sauma_run("replay", settled_in_memory).code == 0


def test_rebuild_seals_no_foreign_change(sauma_run, settled) -> None:
    """A file that was changed behind the seal's back is not sealed again."""
    (settled / "keys" / "operator.json").write_text("{}")

    shown = sauma_run("rebuild", settled)

    assert shown.code == 1
    assert "keys/operator.json" in shown.err


def test_readers_beside_a_writer(sauma_run, settled_in_memory) -> None:
    """Bills can be read while the store is open for writing."""
    with Store.open(settled_in_memory / "store.sqlite"):
        shown = sauma_run("bills", "--folder", settled_in_memory, "--json")

    assert len(shown.document["bills"]) == 3
