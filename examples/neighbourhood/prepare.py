"""Make the files of this example out of the two public data sets that README.md names.

    python examples/neighbourhood/prepare.py --source DIR [--output DIR]

DIR holds `hamlet/` (hh_*.csv, pv_*_pu.csv, LICENSE) and `openenergyid/` (dyntar_sample.json, LICENSE).
The output is committed, so nobody needs the sources to run the example.  The script is exact: decimal
numbers are read as fractions, and whole Wh appear only by cumulative rounding within the local day.
Run twice, it writes the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import attrs

from sauma.identifiers import complete_gsrn
from sauma.intervals import Interval, day_intervals, format_time, parse_time
from sauma.offers import Reading
from sauma.units import format_scaled
from sauma_metering import KEY_DEFAULT, format_datahub, format_plain, round_cumulatively

DAY = date(2021, 3, 13)
ZONE = "Europe/Helsinki"
AREA = "kortteli-1"
WEEKS_SHIFTED = 157
"""The home of OpenEnergyID was measured so many weeks later: Saturday 16 March 2024."""
GSRN_PREFIX = "643000000000000"
"""Invented: 640 to 649 is Finland; the zeros behind it make it plainly fictitious."""
PRICES_VALID_FROM = "2021-03-01T00:00:00+02:00"
MILLI_WH_PER_WH = 1_000


@attrs.frozen(kw_only=True)
class Home:
    """A home of the example: its invented name and number, its source, its invented panels and prices."""

    participant: str
    number: int
    source: str
    pv_kwp: int = 0
    pv_source: str = ""
    buys_at: str
    sells_at: str = ""
    production_number: int = 0

    @property
    def metering_point(self) -> str:
        """The invented GSRN."""
        return complete_gsrn(f"{GSRN_PREFIX}{self.number:02d}")

    @property
    def production_point(self) -> str:
        """The invented GSRN of production, where the Datahub file has one."""
        return complete_gsrn(f"{GSRN_PREFIX}{self.production_number:02d}")


HOMES = (
    Home(participant="koivu", number=1, source="hh_2455_0", pv_kwp=4, pv_source="pv_1_pu",
         buys_at="0.11", sells_at="0.06"),
    Home(participant="kuusi", number=2, source="hh_2012_3", pv_kwp=6, pv_source="pv_2_pu",
         buys_at="0.10", sells_at="0.07"),
    Home(participant="leppa", number=3, source="hh_2896_0", pv_kwp=8, pv_source="pv_1_pu",
         buys_at="0.12", sells_at="0.08"),
    Home(participant="pihlaja", number=4, source="hh_2262_0", buys_at="0.14"),
    Home(participant="saarni", number=5, source="hh_2532_0", buys_at="0.13"),
    Home(participant="tammi", number=6, source="dyntar_sample", buys_at="0.09", sells_at="0.09",
         production_number=16),
    Home(participant="vaahtera", number=7, source="hh_2687_0", buys_at="0.08"),
)  # fmt: skip
MEASURED_BOTH_WAYS = "dyntar_sample"
IN_DATAHUB_FILE = ("saarni", "tammi")


@attrs.frozen(kw_only=True)
class Flow:
    """What a home imports and exports in each quarter of the day, exactly, in Wh."""

    imported_wh: Sequence[Fraction]
    exported_wh: Sequence[Fraction]


def read_column(path: Path, intervals: Iterable[Interval]) -> list[Fraction]:
    """Return the column `electricity` of a HAMLET file for the intervals, exactly as written."""
    with path.open(encoding="utf-8", newline="") as lines:
        by_start = {
            int(Decimal(line["timestamp"])): Fraction(Decimal(line["electricity"]))
            for line in csv.DictReader(lines)
        }
    return [by_start[interval.start_unix] for interval in intervals]


def hamlet_flow(folder: Path, home: Home, intervals: Sequence[Interval]) -> Flow:
    """Return the flow of a HAMLET home: its load less its panels, net within each quarter."""
    quarter_hour = Fraction(1, 4)
    load_w = read_column(folder / f"{home.source}.csv", intervals)
    generation_w = [Fraction(0)] * len(intervals)
    if home.pv_kwp:
        per_unit = read_column(folder / f"{home.pv_source}.csv", intervals)
        generation_w = [home.pv_kwp * 1_000 * share for share in per_unit]
    net_wh = [
        (load - generation) * quarter_hour
        for load, generation in zip(load_w, generation_w, strict=True)
    ]
    return Flow(
        imported_wh=[max(energy, Fraction(0)) for energy in net_wh],
        exported_wh=[max(-energy, Fraction(0)) for energy in net_wh],
    )


def openenergyid_flow(folder: Path, intervals: Sequence[Interval]) -> Flow:
    """Return both directions of the OpenEnergyID home, measured `WEEKS_SHIFTED` weeks later."""
    sample = json.loads((folder / "dyntar_sample.json").read_text("utf-8"), parse_float=Decimal)
    delivered = sample["columns"].index("electricity_delivered")
    exported = sample["columns"].index("electricity_exported")
    by_start = {
        parse_time(start): cells
        for start, cells in zip(sample["index"], sample["data"], strict=True)
    }
    rows = [by_start[interval.start + timedelta(weeks=WEEKS_SHIFTED)] for interval in intervals]
    return Flow(
        imported_wh=[Fraction(row[delivered]) * 1_000 for row in rows],
        exported_wh=[Fraction(row[exported]) * 1_000 for row in rows],
    )


def make_readings(flows: Mapping[str, Flow], intervals: Sequence[Interval]) -> Iterator[Reading]:
    """Yield the readings of all homes, home by home, in whole Wh by cumulative rounding."""
    for home in HOMES:
        flow = flows[home.participant]
        imported = round_cumulatively(flow.imported_wh)
        exported = round_cumulatively(flow.exported_wh)
        for interval, imported_wh, exported_wh in zip(intervals, imported, exported, strict=True):
            yield Reading(
                metering_point=home.metering_point,
                interval=interval,
                imported_wh=imported_wh,
                exported_wh=exported_wh,
                key=KEY_DEFAULT,
            )


def make_datahub(flows: Mapping[str, Flow], intervals: Sequence[Interval]) -> str:
    """Return the homes of `IN_DATAHUB_FILE` as Datahub gives them: kWh with six decimals."""
    parts: list[str] = []
    for home in HOMES:
        if home.participant not in IN_DATAHUB_FILE:
            continue
        flow = flows[home.participant]
        directions = [(home.metering_point, flow.imported_wh)]
        if home.production_number:
            directions.append((home.production_point, flow.exported_wh))
        for metering_point, energies_wh in directions:
            rows = zip(intervals, map(to_milli_wh, energies_wh), strict=True)
            parts.append(format_datahub(metering_point, rows, header=not parts))
    return "".join(parts)


def to_milli_wh(energy_wh: Fraction) -> int:
    """Return thousandths of a Wh; refuse what six decimals of a kWh cannot hold."""
    milli_wh = energy_wh * MILLI_WH_PER_WH
    if milli_wh.denominator != 1:
        raise ValueError(f"{energy_wh} Wh needs more than six decimals of a kWh")
    return int(milli_wh)


def make_totals(readings: Sequence[Reading]) -> dict[str, object]:
    """Return what the tests and README.md compare: the day's totals of each home, in Wh."""
    homes: dict[str, object] = {}
    for home in HOMES:
        own = [each for each in readings if each.metering_point == home.metering_point]
        homes[home.participant] = {
            "metering_point": home.metering_point,
            "quarters": len(own),
            "imported_wh": sum(each.imported_wh for each in own),
            "exported_wh": sum(each.exported_wh for each in own),
            "quarters_both_ways": sum(each.imported_wh > 0 < each.exported_wh for each in own),
        }
    return {
        "day": DAY.isoformat(),
        "zone": ZONE,
        "area": AREA,
        "imported_wh": sum(each.imported_wh for each in readings),
        "exported_wh": sum(each.exported_wh for each in readings),
        "homes": homes,
    }


