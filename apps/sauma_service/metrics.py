"""What Prometheus reads, made when it is asked: figures of the store, troubles, and of metering."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sauma.service import Service
from sauma_metering.server.metering import Metering


class ServiceCollector(Collector):
    """The condition of a service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Yield each figure in one state of the store."""
        service = self._service
        now = service.engine.clock.now()
        at = service.condition()
        oldest = at.oldest_unsettled
        reconciliation = service.reconciliation
        figures: list[tuple[str, str, float | None]] = [
            ("open_intervals", "Intervals with readings that are not cleared", at.open_intervals),
            ("unsettled_intervals", "Cleared intervals that nothing settles yet", at.unsettled_intervals),
            ("unfinished_settlements", "Settlements not final and billed", at.unfinished_settlements),
            ("waiting_corrections", "Late readings that no correction took up", at.waiting_corrections),
            (
                "oldest_unsettled_interval_age_seconds",
                "Since the start of the oldest interval that is not settled and final; 0 without one",
                0 if oldest is None else (now - oldest).total_seconds(),
            ),
            ("outbox_batches", "Planned batches that no living transaction carries", at.outbox_batches),
            ("outbox_age_seconds", "How long the oldest of them has waited", at.outbox_age_s),
            ("unconfirmed_transactions", "Signed, and in no block", at.unconfirmed_transactions),
            ("unfinal_transactions", "In a block that can be undone", at.unfinal_transactions),
            ("chain_height", "The newest block that was read", at.scanned_height),
            ("chain_final_height", "The newest block that cannot be undone", at.final_height),
            ("chain_lag_blocks", "Blocks that the node has and nobody read", service.chain_lag_blocks),
            (
                "ledger_minus_chain_wh",
                "By how much ledger and chain differ, over all holders; must be 0",
                None if reconciliation is None else reconciliation.difference_wh,
            ),
            ("troubles", "What fails now and is tried again", len(service.troubles)),
        ]  # fmt: skip
        for name, text, value in figures:
            if value is not None:
                yield GaugeMetricFamily(f"sauma_{name}", text, value=float(value))
        yield CounterMetricFamily("sauma_rounds", "Rounds of the service", value=service.rounds)


class MeteringCollector(Collector):
    """What a metering server took and refused."""

    def __init__(self, metering: Metering) -> None:
        self._metering = metering

    def collect(self) -> Iterator[Metric]:
        """Yield counts since the process began."""
        readings = CounterMetricFamily(
            "sauma_readings", "Readings by what became of them", labels=["outcome"]
        )
        refusals = CounterMetricFamily(
            "sauma_readings_refused", "Refused readings by reason", labels=["code"]
        )
        for name, count in sorted(self._metering.counts.items()):
            word, _, code = name.partition(" ")
            if code:
                refusals.add_metric([code], count)
            else:
                readings.add_metric([word], count)
        yield readings
        yield refusals
        yield GaugeMetricFamily(
            "sauma_readings_waiting",
            "Readings that wait to be committed",
            value=self._metering.waiting_rows,
        )


def metrics_text(*collectors: Collector) -> bytes:
    """Return the figures of some collectors in Prometheus' text format; nothing global is touched."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)
