"""Where a line of the log and a span of a trace were written: run, feed, dealer, delivery, stage."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine import tracing
from engine.cli import projects
from engine.cli.settings import Settings
from engine.language.secrets import Secrets
from engine.runner import run_feeds
from engine.store import activities
from engine.world import open_world
from tests.cli.shell import FEED, Shell

ROW = {"Customer": "C1", "First": "Robin", "Last": "Vale", "Email": "robin@example.com", "Phone": "2025550101"}
SALE = ROW | {"Number": "N1", "Date": "2022-01-28", "Amount": "12.50"}
PLACES = {"run", "feed", "dealer", "stage"}


def test_spans_stand_in_one_another_as_the_steps_of_a_run_do(shell: Shell) -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    shell.put("sales.csv", SALE)
    home = Path(shell.environment["FEEDS_DIR"])
    feeds = projects.project(Settings(home, shell.database, shell.home / "state", None, None, True)).feeds
    world = open_world(shell.database, shell.home / "state", Secrets({}, None))
    try:
        run_feeds([feeds[FEED]], replace(world, span=tracing.over(provider.get_tracer("feeds"))))
    finally:
        world.engine.dispose()
    spans = kept.get_finished_spans()
    names = {span.context.span_id: span.name for span in spans if span.context is not None}
    under = {(names.get(span.parent.span_id) if span.parent is not None else None, span.name) for span in spans}
    assert under == {
        (None, "run"),
        ("run", "feed"),
        ("feed", "delivery"),
        *(("delivery", stage) for stage in ("fetch", "decode", "store", "dispose")),
    }
    (feed,) = [span for span in spans if span.name == "feed"]
    assert dict(feed.attributes or {}) == {"feeds.feed": FEED, "feeds.dealer": "acme"}
    assert "Vale" not in "".join(span.to_json() for span in spans)


def test_without_a_word_of_it_nothing_is_traced_or_loaded() -> None:
    assert tracing.asked({}) is tracing.nothing
    assert tracing.asked({"OTEL_TRACES_EXPORTER": "none"}) is tracing.nothing


def test_every_line_of_a_run_says_where_it_was_written(shell: Shell) -> None:
    shell.put("sales.csv", SALE)
    done = shell.feeds("run", "--all", "--format", "json", "--log-level", "debug")
    lines = [json.loads(line) for line in done.talk.splitlines() if line.startswith("{")]
    assert {"delivery.done", "feed.finished"} <= {line["event"] for line in lines}
    assert [line for line in lines if not line.keys() >= PLACES] == []


def test_a_fault_is_told_with_its_place_and_its_stage_and_without_a_value(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError(f"cannot store {SALE}")

    monkeypatch.setattr(activities.Activities, "insert", broken)
    shell.put("sales.csv", SALE)
    done = shell.feeds("run", "--all")
    (line,) = [json.loads(line) for line in done.talk.splitlines() if "feed.broken" in line]
    assert {name: line[name] for name in ("feed", "dealer", "stage", "error")} == {
        "feed": FEED, "dealer": "acme", "stage": "store", "error": "ValueError",
    }  # fmt: skip
    assert "test_tracing.py" in line["where"]
    assert "importing.py" in line["where"]
    assert "Vale" not in done.talk
