"""Rules about graphs of the vision tower."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.gaudi.releases import (
    LENGTHS,
    RESOLUTIONS,
    RESOLUTIONS_SINCE,
)
from bucketwise.engines.gaudi.rules.case import GaudiCase
from bucketwise.engines.gaudi.vision import (
    PADS,
    WARNED_GRAPHS,
    lengths_in,
    resolutions_in,
)
from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Finding
from bucketwise.nouns.engine import written
from bucketwise.words.numbers import literal, percent, plural

_VISION = "extension/bucketing/vision.py"
_RUNNER = "v1/worker/hpu_model_runner.py"


def list_of_none(subject: GaudiCase) -> Iterator[Finding]:
    """A list of "None": the warm-up asks it for its length, and padding becomes negative."""
    if subject.value(LENGTHS) != "None":
        return
    yield Finding(
        severity="error",
        path=(LENGTHS,),
        found=f"{LENGTHS}=None",
        why=f"{subject.named} then has no list and asks for its length ({_RUNNER}); an "
        "image of Qwen2.5-VL is padded to 0 (models/qwen2_5_vl.py)",
        right="lengths such as 1600,3136, or the variable left out",
        raises="TypeError: object of type 'NoneType' has no len()",
    )


def wrong_lengths(subject: GaudiCase) -> Iterator[Finding]:
    """Lengths that are no whole numbers above 0."""
    value = subject.value(LENGTHS)
    if not value or value == "None":
        return
    try:
        lengths = lengths_in(value)
    except ConfigError:
        lengths = None
    if lengths and lengths[0] > 0:
        return
    yield Finding(
        severity="warning" if lengths else "error",
        path=(LENGTHS,),
        found=f"{LENGTHS}={value}",
        why="nothing runs on a length of 0 or less"
        if lengths
        else f"{subject.named} takes whole numbers between commas ({_VISION})",
        right=f"{LENGTHS}=1600,3136",
        raises="" if lengths else "ValueError: invalid literal for int()",
    )


def nothing_is_padded(subject: GaudiCase) -> Iterator[Finding]:
    """Lengths for a model that pads nothing: they only choose what is warmed."""
    family = subject.family
    if not subject.lengths or not family or family in PADS or subject.counts_images:
        return
    yield Finding(
        severity="warning",
        path=(LENGTHS,),
        found=f"{LENGTHS} for {family}",
        why=f"no image of it is padded: each length warms five guessed shapes ({_VISION})",
        right=f"{RESOLUTIONS}, with what images really have",
    )


def no_single_image(subject: GaudiCase) -> Iterator[Finding]:
    """Images of a call without a 1: what is left of a call runs past its end."""
    if not subject.counts_images or not subject.lengths or 1 in subject.lengths:
        return
    yield Finding(
        severity="warning",
        path=(LENGTHS,),
        found=f"{LENGTHS} {literal(subject.lengths)}",
        why=f"of {subject.family} they count images of a call, and what is left when even "
        f"the smallest is too large runs on the smallest ({_VISION}, greedy_plan)",
        right=f"{literal((1, *subject.lengths))}",
    )


def image_above_top(subject: GaudiCase) -> Iterator[Finding]:
    """Images larger than every length: each of their sizes is compiled on a request."""
    lengths = subject.lengths
    if not lengths or subject.family not in PADS:
        return
    larger, total = subject.larger_than(lengths[-1])
    if not larger:
        return
    yield Finding(
        severity="warning",
        path=(LENGTHS,),
        found=f"{plural(larger, 'image')} ({percent(larger / total)}) above "
        f"{lengths[-1]:,}",
        why=f"{subject.named} pads none of them and compiles each size ({_VISION})",
        right="a larger top, or fewer pixels",
    )


def wrong_resolution(subject: GaudiCase) -> Iterator[Finding]:
    """A resolution that is not WxH, WxHxN or WxHxN-M."""
    value = subject.value(RESOLUTIONS)
    if not value or subject.version < RESOLUTIONS_SINCE:
        return
    try:
        resolutions_in(value)
    except ConfigError as error:
        yield Finding(
            severity="error",
            path=(RESOLUTIONS,),
            found=f"{RESOLUTIONS}={value}",
            why=f"{subject.named} does not start: {error} ({_VISION})",
            right="entries such as 1024x768 or 864x480x1-4",
            raises=f"ValueError: Invalid {RESOLUTIONS} entry",
        )


def resolutions_not_read(subject: GaudiCase) -> Iterator[Finding]:
    """Resolutions for a release, or a model, that does not read them."""
    if not subject.value(RESOLUTIONS):
        return
    early = subject.version < RESOLUTIONS_SINCE
    if not early and not subject.counts_images:
        return
    yield Finding(
        severity="warning",
        path=(RESOLUTIONS,),
        found=f"{RESOLUTIONS} with {subject.named}"
        if early
        else f"{RESOLUTIONS} for {subject.family}",
        why=f"nothing reads it ({_VISION})"
        if early
        else f"its tower takes images of one size, and is warmed by their number ({_RUNNER})",
        right=f"{subject.sdk} {written(RESOLUTIONS_SINCE)} or newer"
        if early
        else f"{LENGTHS}=1,2,4,8",
    )


def nothing_is_warmed(subject: GaudiCase) -> Iterator[Finding]:
    """No limit of images in a prompt: nothing is warmed for images at all."""
    serve = subject.document.serve
    named = [name for name in (RESOLUTIONS, LENGTHS) if subject.value(name)]
    if serve is None or not named or subject.most_images is not None:
        return
    yield Finding(
        severity="warning",
        path=(named[0],),
        found=f"{named[0]} without an image limit in --limit-mm-per-prompt",
        why=f"{subject.named} warms images only where one is named ({_RUNNER}, "
        "is_image_warmup)",
        right="--limit-mm-per-prompt '{\"image\": 999}', which is vLLM's own",
    )


def no_images_allowed(subject: GaudiCase) -> Iterator[Finding]:
    """Counts that start above the images a prompt may hold: no graph is warmed."""
    most = subject.most_images
    if most is None or subject.version < RESOLUTIONS_SINCE:
        return
    idle = [each for each in subject.resolutions if not each.graphs(most)]
    if idle:
        yield Finding(
            severity="warning",
            path=(RESOLUTIONS,),
            found=", ".join(map(str, idle)),
            why=f"a prompt holds {plural(most, 'image')} at most, and counts are cut to "
            f"that ({_RUNNER})",
            right=f"counts up to {most}",
        )


def many_graphs(subject: GaudiCase) -> Iterator[Finding]:
    """More graphs than vllm-gaudi warns of: each takes some 10 s of the start."""
    most = subject.most_images
    if most is None or subject.version < RESOLUTIONS_SINCE:
        return
    graphs = sum(each.graphs(most) for each in subject.resolutions)
    if graphs > WARNED_GRAPHS:
        yield Finding(
            severity="warning",
            path=(RESOLUTIONS,),
            found=f"{graphs} graphs",
            why=f"every count of a range is a graph ({_RUNNER}); {subject.named} warns of "
            f"more than {WARNED_GRAPHS}",
            right="counts that calls really have",
        )
