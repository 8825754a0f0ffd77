"""The decision in ten lines, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bucketwise.analysis import Analysis
from bucketwise.numbers import change, compute, number, percent, plural
from bucketwise.plan import Decoder, InputUsed, Plan, Visual
from bucketwise.report.lists import lists_to_set
from bucketwise.report.reading import on_batch_size, traffic_inputs
from bucketwise.report.sentences import decoder_saving, failing_today, under_limit

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
    notes = tuple(f"Note: {warning.words}" for warning in visual.warnings)
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
        yield " ".join(failing_today(visual.current))
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
            f"serve{under_limit(current, model.max_pixels)}: {said} ViT compute."
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
        f"batch_size {decoder.batch_size}: {decoder_saving(decoder, family)}."
    )
    said = on_batch_size(decoder)
    if said:
        yield f"{said}."


def _compile_lines(plan: Plan, visual: Visual) -> Iterator[str]:
    """Name the lists under the key each release takes; once where all agree."""
    names: dict[tuple[int, ...], list[str]] = {}
    for each in lists_to_set(plan):
        names.setdefault(each.lengths, []).append(f"{each.key} {each.releases}")
    unit = "ViT" if visual.bucket_unit == "vit_patches" else "merged"
    if not names:
        yield f"Compile {list(visual.max_seq_lens)} {unit} patches (no release can yet)."
    for lengths, keys in names.items():
        yield f"Compile {list(lengths)} {unit} patches ({', '.join(keys)})."


def _one_graph(visual: Visual) -> str:
    first = visual.frontier[0]
    if first.k != 1 or len(visual.vit_max_seq_lens) == 1:
        return ""
    ratio = first.padded_compute / visual.padded_compute
    return f"; one graph of {first.vit_max_seq_lens[-1]:,} would take {ratio:.2f} times"
