"""What devices send is committed before it is acknowledged, once, and refused by name where it is bad."""

from __future__ import annotations

import logging
import socket

import pytest

from sauma_metering.server import MeteringSettings

from .conftest import GSRN, open_site, quarter, reading


def test_an_acknowledged_reading_is_in_the_journal(shared):
    """Sound readings are new once; the same again are known and change nothing."""
    first = shared.send(reading(number=1))
    head = shared.engine.store.head_hash()
    again = shared.send(reading(number=1))

    assert (first.status, first.body["new"]) == (200, 1)
    assert (again.status, again.body["new"], again.body["known"]) == (200, 0, 1)
    assert shared.engine.store.head_hash() == head


def test_a_correction_is_a_new_version(shared):
    """The same key with other contents is refused; with a higher version it is taken."""
    shared.send(reading(number=2))
    refused = shared.send(reading(number=2, exported_wh=1400))
    taken = shared.send(reading(number=2, exported_wh=1400, version=2))

    assert refused.status == 422
    assert refused.body["errors"][0]["code"] == "conflict"
    assert "higher version" in refused.body["errors"][0]["detail"]
    assert (taken.status, taken.body["new"]) == (200, 1)


def test_columns_say_the_same_as_rows(shared):
    """A head-end sends one list a field; what is the same in all rows stands once."""
    columns = {
        "metering_point": [GSRN["anna"], GSRN["ben"]],
        "interval_start": str(quarter(3)),
        "imported_wh": [0, 700],
        "exported_wh": [1500, 0],
    }

    columnar = shared.ask("POST", "/metering/v1/readings", {"columns": columns}, device="head-end")
    rows = shared.send(
        reading("anna", 3), reading("ben", 3, imported_wh=700, exported_wh=0), device="head-end"
    )

    assert columnar.body["new"] == 2
    assert rows.body["known"] == 2


BAD = [
    ("energy below zero", {"imported_wh": -1}, "imported_wh", "no_energy"),
    ("an absurd energy", {"exported_wh": 25_001}, "exported_wh", "implausible"),
    ("more than 64 bits", {"imported_wh": 2**70}, "imported_wh", "no_energy"),
    ("off the grid", {"interval_start": "2026-06-21T09:07:00Z"}, "interval_start", "off_grid"),
    ("a time without a zone", {"interval_start": "2026-06-21T09:00:00"}, "interval_start", "no_time"),
    ("no time at all", {"interval_start": "noon"}, "interval_start", "no_time"),
    ("the day after tomorrow", {"interval_start": "2026-06-23T09:00:00Z"}, "interval_start", "too_early"),
    ("an unheard-of quality", {"quality": "good"}, "quality", "no_quality"),
    ("missing, and yet energy", {"quality": "missing"}, "quality", "missing_with_energy"),
    ("version 0", {"version": 0}, "version", "no_version"),
    ("no key", {"key": ""}, "key", "no_key"),
    ("a key of a novel", {"key": "k" * 129}, "key", "no_key"),
    ("another's metering point", {"metering_point": GSRN["ben"]}, "metering_point", "not_yours"),
    ("a point nobody has", {"metering_point": "643000000000009996"}, "metering_point", "not_yours"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "field", "code"), [b[1:] for b in BAD], ids=[b[0] for b in BAD]
)
def test_a_bad_reading_is_refused_by_item_and_field_and_the_others_are_stored(
    shared, caplog, changes, field, code
):
    """One bad row holds up no other; it is logged by device, item and field, without its token."""
    number = 8 + [one[1] for one in BAD].index(changes)
    with caplog.at_level(logging.WARNING, "sauma_metering"):
        answer = shared.send(
            reading(number=number), reading(number=number, **{"key": "b", **changes})
        )

    assert answer.status == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    (error,) = answer.body["errors"]
    assert (error["item"], error["field"], error["code"]) == (1, field, code)
    assert answer.body["new"] == 1
    (record,) = [one for one in caplog.records if one.message == "reading_refused"]
    assert (record.device, record.code) == ("meter-anna", code)
    assert shared.tokens["anna"] not in caplog.text


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[]", "Expected `object`"),
        (b"{}", "either"),
        (b'{"readings": [], "columns": {}}', "missing required field"),
        (b'{"readings": [{"metering_point": 1}]}', "readings[0].metering_point"),
        (b'{"readings": [{"imported_wh": 1.5}]}', "readings[0].imported_wh"),
        (b'{"readings": [], "more": 1}', "unknown field"),
        (
            b'{"columns": {"metering_point": [], "imported_wh": [1], "exported_wh": [],'
            b' "interval_start": "x"}}',
            "columns.imported_wh has 1",
        ),
    ],
)
def test_what_is_no_batch_is_refused_whole(shared, body, word):
    """Nothing in it can be judged, so nothing is taken; the place is named where there is one."""
    head = shared.engine.store.head_hash()

    answer = shared.ask("POST", "/metering/v1/readings", body)

    assert answer.status == 400
    assert word in str(answer.body["detail"])
    assert shared.engine.store.head_hash() == head


@pytest.mark.parametrize("token", [None, "nonsense", "sauma-device-AAAA", ""])
def test_who_has_no_token_is_refused_before_the_body_is_read(shared, token):
    """No token, a made-up one, an empty one: 401, and how to send one."""
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}

    answer = shared.ask("POST", "/metering/v1/readings", {}, device=None, headers=headers)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_is_worth_nothing_at_once(site):
    """Revoked, the same token is refused in the next request; the journal keeps what it reported."""
    assert site.send(reading()).status == 200
    site.devices.revoke("meter-anna", site.clock.now())

    assert site.send(reading(number=1)).status == 401
    assert site.rows() == 1


