"""The decision as one small value for programs: verdict, lists, limits, savings, files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bucketwise.core.analysis import Analysis
from bucketwise.core.plan import Plan
from bucketwise.nouns.engine import Engine


def decision_record(analysis: Analysis, files: Sequence[str]) -> dict[str, Any]:
    """Return what `analyze --json` prints; what other engines are told stands within."""
    found = {
        "schema": "bucketwise.decision/1",
        **_told(analysis.plan, analysis.release.engine),
        "files": list(files),
    }
    if analysis.beside:
        found["by_engine"] = {
            key: _told(each.plan, each.release.engine)
            for key, each in zip(
                analysis.plan.by_engine or (), analysis.beside, strict=True
            )
        }
    return found


def _told(plan: Plan, engine: Engine) -> dict[str, Any]:
    visual, decoder, current = plan.visual, plan.decoder, plan.visual.current
    return {
        "verdict": asdict(plan.verdict),
        "model": plan.model.name,
        "vit_max_seq_lens": [] if engine.no_lengths else list(visual.vit_max_seq_lens),
        "lists": [
            {"key": each.key, "releases": each.releases, "lengths": list(each.lengths)}
            for each in engine.lists_to_set(plan)
        ],
        "processor": asdict(visual.processor),
        "decoder": decoder
        and {
            "batch_size": decoder.batch_size,
            "decoder_batch_sizes": list(decoder.decoder_batch_sizes),
            "saving": decoder.saving,
        },
        "memory": plan.memory
        and {
            name: getattr(plan.memory, name)
            for name in ("device", "device_bytes", "needed_bytes", "fits")
        },
        # Lengths that are built in are all pinned: images do run on them.
        "savings": plan.savings and asdict(plan.savings),
        "request": plan.request and asdict(plan.request),
        "waste": None
        if engine.no_lengths and not all(each.pinned for each in visual.buckets)
        else visual.waste,
        "today": current
        and {
            "max_seq_lens": list(current.max_seq_lens),
            "overflow_images": current.overflow_images,
            "saving": current.saving,
        },
    }
