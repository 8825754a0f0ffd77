"""What a plan must say aloud: shrunk images, overflow, unproven lengths."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bucketwise.core.cost import FLOP, vit_flops
from bucketwise.core.in_unit import divided, in_unit
from bucketwise.core.limits import Case, weight_of
from bucketwise.core.optimize.excess import excess_of
from bucketwise.core.options import SEARCHED
from bucketwise.core.plan import Current, Model, PlanWarning, Severity, Visual
from bucketwise.core.reach import worst_of_all
from bucketwise.nouns.engine import OVERFLOWS, Engine, Overflow, Release
from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.nouns.traffic import DAY_S, Traffic
from bucketwise.words.numbers import (
    compute,
    duration,
    literal,
    memory,
    number,
    percent,
    plural,
    verb,
)
from bucketwise.words.reject_reasons import UNSIZED

MODEL_ASSUMED, LIMIT_ASSUMED = "model-assumed", "limit-assumed"

CLASS_RULES = ("keys/class-too-new",)
OVERFLOW_RULES = ("buckets/overflow-possible",)
OVERSIZED_RULES = ("buckets/oversized-top",)
IDLE_RULES = ("buckets/bucket-never-hit", "buckets/dead-bucket")
LENGTH_RULES = ("buckets/unpublished-length", "memory/vit-inputs-too-large")
MERGED_RULES = (
    "buckets/image-too-long",
    "buckets/merged-unit",
    "buckets/wasteful-lengths",
    *OVERFLOW_RULES,
    *IDLE_RULES,
)
"""Numbers that stand for something else are judged as if they did not."""

FEW_IMAGES = 1_000
"""Below this many images the lengths still wander: three buckets planned from 100 of
sample_traffic/docs_screenshots.csv cost 3.1 % more on all of it (12 % in the worst
twentieth of draws), from 1,000 0.4 % (1.2 %): benchmarks/sample_size.py."""


DOMINATES = 0.5
"""A label with more of the images than this decides for the others."""


def warnings_of(
    visual: Visual, setting: Case, traffic: Traffic
) -> tuple[PlanWarning, ...]:
    """Return the warnings of one plan, the gravest first."""
    engine = setting.release.engine
    patches = engine.patches_per_length(setting.profile)
    told = in_unit(visual, patches)
    merged = _merged(visual, setting.profile.align)
    wasteful = _wasteful(visual, setting)
    found: tuple[tuple[str, Severity, str, tuple[str, ...]], ...] = (
        ("no-class", "error", _no_class(engine, setting.profile.family), ()),
        ("not-compiled", "error", engine.refusal(setting.profile), CLASS_RULES),
        ("no-decoder", "note", _no_decoder(engine, setting.profile.family), ()),
        ("documented-unit", "error", merged, MERGED_RULES),
        (
            "overflow-possible",
            "warning" if engine.overflow == "raises" else "note",
            _overflow(told, engine),
            OVERFLOW_RULES,
        ),
        (
            "length-unproven",
            "warning",
            _unproven_length(engine, told, setting),
            LENGTH_RULES,
        ),
        ("memory-unknown", "warning", _memory_unknown(setting), ()),
        ("few-images", "warning", _few(setting), ()),
        ("one-day", "note", _one_day(traffic), ()),
        ("one-label", "note", _one_label(traffic), ()),
        ("images-unsized", "warning", _unsized(traffic, visual), ()),
        ("own-limits-overflow", "warning", _own_overflow(told, setting), ()),
        (LIMIT_ASSUMED, "note", limit_in_doubt(visual.current, engine.overflow), ()),
        ("images-shrunk", "note", _shrunk(told, setting), ()),
        ("tail-limit", "note", _tail(visual), ()),
        ("uneven-runs", "note", _uneven(setting), ()),
        ("top-and-limit", "note", _top(told, setting), ()),
        ("top-above-limits", "note", _above(told, setting), OVERSIZED_RULES),
        ("soft-tokens", "note", _soft_tokens(visual, setting), ()),
        ("idle-lengths", "note", _idle(told), IDLE_RULES),
        ("wasteful-lengths", "note", wasteful, ("buckets/wasteful-lengths",)),
        ("sizes-by-tokens", "note", _told(setting), ()),
        ("own-limits", "note", _own(setting), ()),
        *(("model-note", "note", text, ()) for text in setting.profile.notes),
    )
    return tuple(
        PlanWarning(id=name, severity=severity, words=words, rules=rules)
        for name, severity, words, rules in found
        if words
    )


def model_warnings(model: Model) -> tuple[PlanWarning, ...]:
    """Return that the model is assumed, where nobody gave one."""
    if not model.assumed:
        return ()
    words = f"The model is {model.name}: none was given, so it is assumed."
    return (PlanWarning(id=MODEL_ASSUMED, severity="warning", words=words),)


def limit_in_doubt(current: Current | None, overflow: Overflow) -> str:
    """Say that today's limit is assumed, where that decides who fails."""
    if current is None or not current.max_pixels_assumed or not current.overflow_images:
        return ""
    return (
        "Nothing read sets the max_pixels in service, so that of the checkpoint, "
        f"{current.max_pixels:,}, stands for it, as the runtime would take it. With a "
        f"smaller one fewer images may {OVERFLOWS[overflow][1]} today than counted; "
        "--current-max-pixels tells it."
    )