def test_tokens_are_not_kept(site):
    """The registry's file has no token, only digests, and nobody else may read it."""
    text = b"".join(path.read_bytes() for path in site.folder.glob("devices.sqlite*"))

    assert all(token.encode() not in text for token in site.tokens.values())
    assert (site.folder / "devices.sqlite").stat().st_mode & 0o077 == 0


def test_a_gigabyte_is_refused_unread(shared):
    """The length is announced, so 413 comes before a byte of the body is sent or read."""
    with socket.create_connection(("127.0.0.1", shared.server.port), timeout=10) as connection:
        head = (
            f"POST /metering/v1/readings HTTP/1.1\r\nHost: x\r\nContent-Length: {2**30}\r\n"
            f"Authorization: Bearer {shared.tokens['anna']}\r\n\r\n"
        )
        connection.sendall(head.encode())
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413")


def test_a_body_that_does_not_say_how_long_it_is_ends_at_the_limit(tmp_path):
    """Chunks without an announced length are read up to the limit and no further."""
    for site in open_site(tmp_path, settings=MeteringSettings(body_bytes_max=1_000)):
        with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as connection:
            head = (
                "POST /metering/v1/readings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                f"Authorization: Bearer {site.tokens['anna']}\r\n\r\n"
            )
            connection.sendall(head.encode() + b"400\r\n" + b" " * 1_024 + b"\r\n")
            answer = connection.recv(4096)

        assert answer.startswith(b"HTTP/1.1 413")


def test_missing_and_estimated_readings_are_kept_as_such(shared):
    """Quality stays with the reading, and what has no reading at all is a gap."""
    shared.send(
        reading("anna", 40, quality="missing", exported_wh=0),
        reading("anna", 41, quality="estimated"),
    )

    answer = shared.ask(
        "GET",
        f"/metering/v1/points/{GSRN['anna']}/readings?start={quarter(40)}&end={quarter(43)}",
    )

    assert [one["quality"] for one in answer.body["readings"]] == ["missing", "estimated"]
    assert answer.body["gaps"] == [str(quarter(42))]


def test_nobody_reads_anothers_metering_point(shared):
    """A point that is another's is not told apart from one that does not exist."""
    path = f"?start={quarter(40)}&end={quarter(41)}"
    others = shared.ask("GET", f"/metering/v1/points/{GSRN['ben']}/readings{path}")
    nobodys = shared.ask("GET", f"/metering/v1/points/643000000000009996/readings{path}")

    assert (others.status, others.body) == (nobodys.status, nobodys.body)
    assert others.status == 404


def test_a_reading_for_a_cleared_interval_is_on_record_and_waits_for_its_correction(site):
    """It is late: acknowledged as such with what follows, visible to whom it concerns."""
    site.send(reading("anna"), reading("ben", exported_wh=0, imported_wh=900), device="head-end")
    site.engine.clear_due()
    answer = site.send(reading(exported_wh=1700, version=2))
    again = site.send(reading(exported_wh=1700, version=2))

    assert (answer.status, answer.body["late"], answer.body["new"]) == (200, 1, 0)
    assert "is cleared" in answer.body["notes"][0]
    assert "settled by a correction" in answer.body["notes"][0]
    assert again.body["known"] == 1
    shown = site.ask(
        "GET", f"/metering/v1/points/{GSRN['anna']}/readings?start={quarter()}&end={quarter(1)}"
    )
    assert [(one["version"], one["late"], one["correction"]) for one in shown.body["readings"]] == [
        (1, False, None),
        (2, True, "waiting"),
    ]


def test_a_late_reading_over_http_is_corrected(site):
    """What a device sends after its interval was settled ends on an adjusting bill of its household."""
    site.send(reading("anna"), reading("ben", exported_wh=0, imported_wh=900), device="head-end")
    site.engine.clear_due()
    site.engine.settle_due()
    site.engine.issue_bills()
    site.send(reading(exported_wh=1700, version=2))

    assert site.engine.correct_due(early=True) == 1
    (one,) = site.engine.adjustments()
    assert one.bill.participant == "anna"
    assert one.bill.lines[0].energy_wh == 200
    shown = site.ask(
        "GET", f"/metering/v1/points/{GSRN['anna']}/readings?start={quarter()}&end={quarter(1)}"
    )
    assert [one["correction"] for one in shown.body["readings"]] == [None, "counted"]


def test_live_totals_are_what_is_committed(site):
    """Each participant's import and export of the day so far, in newest versions; gaps are counted."""
    site.clock.advance(seconds=-86_400 + 3_600)
    site.send(reading("anna"), reading("anna", 1, quality="missing", exported_wh=0))
    site.send(reading("anna", exported_wh=1600, version=2))

    (totals,) = site.ask("GET", "/metering/v1/live").body["totals"]

    assert (totals["participant"], totals["exported_wh"]) == ("anna", 1600)
    assert (totals["readings"], totals["missing"]) == (2, 1)
    assert totals["latest_interval"] == str(quarter(1))


def test_the_stream_tells_when_totals_change(site):
    """Server-sent events: the totals now, and again when a reading changed them."""
    site.clock.advance(seconds=-86_400 + 3_600)
    with socket.create_connection(("127.0.0.1", site.server.port), timeout=10) as connection:
        head = (
            "GET /metering/v1/live/stream HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {site.tokens['anna']}\r\n\r\n"
        )
        connection.sendall(head.encode())
        told = b""
        while b'"exported_wh":0' not in told:
            told += connection.recv(4096)
        site.send(reading("anna"))
        while b'"exported_wh":1500' not in told:
            told += connection.recv(4096)

    assert b"text/event-stream" in told
