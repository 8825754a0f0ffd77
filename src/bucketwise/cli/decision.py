"""The decision in ten lines, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bucketwise.analysis import Analysis
from bucketwise.numbers import change, compute, number, percent, plural, verb
from bucketwise.plan import Current, Decoder, InputUsed, Plan, Visual
from bucketwise.rbln.decoder_graphs import picks_smaller_graphs
from bucketwise.rbln.model_classes import first_release, serves
from bucketwise.rbln.targets import TARGETS
from bucketwise.report.reading import on_batch_size, traffic_inputs

MOST_LINES = 10
MOST_NOTES = 3


def decision_lines(analysis: Analysis) -> tuple[str, ...]:
    """Return the decision: what fails today, what to compile, what it saves.

    Parameters
    ----------
    analysis : Analysis
        The plan and its evidence.

    Returns
    -------
    tuple of str
        The gravest first; no line says where files are.
    """
    plan = analysis.plan
    visual = plan.visual
    first, last = tuple(_what(plan, visual)), tuple(_why(analysis))
    notes = tuple(f"Note: {warning}" for warning in visual.warnings)
    room = MOST_LINES - len(first) - len(last)
    if len(notes) > room:
        shown = notes[: max(room - 1, 0)]
        left = f"{plural(len(notes) - len(shown), 'more note')}: see plan.json."
        notes = (*shown, left)
    return (*first, *notes, *last)


def _what(plan: Plan, visual: Visual) -> Iterator[str]:
    if plan.model.assumed:
        yield f"No --model was given: {plan.model.name} is assumed."
    if visual.current:
        yield _failing(visual.current)
    yield from _compile_lines(plan, visual)
    if plan.decoder:
        yield from _decoder_lines(plan.decoder, plan.model.family)


def _why(analysis: Analysis) -> Iterator[str]:
    plan = analysis.plan
    visual, model, traffic = plan.visual, plan.model, plan.traffic
    yield f"Why {len(visual.vit_max_seq_lens)}: {visual.decision.reason}."
    unit = visual.cost.unit
    yield (
        f"ViT compute: {compute(visual.padded_compute, unit)} for "
        f"{compute(visual.useful_compute, unit)} of need, waste {percent(visual.waste)}"
        f"{_one_graph(visual)}."
    )
    if visual.current and visual.current.padded_compute_served:
        current = visual.current
        said = change(current.padded_compute_served, current.proposed_compute_on_served)
        yield (
            f"Against today, over the {plural(current.served_images, 'image')} both "
            f"serve{_under(current, model.max_pixels)}: {said} ViT compute."
        )
    yield (
        f"Set min_pixels {visual.processor.min_pixels:,} and max_pixels "
        f"{visual.processor.max_pixels:,} on the processor (decided under "
        f"{model.min_pixels:,} to {model.max_pixels:,}: {model.limits_source})."
    )
    yield (
        f"Read: {plural(traffic.images, 'image')} in "
        f"{plural(traffic.rows_used, 'row')} of {traffic.rows_read:,}; "
        f"{traffic.rows_rejected:,} rejected, "
        f"{number(traffic.refused_by_processor)} refused by the processor"
        f"{_read_as(traffic_inputs(analysis))}{_decoder_read(plan)}."
    )


def _under(current: Current, plan_max_pixels: int) -> str:
    """Say under which limit both are priced, where today's is another than the plan's."""
    if current.max_pixels == plan_max_pixels:
        return ""
    return f" under max_pixels {current.compared_max_pixels:,}, the lower of the two"


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


def _decoder_lines(decoder: Decoder, family: str) -> Iterator[str]:
    """Name the decoder graphs, what they save, and the batch size that would fit."""
    yield (
        f"Compile decoder_batch_sizes {list(decoder.decoder_batch_sizes)} for "
        f"batch_size {decoder.batch_size}: {_decoder_saving(decoder, family)}."
    )
    said = on_batch_size(decoder)
    if said:
        yield f"{said}."


def _decoder_saving(decoder: Decoder, family: str) -> str:
    """Say what a step saves, or why there is nothing to say of it."""
    if not picks_smaller_graphs(family):
        return "this model never runs a smaller graph"
    cost, saving, most = decoder.step_cost, decoder.saving, decoder.slots_saving
    if len(decoder.decoder_batch_sizes) == 1:
        return decoder.decision.reason
    if cost is None or saving is None or most is None:
        return decoder.decision.reason
    if cost.kind == "slots":
        return f"{percent(most)} fewer slots a step than with one graph"
    text = f"a step costs {percent(saving)} less than with one graph ({cost.kind}"
    if cost.status == "measured":
        return f"{text})"
    return f"{text}, {cost.status}), at most {percent(most)} less"


def _failing(current: Current) -> str:
    top = f"{max(current.max_seq_lens):,} ViT patches"
    if not current.overflow_images:
        return f"No image fails today: none needs more than {top}."
    fails = verb(current.overflow_images, "fails", "fail")
    return (
        f"{plural(current.overflow_images, 'image')} "
        f"({percent(current.overflow_share)}) {fails} today, needing more than {top}."
    )


def _compile_lines(plan: Plan, visual: Visual) -> Iterator[str]:
    """Name the lists under the key each release takes; once where all agree."""
    by_list: dict[tuple[int, ...], list[str]] = {}
    for version, dialect in TARGETS.items():
        if plan.visual_by_target and version not in plan.visual_by_target:
            continue
        if not serves(dialect, plan.model.family):
            continue
        lengths = plan.visual_for(version).max_seq_lens
        release = first_release(dialect, plan.model.family)
        by_list.setdefault(lengths, []).append(f"{dialect.bucket_key} ({release})")
    unit = "ViT" if visual.bucket_unit == "vit_patches" else "merged"
    if not by_list:
        yield f"Compile {list(visual.max_seq_lens)} {unit} patches (no release can yet)."
    for lengths, keys in by_list.items():
        older = [key for key in keys if key.startswith("max_seq_lens ")]
        newer = [key for key in keys if not key.startswith("max_seq_lens ")]
        names = []
        if older:
            names.append("max_seq_lens up to 0.10.3")
        if newer:
            first = newer[0].partition("(")[2].rstrip(")")
            names.append(f"max_seq_len from {first}")
        yield f"Compile {list(lengths)} {unit} patches ({', '.join(names)})."


def _one_graph(visual: Visual) -> str:
    first = visual.frontier[0]
    if first.k != 1 or len(visual.vit_max_seq_lens) == 1:
        return ""
    ratio = first.padded_compute / visual.padded_compute
    return f"; one graph of {first.vit_max_seq_lens[-1]:,} would take {ratio:.2f} times"
