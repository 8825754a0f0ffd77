"""Go, go if, keep or no, for the lengths of a text encoder; and what must be said aloud."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.core.encoder.plan import Encoder, EncoderPlan
from bucketwise.core.memory import LACKS, close_in_words
from bucketwise.core.plan import Memory, PlanWarning, Reason, Verdict
from bucketwise.core.verdict import judged, not_worth, saving
from bucketwise.words.numbers import literal, memory, percent, plural, verb

FEW_TEXTS = 1_000
"""Below this many the lengths still wander, as those of images do."""


def verdict_of(plan: EncoderPlan, min_saving: float) -> Verdict:
    """Return what to do with a plan."""
    warned = [each for each in plan.warnings if each.severity == "warning"]
    conditions = [
        Reason(id=each.id, severity=each.severity, words=each.words) for each in warned
    ]
    if plan.memory is not None and plan.memory.fits is None:
        conditions.append(_close(plan.memory))
    return judged(
        tuple(_against(plan.memory)),
        tuple(_keeping(plan.encoder, min_saving)),
        tuple(conditions),
        tuple(_gains(plan.encoder)),
    )


def _against(found: Memory | None) -> Iterator[Reason]:
    """Yield that a device lacks memory."""
    if found is None or found.fits is not False:
        return
    lacking = memory(found.needed_bytes - found.device_bytes)
    yield Reason(
        id="memory",
        severity="error",
        words=f"It {LACKS}: a device lacks {lacking} of "
        f"{memory(found.device_bytes)} ({found.device}), and no release splits a text "
        "encoder over several.",
    )


def _close(found: Memory) -> Reason:
    """Say that less is to spare than was ever measured."""
    spare_bytes = found.device_bytes - found.needed_bytes
    return Reason(
        id="memory-close",
        severity="warning",
        words=close_in_words(spare_bytes, found.device_bytes, found.device),
    )


def warnings_of(
    encoder: Encoder, limit: int | None, limit_source: str, texts: float
) -> tuple[PlanWarning, ...]:
    """Return what a plan must say aloud, the gravest first."""
    found = []
    if len(encoder.max_seq_lens) > 1:
        # vllm_rbln/model_executor/models/optimum/encoder.py, preprocess: the same in
        # 0.11.2.post1 and 0.12.0.
        found.append(
            PlanWarning(
                id="vllm-rbln-one-length",
                severity="warning",
                words="vllm-rbln up to 0.12.0 fails on an encoder with several lengths: "
                "it compares a text with max_seq_len as one number. Serve with "
                "optimum-rbln (load.py), or plan --buckets 1 for vllm-rbln.",
            )
        )
    else:
        found.append(
            PlanWarning(
                id="exact-shape",
                severity="note",
                words="With one length the runtime pads nothing: the tokenizer has to pad "
                f"every text to {encoder.truncate_at:,}, as load.py does.",
            )
        )
    if encoder.truncated_texts and limit is not None:
        are = verb(encoder.truncated_texts, "is", "are")
        found.append(
            PlanWarning(
                id="truncated",
                severity="note",
                words=f"{plural(encoder.truncated_texts, 'text')} "
                f"({percent(encoder.truncated_share)}) {are} longer than {limit:,} tokens "
                f"and cut there ({limit_source}).",
            )
        )
    if limit is None or encoder.truncate_at < limit:
        most = "" if limit is None else f"; the model takes {limit:,}"
        found.append(
            PlanWarning(
                id="top-below-limit",
                severity="note",
                words=f"No text is longer than {encoder.truncate_at:,} tokens{most}. "
                "Longer ones would be cut there; --headroom or --pin keeps room.",
            )
        )
    if texts < FEW_TEXTS:
        found.append(
            PlanWarning(
                id="few-texts",
                severity="note",
                words=f"Only {plural(texts, 'text')}: the exact lengths would differ on "
                f"another sample. {FEW_TEXTS:,} or more make them steady.",
            )
        )
    return tuple(found)


def _keeping(encoder: Encoder, min_saving: float) -> Iterator[Reason]:
    """Yield why what runs today is as good."""
    current = encoder.current
    if current is None or current.overflow_texts or current.saving >= min_saving:
        return
    if current.max_seq_lens == encoder.max_seq_lens:
        words = "Today's lengths are the best there are."
    else:
        saves = percent(current.saving) if current.saving > 0 else "nothing"
        words = (
            f"No text is too long today, and {literal(encoder.max_seq_lens)} would save "
            f"{saves} of the compute; a recompile is asked to save {percent(min_saving)}."
        )
    yield not_worth(words)


def _gains(encoder: Encoder) -> Iterator[Reason]:
    """Yield what the plan is good for."""
    current = encoder.current
    if current is not None and current.overflow_texts:
        are = verb(current.overflow_texts, "is", "are")
        yield Reason(
            id="too-long-today",
            severity="error",
            words=f"{plural(current.overflow_texts, 'text')} "
            f"({percent(current.overflow_share)}) {are} longer than "
            f"{current.max_seq_lens[-1]:,} tokens, the most that is compiled today: they "
            "fail, or are cut before.",
        )
    served = plural(current.served_texts, "text") if current else ""
    one = (point.padded_compute for point in encoder.frontier if point.k == 1)
    yield saving(
        encoder,
        current,
        f"{served} that both hold",
        "compute",
        "length",
        next(one, None),
    )
