"""A sealed folder: one changed byte anywhere is found and named."""

import sqlite3

import pytest

from sauma.errors import StoreBusy, StoreError
from sauma.store import Finding, Store, check_folder, seal_folder, unseal_folder

FLIPS = (0x01, 0x20, 0x80)


@pytest.fixture
def folder(tmp_path):
    """A folder with some files, sealed."""
    (tmp_path / "keystore").mkdir()
    (tmp_path / "keystore" / "issuer.json").write_bytes(b'{"cipher":""}')
    (tmp_path / "rulebook.json").write_bytes(b"x" * 5000)
    (tmp_path / "empty").touch()
    seal_folder(tmp_path)
    return tmp_path


def flip(path, at, mask=0x01):
    """Change one byte of a file and return what it was before."""
    data = path.read_bytes()
    path.write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :])
    return data


def test_a_sealed_folder_has_nothing_to_say(folder):
    """Sealed and untouched: no findings; sealing again gives the same hash."""
    assert check_folder(folder) == ()
    assert seal_folder(folder) == seal_folder(folder)
    assert check_folder(folder) == ()


def test_every_changed_byte_of_every_file_is_named(folder):
    """File and byte range of each single change are named, with no other finding."""
    for name in ("keystore/issuer.json", "rulebook.json"):
        path = folder / name
        size = path.stat().st_size
        step = 1 if size < 100 else 61
        for at in [*range(0, size, step), size - 1]:
            before = flip(path, at)
            first = at // 4096 * 4096

            findings = check_folder(folder)

            assert findings == (
                Finding(
                    path=name,
                    first_byte=first,
                    last_byte=min(first + 4096, size) - 1,
                    explanation="the bytes are not what was sealed",
                ),
            )
            path.write_bytes(before)


def test_every_changed_byte_of_the_manifest_is_named(folder):
    """A change of the manifest itself is found at its byte, and no file is blamed."""
    path = folder / "MANIFEST.json"

    for at in range(path.stat().st_size):
        for mask in FLIPS:
            before = flip(path, at, mask)

            findings = check_folder(folder)

            assert [(found.path, found.first_byte, found.last_byte) for found in findings] == [
                ("MANIFEST.json", at, at)
            ]
            path.write_bytes(before)


def test_a_manifest_damaged_together_with_a_file_is_found(folder):
    """When both were changed the manifest is named and vouches for nothing."""
    flip(folder / "rulebook.json", 0)
    flip(folder / "MANIFEST.json", 30)

    (finding,) = check_folder(folder)

    assert finding.path == "MANIFEST.json"
    assert "compare with a copy" in finding.explanation


def test_a_cut_manifest_is_named(folder):
    """A manifest that lost its end is damaged from there on."""
    path = folder / "MANIFEST.json"
    path.write_bytes(path.read_bytes()[:-100])

    (finding,) = check_folder(folder)

    assert finding.path == "MANIFEST.json"


def test_added_missing_and_resized_files_are_named(folder):
    """A file too many, one too few and one of another size are each named."""
    (folder / "added").write_bytes(b"new")
    (folder / "empty").unlink()
    (folder / "rulebook.json").write_bytes(b"x" * 5001)

    findings = check_folder(folder)

    assert [str(found) for found in findings] == [
        "added: the file was added after sealing",
        "empty: the file is missing",
        "rulebook.json: the file has 5001 bytes, 5000 were sealed",
    ]


def test_a_shorter_file_is_compared_as_far_as_it_goes(folder):
    """Of a file that was cut, the whole chunks that are left are still compared."""
    (folder / "rulebook.json").write_bytes(b"y" + b"x" * 4095)

    findings = check_folder(folder)

    assert [str(found) for found in findings] == [
        "rulebook.json: the file has 4096 bytes, 5000 were sealed",
        "rulebook.json bytes 0 … 4095: the bytes are not what was sealed",
    ]


def test_a_changed_byte_anywhere_in_a_store_is_found(path, open_notes, tmp_path):
    """Also in unused space of the database, all over the file."""
    with open_notes(path) as store:
        for number in range(5):
            store.note((number, "a", bytes(5000)))
    seal_folder(tmp_path)
    data = path.read_bytes()

    for at in range(0, len(data), 4999):
        flip(path, at, 0x10)
        (finding,) = check_folder(tmp_path)
        assert finding.path == "store.sqlite"
        assert finding.first_byte <= at <= finding.last_byte
        path.write_bytes(data)
    assert check_folder(tmp_path) == ()


def test_opening_for_writing_removes_the_seal(path, open_notes, tmp_path):
    """An open folder is not sealed; reading leaves the seal whole."""
    open_notes(path).close()
    seal_folder(tmp_path)

    Store.open(path, read_only=True).close()
    after_reading = check_folder(tmp_path)
    Store.open(path).close()

    assert after_reading == ()
    assert [str(found) for found in check_folder(tmp_path)] == [
        "MANIFEST.json: the folder is not sealed"
    ]


def test_a_folder_with_an_open_store_is_not_sealed(path, store, tmp_path):
    """While a database has a write-ahead log its file alone is not the store."""
    store.note((1, "a"))

    with pytest.raises(StoreBusy, match="a database is open or was not closed"):
        seal_folder(tmp_path)

    store.close()
    assert seal_folder(tmp_path)


def test_unsealing_tells_whether_there_was_a_seal(folder):
    """Whoever changes a file removes the seal first."""
    assert unseal_folder(folder) is True
    assert unseal_folder(folder) is False


def test_links_are_refused(folder, tmp_path_factory):
    """What a link points to lies outside the seal."""
    unseal_folder(folder)
    (folder / "link").symlink_to(tmp_path_factory.mktemp("elsewhere"))

    with pytest.raises(StoreError, match="is a link"):
        seal_folder(folder)


def test_a_store_read_while_sealed_needs_no_write_ahead_log(path, open_notes, tmp_path):
    """Verifying a sealed store changes nothing: the seal still holds byte for byte."""
    with open_notes(path) as store:
        store.note((1, "a"))
    seal_folder(tmp_path)

    with open_notes(path, read_only=True) as reader:
        assert reader.verify_journal().entries == 1

    assert check_folder(tmp_path) == ()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
