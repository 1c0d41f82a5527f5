"""How feeds are, in the words of Prometheus. Reads nothing itself: whoever is asked brings the figures.

The label `feed` stands at four families, which makes at most eight series for each feed. By `labels` it is a name,
or the number that the store has given the feed, or nothing: then the sums of all feeds are told, and of moments none.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, ProcessCollector, exposition
from prometheus_client import Counter as Counting
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.metrics_core import Metric

LABELS = ("names", "ids", "none")
CONTENT_TYPE = exposition.CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class FeedFigures:
    """Of one feed; moments are seconds since 1970, None where there is none yet. `records` are counts by outcome."""

    name: str
    number: int
    records: Mapping[str, float]
    succeeded: float | None
    data_age: float | None
    quarantined: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All of it at one moment."""

    states: Mapping[str, int]  # feeds in each state; one that has none is there with 0
    feeds: Sequence[FeedFigures]
    runs: float
    run_seconds: float
    inbox: int  # requests that wait
    inbox_bytes: int
    outbox: int  # items that are still to go out
    lag: float  # seconds that the feed which waits longest has been due
    heartbeats: Mapping[str, float] = field(default_factory=dict)  # by role, the newest


class Metrics:
    """What a scrape is answered with; `figures` is asked at each. `heard` counts what this process was sent."""

    def __init__(self, figures: Callable[[], Figures], labels: str = LABELS[0]) -> None:
        self._figures, self._labels = figures, labels
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._heard = Counting(
            "webhook_deliveries", "Requests to /hooks/, by what they were answered", ["result"], registry=self.registry
        )
        self.registry.register(self)

    def heard(self, result: str) -> None:
        self._heard.labels(result).inc()

    def text(self) -> bytes:
        return exposition.generate_latest(self.registry)

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked for before the first scrape."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        found = self._figures()
        states = GaugeMetricFamily("feed_state", "Feeds in each state", labels=["state"])
        for state, count in found.states.items():
            states.add_metric([state], count)
        yield states
        yield SummaryMetricFamily(
            "feed_run_duration_seconds",
            "Runs of all feeds, and how long they took",
            count_value=int(found.runs),
            sum_value=found.run_seconds,
        )
        yield from self._of_feeds(found.feeds)
        yield GaugeMetricFamily("inbox_requests", "Requests that wait for a run of their feeds", found.inbox)
        yield GaugeMetricFamily("inbox_bytes", "Bytes of them", found.inbox_bytes)
        yield GaugeMetricFamily("export_outbox_depth", "Items that are still to go out", found.outbox)
        yield GaugeMetricFamily("scheduler_lag_seconds", "How long the feed that waits longest has been due", found.lag)
        beats = GaugeMetricFamily(
            "scheduler_heartbeat_timestamp_seconds", "The newest sign of life of those that run feeds", labels=["role"]
        )
        for role, at in found.heartbeats.items():
            beats.add_metric([role], at)
        yield beats

    def _of_feeds(self, feeds: Sequence[FeedFigures]) -> Iterator[Metric]:
        has_label = self._labels != "none"
        label = ["feed"] if has_label else []
        records = CounterMetricFamily("feed_records", "Rows that were read, by outcome", labels=[*label, "outcome"])
        waiting = GaugeMetricFamily("feed_quarantine_open", "Rows that wait for a person", labels=label)
        if not has_label:
            for outcome in feeds[0].records if feeds else ():
                records.add_metric([outcome], sum(each.records[outcome] for each in feeds))
            waiting.add_metric([], sum(each.quarantined for each in feeds))
            yield from (records, waiting)
            return
        success = GaugeMetricFamily(
            "feed_last_success_timestamp_seconds", "The end of the last run that did not fail", labels=label
        )
        age = GaugeMetricFamily("feed_data_age_seconds", "Since data came last", labels=label)
        for each in feeds:
            name = [each.name if self._labels == "names" else str(each.number)]
            for outcome, rows in each.records.items():
                records.add_metric([*name, outcome], rows)
            waiting.add_metric(name, each.quarantined)
            if each.succeeded is not None:
                success.add_metric(name, each.succeeded)
            if each.data_age is not None:
                age.add_metric(name, each.data_age)
        yield from (records, waiting, success, age)
