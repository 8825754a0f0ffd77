"""Rules about shapes of the language model's steps."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.gaudi.releases import OLD_STRATEGY, SHAPES_FILE, STRATEGY
from bucketwise.engines.gaudi.rules.case import GaudiCase
from bucketwise.engines.gaudi.strategies import (
    MOST_PAD_PERCENT,
    STRATEGIES,
    decode_variable,
)
from bucketwise.lint.finding import Finding
from bucketwise.words.numbers import plural

_FILE = "extension/bucketing/file_strategy.py"
_COMMON = "extension/bucketing/common.py"
_PARTS = ("MIN", "STEP", "MAX", "PAD_MAX", "PAD_PERCENT")
_RANGES = tuple(
    decode_variable(axis, part) for axis in ("BS", "BLOCK") for part in _PARTS
)


def no_shape(subject: GaudiCase) -> Iterator[Finding]:
    """A line of the file that is no shape: the warning about it is itself an error."""
    for line in subject.lines:
        if line.shapes is None:
            yield Finding(
                severity="error",
                path=(SHAPES_FILE,),
                found=f"line {line.number}: {line.text[:80]}",
                why=f"{subject.named} wants (batch, tokens, blocks), each a number, a list "
                f"or a range of up to 10,000, and calls a function as a logger to say so "
                f"({_FILE})",
                right="a line such as (8, 1, [64, 128])",
                raises="AttributeError: 'functools._lru_cache_wrapper' object has no "
                "attribute 'warning'",
            )


def one_phase_alone(subject: GaudiCase) -> Iterator[Finding]:
    """A file for decode alone, or for prompts alone: it stands for both."""
    if not subject.has_file:
        return
    lacking = [
        phase
        for phase, decode in (("prompts", False), ("decode", True))
        if not subject.shapes(decode=decode)
    ]
    for phase in lacking:
        yield Finding(
            severity="error",
            path=(SHAPES_FILE,),
            found=f"no line for {phase}",
            why=f"{subject.named} makes no shapes of its own beside a file, and takes the "
            f"largest of none ({_COMMON}, generate_buckets)",
            right="lines with 1 in the middle for decode, and more for prompts",
            raises="ValueError: max()",
        )


def more_sequences_than_blocks(subject: GaudiCase) -> Iterator[Finding]:
    """Decode shapes of more sequences than blocks: they are left out."""
    if not subject.has_file or subject.contiguous:
        return
    decode = subject.shapes(decode=True)
    dropped = [each for each in decode if each[0] > each[2]]
    if not dropped:
        return
    every = len(dropped) == len(decode)
    yield Finding(
        severity="error" if every else "warning",
        path=(SHAPES_FILE,),
        found=f"{', '.join(map(str, dropped[:3]))}{', ...' if len(dropped) > 3 else ''}",  # noqa: PLR2004
        why=f"every sequence has a block at least, and {subject.named} leaves the others "
        f"out ({_COMMON}, batch_size_smaller_than_blocks)",
        right="at least as many blocks as sequences",
        raises="RuntimeError: Generated 0 decode buckets" if every else "",
    )


def batch_below_requests(subject: GaudiCase) -> Iterator[Finding]:
    """No decode shape of max_num_seqs: full steps are compiled on a request."""
    server, decode = subject.server, subject.shapes(decode=True)
    if server is None or not subject.has_file or not decode:
        return
    largest = max(each[0] for each in decode)
    if largest < server.max_num_seqs:
        yield Finding(
            severity="warning",
            path=(SHAPES_FILE,),
            found=f"batches up to {largest} with --max-num-seqs {server.max_num_seqs}",
            why=f"a larger step is compiled when it comes ({_COMMON}, "
            "generate_fallback_bucket)",
            right=f"a line ({server.max_num_seqs}, 1, {server.most_blocks})",
        )


def blocks_below_need(subject: GaudiCase) -> Iterator[Finding]:
    """A largest block count below what full sequences need: steps run on too few blocks."""
    server, decode = subject.server, subject.shapes(decode=True)
    if server is None or not subject.has_file or not decode or subject.contiguous:
        return
    largest = max(each[2] for each in decode)
    if largest < server.most_blocks:
        yield Finding(
            severity="warning",
            path=(SHAPES_FILE,),
            found=f"{plural(largest, 'block')} at most",
            why=f"{server.max_num_seqs} sequences of {server.max_model_len:,} tokens need "
            f"{server.most_blocks:,}, and every lookup first cuts the need to the largest "
            f"prepared count ({_COMMON}, find_decode_bucket)",
            right=f"a line ({server.max_num_seqs}, 1, {server.most_blocks})",
        )


def ranges_beside_file(subject: GaudiCase) -> Iterator[Finding]:
    """Ranges or a strategy beside a file: nothing reads them."""
    if not subject.value(SHAPES_FILE):
        return
    idle = [name for name in (STRATEGY, *_RANGES) if subject.value(name) is not None]
    if idle:
        yield Finding(
            severity="info",
            path=(idle[0],),
            found=f"{', '.join(idle)} beside {SHAPES_FILE}",
            why=f"the file stands for all of it ({_COMMON})",
            right="one of the two",
        )


def unknown_strategy(subject: GaudiCase) -> Iterator[Finding]:
    """A strategy that there is not."""
    value = subject.value(STRATEGY)
    if value is None or value in STRATEGIES:
        return
    known = ", ".join(STRATEGIES)
    yield Finding(
        severity="error",
        path=(STRATEGY,),
        found=f"{STRATEGY}={value}",
        why=f"{subject.named} has {known} (extension/features.py)",
        right=f"one of {known}",
    )


def old_strategy(subject: GaudiCase) -> Iterator[Finding]:
    """The old switch of the strategy: it overrides the new one."""
    if subject.value(OLD_STRATEGY) is None:
        return
    yield Finding(
        severity="warning",
        path=(OLD_STRATEGY,),
        found=OLD_STRATEGY,
        why=f"it overrides {STRATEGY}, and is to go ({_COMMON}, get_bucketing_strategy)",
        right=f"{STRATEGY}=exp or {STRATEGY}=lin",
    )


def ranges_not_read(subject: GaudiCase) -> Iterator[Finding]:
    """Ranges with the exponential strategy, which is the default: it overwrites them."""
    if subject.value(SHAPES_FILE) or subject.value(OLD_STRATEGY) is not None:
        return
    idle = [name for name in _RANGES if subject.value(name) is not None]
    if idle and (subject.value(STRATEGY) or "exp") == "exp":
        yield Finding(
            severity="warning",
            path=(idle[0],),
            found=", ".join(idle),
            why="the exponential strategy makes its own ranges (extension/bucketing/"
            "exponential.py, check_for_user_flags)",
            right=f"{STRATEGY}=lin or pad, or {SHAPES_FILE}",
        )


def maximum_not_reached(subject: GaudiCase) -> Iterator[Finding]:
    """A maximum that is no multiple of the step, with "lin": the last is below it."""
    if subject.value(STRATEGY) != "lin" or subject.value(SHAPES_FILE):
        return
    for axis in ("BS", "BLOCK"):
        step = subject.number(decode_variable(axis, "STEP"))
        most = subject.number(decode_variable(axis, "MAX"))
        if axis == "BS" and most is None and subject.server:
            most = subject.server.max_num_seqs
        if step and most and step < most and most % step:
            yield Finding(
                severity="warning",
                path=(decode_variable(axis, "STEP"),),
                found=f"a step of {step} up to {most}",
                why="a linear range ends at the last multiple of the step "
                f"({most // step * step}; extension/bucketing/linear.py)",
                right=f"a maximum that is a multiple of {step}",
            )


def padding_out_of_range(subject: GaudiCase) -> Iterator[Finding]:
    """A share of padding that "pad" does not take."""
    if subject.value(STRATEGY) != "pad" or subject.value(SHAPES_FILE):
        return
    for axis in ("BS", "BLOCK"):
        name = decode_variable(axis, "PAD_PERCENT")
        value = subject.number(name)
        if value is not None and not 0 <= value <= MOST_PAD_PERCENT:
            yield Finding(
                severity="error",
                path=(name,),
                found=f"{name}={value}",
                why=f"{subject.named} takes 0 to {MOST_PAD_PERCENT} "
                "(extension/bucketing/padding_aware.py)",
                right=f"{MOST_PAD_PERCENT}",
                raises="AssertionError: pad_percent must be between 0 and 50",
            )
