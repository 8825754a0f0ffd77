"""What the plan costs: graphs, memory of each and of all, compile time, small images."""

from __future__ import annotations

from bucketwise.core.analysis import Analysis
from bucketwise.report.blocks import Block, Column, Points, Row, Section, Table
from bucketwise.report.deployment import ReportInputs
from bucketwise.report.plan_queries import MARKS, noun_of, spent
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
    masks = [use.mask_bytes for use in visual.buckets]
    names = [f"{use.vit_patches:,}" for use in visual.buckets]
    shares = [use.share for use in visual.buckets]
    rows = [
        _row(analysis, cells, 1)
        for cells in zip(names, masks, held, shares, strict=True)
    ]
    total = ("All", sum(masks), sum(held), 1.0)
    heads = ["Attention mask", "Mask, inputs, outputs", "ViT runs it serves"]
    said = f"Masks {MARKS['derived']}; that every device holds them whole"
    if visual.soft_tokens:
        heads = ["Kernels, buffers, inputs", "ViT runs it serves"]
        said = "256 MiB of them, by the only published estimate,"
    if each is not None:
        heads.append("Compile time")
    return Table(
        caption=(
            "What each ViT graph takes of a device beside the weights, which all share. "
            f"{said} {MARKS['assumed']}"
        ),
        head=(
            Column(text="Graph, ViT patches", style="number"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=(
            *(Row(cells=cells) for cells in rows),
            Row(cells=_row(analysis, total, len(held)), marked=True),
        ),
    )


def _row(
    analysis: Analysis, told: tuple[str, int, int, float], graphs: int
) -> tuple[str, ...]:
    """Return the cells of a graph; a chunk of the language model has no mask as input."""
    name, mask, held, share = told
    each = graph_minutes(analysis)
    return (
        name,
        *([] if analysis.plan.visual.soft_tokens else [memory(mask)]),
        memory(held),
        percent(share),
        *([minutes(each * graphs)] if each is not None else []),
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
