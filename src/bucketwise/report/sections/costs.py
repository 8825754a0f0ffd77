"""What the plan costs: graphs, memory of each and of all, compile time, small images."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.report.blocks import Block, Column, Points, Row, Section, Table
from bucketwise.report.inputs import ReportInputs
from bucketwise.report.reading import MARKS, noun_of, spent
from bucketwise.report.sections.before_after import graph_minutes, minutes
from bucketwise.words.numbers import (
    memory,
    percent,
    plural,
    share_in_words,
    verb,
)


def costs(analysis: Analysis, inputs: ReportInputs) -> Section:
    """Return what is paid for the saving."""
    blocks: list[Block] = [_table(analysis), Points(items=_points(analysis, inputs))]
    return Section(
        id="costs",
        title="Costs",
        finding=_finding(analysis),
        blocks=tuple(blocks),
    )


def _graph_bytes(analysis: Analysis) -> tuple[int, ...]:
    """Return what each ViT graph adds to a device, at its weights' side."""
    lengths = analysis.plan.visual.vit_max_seq_lens
    each = analysis.release.engine.length_bytes
    return tuple(each(analysis.profile, length) for length in lengths)


def _finding(analysis: Analysis) -> str:
    visual = analysis.plan.visual
    k = len(visual.vit_max_seq_lens)
    held = memory(sum(_graph_bytes(analysis)))
    each = graph_minutes(analysis)
    time = f" and {minutes(k * each)} of compile time" if each is not None else ""
    text = f"{plural(k, 'ViT graph')} {verb(k, 'costs', 'cost')} {held} of each device"
    text += time or " beside the weights"
    if visual.shrunk_images:
        shrunk = plural(visual.shrunk_images, noun_of(analysis))
        share = share_in_words(visual.shrunk_share)
        is_ = verb(visual.shrunk_images, "is", "are")
        return f"{text}, and {shrunk} ({share}) {is_} shrunk by max_pixels."
    return f"{text}; no {noun_of(analysis)} is shrunk."


def _table(analysis: Analysis) -> Table:
    visual, each = analysis.plan.visual, graph_minutes(analysis)
    held = _graph_bytes(analysis)
    rows = [
        (
            f"{use.vit_patches:,}",
            memory(use.mask_bytes),
            memory(n_bytes),
            percent(use.share),
            *([minutes(each)] if each is not None else []),
        )
        for use, n_bytes in zip(visual.buckets, held, strict=True)
    ]
    masks = sum(use.mask_bytes for use in visual.buckets)
    total = (
        "All",
        memory(masks),
        memory(sum(held)),
        "100%",
        *([minutes(each * len(held))] if each is not None else []),
    )
    heads = ["Attention mask", "Mask, inputs, outputs", "ViT runs it serves"]
    if each is not None:
        heads.append("Compile time")
    return Table(
        caption=(
            "What each ViT graph takes of a device beside the weights, which all share. "
            f"Masks {MARKS['derived']}; that every device holds them whole "
            f"{MARKS['assumed']}"
        ),
        head=(
            Column(text="Graph, ViT patches", style="number"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=(
            *(Row(cells=cells) for cells in rows),
            Row(cells=total, marked=True),
        ),
    )


def _points(analysis: Analysis, inputs: ReportInputs) -> tuple[str, ...]:
    plan = analysis.plan
    said = []
    if graph_minutes(analysis) is None:
        said.append(
            "Compile time is not known: give --graph-minutes, with --images-per-day, "
            "--keep-days and --vit-tflops, and the number of graphs is chosen by it."
        )
    elif plan.visual.decision.price_per_graph is not None:
        price = spent(plan.visual.decision.price_per_graph, plan.visual)
        said.append(
            f"One more graph is priced at {price} on the scale of this traffic "
            f"({MARKS['measured']}: from the minutes, images and days given)."
        )
    if plan.decoder is not None:
        n_graphs = len(plan.decoder.decoder_batch_sizes)
        said.append(
            f"Decoder: {plural(n_graphs, 'graph')} beside the one for prompts, each with "
            "kernels and buffers of its own."
        )
    if inputs.memory is not None:
        said.append("The section on memory adds everything a device holds.")
    return tuple(said)
