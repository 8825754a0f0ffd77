"""Requests that OpenTelemetry recorded: spans, log records, their attributes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_LEVELS = (
    ("resourceSpans", "scopeSpans", "spans"),
    ("resourceLogs", "scopeLogs", "logRecords"),
)
"""OTLP JSON: lists within lists (opentelemetry-proto 1.7, ExportTraceServiceRequest
and ExportLogsServiceRequest)."""

_DEEPEST_VALUE = 32
_INPUT = "gen_ai.input.messages"
_INFERENCE = frozenset({"chat", "generate_content", "text_completion"})


def find_spans(
    line: Mapping[str, Any],
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield spans and log records with their attributes.

    Parameters
    ----------
    line : mapping
        An export request in OTLP JSON, or one span or record with attributes in that
        form.
    """
    if isinstance(line.get("attributes"), list):
        yield line, _attributes(line)
    for resources, scopes, spans in _LEVELS:
        for resource in _dicts(line.get(resources)):
            for scope in _dicts(resource.get(scopes)):
                for span in _dicts(scope.get(spans)):
                    yield span, _attributes(span)


def is_inference(attributes: Mapping[str, Any]) -> bool:
    """Return whether a model was asked, as opposed to an agent or a tool.

    Spans of agents repeat the messages of the model calls within them. The operations
    are those of `gen_ai.operation.name` (semantic conventions 1.38).

    Parameters
    ----------
    attributes : mapping
        Of a span, or any body of a request.
    """
    operation = attributes.get("gen_ai.operation.name", "chat")
    return isinstance(operation, str) and operation in _INFERENCE


def _attributes(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes, or those of the first event that has the messages."""
    own = _mapping(span.get("attributes"))
    if _INPUT in own:
        return own
    for event in _dicts(span.get("events")):
        found = _mapping(event.get("attributes"))
        if _INPUT in found:
            return own | found
    return own


def _mapping(pairs: object, depth: int = 0) -> dict[str, Any]:
    """Return a list of KeyValue as a dict."""
    return {
        pair["key"]: _plain(pair.get("value"), depth + 1)
        for pair in _dicts(pairs)
        if isinstance(pair.get("key"), str)
    }


def _plain(value: object, depth: int) -> Any:
    """Return an AnyValue as the JSON it stands for; None where it is too deep."""
    if not isinstance(value, dict) or depth > _DEEPEST_VALUE:
        return None
    if isinstance(inner := value.get("arrayValue"), dict):
        values = inner.get("values")
        listed = values if isinstance(values, list) else []
        return [_plain(each, depth + 1) for each in listed]
    if isinstance(inner := value.get("kvlistValue"), dict):
        return _mapping(inner.get("values"), depth)
    return next(iter(value.values()), None)


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [each for each in value if isinstance(each, dict)]
