"""The decision in ten lines, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bucketwise.core.analysis import Analysis
from bucketwise.core.decoder.decoder_plan import OTHER_BATCH_SIZE
from bucketwise.core.plan import KEPT, Decoder, InputUsed, Plan, Reason, Visual
from bucketwise.core.verdict import CALLS, failing_today
from bucketwise.core.warnings import LIMIT_ASSUMED
from bucketwise.nouns.engine import Engine, Overflow
from bucketwise.report.plan_queries import noun_of, traffic_inputs
from bucketwise.report.sentences import (
    assumed_batch_size,
    budget_uses,
    decoder_saving,
    limits_to_set,
    pace,
    said_of,
    under_limit,
    worst_scenario,
)
from bucketwise.report.sureness import on_new_traffic
from bucketwise.words.numbers import change, compute, number, percent, plural
from bucketwise.words.reject_reasons import left_out
from bucketwise.words.text import worded

MOST_LINES = 10
MOST_NOTES = 3

LINES_OF_THEIR_OWN = (LIMIT_ASSUMED, OTHER_BATCH_SIZE)
"""Notes that are told where they matter, and never left out."""


def decision_lines(analysis: Analysis) -> tuple[str, ...]:
    """Return the decision: the verdict, what to set, what it saves."""
    analysis, words = (
        analysis.as_told(),
        analysis.release.engine.words(analysis.profile),
    )
    plan, engine = analysis.plan, analysis.release.engine
    groups = [tuple(_verdict(plan, engine.overflow)), tuple(_to_set(plan, engine))]
    if engine.runs_on_lengths(analysis.profile):
        groups[1] += () if engine.no_lengths else tuple(_limits(plan))
        groups.append(tuple(_saves(plan, engine, noun_of(analysis))))
    notes = [f"Assumed: {said}." for said in [assumed_batch_size(plan)] if said]
    notes += [
        f"Note: {each.words}"
        for each in plan.warnings
        if each.severity == "note" and each.id not in LINES_OF_THEIR_OWN
    ]
    last = _read(analysis)
    surplus = sum(map(len, groups)) + bool(notes) + 1 - MOST_LINES
    for at in reversed(range(len(groups))):
        kept = _joined(groups[at], max(1, len(groups[at]) - max(surplus, 0)))
        surplus -= len(groups[at]) - len(kept)
        groups[at] = kept
    first = [line for group in groups for line in group]
    room = MOST_LINES - 1 - len(first)
    if len(notes) > room:
        left = plural(len(notes) - room, "more note")
        notes = [*notes[: room - 1], f"{notes[room - 1]} ({left}: see plan.json.)"]
    family, unit = plan.model.family, plan.visual.cost.unit
    lines = (*first, *notes, last)
    return tuple(worded(line, family, words, unit) for line in lines)


def _joined(lines: tuple[str, ...], most: int) -> tuple[str, ...]:
    """Return the lines, the last ones on one where there are too many."""
    if len(lines) <= most:
        return lines
    return (*lines[: most - 1], " ".join(lines[most - 1 :]))


def _verdict(plan: Plan, overflow: Overflow) -> Iterator[str]:
    """Yield the verdict with its reasons, what fails today, and what may fail."""
    current, (first, *others) = plan.visual.current, plan.verdict.reasons
    yield f"Verdict: {CALLS[plan.verdict.call]}. {_reason(first)}"
    yield from (_reason(each) for each in others if each.id != "saving")
    if current and all(each.id != "failing-today" for each in plan.verdict.reasons):
        yield " ".join(failing_today(current, overflow))
    if said := said_of(plan, LIMIT_ASSUMED):
        yield said


def _reason(reason: Reason) -> str:
    """Return a reason, and what to type to change it."""
    return f"{reason.words} ({reason.option})" if reason.option else reason.words


def _to_set(plan: Plan, engine: Engine) -> Iterator[str]:
    model = plan.model
    verb = (
        "Compile" if plan.verdict.call in ("go", "go_if") else "Planned, but not to do:"
    )
    yield from _compile_lines(plan, engine, verb)
    if plan.decoder:
        assumed = bool(assumed_batch_size(plan))
        yield from _decoder_lines(
            plan.decoder,
            engine=engine,
            smaller=engine.picks_smaller_graphs(model.family),
            verb=verb,
            assumed=assumed,
        )
        if said := said_of(plan, OTHER_BATCH_SIZE):
            yield said


def _limits(plan: Plan) -> Iterator[str]:
    visual, model = plan.visual, plan.model
    if visual.soft_tokens:
        area_px = (model.patch_size * model.merge_size) ** 2
        yield (
            f"Compile the ViT for vision_tower.max_soft_tokens "
            f"{list(visual.soft_tokens)}, and set max_soft_tokens "
            f"{visual.processor.max_pixels // area_px:,} on the processor "
            f"({model.limits_source})."
        )
        return
    yield limits_to_set(plan)


def _saves(plan: Plan, engine: Engine, noun: str) -> Iterator[str]:
    visual, current = plan.visual, plan.visual.current
    if not engine.no_lengths:
        yield f"Why {len(visual.vit_max_seq_lens)}: {visual.decision.reason}."
    unit = visual.cost.unit
    yield (
        f"ViT compute: {compute(visual.padded_compute, unit)}, {percent(visual.waste)} "
        f"of it padding.{_one_graph(visual)}{_timed(plan)}"
    )
    if plan.savings and (said := plan.savings.a_month):
        yield f"A month saves {said}, at {number(plan.savings.images_per_day or 0)} images a day."
    if used := budget_uses(plan):
        yield f"Budgets: {'; '.join(used)}."
    if current and current.padded_compute_served:
        said = change(current.padded_compute_served, current.proposed_compute_on_served)
        yield (
            f"On the {plural(current.served_images, 'image')} that both serve"
            f"{under_limit(current, visual.processor.max_pixels)}: {said} ViT compute than "
            "today."
        )
    if plan.scenarios:
        yield worst_scenario(plan)
    if plan.confidence is not None:
        yield on_new_traffic(plan.confidence, noun, today=current is not None)


def _timed(plan: Plan) -> str:
    """Say how fast images are, and on what that was measured."""
    if plan.savings is None:
        return ""
    return f" {pace(plan.savings.ms_an_image)}, {plan.visual.cost.source}."


def _read(analysis: Analysis) -> str:
    plan = analysis.plan
    traffic = plan.traffic
    images = plural(traffic.images, "image")
    weighed = "" if traffic.images == traffic.rows_used else f" for {images}"
    apart = [*left_out(traffic.rejections)]
    if traffic.refused_by_processor:
        refused = number(traffic.refused_by_processor)
        apart.append(f"{refused} refused by the processor")
    return (
        f"Read {plural(traffic.rows_read, 'row')}{weighed}, "
        f"{' and '.join(apart) or 'all used'}"
        f"{_read_as(traffic_inputs(analysis))}{_decoder_read(plan)}."
    )


def _read_as(inputs: Sequence[InputUsed]) -> str:
    """Say which columns were read as what, weights above all."""
    notes = dict.fromkeys(
        f"{record.name}: {note}" if len(inputs) > 1 and record.name else note
        for record in inputs
        for note in record.notes
    )
    return _told(tuple(notes))


def _told(notes: Sequence[str]) -> str:
    told = [*notes][:MOST_NOTES]
    if len(notes) > MOST_NOTES:
        told.append(f"{plural(len(notes) - MOST_NOTES, 'more note')} in plan.json")
    return "".join(f"; {note}" for note in told)


def _decoder_read(plan: Plan) -> str:
    """Say what the decoder's load was read from; "" where nothing was."""
    if plan.decoder is None or not plan.decoder.evidence.samples:
        return ""
    evidence = plan.decoder.evidence
    rejected = sum(each.count for each in evidence.rejections)
    return (
        f"; decoder load: {plural(evidence.samples, 'record')}, {rejected:,} rejected"
        f"{_told(evidence.notes)}"
    )