def _no_class(engine: Engine, family: str) -> str:
    if engine.compiles(family):
        return ""
    return (
        engine.one_size(family)
        or engine.unplanned(family)
        or (
            f"No {engine.sdk} up to {engine.newest} compiles {family}: no configuration is "
            "written, and lengths are counted by the rule its sister families run by."
        )
    )


def _tail(visual: Visual) -> str:
    tail = visual.tail_limit
    if tail is None:
        return ""
    return (
        f"Not applied: --max-pixels {tail.max_pixels} would shrink "
        f"{percent(tail.shrinks_share)} of the images and save {percent(tail.saving)} of "
        f"the ViT compute ({literal(tail.vit_max_seq_lens)})."
    )


def _no_decoder(engine: Engine, family: str) -> str:
    if engine.generates(family):
        return ""
    return (
        "The model embeds images and generates nothing: there are no decoder graphs to "
        f"choose, and {engine.server} does not serve it."
    )


def _unproven_length(engine: Engine, visual: Visual, setting: Case) -> str:
    top = visual.vit_max_seq_lens[-1]
    patches = engine.patches_per_length(setting.profile)
    largest = divided(engine.largest_published, patches)
    if top <= largest:
        return ""
    mask = engine.mask_bytes(top * patches)
    return (
        f"The top bucket of {top:,} ViT patches is above {largest:,}, the largest length "
        f"any published {engine.name} configuration compiles"
        + (f"; its attention mask alone is {memory(mask)}." if mask else ".")
        + (
            ""
            if setting.profile.image_rule
            else " The table of limits shows the plan capped there."
        )
    )


def _memory_unknown(setting: Case) -> str:
    profile = setting.profile
    if profile.lm is not None or not setting.release.engine.compiles(profile.family):
        return ""
    return (
        "Whether it fits its devices is not known: the memory of this language model is "
        "not estimated. Compile to tell."
    )


def _shrunk(visual: Visual, setting: Case) -> str:
    if not visual.shrunk_images:
        return ""
    limit = setting.preprocessing.image.max_pixels
    text = (
        f"{plural(visual.shrunk_images, 'image')} ({percent(visual.shrunk_share)}) "
        f"{verb(visual.shrunk_images, 'is', 'are')} shrunk by max_pixels {limit:,}."
    )
    checkpoint = setting.profile.checkpoint.max_pixels
    beside = next((cap for cap in visual.caps if cap.max_pixels == checkpoint), None)
    if beside is None or checkpoint <= limit:
        return text
    ratio = beside.padded_compute / visual.padded_compute
    left = f"only {number(beside.shrinks_images)}" if beside.shrinks_images else "none"
    return (
        f"{text} With the checkpoint's own {checkpoint:,} {left} would be, at {ratio:.2f} times the ViT compute "
        f"({literal(beside.vit_max_seq_lens)})."
    )


