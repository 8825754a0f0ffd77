"""Rules about the lengths the ViT is compiled for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.in_service import Failures
from bucketwise.core.optimize.excess import excess_of
from bucketwise.core.patching import Counts, least_needed
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    buckets_of,
    lengths_of,
    release,
    shown,
    unknown,
    whole,
)
from bucketwise.engines.rbln.rules.top_vs_limits import Limited, fits_merged
from bucketwise.engines.rbln.shapes import LARGEST_PUBLISHED_PATCHES, mask_bytes
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path
from bucketwise.words.numbers import number, percent

MANY_BUCKETS = 4
"""The most graphs that any published advice names."""


def no_lengths(subject: RblnCase) -> Iterator[Finding]:
    """Lengths that are no whole numbers above 0: the SDK takes nearly anything.

    Strings, fractions, booleans and empty lists pass the configuration class and fail
    in the compile or at the first image.
    """
    name, value = buckets_of(subject)
    if not name:
        return
    items = value if isinstance(value, (list, tuple)) else [value]
    if any(unknown(item) for item in items):
        return
    wrong = [item for item in items if (whole(item) or 0) < 1]
    if wrong or not items:
        yield Finding(
            severity="error",
            path=_path(subject),
            found=shown(value),
            why=f"{release(subject)} does not check the list; what is no whole number "
            "above 0 fails in the compile or when the first image is matched",
            right="whole numbers above 0, such as [1024, 4096, 16384]",
        )
    elif isinstance(value, tuple):
        yield Finding(
            severity="warning",
            path=_path(subject),
            found=f"a tuple, {shown(value)}",
            why=f"{release(subject)} sorts lists alone, and looks for the smallest "
            "length that fits in a sorted list",
            right=shown(sorted(value)),
            fixes=(_set(subject, sorted(value)),),
        )


def unaligned_bucket(subject: RblnCase) -> Iterator[Finding]:
    """A length that the model cannot be compiled for.

    The merger reshapes patches in fours; windowed towers take whole windows of 64.
    """
    lengths = lengths_of(subject)
    if not lengths or (subject.profile is None and not subject.family):
        return
    windowed = subject.family == "qwen2_5_vl"
    align = subject.profile.align if subject.profile else (64 if windowed else 4)
    odd = [length for length in lengths if length % align]
    if not odd:
        return
    mended = sorted({_aligned(length, align) for length in lengths})
    reason = (
        "windows are padded to 64 patches each (transformers/models/qwen2_5_vl/"
        "modeling_qwen2_5_vl.py)"
        if align == 64  # noqa: PLR2004 - a window
        else "the merger reshapes patches in fours, and the trace fails otherwise "
        "(transformers/models/qwen3_vl/modeling_qwen3_vl.py)"
    )
    yield Finding(
        severity="error",
        path=_path(subject),
        found=f"{_listed(odd)}, no multiple of {align}",
        why=f"{reason}; the configuration class does not look",
        right=shown(mended),
        raises="ValueError: max_seq_len"
        if align == 64  # noqa: PLR2004 - a window
        else "RuntimeError: shape",
        fixes=(_set(subject, mended),),
    )


def duplicate_bucket(subject: RblnCase) -> Iterator[Finding]:
    """A length given more than once: it is compiled more than once."""
    _, value = buckets_of(subject)
    lengths = lengths_of(subject)
    if (
        not isinstance(value, (list, tuple))
        or not lengths
        or len(lengths) == len(value)
    ):
        return
    twice = sorted({item for item in value if list(value).count(item) > 1})
    yield Finding(
        severity="warning",
        path=_path(subject),
        found=f"{_listed(twice)} more than once",
        why=f"{release(subject)} does not remove repeated lengths of a ViT: each is "
        "compiled and held again, and no image runs on the second",
        right=shown(list(lengths)),
        fixes=(_set(subject, lengths),),
    )


def many_buckets(subject: RblnCase) -> Iterator[Finding]:
    """More lengths than anybody compiles."""
    lengths = lengths_of(subject)
    if len(lengths) <= MANY_BUCKETS:
        return
    yield Finding(
        severity="info",
        path=_path(subject),
        found=f"{len(lengths)} lengths",
        why="each is a graph: compile time, device memory and buffers grow with them, "
        f"and the gain of one more past {MANY_BUCKETS} is small on most traffic",
        right="2 to 4; bucketwise analyze shows what each further one saves",
    )


def dead_bucket(subject: RblnCase) -> Iterator[Finding]:
    """A length below what the smallest image needs: no image runs on it.

    The processor enlarges every image to `min_pixels`.
    """
    limited = Limited.of(subject)
    if limited is None:
        return
    profile, limits = limited.profile, limited.limits
    patches = -(-limits.min_pixels // profile.length_px**2)
    extra = subject.release.extra_windows(profile.family)
    [least] = least_needed(np.array([patches]), profile.window_patches, extra).tolist()
    dead = [length for length in limited.lengths if length < least]
    kept = [length for length in limited.lengths if length >= least]
    if not dead or not kept:
        return
    yield Finding(
        severity="warning",
        path=_path(subject),
        found=f"{_listed(dead)}, below the {least:,} patches of the smallest image",
        why=f"the processor enlarges images to min_pixels {limits.min_pixels:,} "
        f"({limits.source}): nothing needs less",
        right=shown(kept),
        fixes=(_set(subject, kept),),
    )


def overflow_possible(subject: RblnCase) -> Iterator[Finding]:
    """An image that the processor lets through needs more than the top length.

    The runtime compares patches before the merge, and raises.
    """
    limited = Limited.of(subject)
    if limited is None:
        return
    limits, top, worst = limited.limits, limited.top, limited.worst
    if worst.needed <= top or limited.is_merged:
        return
    safe = limited.safe_max_pixels
    below = f"max_pixels {safe:,} on the processor, or " if safe else ""
    certain = limited.is_clearly_short and not _limit_elsewhere(subject)
    yield Finding(
        severity="error" if certain else "warning",
        path=_path(subject),
        found=f"the top length is {top:,}; an image of {worst.width_px:,} x "
        f"{worst.height_px:,} needs {worst.needed:,}",
        why=f"max_pixels {limits.max_pixels:,} ({limits.source}) lets it through"
        f"{_if_nothing_else(subject)}, and {release(subject)} raises: lengths count ViT "
        "patches, before the merge",
        right=f"{below}a top length of "
        f"{_aligned(worst.needed, limited.profile.align):,}",
        raises="ValueError: Required seq_len",
    )


def merged_unit(subject: RblnCase) -> Iterator[Finding]:
    """Lengths that look like merged patches: they hold a quarter of the area.

    Guides up to 0.11 give lengths in merged patches; the runtime of every release
    compares patches before the merge.
    """
    limited = Limited.of(subject)
    if limited is None or not limited.is_merged:
        return
    profile, top, worst = limited.profile, limited.top, limited.worst
    merge = profile.lengths_per_merged
    mended = [_aligned(length * merge, profile.align) for length in limited.lengths]
    yield Finding(
        severity="warning" if _limit_elsewhere(subject) else "error",
        path=_path(subject),
        found=f"{top:,} holds the largest image in merged patches "
        f"({-(-worst.needed // merge):,}), not in ViT patches ({worst.needed:,})",
        why=f"under max_pixels {limited.limits.max_pixels:,}{_if_nothing_else(subject)}; "
        f"{release(subject)} compares ViT patches, before the merge of {merge} "
        "(transformers/models/qwen3_vl/modeling_qwen3_vl.py; the docstring of 0.12.0 "
        "says so, older ones said merged)",
        right=f"{shown(mended)} for the same images, or max_pixels "
        f"{limited.limits.max_pixels // merge:,} on the processor",
        raises="ValueError: Required seq_len",
    )


def oversized_top(subject: RblnCase) -> Iterator[Finding]:
    """A top length above anything that can come: its memory is never used."""
    limited = Limited.of(subject)
    if limited is None:
        return
    limits, top, worst = limited.limits, limited.top, limited.worst
    enough = _aligned(worst.needed, limited.profile.align)
    if limited.profile.soft_tokens:
        return  # the largest count that is compiled asks for it
    if top <= enough or not limited.is_oversized:
        return
    mended = [*(length for length in limited.lengths if length < enough), enough]
    yield Finding(
        severity="warning",
        path=_path(subject),
        found=f"the top length is {top:,}; nothing can need more than {worst.needed:,}",
        why=f"max_pixels {limits.max_pixels:,} ({limits.source}) shrinks larger images; "
        f"the mask of the top graph alone takes {mask_bytes(top):,} bytes",
        right=shown(mended),
        fixes=(_set(subject, mended),),
    )


def unpublished_length(subject: RblnCase) -> Iterator[Finding]:
    """A length beyond any that is known to compile."""
    lengths = lengths_of(subject)
    if not lengths or lengths[-1] <= LARGEST_PUBLISHED_PATCHES:
        return
    top = lengths[-1]
    yield Finding(
        severity="warning",
        path=_path(subject),
        found=f"{top:,}",
        why=f"no published RBLN configuration compiles more than "
        f"{LARGEST_PUBLISHED_PATCHES:,}; the mask is an input of {mask_bytes(top):,} "
        "bytes, built anew on the host for every image",
        right=f"at most {LARGEST_PUBLISHED_PATCHES:,}, with max_pixels to match",
    )


def image_too_long(subject: RblnCase) -> Iterator[Finding]:
    """Images of the traffic that need more than the top length: the runtime raises."""
    lengths, use = lengths_of(subject), subject.use
    if not lengths or use is None:
        return
    failures = Failures.of(Buckets(lengths), use.counts, subject.release)
    if not failures.overflow_images:
        return
    largest = int(failures.needed.max())
    yield Finding(
        severity="error",
        path=_path(subject),
        found=f"{number(failures.overflow_images)} of {number(failures.images)} "
        f"images ({percent(failures.overflow_share)}) need more than {lengths[-1]:,}"
        + _under(subject),
        why=f"{release(subject)} raises on them"
        + _unit_hint(subject, lengths[-1], largest),
        right=f"a top length of {largest:,} or more, or a lower max_pixels",
        raises="ValueError: Required seq_len",
    )


def bucket_never_hit(subject: RblnCase) -> Iterator[Finding]:
    """Lengths that no image of the traffic runs on."""
    lengths, use = lengths_of(subject), subject.use
    if not lengths or use is None:
        return
    runs = _runs_on(lengths, use.counts, subject)[:-1]
    idle = [length for length, ran in zip(lengths, runs, strict=True) if not ran]
    limited = Limited.of(subject)
    if idle[-1:] == [lengths[-1]] and limited and len(lengths) > 1:
        # What no image has needed yet, but one that the limits let through would.
        below = next((each for each in reversed(lengths) if each not in idle), 0)
        if limited.worst.needed > below:
            idle = idle[:-1]
    if not idle or len(idle) == len(lengths):
        return
    kept = [length for length in lengths if length not in idle]
    yield Finding(
        severity="warning",
        path=_path(subject),
        found=f"no image of the traffic runs on {_listed(idle)}",
        why="a graph that nothing runs on costs compile time and device memory",
        right=shown(kept),
        fixes=(_set(subject, kept),),
    )


def bucket_use(subject: RblnCase) -> Iterator[Finding]:
    """How much of the traffic runs on each length."""
    lengths, use = lengths_of(subject), subject.use
    if not lengths or use is None:
        return
    runs = _runs_on(lengths, use.counts, subject)
    total = float(runs.sum())
    if not total:
        return
    shares = ", ".join(
        f"{length:,}: {percent(ran / total)}"
        for length, ran in zip(lengths, runs[:-1].tolist(), strict=True)
    )
    yield Finding(
        severity="info",
        path=_path(subject),
        found=f"of the ViT runs of the traffic, {shares}",
        why="a run takes the smallest length that holds it",
        right="as it is, unless another finding says otherwise",
    )


def wasteful_lengths(subject: RblnCase) -> Iterator[Finding]:
    """Lengths that pad the traffic more than as many others would."""
    _, value = buckets_of(subject)
    lengths, use, profile = lengths_of(subject), subject.use, subject.profile
    if not lengths or use is None or profile is None:
        return
    counts = use.counts
    needed, runs = counts.needed(subject.release), counts.runs
    served = counts.accepted & (needed <= lengths[-1])
    if not (runs[served] > 0).any():
        return
    demand = Demand.of(needed[served], runs[served])
    limited = Limited.of(subject)
    worst = limited.worst.needed if limited else 0
    marks = limited.marks if limited else ()
    excess = excess_of(lengths, demand, use.curve, profile.align, worst, marks)
    if excess is None:
        return
    best, timed = excess.best, use.curve.measured is not None
    kind = "ViT time" if timed else "ViT compute"
    whose = use.curve.source if timed else "that of the model's own dimensions"
    yield Finding(
        severity="warning",
        path=_path(subject),
        found=f"{shown(value)} takes {percent(excess.share)} more {kind} than it "
        "has to",
        why=f"on the images of the traffic it serves, the best {len(best)} "
        f"{'length' if len(best) == 1 else 'lengths'} would take {percent(1 / (1 + excess.share))} "
        f"of it; the cost is {whose}",
        right=shown(list(best)),
    )


def _runs_on(
    lengths: tuple[int, ...], counts: Counts, subject: RblnCase
) -> NDArray[Any]:
    """Return the ViT runs of the traffic on each length, and last those on none."""
    position = Buckets(lengths).assign(counts.needed(subject.release))
    return np.bincount(
        position[counts.accepted],
        weights=counts.runs[counts.accepted],
        minlength=len(lengths) + 1,
    )


def _under(subject: RblnCase) -> str:
    """Say which upper limit lets them through; "" where none is known."""
    limits = subject.limits
    return (
        f" under max_pixels {limits.max_pixels:,} ({limits.source})" if limits else ""
    )


def _path(subject: RblnCase) -> Path:
    """Return the keys that lead to the lengths."""
    name, _ = buckets_of(subject)
    return "visual", name


def _set(subject: RblnCase, lengths: Sequence[int]) -> Fix:
    """Return the change to other lengths; a number stays a number."""
    _, value = buckets_of(subject)
    listed = isinstance(value, (list, tuple))
    return Fix(
        path=_path(subject),
        action="set",
        value=list(lengths) if listed else lengths[-1],
    )


def _unit_hint(subject: RblnCase, top: int, needed: int) -> str:
    profile = subject.profile
    if profile is None or not fits_merged(needed, top, profile):
        return ""
    merged = -(-needed // profile.lengths_per_merged)
    return (
        f"; {top:,} looks like merged patches: the largest image has {merged:,} of "
        f"those, and {needed:,} ViT patches"
    )


def _aligned(length: int, align: int) -> int:
    return -(-length // align) * align


def _listed(lengths: list[int]) -> str:
    return ", ".join(f"{length:,}" for length in lengths)


def _limit_elsewhere(subject: RblnCase) -> bool:
    """Return whether another file may set the upper limit: this one sets none.

    What compiles or loads a folder need not be what feeds it; a serve line that compiles
    by itself is.
    """
    document, limits = subject.document, subject.limits
    served = document.serve is not None and document.serve.is_folder
    if limits is None or subject.profile is None:
        return False
    if document.form not in ("compile", "load") and not served:
        return False
    return limits.source.endswith(subject.profile.checkpoint.source)


def _if_nothing_else(subject: RblnCase) -> str:
    return ", if nothing else sets max_pixels" if _limit_elsewhere(subject) else ""
