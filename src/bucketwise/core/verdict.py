"""One answer from a plan: go, go if, keep, or no, and the reasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from bucketwise.core.in_unit import in_unit
from bucketwise.core.memory import Change, MemoryPlan, close_in_words, fit_in_words
from bucketwise.core.plan import (
    Call,
    Current,
    Memory,
    MemoryTerm,
    Plan,
    Planned,
    Reason,
    Severity,
    Verdict,
)
from bucketwise.core.request_budget import SMALL_SHARE
from bucketwise.core.warnings import MODEL_ASSUMED
from bucketwise.nouns.engine import OVERFLOWS, Overflow
from bucketwise.words.numbers import (
    TIME_UNIT,
    change,
    compute,
    literal,
    memory,
    number,
    percent,
    plural,
    verb,
)

OPTIONS: dict[tuple[str, ...], str] = {
    ("max_seq_len",): "--max-seq-len",
    ("batch_size",): "--batch-size",
    ("num_devices",): "--devices",
    ("tensor_parallel_size",): "--devices",
}
"""The option that sets a key of the configuration."""

AGAINST = {"documented-unit": "--bucket-unit vit", MODEL_ASSUMED: "--model NAME"}
"""What to type against a warning."""

CALLS: dict[Call, str] = {
    "go": "go",
    "go_if": "go, once this is checked",
    "keep": "keep what runs today",
    "no": "no",
}
"""A verdict in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What a verdict rests on beside the plan."""

    min_saving: float
    """Share of today's compute that is worth a compile, 0 to 1."""
    memory: MemoryPlan | None = None
    """What each device holds as planned; None where too little is known."""
    memory_today: MemoryPlan | None = None
    """The same with what runs today."""
    decoder_saving: float = 0.0
    """Share of a decode step's cost that the planned graphs save against today's."""
    refusals: tuple[Reason, ...] = ()
    overflow: Overflow = "raises"
    """What an input above every length meets."""
    patches: int = 1
    """ViT patches that one of what the engine's lists count stands for."""


_Reasons = tuple[Reason, ...]

UNDECIDED = Verdict(call="no", reasons=())
"""What stands in a plan until it is judged."""


def verdict_of(plan: Plan, grounds: Grounds) -> Verdict:
    """Return what to do with a plan.

    It is "no" where the plan would not load or not serve; "keep" where nothing fails
    today and the plan saves less than is asked; "go_if" where something is to be
    checked first; else "go".
    """
    plan = in_unit(plan, grounds.patches)
    verdict = judged(
        tuple(_against(plan, grounds)),
        tuple(_keeping(plan, grounds)),
        tuple(_conditions(plan, grounds)),
        tuple(_gains(plan, grounds)),
    )
    return replace(verdict, reasons=(*verdict.reasons, *_small_share(plan)))


def judged(
    against: _Reasons, keeping: _Reasons, conditions: _Reasons, gains: _Reasons
) -> Verdict:
    """Return the verdict that the reasons make together."""
    if against:
        return Verdict(call="no", reasons=(*against, *conditions))
    if keeping:
        return Verdict(call="keep", reasons=(*keeping, *conditions))
    if conditions:
        return Verdict(call="go_if", reasons=(*conditions, *gains))
    return Verdict(call="go", reasons=gains)


def memory_of(plan: MemoryPlan | None) -> Memory | None:
    """Return what the fullest device holds, as plan.json tells it."""
    if plan is None:
        return None
    fullest = plan.fullest
    certain = plan.verdict == "fits"
    return Memory(
        device=plan.device,
        device_bytes=plan.usable_bytes,
        needed_bytes=fullest.device_bytes,
        fits=True if certain else (False if plan.lacks_bytes else None),
        terms=tuple(
            MemoryTerm(name=term.name, bytes=term.device_bytes, status=term.status)
            for term in fullest.terms
        ),
    )