def make_participants() -> str:
    """Return the participants file; accounts are empty, so wallets are made when it is used."""
    lines = ["participant,metering_point,area,account,role,production_point"]
    for home in HOMES:
        role = "prosumer" if home.sells_at else "consumer"
        production_point = home.production_point if home.production_number else ""
        lines.append(f"{home.participant},{home.metering_point},{AREA},,{role},{production_point}")
    return "\n".join(lines) + "\n"


def make_prices() -> str:
    """Return the prices file: everybody buys, who produces also sells."""
    lines = ["participant,area,side,price_per_kwh,valid_from"]
    for home in HOMES:
        for side, price in (("buy", home.buys_at), ("sell", home.sells_at)):
            if price:
                lines.append(f"{home.participant},{AREA},{side},{price},{PRICES_VALID_FROM}")
    return "\n".join(lines) + "\n"


def format_totals(totals: Mapping[str, object]) -> str:
    """Return the totals as JSON with a stable layout."""
    return json.dumps(totals, indent=2, ensure_ascii=False) + "\n"


def prepare(source: Path, output: Path) -> None:
    """Write every generated file of the example, and the licences of its sources."""
    intervals = day_intervals(DAY, ZONE)
    flows = {
        home.participant: openenergyid_flow(source / "openenergyid", intervals)
        if home.source == MEASURED_BOTH_WAYS
        else hamlet_flow(source / "hamlet", home, intervals)
        for home in HOMES
    }
    readings = list(make_readings(flows, intervals))
    totals = make_totals(readings)
    texts = {
        "readings.csv": format_plain(readings),
        "readings-datahub.csv": make_datahub(flows, intervals),
        "participants.csv": make_participants(),
        "prices.csv": make_prices(),
        "totals.json": format_totals(totals),
    }
    output.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (output / name).write_text(text, encoding="utf-8", newline="\n")
    (output / "licences").mkdir(exist_ok=True)
    for name in ("hamlet", "openenergyid"):
        target = output / "licences" / f"{name}.txt"
        target.write_bytes((source / name / "LICENSE").read_bytes())
    print(f"wrote {len(readings)} readings from {format_time(intervals[0].start)} to {output}")
    print(
        f"in {format_scaled(sum(each.imported_wh for each in readings), 3)} kWh, "
        f"out {format_scaled(sum(each.exported_wh for each in readings), 3)} kWh"
    )


def main() -> None:
    """Read the command line and prepare the files."""
    parser = argparse.ArgumentParser(description="make the files of the neighbourhood example")
    parser.add_argument("--source", type=Path, required=True, help="hamlet/ and openenergyid/")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    prepare(arguments.source, arguments.output)


if __name__ == "__main__":
    main()
