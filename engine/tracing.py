"""Spans of what a run does, for OpenTelemetry where somebody asks for them: the extra `otel`. Free of cost otherwise.

A span bears names and numbers, never the text of an error: that may hold what stood in a row.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeAlias

from engine.errors import FeedError

Spans: TypeAlias = Callable[[str, Mapping[str, object]], AbstractContextManager[object]]

# Any of these says that somebody wants traces; OpenTelemetry reads where to and how from the same ones.
ASKED_BY = ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class TracingMissing(FeedError):
    """Traces are asked for, and what makes them is not installed."""


def nothing(name: str, facts: Mapping[str, object]) -> AbstractContextManager[object]:
    return nullcontext()


def asked(environment: Mapping[str, str]) -> Spans:
    """Spans that go where the environment says; without a word of it none, and nothing is loaded for them."""
    by = next((name for name in ASKED_BY if environment.get(name)), None)
    if by is None or environment.get(ASKED_BY[0]) == "none" or environment.get("OTEL_SDK_DISABLED") == "true":
        return nothing
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TracingMissing(f"{by} asks for traces, which need {error.name}: pip install 'feeds[otel]'") from None
    provider = TracerProvider()  # its resource and its sampler are OTEL_SERVICE_NAME and the like; flushed at the end
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return over(provider.get_tracer("feeds"))


def over(tracer: Any) -> Spans:
    """Spans of an OpenTelemetry tracer."""

    @contextmanager
    def span(name: str, facts: Mapping[str, object]) -> Iterator[None]:
        known = {f"feeds.{key}": value for key, value in facts.items() if isinstance(value, str | int | float)}
        with tracer.start_as_current_span(
            name, attributes=known, record_exception=False, set_status_on_exception=False
        ) as made:
            try:
                yield
            except Exception as error:
                made.set_attribute("error.type", type(error).__name__)
                raise

    return span