def _against(plan: Plan, grounds: Grounds) -> Iterator[Reason]:
    """Yield why the plan would not load, or not serve."""
    yield from _warnings(plan, "error")
    yield from grounds.refusals
    yield from _over_budget(plan)
    yield from (each for each in memory_reasons(grounds.memory) if each.id == "memory")


def memory_reasons(found: MemoryPlan | None) -> Iterator[Reason]:
    """Yield what speaks against a compile: that it does not fit its devices, or barely."""
    if found is None or found.verdict == "fits":
        return
    if not found.lacks_bytes:
        words = close_in_words(found.spare_bytes, found.usable_bytes, found.device)
        yield Reason(id="memory-close", severity="warning", words=words)
        return
    words = (
        f"The proposed configuration {fit_in_words(found)}: a device lacks {memory(found.lacks_bytes)} of "
        f"{memory(found.usable_bytes)} ({found.device})."
    )
    if found.changes:
        fitting = "; ".join(each.words for each in found.changes)
        words += f" It would fit with one of: {fitting}."
    yield Reason(
        id="memory",
        severity="error",
        words=words,
        option=next(filter(None, map(_option, found.changes)), None),
    )


def _over_budget(plan: Plan) -> Iterator[Reason]:
    """Yield the budgets that no list keeps; memory has words of its own."""
    longest = f"{plan.visual.vit_max_seq_lens[-1]:,} ViT patches"
    for each in plan.budgets:
        if each.is_kept or each.used is None or each.name == "memory":
            continue
        words = {
            "compile": f"Compiling takes {number(each.used)} minutes of the "
            f"{number(each.room)} that --compile-budget allows, and no list takes less.",
            "image": f"One image on the longest graph ({longest}) takes "
            f"{compute(each.used, each.unit)} of the {compute(each.room, each.unit)} that "
            "--max-latency allows; only a lower image limit shortens it.",
        }[each.name]
        yield Reason(
            id=f"{each.name}-budget", severity="error", words=words, option=each.option
        )


def _option(each: Change) -> str | None:
    name = OPTIONS.get(each.path)
    return f"{name} {each.value}" if name else None


def _keeping(plan: Plan, grounds: Grounds) -> Iterator[Reason]:
    """Yield why what runs today is as good."""
    current = plan.visual.current
    if current is None or current.overflow_images or _lacks(grounds.memory_today):
        return
    if grounds.decoder_saving >= grounds.min_saving:
        return
    if current.max_seq_lens == plan.visual.vit_max_seq_lens:
        yield not_worth("Today's lengths are the best there are.")
        return
    price = plan.visual.decision.price_per_graph
    saved = current.padded_compute_served - current.proposed_compute_on_served
    if price is not None:
        graphs = len(plan.visual.vit_max_seq_lens)
        if saved < graphs * price:
            unit = plan.visual.cost.unit
            yield not_worth(
                f"Nothing {OVERFLOWS[grounds.overflow][0]} today, and {literal(plan.visual.vit_max_seq_lens)} "
                f"would save {compute(max(saved, 0.0), unit)}, less than "
                f"{plural(graphs, 'graph')} cost ({compute(graphs * price, unit)})."
            )
        return
    if current.saving < grounds.min_saving:
        said = (
            f"would save {percent(current.saving)}"
            if current.saving > 0
            else "would save nothing"
        )
        yield not_worth(
            f"Nothing {OVERFLOWS[grounds.overflow][0]} today, and {literal(plan.visual.vit_max_seq_lens)} {said} "
            f"of the ViT compute; a recompile is asked to save "
            f"{percent(grounds.min_saving)}."
        )


def not_worth(words: str) -> Reason:
    """Return that what runs today is as good."""
    return Reason(
        id="not-worth-it", severity="note", words=words, option="--min-saving 0%"
    )


