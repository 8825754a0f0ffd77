"""Rules about the graphs of the language model."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.vllm.capture_sizes import default_sizes
from bucketwise.engines.vllm.releases import CAPTURE_SIZES, MAX_CAPTURE_SIZE
from bucketwise.engines.vllm.rules.case import VllmCase, ascending, whole
from bucketwise.lint.finding import Finding, Fix
from bucketwise.words.numbers import literal

_SIZES = "config/vllm.py, _set_cudagraph_sizes"
_DISPATCH = "v1/cudagraph_dispatcher.py"
_FLAGS = {
    CAPTURE_SIZES: "cudagraph-capture-sizes",
    MAX_CAPTURE_SIZE: "max-cudagraph-capture-size",
}
_DECODE_ONLY = ("FULL_DECODE_ONLY", "NONE")


def wrong_sizes(subject: VllmCase) -> Iterator[Finding]:
    """Sizes that are no whole numbers above 0, or none at all."""
    value = subject.config.get(CAPTURE_SIZES)
    if value is None or ascending(value) or not isinstance(value, (list, tuple)):
        return
    yield Finding(
        severity="error",
        path=(CAPTURE_SIZES,),
        found=f"{value!r}",
        why=f"{subject.named} wants one size at least, in whole tokens ({_SIZES})",
        right="sizes such as [1, 2, 4, 8], or the key left out",
        raises=""
        if value
        else "AssertionError: cudagraph_capture_sizes should contain at least one "
        "element",
    )


def sizes_given_twice(subject: VllmCase) -> Iterator[Finding]:
    """The same setting as an option and in the compilation config."""
    for key, flag in _FLAGS.items():
        if subject.config.get(key) is not None and subject.flag(flag) is not None:
            yield Finding(
                severity="error",
                path=(key,),
                found=f"{key} beside --{flag}",
                why=f"{subject.named} takes either (engine/arg_utils.py)",
                right="one of the two",
                raises=f"ValueError: {key} and compilation_config.{key} are mutually "
                "exclusive",
            )


def wrong_maximum(subject: VllmCase) -> Iterator[Finding]:
    """A maximum that is not the last size."""
    most = whole(subject.config.get(MAX_CAPTURE_SIZE))
    if most is None:
        most = subject.number(_FLAGS[MAX_CAPTURE_SIZE])
    kept = [size for size in subject.sizes if size <= subject.step_tokens]
    if most is None or not kept or most == kept[-1]:
        return
    yield Finding(
        severity="error",
        path=(MAX_CAPTURE_SIZE,),
        found=f"{most} with a last size of {kept[-1]}",
        why=f"{subject.named} takes both only where they agree ({_SIZES})",
        right=f"{kept[-1]}, or the key left out",
        raises=f"ValueError: customized max_cudagraph_capture_size(={most}) should be "
        "consistent with the max value of cudagraph_capture_sizes",
        fixes=(Fix(path=(MAX_CAPTURE_SIZE,), action="remove"),)
        if MAX_CAPTURE_SIZE in subject.config
        else (),
    )


def sizes_above_a_step(subject: VllmCase) -> Iterator[Finding]:
    """Sizes above max_num_batched_tokens: they are dropped."""
    given = subject.number("max-num-batched-tokens")
    dropped = [size for size in subject.sizes if given and size > given]
    if dropped:
        yield Finding(
            severity="warning",
            path=(CAPTURE_SIZES,),
            found=literal(dropped),
            why=f"no step has more than {given:,} tokens, and {subject.named} drops what "
            f"is larger ({_SIZES})",
            right=f"sizes up to {given:,}",
        )


def last_below_requests(subject: VllmCase) -> Iterator[Finding]:
    """A last size below max_num_seqs: the busiest decode steps run without a graph."""
    server, sizes = subject.server, subject.sizes
    if server is None or not sizes:
        return
    needed = server.max_num_seqs * server.query_len
    if sizes[-1] >= needed:
        return
    mended = sorted({*sizes, needed})
    yield Finding(
        severity="warning",
        path=(CAPTURE_SIZES,),
        found=f"a last size of {sizes[-1]} with {needed} tokens in a full step",
        why=f"above the last size {subject.named} replays nothing ({_DISPATCH})",
        right=literal(mended),
        fixes=(Fix(path=(CAPTURE_SIZES,), action="set", value=mended),)
        if CAPTURE_SIZES in subject.config
        else (),
    )


def nothing_for_mixed_steps(subject: VllmCase) -> Iterator[Finding]:
    """A list for decode alone: steps that mix in prefill lose their graphs.

    One list serves both, unless cudagraph_mode is FULL_DECODE_ONLY.
    """
    server, sizes = subject.server, subject.sizes
    if server is None or not sizes:
        return
    if str(subject.config.get("cudagraph_mode", "")).upper() in _DECODE_ONLY:
        return
    decode = server.max_num_seqs * server.query_len
    above = [size for size in default_sizes(server) if size > decode]
    if not above or sizes[-1] > decode:
        return
    mended = sorted({*sizes, *above})
    yield Finding(
        severity="warning",
        path=(CAPTURE_SIZES,),
        found=f"nothing above {sizes[-1]}",
        why=f"steps of more tokens, which prefill makes, run without a graph; the sizes "
        f"that {subject.named} has for them went with its own list ({_DISPATCH})",
        right=f"{literal(mended[:4])[:-1]}, ... {mended[-1]}], or cudagraph_mode "
        "FULL_DECODE_ONLY",
        fixes=(Fix(path=(CAPTURE_SIZES,), action="set", value=mended),)
        if CAPTURE_SIZES in subject.config
        else (),
    )


def uneven_with_drafts(subject: VllmCase) -> Iterator[Finding]:
    """Sizes that are no multiple of a request's tokens, with draft tokens."""
    server = subject.server
    if server is None or server.query_len == 1:
        return
    uneven = [size for size in subject.sizes if size % server.query_len]
    if uneven:
        yield Finding(
            severity="info",
            path=(CAPTURE_SIZES,),
            found=literal(uneven),
            why=f"a decode step has {server.query_len} tokens a request: {subject.named} "
            "rounds these up, and two may become one",
            right=f"multiples of {server.query_len}",
        )
