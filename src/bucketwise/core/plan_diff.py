"""What differs between two plans, and whether data or method did it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bucketwise.core.plan import answer_of


def plan_changes(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[str, ...]:
    """Say what changed from one plan.json to another, for every engine."""
    return (
        f"Against the plan that stood here: {_cause(before, after)}.",
        *_changes(before, after),
        *(
            line.replace("  ", f"  {key}: ", 1)
            for key, part in (after.get("by_engine") or {}).items()
            for line in _changes(answer_of(before, key.rpartition("-")[0]), part)
        ),
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what changed in what one engine is told."""
    return (
        *_told(
            "buckets",
            _at(before, "visual", "vit_max_seq_lens"),
            _at(after, "visual", "vit_max_seq_lens"),
        ),
        *_told(
            "max_seq_len",
            _at(before, "encoder", "max_seq_lens"),
            _at(after, "encoder", "max_seq_lens"),
        ),
        *_told(
            "decoder_batch_sizes",
            _at(before, "decoder", "decoder_batch_sizes") or "none",
            _at(after, "decoder", "decoder_batch_sizes") or "none",
        ),
        *_told(
            "max_pixels",
            _at(before, "visual", "processor", "max_pixels"),
            _at(after, "visual", "processor", "max_pixels"),
        ),
        *_told(
            "images",
            _at(before, "traffic", "images"),
            _at(after, "traffic", "images"),
        ),
        *_told(
            "texts", _at(before, "traffic", "texts"), _at(after, "traffic", "texts")
        ),
    )


def _cause(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    data = _hashes(before) != _hashes(after)
    method = [
        name
        for name, old, new in (
            (
                "the version of bucketwise",
                _at(before, "provenance", "bucketwise"),
                _at(after, "provenance", "bucketwise"),
            ),
            (
                "options",
                _at(before, "provenance", "options"),
                _at(after, "provenance", "options"),
            ),
            (
                "the measured times",
                _at(before, "visual", "cost", "measured"),
                _at(after, "visual", "cost", "measured"),
            ),
        )
        if old != new
    ]
    causes = (["the traffic"] if data else []) + method
    if not causes:
        return "same traffic, same method"
    return f"{' and '.join(causes)} changed"


def _hashes(plan: Mapping[str, Any]) -> list[Any]:
    inputs = _at(plan, "provenance", "inputs") or []
    return sorted(str(item.get("sha256")) for item in inputs if isinstance(item, dict))


def _told(name: str, old: Any, new: Any) -> tuple[str, ...]:
    return () if old == new else (f"  {name}: {old} -> {new}",)


def _at(plan: Mapping[str, Any], *keys: str) -> Any:
    value: Any = plan
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
