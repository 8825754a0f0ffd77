"""What to write into the configuration and onto the processor."""

from __future__ import annotations

from bucketwise.core.plan import KEPT, Plan
from bucketwise.nouns.engine import Engine
from bucketwise.report.blocks import Column, Row, Table
from bucketwise.report.plan_queries import UNIT
from bucketwise.report.sentences import assumed_batch_size
from bucketwise.words.numbers import literal


def settings_table(plan: Plan, engine: Engine) -> Table:
    """Return what to set to what, and for whom."""
    visual = plan.visual
    rows = [
        (
            each.path,
            literal(each.lengths),
            f"{engine.sdk} {each.releases}",
        )
        for each in engine.lists_to_set(plan)
    ]
    if not rows and not engine.no_lengths:
        rows.append(
            (
                ".".join(engine.vocabulary.lengths),
                literal(visual.max_seq_lens),
                f"no release up to {engine.newest} takes lengths for {plan.model.family}",
            )
        )
    if plan.decoder and plan.decoder.decision.rule != KEPT:
        sizes = plan.decoder.decoder_batch_sizes
        assumed = " (assumed)" if assumed_batch_size(plan) else ""
        name, slots = engine.decoder_keys
        where = f"{slots} {plan.decoder.batch_size:,}{assumed}"
        rows.append((name, literal(sizes), where))
    limits = visual.processor
    if visual.soft_tokens:
        count = (
            limits.max_pixels // (plan.model.patch_size * plan.model.merge_size) ** 2
        )
        compiled = literal(visual.soft_tokens)
        rows += [
            ("vision_tower.max_soft_tokens", compiled, "the same configuration"),
            ("max_soft_tokens", str(count), "the processor"),
        ]
    elif plan.model.has_pixel_limits and (
        not engine.no_lengths or plan.model.limits_source == "given"
    ):
        rows += [
            ("min_pixels", str(limits.min_pixels), "the processor"),
            ("max_pixels", str(limits.max_pixels), "the processor"),
        ]
    unit = "merged patches" if engine.counts_merged(visual.bucket_unit) else UNIT
    caption = "What to set"
    if not engine.no_lengths:
        caption += f"; lengths in {'soft tokens' if visual.soft_tokens else unit}"
    if plan.visual_by_target:
        caption += ". Releases before 0.12.0 count one more attention window"
    return Table(
        caption=caption,
        head=(
            Column(text="Set", style="code"),
            Column(text="To", style="code"),
            Column(text="For"),
        ),
        rows=tuple(Row(cells=row) for row in rows),
    )
