"""Rules about the graphs of the vision encoder."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.vllm.choosing import Range, choose
from bucketwise.engines.vllm.encoder_graphs import EncoderGraphs
from bucketwise.engines.vllm.model_classes import NONE_UP_TO_NOW, SINCE, has_two_paths
from bucketwise.engines.vllm.releases import (
    BUDGETS,
    CHECKS_ITEMS,
    FRAMES,
    ITEMS,
    OLD_ITEMS,
    OLDEST,
    RENAMED_ITEMS,
    SWITCH,
    encoder_keys,
    items_key,
)
from bucketwise.engines.vllm.replay import replay
from bucketwise.engines.vllm.rules.case import VllmCase, ascending, whole
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import LENGTHS_ALONE
from bucketwise.nouns.engine import written
from bucketwise.words.numbers import literal, number, percent, plural

_CONFIG = "config/compilation.py"
_MANAGER = "v1/worker/encoder_cudagraph.py"
_PREFIXES = ("encoder_cudagraph_", "cudagraph_mm_")
WORTH_SAYING = 0.05
"""A list that could spare less than this share of the rows is left alone."""

_UNKNOWN = "ValidationError: Unexpected keyword argument"


def unknown_key(subject: VllmCase) -> Iterator[Finding]:
    """A key about encoder graphs that the release does not have: it refuses to start.

    The limit of images was renamed in 0.20, and no release before 0.19 has any of them.
    """
    known = encoder_keys(subject.version)
    for key in subject.config:
        if key in known or not key.startswith(_PREFIXES):
            continue
        right = items_key(subject.version) if key in (ITEMS, OLD_ITEMS) else ""
        renamed = bool(right) and right in known
        yield Finding(
            severity="error",
            path=(key,),
            found=key,
            why=f"{subject.named} has no such key and refuses what it does not know "
            f"({_CONFIG})",
            right=right if renamed else f"one of {', '.join(known) or 'none'}",
            raises=_UNKNOWN,
            fixes=(Fix(path=(key,), action="rename", value=right),) if renamed else (),
        )


def switched_off(subject: VllmCase) -> Iterator[Finding]:
    """Budgets without the switch: every image runs without a graph."""
    given = [
        key for key in (BUDGETS, ITEMS, OLD_ITEMS, FRAMES) if subject.config.get(key)
    ]
    if not given or subject.is_on:
        return
    yield Finding(
        severity="warning",
        path=(given[0],),
        found=f"{given[0]} while {SWITCH} is not set",
        why=f"graphs of the encoder are off by default ({_CONFIG}), and nothing says so",
        right=f'"{SWITCH}": true',
        fixes=(Fix(path=(SWITCH,), action="set", value=True),),
    )


def wrong_budgets(subject: VllmCase) -> Iterator[Finding]:
    """Budgets that are no whole numbers above 0."""
    value = subject.config.get(BUDGETS)
    if value is None or value == [] or ascending(value):
        return
    if isinstance(value, (list, tuple)) and any(
        not isinstance(each, (int, float, str)) for each in value
    ):
        return
    yield Finding(
        severity="error",
        path=(BUDGETS,),
        found=f"{value!r}",
        why=f"{subject.named} takes a list of whole numbers above 0 alone ({_CONFIG})",
        right="merged tokens such as [256, 1024, 4096]",
        raises="ValidationError: All encoder_cudagraph_token_budgets must be positive",
    )


def wrong_limit(subject: VllmCase) -> Iterator[Finding]:
    """A limit of images or frames below 0."""
    for key in (items_key(subject.version), FRAMES):
        value = whole(subject.config.get(key))
        if value is not None and value < 0 and subject.is_on:
            yield Finding(
                severity="error",
                path=(key,),
                found=f"{value}",
                why=f"{subject.named} takes 0, which lets it choose, or more ({_CONFIG})",
                right="0 or more",
                raises=f"ValidationError: {key} must be non-negative",
            )


def repeated_budget(subject: VllmCase) -> Iterator[Finding]:
    """The same budget twice: it is captured twice, and one of the two never replayed."""
    budgets = subject.budgets
    mended = sorted(set(budgets))
    if len(mended) == len(budgets):
        return
    yield Finding(
        severity="warning",
        path=(BUDGETS,),
        found=literal(budgets),
        why=f"{subject.named} captures each entry and keeps the last ({_MANAGER})",
        right=literal(mended),
        fixes=(Fix(path=(BUDGETS,), action="set", value=mended),),
    )


def more_items_than_tokens(subject: VllmCase) -> Iterator[Finding]:
    """More images in a replay than the smallest budget has tokens.

    From 0.22 the server does not start; earlier releases leave images no row at all.
    """
    budgets, items = subject.budgets, subject.max_items
    if not budgets or items <= budgets[0] or not subject.is_on:
        return
    checked = subject.version >= CHECKS_ITEMS
    yield Finding(
        severity="error" if checked else "warning",
        path=(items_key(subject.version),),
        found=f"{items} images with a smallest budget of {budgets[0]}",
        why=f"{subject.named} gives every image an equal part of a budget ({_MANAGER})"
        + ("" if checked else ", here none, and does not check it"),
        right=f"at most {budgets[0]}",
        raises="ValueError: encoder_cudagraph_max_vision_items_per_batch "
        f"({items}) must be <= smallest token budget"
        if checked
        else "",
        fixes=(
            Fix(path=(items_key(subject.version),), action="set", value=budgets[0]),
        ),
    )


def uneven_budget(subject: VllmCase) -> Iterator[Finding]:
    """A budget that another number of rows is computed for: no multiple of the images.

    Most classes round it up; where one rounds down (Qwen3-VL before 0.22, GLM) a full
    batch overruns what was captured. Models that cut tiles compute whole ones, Kimi's
    whole lines of a grid.
    """
    budgets, sharing = subject.budgets, subject.sharing
    items = subject.max_items or (1 if sharing.tile else 0)
    if not items or not subject.is_on or (budgets and items > budgets[0]):
        return
    rows = {each: sharing.rows(subject.version, each, items, 0) for each in budgets}
    uneven = [each for each in budgets if rows[each] != each]
    if not uneven:
        return
    step = sharing.tile or items
    overrun = not sharing.tile and any(rows[each] < each for each in uneven)
    mended = sorted({max(rows[each], -(-each // step) * step) for each in budgets})
    yield Finding(
        severity="error" if overrun else "info",
        path=(BUDGETS,),
        found=f"{literal(uneven)} with {plural(items, 'image')} a replay",
        why=f"{subject.named} computes {literal([rows[each] for each in uneven])} rows "
        "instead (model_executor/models, prepare_encoder_cudagraph_capture_inputs)"
        + (": images that fill the budget do not fit" if overrun else ""),
        right=literal(mended),
        fixes=(Fix(path=(BUDGETS,), action="set", value=mended),),
    )


def list_without_items(subject: VllmCase) -> Iterator[Finding]:
    """Budgets without a limit of images: vLLM sets one that may widen every replay."""
    sharing = subject.sharing
    if not subject.budgets or subject.max_items or not subject.is_on or sharing.tile:
        return
    if subject.document.form in LENGTHS_ALONE:
        return
    most = max(subject.step_tokens // sharing.least, 1)
    items = min(most, subject.budgets[0])
    items = items if subject.version >= CHECKS_ITEMS else most
    rows = [sharing.rows(subject.version, each, items, 0) for each in subject.budgets]
    if rows == [*subject.budgets]:
        return
    key = items_key(subject.version)
    yield Finding(
        severity="info",
        path=(BUDGETS,),
        found=f"{literal(subject.budgets)} without {key}",
        why=f"{subject.named} then takes up to {items} images a replay and computes "
        f"{literal(rows)} rows ({_MANAGER})",
        right=f"{key} 1, or budgets that are multiples",
    )


def image_above_top(subject: VllmCase) -> Iterator[Finding]:
    """Images larger than every budget: they run without a graph."""
    budgets = subject.budgets
    if not budgets or not subject.calls or not subject.is_on:
        return
    larger = sum(call.count for call in subject.calls if call.tokens[0] > budgets[-1])
    if not larger:
        return
    total = sum(call.count for call in subject.calls)
    yield Finding(
        severity="warning",
        path=(BUDGETS,),
        found=f"{plural(larger, 'image')} ({percent(larger / total)}) above "
        f"{budgets[-1]:,}",
        why=f"{subject.named} runs them eagerly ({_MANAGER})",
        right=f"a top of {subject.calls[-1].tokens[0]:,}, or fewer pixels",
    )


def budget_never_used(subject: VllmCase) -> Iterator[Finding]:
    """A budget above what one call can hold: it is captured and never replayed."""
    most = subject.most_tokens
    if most is None or not subject.is_on:
        return
    held = max(most, subject.step_tokens)
    idle = [each for each in subject.budgets[1:] if each > held]
    below = [each for each in subject.budgets if each <= held]
    # The first above it may still be what the largest calls run on.
    idle = idle if below and below[-1] >= held else idle[1:]
    if idle:
        yield Finding(
            severity="warning",
            path=(BUDGETS,),
            found=literal(idle),
            why=f"one step hands the encoder {held:,} merged tokens at most: the greater "
            "of max_num_batched_tokens and the largest image",
            right=f"budgets up to {held:,}",
        )


def budgets_in_patches(subject: VllmCase) -> Iterator[Finding]:
    """Budgets that look like ViT patches: vLLM counts what is left after the merge."""
    most, profile = subject.most_tokens, subject.profile
    if most is None or profile is None or not subject.budgets:
        return
    area = profile.patches_per_merged
    held = max(most, subject.step_tokens if not subject.calls else 0)
    if subject.budgets[-1] < area * held:
        return
    yield Finding(
        severity="warning",
        path=(BUDGETS,),
        found=f"a top of {subject.budgets[-1]:,} where the largest image is {most:,} "
        "merged tokens",
        why=f"budgets count merged tokens: {area} ViT patches are one",
        right=literal(tuple(-(-each // area) for each in subject.budgets)),
    )


def list_of_two_paths(subject: VllmCase) -> Iterator[Finding]:
    """A list for a model with two paths: only its largest budget is used."""
    is_one = not has_two_paths(subject.document.model, subject.version)
    if is_one or len(subject.budgets) < 2:  # noqa: PLR2004
        return
    yield Finding(
        severity="warning",
        path=(BUDGETS,),
        found=literal(subject.budgets),
        why=f"each path of this model gets powers of two up to the largest ({_MANAGER})",
        right=f"[{subject.budgets[-1]}]",
    )


def clips_widen_replays(subject: VllmCase) -> Iterator[Finding]:
    """Clips left on with images alone: every replay is rounded up to whole clips.

    A budget is shared out to the frames of the longest clip the context has room for.
    """
    if subject.document.serve is None or not subject.budgets or not subject.is_on:
        return
    if subject.version < RENAMED_ITEMS or subject.config.get(FRAMES) is not None:
        return
    limits = subject.mapping("limit-mm-per-prompt")
    video = limits.get("video")
    video = video.get("count") if isinstance(video, dict) else video
    if "video" in limits and whole(video) == 0:
        return
    if any((subject.use.counts.sizes.frames > 0).tolist()) if subject.use else False:
        return
    unknown = subject.use is None
    yield Finding(
        severity="info" if unknown else "warning",
        path=(BUDGETS,),
        found="clips are allowed" + ("" if unknown else ", and none is sent"),
        why=f"{subject.named} may size every graph for the frames of clips: a budget of 64 "
        "for 64 images of 16 frames computes 1,024 rows (model_executor/models/"
        "qwen3_vl.py)",
        right=f"--limit-mm-per-prompt '{{\"video\": 0}}', or {FRAMES}",
    )


def no_encoder_graphs(subject: VllmCase) -> Iterator[Finding]:
    """A model or a release without encoder graphs: vLLM goes on without a word."""
    if not subject.config.get(SWITCH) or subject.version < OLDEST:
        return
    since = SINCE.get(subject.family)
    lacks = subject.family in NONE_UP_TO_NOW
    if not lacks and (since is None or since <= subject.version):
        return
    yield Finding(
        severity="warning",
        path=(SWITCH,),
        found=f"{subject.family} on {subject.named}",
        why="its class captures no encoder graph there, and every image runs eagerly",
        right=f"vLLM {written(since)} or newer" if since else f"no {SWITCH}",
    )


def graphs_are_off(subject: VllmCase) -> Iterator[Finding]:
    """An option of the server that takes all graphs away."""
    if not subject.is_on:
        return
    for name, why in (
        ("enforce-eager", "it captures no graph at all"),
        ("language-model-only", "it loads no encoder"),
    ):
        if subject.flag(name) is not None:
            yield Finding(
                severity="warning",
                path=(SWITCH,) if SWITCH in subject.config else (),
                found=f"--{name}",
                why=f"with it {subject.named} ignores {SWITCH}: {why}",
                right=f"the line without --{name}",
            )


def wasteful_budgets(subject: VllmCase) -> Iterator[Finding]:
    """Budgets that pad far more than the best list of as many would."""
    budgets, items = subject.budgets, subject.max_items or 1
    if not subject.calls or not budgets or not subject.is_on or items > budgets[0]:
        return
    graphs = EncoderGraphs(
        release=subject.version,
        budgets=budgets,
        max_items=items,
        sharing=subject.sharing,
    )
    bill = replay(subject.calls, graphs)
    best = choose(
        subject.calls, subject.version, len(budgets), Range(sharing=subject.sharing)
    )
    spared = 1 - best.bill.computed / bill.computed if bill.computed else 0.0
    if spared < WORTH_SAYING or bill.misses:
        return
    yield Finding(
        severity="warning",
        path=(BUDGETS,),
        found=f"{percent(bill.waste)} of the rows computed for this traffic are padding",
        why=f"one image a call, {number(bill.padded_rows)} of {number(bill.rows)} rows",
        right=f"{literal(best.graphs.budgets)}: {percent(best.bill.waste)}",
    )