def _decoder_lines(
    decoder: Decoder, *, engine: Engine, smaller: bool, verb: str, assumed: bool
) -> Iterator[str]:
    """Name the decoder graphs and what they save; none where the engine's own stay."""
    if decoder.decision.rule == KEPT:
        return
    sizes, slots = engine.decoder_keys
    said = " (assumed, suggested by the activity)" if assumed else ""
    yield (
        f"{verb} {sizes} {list(decoder.decoder_batch_sizes)} for "
        f"{slots} {decoder.batch_size}{said}: "
        f"{decoder_saving(decoder, smaller=smaller)}."
    )


def _compile_lines(plan: Plan, engine: Engine, verb: str) -> Iterator[str]:
    """Name the lists under the key each release takes; once where all agree."""
    visual = plan.visual
    if engine.no_lengths:
        # The verdict says why.
        return
    names: dict[tuple[int, ...], list[str]] = {}
    for each in engine.lists_to_set(plan):
        names.setdefault(each.lengths, []).append(f"{each.key} {each.releases}")
    unit = "merged" if engine.counts_merged(visual.bucket_unit) else "ViT"
    if not names:
        yield f"{verb} {list(visual.max_seq_lens)} {unit} patches (no release takes any)."
    for lengths, keys in names.items():
        yield f"{verb} {list(lengths)} {unit} patches ({', '.join(keys)})."


def _one_graph(visual: Visual) -> str:
    if len(visual.vit_max_seq_lens) == 1:
        return ""
    one = visual.one_graph_compute
    return (
        f" One graph of {visual.vit_max_seq_lens[-1]:,} would take "
        f"{compute(one, visual.cost.unit)}, {one / visual.padded_compute:,.2f} times as "
        "much."
    )
