"""What the decoder's load says of batch_size and max_seq_len, and where it is from."""

from __future__ import annotations

from bucketwise.core.decoder.decoder_plan import on_batch_size
from bucketwise.core.decoder.sizing import QUEUEING_LIMIT
from bucketwise.core.plan import (
    BatchSizeOption,
    ContextLength,
    Decoder,
    DecoderEvidence,
)
from bucketwise.report.blocks import (
    Block,
    Callout,
    Column,
    Paragraph,
    Points,
    Row,
    Table,
)
from bucketwise.report.sections.quality import rejections_table
from bucketwise.report.sections.traffic import duration
from bucketwise.words.numbers import joined, number, percent, significant

KINDS = {
    "requests": "requests, each with its start and its end",
    "arrivals": "arrivals with their tokens, replayed",
    "engine_log": "log lines in which an engine says what it holds",
    "engine_stats": "a table of what an engine held over time",
    "prometheus": "scrapes of an engine's metrics",
}


def sizing_blocks(decided: Decoder) -> list[Block]:
    """Return what the load says of batch_size and max_seq_len."""
    blocks: list[Block] = []
    if decided.batch_sizes:
        if said := on_batch_size(decided):
            blocks.append(Callout(level="note", mark="Batch size.", text=said))
        blocks.append(_batch_sizes(decided))
    if decided.context_length is not None:
        blocks.append(_context_length(decided.context_length))
    return blocks


def load_blocks(decided: Decoder) -> list[Block]:
    """Return what the load was read from, what was wrong in it, and remarks."""
    evidence = decided.evidence
    blocks: list[Block] = []
    if evidence.samples:
        blocks.append(_evidence_table(evidence))
    for caption, found in (
        ("Records of the load that could not be used", evidence.rejections),
        ("Noticed in records that were used", evidence.faults),
    ):
        if found:
            blocks.append(rejections_table(caption, found, evidence.samples))
    notes = (*evidence.notes, *decided.notes)
    if notes:
        blocks.append(Points(items=notes))
    return blocks


def _batch_sizes(decided: Decoder) -> Table:
    limit = f"{QUEUEING_LIMIT * 100:g}%"
    planned, suggested = decided.batch_size, decided.suggested_batch_size
    caption = "The same load at other batch sizes; shares are of busy time. "
    if decided.evidence.kind == "arrivals":
        caption += "Each is a replay with one graph. "
    if suggested is None:
        looked_at = joined([option.batch_size for option in decided.batch_sizes])
        caption += f"Of {looked_at} each queues in {limit} of it or more."
    else:
        caption += f"Suggested is the smallest that queues in less than {limit} of it."
    rows = []
    for option in _with_planned(decided):
        words = [
            word
            for word, size in (("planned", planned), ("suggested", suggested))
            if option.batch_size == size
        ]
        said = f" ({', '.join(words)})" if words else ""
        rows.append(
            Row(
                cells=(
                    f"{option.batch_size:,}{said}",
                    significant(option.mean_active, 3),
                    percent(option.full_share),
                    percent(option.queueing_share),
                ),
                marked=option.batch_size == suggested,
            )
        )
    heads = ("Active in the mean", "Every slot in use", "More in flight than slots")
    return Table(
        caption=caption,
        head=(
            Column(text="batch_size"),
            *(Column(text=text, style="number") for text in heads),
        ),
        rows=tuple(rows),
    )


def _with_planned(decided: Decoder) -> list[BatchSizeOption]:
    """Return the batch sizes looked at, and the planned one, in order."""
    planned, options = decided.batch_size, list(decided.batch_sizes)
    mean_active, queues = decided.mean_active, decided.evidence.clipped_share
    listed = any(option.batch_size == planned for option in options)
    if mean_active is not None and queues is not None and not listed:
        own = BatchSizeOption(
            batch_size=planned,
            mean_active=mean_active,
            full_share=decided.active_share[str(planned)],
            queueing_share=queues,
        )
        options.append(own)
    return sorted(options, key=lambda option: option.batch_size)


def _context_length(context: ContextLength) -> Paragraph:
    images = ""
    if context.with_images:
        images = " Prompts are taken to count their visual tokens, as servers do."
    elif not context.visual:
        images = " No visual tokens are among them."
    twice = ""
    if context.max_seq_len - context.largest >= context.partition:
        twice = ", and twice that at least"
    return Paragraph(
        text=(
            f"A max_seq_len of {context.max_seq_len:,} holds every request seen: the "
            f"largest has {context.largest:,} tokens, 99.9% have {context.p999:,} or "
            f"fewer. It is a multiple of {context.partition:,}{twice}. Counted are "
            f"{context.source}.{images}"
        )
    )


def _evidence_table(evidence: DecoderEvidence) -> Table:
    several = evidence.replicas > 1
    lines = (
        ("Kind of record", KINDS.get(evidence.kind, evidence.kind)),
        ("Read from", ", ".join(evidence.names) or "names not told"),
        ("Records read", number(evidence.samples)),
        ("Span", duration(evidence.span_s)),
        ("Replicas", number(evidence.replicas)),
        (
            "Time seen",
            duration(evidence.observed_s) + (", of all replicas" if several else ""),
        ),
        ("The load was seen on", evidence.measured_with),
    )
    return Table(
        caption="What is known of the decoder's load",
        head=(Column(text="What"), Column(text="Is")),
        rows=tuple(Row(cells=line) for line in lines),
    )