def _top(visual: Visual, setting: Case) -> str:
    """Say how top and limit came to hold each other, with the price of either way."""
    top, limit = visual.top, setting.preprocessing.image.max_pixels
    if visual.soft_tokens and top.way == "raised":
        return (
            f"The top is {top.holds_all:,}, not the {top.needed:,} that this traffic "
            f"needs: an image of another shape fills all of max_soft_tokens "
            f"{limit // setting.profile.length_px**2:,}, and "
            f"{setting.release.engine.sdk} refuses a largest length below it."
        )
    everything = f"everything max_pixels {limit:,} lets through"
    if setting.profile.image_rule:
        everything = "every image there can be"
    costs, shrinks = percent(top.raising_costs), percent(top.lowering_shrinks)
    if top.way == "raised":
        text = (
            f"The top is {top.holds_all:,}, not the {top.needed:,} that this traffic "
            f"needs, so that {everything} fits: {costs} more ViT compute."
        )
        if top.lowered_max_pixels is None:
            return text
        return (
            f"{text} max_pixels {top.lowered_max_pixels:,} would keep {top.needed:,} "
            f"and make {shrinks} of the images smaller than {limit:,} does."
        )
    if top.way == "lowered" and top.lowering_shrinks:
        return (
            f"max_pixels is lowered to {limit:,}, so that everything it lets through "
            f"fits {top.needed:,}: {shrinks} of the images become smaller by it. A top of "
            f"{top.holds_all:,} would hold them, at {costs} more ViT compute."
        )
    return ""


