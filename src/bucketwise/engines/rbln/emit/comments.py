"""The comments that stand in emitted scripts, one line each, without the mark."""

from __future__ import annotations

import textwrap

from bucketwise.core.plan import BucketUse
from bucketwise.engines.rbln.emit.context import EmitContext
from bucketwise.engines.rbln.shapes import graph_rules

_WIDTH = 80


def one_line(text: str) -> str:
    """Return text that cannot end a comment: printable characters on one line."""
    joined = " ".join(text.split())
    return "".join(mark for mark in joined if mark.isprintable())


def paragraph(text: str) -> tuple[str, ...]:
    """Return text broken into lines."""
    return tuple(textwrap.wrap(one_line(text), _WIDTH, break_on_hyphens=False))


def unit_warning(context: EmitContext) -> tuple[str, ...]:
    """Return the warning that merged patches need; nothing in the runtime's unit."""
    if not context.documented_unit:
        return ()
    times = context.model.merge_size**2
    warning = (
        "WARNING: lengths in merged patches. The runtime compares patches before the "
        f"merge: these numbers are {times} times too small for it."
    )
    return (warning,)


def bucket_table(context: EmitContext) -> tuple[str, ...]:
    """Return the buckets: both units, the largest square image, the share of runs."""
    unit = "merged patches" if context.documented_unit else "ViT patches"
    rows = [
        f"{context.target.bucket_key} counts {unit}. Each bucket and what it serves:",
        "  ViT patches  merged patches  largest square image  share of runs",
    ]
    rows += [
        f"  {use.vit_patches:>11,}  {use.merged_patches:>14,}  {_square(use):>20}  "
        f"{share_text(use.share):>13}"
        for use in context.visual.buckets
    ]
    return tuple(rows)


def decoder_table(context: EmitContext) -> tuple[str, ...]:
    """Return the decoder graphs and what each runs; () without a decoder half."""
    decoder = context.decoder
    if decoder is None:
        return ()
    rows = ["", f"decoder_batch_sizes for batch_size {decoder.batch_size}:"]
    rows += [
        f"  {use.batch_size:>4} slots  {share_text(use.share):>8} of the steps, "
        f"{share_text(use.slots_used)} of its slots in use"
        for use in decoder.graphs
    ]
    for said in (
        decoder.decision.reason,
        *graph_rules(context.model.family, decoder.batch_size),
    ):
        rows += [f"  {line}" for line in paragraph(f"{said}.")]
    return tuple(rows)


def assumed_values(context: EmitContext) -> tuple[str, ...]:
    """Return the block that names every value nobody chose; () when there is none."""
    assumed = context.base.assumed()
    if not assumed:
        return ()
    by_source: dict[str, list[str]] = {}
    for item in assumed:
        names = [
            context.target.devices_key if key == "num_devices" else key
            for key in context.place(item.path)
        ]
        line = one_line(f"{'.'.join(names)} = {item.value}")
        by_source.setdefault(item.source, []).append(line)
    rows = ["=" * _WIDTH, "ASSUMED, NOT MEASURED - check before you compile:"]
    for source, lines in by_source.items():
        rows += [f"  {line}" for line in lines]
        rows += [f"    {line}" for line in paragraph(f"from {source}")]
    last = "--npu and --batch-size" if context.generates else "and --npu"
    rows += [
        "Replace them with --base rbln_config.json, or with --devices, --max-seq-len,",
        f"--kvcache-partition-len, {last}.",
        "=" * _WIDTH,
    ]
    return tuple(rows)


# optimum-rbln 0.12.0, utils/runtime_utils.py: "No NPU is available".
NPU_NOTE = (
    "Note: NPU not given. A compile host without an NPU needs its name: set --npu."
)


def see_compile_script(context: EmitContext) -> str:
    """Return where the other files say what is compiled, and what is assumed of it."""
    assumed = ", and what is assumed" if context.base.assumed() else ""
    script = f"compile{context.unit_suffix}.py"
    return f"What each length serves{assumed}: see the top of {script}."


def base_notes(context: EmitContext) -> tuple[str, ...]:
    """Return what was changed or left out on the way from the base."""
    target = context.target
    rows = [one_line(f"Note: {note}.") for note in context.base.notes]
    rows += [
        f"Note: {key} of the base is left out: some release of {target.covers} "
        "raises on it."
        for key in context.left_out()
    ]
    rows += [
        f"Note: optimum-rbln {release} runs this ViT on one device whatever is asked."
        for release in context.unsplit_releases
    ]
    if "npu" not in context.base.mapping:
        rows.append(NPU_NOTE)
    partition = context.base.mapping.get("kvcache_partition_len")
    if partition is not None and partition < target.min_flash_partition_len:
        rows.append(
            f"WARNING: kvcache_partition_len {partition} is below "
            f"{target.min_flash_partition_len}, the least that every release of "
            f"{target.covers} takes."
        )
    return tuple(rows)


def _square(use: BucketUse) -> str:
    return f"{use.largest_square:,} x {use.largest_square:,} px"


def share_text(share: float) -> str:
    """Return a share as a percentage that is 0 or 100 only when it truly is."""
    text = f"{100 * share:.1f}"
    if text == "0.0" and share > 0:
        return "< 0.1 %"
    if text == "100.0" and share < 1:
        return "> 99.9 %"
    return f"{text} %"