def _conditions(plan: Plan, grounds: Grounds) -> Iterator[Reason]:
    """Yield what is to be checked before a compile."""
    yield from _warnings(plan, "warning")
    yield from (
        each for each in memory_reasons(grounds.memory) if each.id == "memory-close"
    )


def failing_today(current: Current, overflow: Overflow = "raises") -> tuple[str, str]:
    """Return how many images fail with the lengths of today, and why, one sentence.

    Or what else they meet above the top, as an engine has it.
    """
    one, several = OVERFLOWS[overflow]
    top = (
        f"{max(current.max_seq_lens):,} ViT patches under max_pixels "
        f"{current.max_pixels:,} ({current.limits_source})"
    )
    if not current.overflow_images:
        return f"No image {one} today:", f"none needs more than {top}."
    fails = verb(current.overflow_images, one, several)
    images = plural(current.overflow_images, "image")
    share = percent(current.overflow_share)
    return f"{images} ({share}) {fails} today,", f"needing more than {top}."


def _small_share(plan: Plan) -> Iterator[Reason]:
    """Yield that the ViT is little of a request, whatever its lengths save."""
    request, savings = plan.request, plan.savings
    if request is None or savings is None or request.vit.share >= SMALL_SHARE:
        return
    saved = savings.saved_ms_an_image.likely
    most = "at most " if request.left_out else ""
    words = (
        f"The ViT is {most}{percent(request.vit.share)} of a request "
        f"({compute(request.vit.ms, TIME_UNIT)} of {compute(request.ms, TIME_UNIT)}, "
        f"measured; {percent(request.vit.device_share)} of the time of a device)"
    )
    if saved > 0:
        share = saved / (request.ms + saved)
        words += f": the lengths save {most}{percent(share)} of what a request took"
    yield Reason(id="small-share", severity="note", words=f"{words}.")


def _gains(plan: Plan, grounds: Grounds) -> Iterator[Reason]:
    """Yield what the plan is good for."""
    current = plan.visual.current
    if current is not None and current.overflow_images:
        words = " ".join(failing_today(current, grounds.overflow)).removesuffix(".")
        yield Reason(
            id="failing-today",
            severity="error" if grounds.overflow == "raises" else "note",
            words=f"{words}; none would.",
        )
    served = plural(current.served_images, "image") if current else ""
    saved = saving(
        plan.visual,
        current,
        f"{served} that both serve",
        "ViT compute",
        "graph",
        plan.visual.one_graph_compute,
    )
    a_month = plan.savings.a_month if plan.savings else ""
    more = f" A month saves {a_month}." if a_month else ""
    yield replace(saved, words=f"{saved.words}{more}")


class _Compared(Protocol):
    @property
    def padded_compute_served(self) -> float: ...
    @property
    def proposed_compute_on_served(self) -> float: ...


def saving(
    chosen: Planned,
    current: _Compared | None,
    served: str,
    computed: str,
    one_of: str,
    one_compute: float | None,
) -> Reason:
    """Return what is saved of today's compute, else of what one length takes."""
    if current is not None and current.padded_compute_served:
        said = change(current.padded_compute_served, current.proposed_compute_on_served)
        words = f"{said} {computed} than today, on the {served}."
    elif len(chosen.lengths) == 1 or one_compute is None:
        words = f"{percent(chosen.waste)} of the {computed} is padding."
    else:
        said = change(one_compute, chosen.padded_compute)
        words = f"{said} {computed} than one {one_of} of {chosen.lengths[-1]:,}."
    return Reason(id="saving", severity="note", words=words)


def _warnings(plan: Plan, severity: Severity) -> Iterator[Reason]:
    """Yield the warnings of the plan that are so grave, with what to type."""
    for each in plan.warnings:
        if each.severity == severity:
            yield Reason(
                id=each.id,
                severity=severity,
                words=each.words,
                option=AGAINST.get(each.id),
            )


def _lacks(found: MemoryPlan | None) -> bool:
    return found is not None and found.lacks_bytes > 0