def _above(visual: Visual, setting: Case) -> str:
    """Say that pins or alignment led to a top above all that the limits let through."""
    top, worst = visual.vit_max_seq_lens[-1], visual.overflow_possible
    patches = setting.release.engine.patches_per_length(setting.profile)
    own = divided(setting.profile.align, patches)
    if top <= -(-worst // own) * own:
        return ""
    return (
        f"Nothing that the limits let through needs more than {worst:,}; the top is "
        f"{top:,} because of --pin or --align."
    )


def cost_warnings(
    cost: MeasuredCost | None, visual: Visual, release: Release, device: str | None
) -> tuple[PlanWarning, ...]:
    """Return what must be said aloud of times that were measured elsewhere."""
    if cost is None:
        return ()
    grave, words = _elsewhere(cost, release, device)
    longest = visual.cost.measured.largest if visual.cost.measured else 0
    severity: Severity = "warning" if visual.lengths[-1] > longest else "note"
    found: tuple[tuple[str, Severity, str], ...] = (
        ("cost-elsewhere", "warning" if grave else "note", words),
        ("cost-beyond", severity, _beyond(visual)),
    )
    return tuple(
        PlanWarning(id=name, severity=severity, words=words)
        for name, severity, words in found
        if words
    )


def _elsewhere(
    cost: MeasuredCost, release: Release, device: str | None
) -> tuple[bool, str]:
    """Return whether another device or engine was measured, and which; "" for the same."""
    engine, said = release.engine, cost.said
    if not said:
        return False, "Times were measured, and what they came with says not on what."
    names = {name.lower() for name in (engine.name, engine.sdk, engine.server)}
    planned = f"{engine.sdk} {release.name}" + (f" on {device}" if device else "")
    other = bool(cost.engine) and cost.engine.lower() not in names
    other |= bool(cost.device and device) and cost.device != device
    older = not other and cost.release not in ("", release.name)
    if not other and not older:
        return False, ""
    return other, (
        f"Times were measured with {said}, and the plan is for {planned}: "
        + (
            "which lengths are best may hold, how many milliseconds they take does not."
            if other
            else "another release may take other times."
        )
    )


def _beyond(visual: Visual) -> str:
    """Say which lengths lie outside what was measured."""
    curve = visual.cost.measured
    if curve is None:
        return ""
    today = visual.current.max_seq_lens if visual.current else ()
    lengths = sorted({*visual.lengths, *today})
    beyond = [
        each
        for each, outside in zip(lengths, curve.beyond(np.array(lengths)), strict=True)
        if outside
    ]
    if not beyond:
        return ""
    return (
        f"{literal(beyond)} {verb(len(beyond), 'lies', 'lie')} outside what was measured "
        f"({curve.smallest:,} to {curve.largest:,}); "
        f"{verb(len(beyond), 'its time continues', 'their times continue')} the curve."
    )


def _soft_tokens(visual: Visual, setting: Case) -> str:
    """Say which counts the ViT is compiled for and why, and what an image costs it."""
    profile, preprocessing = setting.profile, setting.preprocessing
    if profile.soft_tokens is None:
        return ""
    area_px = profile.length_px**2
    image, frame = (
        each.max_pixels // area_px for each in (preprocessing.image, preprocessing.clip)
    )
    beside = [each for each in visual.soft_tokens if each not in (image, frame)]
    added = (
        f" {' and '.join(map(str, beside))} {'is' if len(beside) == 1 else 'are'} there "
        "for a length alone: the class refuses lengths that no count runs on."
        if beside
        else ""
    )
    flop = vit_flops(profile).at(np.array([image * profile.patches_per_merged]))[0]
    compute_said = (
        ""
        if visual.cost.is_time
        else f"{compute(float(flop), FLOP)} for "
        f"{image * profile.patches_per_merged:,} padded patches, "
    )
    return (
        f"The ViT is compiled for max_soft_tokens {literal(visual.soft_tokens)}: images "
        f"are scaled to {image:,}, frames of clips to {frame:,}, and the runtime takes a "
        f"compiled count exactly.{added} Every image costs the ViT the same, "
        f"{compute_said}whatever its size; the lengths save in the language model."
    )


def _uneven(setting: Case) -> str:
    """Say that the runs of an image are counted as if all were its longest."""
    counts = setting.counts
    if not (counts.rest_patches > 0).any():
        return ""
    return (
        f"{setting.profile.name} makes runs of two lengths of one image or clip; each is "
        "counted at the longer of the two, so padding is told too low."
    )


def _overflow(visual: Visual, engine: Engine) -> str:
    top = visual.vit_max_seq_lens[-1]
    worst, safe = visual.worst, visual.max_pixels_safe
    if worst.needed <= top:
        return ""
    clip = f" of {worst.frames} frames" if worst.frames else ""
    if engine.overflow != "raises":
        return (
            f"An input that needs more than the top {OVERFLOWS[engine.overflow][0]}: the "
            f"worst that the limits let through, {worst.width_px:,} x "
            f"{worst.height_px:,}{clip}, needs {worst.needed:,} of {top:,} ViT patches."
        )
    text = (
        f"An input can still outgrow the top bucket: {worst.width_px:,} x "
        f"{worst.height_px:,}{clip} needs {worst.needed:,} ViT patches; the largest graph "
        f"holds {top:,}, so that request fails. If traffic stays like this, at most one "
        "image in the next equally long window is larger than any so far."
    )
    to_be_sure = f"Compile {worst.needed:,} to be sure"
    if worst.frames:
        return f"{text} {to_be_sure}, or lower the video limit."
    if safe.value is None:
        return f"{text} {to_be_sure}; no max_pixels prevents it."
    return (
        f"{text} {to_be_sure}, or set max_pixels {safe.value:,}, which makes "
        f"{percent(safe.shrinks_share)} of the images smaller than the plan does."
    )


def _idle(visual: Visual) -> str:
    idle = [use for use in visual.buckets if not use.runs]
    if not idle:
        return ""
    lengths = literal(tuple(use.vit_patches for use in idle))
    pinned = " pinned" if all(use.pinned for use in idle) else ""
    return f"No image of this traffic runs on the{pinned} lengths {lengths}."


def _wasteful(visual: Visual, setting: Case) -> str:
    """Say what pins, alignment, headroom or another strategy cost."""
    if visual.decision.strategy == SEARCHED:
        return ""
    excess = excess_of(
        visual.vit_max_seq_lens,
        setting.demand(),
        setting.curve,
        setting.profile.align,
        visual.overflow_possible,
        setting.marks,
    )
    if excess is None:
        return ""
    patches = setting.release.engine.patches_per_length(setting.profile)
    return (
        f"{literal(divided(excess.best, patches))} would take {percent(1 / (1 + excess.share))} of the ViT "
        "compute of the lengths that --pin, --align, --headroom or --strategy led to."
    )


def _told(setting: Case) -> str:
    counts, profile = setting.counts, setting.profile
    told = counts.sizes.is_told
    if not told.any():
        return ""
    most = int(counts.sizes.visual_tokens.max())
    text = (
        f"{plural(weight_of(counts, told), 'image')} "
        f"{verb(weight_of(counts, told), 'is', 'are')} known by visual tokens alone "
        f"(up to {most:,}), taken as {profile.name} counts them: sizes as sent and "
        "what other pixel limits would do stay unknown."
    )
    if profile.window_patches:
        text += " Half-empty windows at the edges are not in these lengths."
    return text


def _own(setting: Case) -> str:
    """Say that requests set limits for their own images."""
    own = weight_of(setting.counts, setting.counts.sizes.has_own_limits)
    if not own:
        return ""
    return (
        f"{plural(own, 'image')} {verb(own, 'is', 'are')} under pixel limits of their own, "
        "set by their requests; what is set on the processor does not bind them."
    )


def _own_overflow(visual: Visual, setting: Case) -> str:
    """Say that the limits of requests let more through than the top holds."""
    sizes, image = setting.counts.sizes, setting.preprocessing.image
    own = sizes.has_own_limits
    if not own.any():
        return ""
    high = int(
        np.where(sizes.own_max_pixels, sizes.own_max_pixels, image.max_pixels)[
            own
        ].max()
    )
    loosest = replace(image, max_pixels=max(high, image.min_pixels))
    preprocessing = replace(setting.preprocessing, image=loosest)
    worst = worst_of_all(setting.profile, preprocessing, setting.release, clips=False)
    engine, top = setting.release.engine, visual.vit_max_seq_lens[-1]
    needed = divided(worst.needed, engine.patches_per_length(setting.profile))
    if needed <= top:
        return ""
    return (
        f"Requests set a max_pixels of up to {high:,} for their own images: one of "
        f"{worst.width_px:,}x{worst.height_px:,} would need {needed:,} of {top:,} and "
        f"the request {OVERFLOWS[engine.overflow][0]}. Refuse such limits before the server, "
        f"or compile {needed:,} to be sure."
    )


def _unsized(traffic: Traffic, visual: Visual) -> str:
    unsized = sum(
        rejection.count
        for rejection in traffic.rejections
        if rejection.reason == UNSIZED
    )
    if not unsized:
        return ""
    seen = unsized + traffic.rows_used
    limit = visual.processor.max_pixels
    return (
        f"{plural(unsized, 'image')} of {seen:,} ({percent(unsized / seen)}) "
        f"{verb(unsized, 'was', 'were')} only referred to: nothing was fetched, and the "
        f"plan stands on the others. Larger ones are shrunk to max_pixels {limit:,}."
    )


def _merged(visual: Visual, align: int) -> str:
    if visual.bucket_unit == "vit_patches":
        return ""
    text = (
        "Lengths are emitted in merged patches, as vendor documents word it. Every "
        "released runtime compares ViT patches before the merge: with these lists "
        "images over a quarter of the intended area raise. Each is a multiple of "
        f"{align} as it is written, because the SDK takes no other"
    )
    top, needed = visual.vit_max_seq_lens[-1], visual.largest_needed
    raised = f": the top stands for {top:,} ViT patches where {needed:,} are needed"
    return f"{text}{raised if top > needed else ''}."


def _one_day(traffic: Traffic) -> str:
    if traffic.first_s is None or traffic.last_s is None:
        return ""
    span_s = traffic.last_s - traffic.first_s
    if not 0 < span_s <= DAY_S:
        return ""
    return (
        f"All images are of {duration(span_s)}: other hours, days and weeks may bring "
        "others."
    )


def _one_label(traffic: Traffic) -> str:
    labelled = traffic.label >= 0
    images = np.bincount(traffic.label[labelled], weights=traffic.count[labelled])
    share = float(images.max(initial=0.0)) / max(traffic.images, 1.0)
    if (images > 0).sum() < 2 or share <= DOMINATES:  # noqa: PLR2004 - one beside it
        return ""
    return (
        f"One label has {percent(share)} of the images: the lengths are mostly its own, "
        "and wrong once it leaves."
    )


def _few(setting: Case) -> str:
    images = float(setting.counts.sizes.count.sum())
    if images >= FEW_IMAGES:
        return ""
    return (
        f"Only {plural(images, 'image')}: the exact lengths would differ on another "
        f"sample of this traffic. {FEW_IMAGES:,} or more make them steady."
    )
