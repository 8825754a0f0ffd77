"""A plan for a text encoder in sentences: one wording for terminal, page and programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from bucketwise.core.encoder.analysis import EncoderAnalysis
from bucketwise.core.encoder.plan import EncoderPlan
from bucketwise.core.plan import Reason
from bucketwise.core.verdict import CALLS
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.words.numbers import change, compute, literal, number, percent, plural
from bucketwise.words.reject_reasons import left_out

MOST_NOTES = 3


def decision_lines(analysis: EncoderAnalysis) -> tuple[str, ...]:
    """Return the decision: the verdict, what to set, what it saves, what was read."""
    plan = analysis.plan
    notes = [f"Note: {each.words}" for each in plan.warnings if each.severity == "note"]
    notes += [f"Note: {note}" for note in analysis.profile.notes]
    if len(notes) > MOST_NOTES:
        left = plural(len(notes) - MOST_NOTES, "more note")
        notes = [
            *notes[: MOST_NOTES - 1],
            f"{notes[MOST_NOTES - 1]} ({left}: see the report.)",
        ]
    return (
        *verdict_sentences(plan),
        *to_set(plan, analysis.profile),
        *saves(plan),
        *notes,
        read(plan),
    )


def verdict_sentences(plan: EncoderPlan) -> Iterator[str]:
    """Yield the verdict with its first reason, then what fails or may."""
    first, *others = plan.verdict.reasons
    yield f"Verdict: {CALLS[plan.verdict.call]}. {_reason(first)}"
    yield from (_reason(each) for each in others if each.severity != "note")


def _reason(reason: Reason) -> str:
    return f"{reason.words} ({reason.option})" if reason.option else reason.words


def to_set(plan: EncoderPlan, profile: EncoderProfile) -> Iterator[str]:
    """Yield what to compile on which releases, and what to set on the tokenizer."""
    encoder, model = plan.encoder, plan.model
    proposed = plan.verdict.call in ("go", "go_if")
    act = "Compile" if proposed else "Planned, but not to do:"
    if len(encoder.lengths) == 1:
        yield f"{act} {model.class_name} for max_seq_len {encoder.truncate_at} tokens."
    else:
        yield (
            f"{act} {model.class_name} for max_seq_len {literal(encoder.lengths)} tokens "
            f"({profile.sdk} from {profile.lists_since}; older releases take one length, "
            f"{encoder.truncate_at})."
        )
    yield (
        f"Set truncation=True and max_length={encoder.truncate_at} on the tokenizer: the "
        "runtime raises on a longer text."
    )


def saves(plan: EncoderPlan) -> Iterator[str]:
    """Yield why so many lengths, and what they save."""
    encoder = plan.encoder
    yield f"Why {len(encoder.lengths)}: {encoder.decision.reason}."
    unit, one = encoder.cost.unit, encoder.frontier[0]
    against = ""
    if one.k == 1 and len(encoder.lengths) > 1:
        taken = compute(one.padded_compute, unit)
        against = f" One length of {one.lengths[-1]:,} would take {taken}."
    yield (
        f"Compute: {compute(encoder.padded_compute, unit)}, {percent(encoder.waste)} of "
        f"it padding.{against}"
    )
    current = encoder.current
    if current is not None and current.padded_compute_served:
        said = change(current.padded_compute_served, current.proposed_compute_on_served)
        yield (
            f"Against today's {literal(current.max_seq_lens)}, on the "
            f"{plural(current.served_texts, 'text')} that both hold: {said} compute."
        )


def read(plan: EncoderPlan) -> str:
    """Return what was read, and what was rejected."""
    traffic = plan.traffic
    notes = dict.fromkeys(
        note for record in plan.provenance.inputs for note in record.notes
    )
    said = "".join(f"; {note}" for note in [*notes][:MOST_NOTES])
    if len(notes) > MOST_NOTES:
        said += f"; {plural(len(notes) - MOST_NOTES, 'more note')} in plan.json"
    return (
        f"Read: {plural(traffic.texts, 'text')} of up to {traffic.longest:,} tokens in "
        f"{number(traffic.rows_used)} of {plural(traffic.rows_read, 'row')}; "
        f"{' and '.join(left_out(traffic.rejections)) or '0 rejected'}{said}."
    )


def decision_record(plan: EncoderPlan, files: Sequence[str]) -> dict[str, Any]:
    """Return what `analyze --json` prints."""
    encoder, current = plan.encoder, plan.encoder.current
    return {
        "schema": "bucketwise.decision/1",
        "verdict": asdict(plan.verdict),
        "model": plan.model.name,
        "class_name": plan.model.class_name,
        "max_seq_lens": list(encoder.lengths),
        "truncate_at": encoder.truncate_at,
        "waste": encoder.waste,
        "today": current
        and {
            "max_seq_lens": list(current.max_seq_lens),
            "overflow_texts": current.overflow_texts,
            "saving": current.saving,
        },
        "files": list(files),
    }
