"""Rules about the graphs of an SGLang server: its options as YAML, or their JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from bucketwise.engines.sglang.graphs import (
    MOST_PADDING,
    PHASE_KEYS,
    faults_of,
    kept_sizes,
    own_prefill_sizes,
)
from bucketwise.engines.sglang.releases import (
    CONFIG,
    DECODE_SIZES,
    GONE,
    OLD_DECODE_SIZES,
    REQUESTS,
    SPLIT,
)
from bucketwise.errors import ConfigError
from bucketwise.lint.case import LintCase
from bucketwise.lint.finding import Finding, Fix, Rule
from bucketwise.nouns.document import Path
from bucketwise.words.numbers import literal

_PARSER = "model_executor/cuda_graph_config.py, parse_cuda_graph_config_arg"
_RUNNER = "runner/base_cuda_graph_runner.py, get_batch_sizes_to_capture"


def refused_config(case: LintCase) -> Iterator[Finding]:
    """A graph configuration that the parser refuses."""
    at, config = _graph_config(case)
    for path, said in faults_of(config).items() if config is not None else ():
        vision = path and path[0] not in PHASE_KEYS
        yield Finding(
            severity="error",
            path=(*at, *path),
            found=".".join(path) or repr(config),
            why=f"SGLang {case.release.name}: {said} ({_PARSER})",
            right="the phases decode and prefill"
            + ("; it takes no list of ViT lengths" if vision else ""),
            raises=f"ArgumentTypeError: --{CONFIG}",
        )


def renamed_option(case: LintCase) -> Iterator[Finding]:
    """A list of decode sizes under the name that another release has for it."""
    config, version = case.document.config, case.version
    old, new = OLD_DECODE_SIZES in config, DECODE_SIZES in config
    if old and version >= SPLIT:
        gone = version >= GONE
        yield Finding(
            severity="error" if gone else "warning",
            path=(OLD_DECODE_SIZES,),
            found=OLD_DECODE_SIZES,
            why=f"SGLang {case.release.name} "
            + ("has no such option" if gone else "takes it as an old name"),
            right=DECODE_SIZES,
            fixes=(Fix(path=(OLD_DECODE_SIZES,), action="rename", value=DECODE_SIZES),),
        )
    if new and version < SPLIT:
        yield Finding(
            severity="error",
            path=(DECODE_SIZES,),
            found=DECODE_SIZES,
            why=f"SGLang {case.release.name} has no such option",
            right=OLD_DECODE_SIZES,
            fixes=(Fix(path=(DECODE_SIZES,), action="rename", value=OLD_DECODE_SIZES),),
        )


def sizes_not_captured(case: LintCase) -> Iterator[Finding]:
    """Sizes that fail, or that are left out above the most requests."""
    requests = case.document.config.get(REQUESTS)
    for path, sizes in _decode_sizes(case):
        most = requests if isinstance(requests, int) else max(sizes)
        try:
            kept = kept_sizes(sizes, most)
        except ConfigError:
            yield Finding(
                severity="error",
                path=path,
                found=literal(sizes),
                why=f"SGLang {case.release.name} captures sizes from 1 up ({_RUNNER})",
                right="sizes such as [1, 3, 8]",
                raises="AssertionError: capture_bs",
            )
            continue
        if kept[-1] < max(sizes):
            yield Finding(
                severity="warning",
                path=path,
                found=literal(sizes),
                why=f"no more than {most} requests run at once: SGLang captures "
                f"{literal(kept)} ({_RUNNER})",
                right=literal(kept),
                fixes=(Fix(path=path, action="set", value=list(kept)),),
            )
        elif isinstance(requests, int) and kept[-1] < requests:
            yield Finding(
                severity="warning",
                path=path,
                found=f"a last size of {kept[-1]} with {requests} requests",
                why="a batch above the last size runs without a graph",
                right=literal([*kept, requests]),
                fixes=(Fix(path=path, action="set", value=[*kept, requests]),),
            )


def prefill_gap(case: LintCase) -> Iterator[Finding]:
    """Prefill sizes so far apart that lengths between them run without a graph."""
    at, config = _graph_config(case)
    phase = config.get("prefill") if isinstance(config, dict) else None
    sizes = _whole(phase.get("bs")) if isinstance(phase, dict) else ()
    for below, above in pairwise(sizes):
        if above <= MOST_PADDING * (below + 1):
            continue
        between = [each for each in own_prefill_sizes(above) if below < each < above]
        yield Finding(
            severity="info",
            path=(*at, "prefill", "bs"),
            found=f"nothing between {below} and {above}",
            why=f"from {below + 1} tokens to half of {above} a prefill would be padded "
            f"to more than {MOST_PADDING} times its tokens, and runs without a graph",
            right=f"its own sizes are {literal(between)} there",
        )


def _graph_config(case: LintCase) -> tuple[Path, Any]:
    """Return the graph configuration, and the keys that lead to it."""
    config: Any = case.document.config
    if CONFIG in config:
        return (CONFIG,), config[CONFIG]
    options = {DECODE_SIZES, OLD_DECODE_SIZES, REQUESTS, "model-path"}
    return (), None if options & set(config) else config


def _decode_sizes(case: LintCase) -> Iterator[tuple[Path, tuple[int, ...]]]:
    """Yield every list of decode sizes that is one."""
    for key in (DECODE_SIZES, OLD_DECODE_SIZES):
        if sizes := _whole(case.document.config.get(key)):
            yield (key,), sizes
    at, config = _graph_config(case)
    phase = config.get("decode") if isinstance(config, dict) else None
    if sizes := _whole(phase.get("bs")) if isinstance(phase, dict) else ():
        yield (*at, "decode", "bs"), sizes


def _whole(value: Any) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(sorted(each for each in value if type(each) is int))


RULES = (
    Rule("sglang/refused-config", refused_config),
    Rule("sglang/renamed-option", renamed_option),
    Rule("sglang/sizes-not-captured", sizes_not_captured),
    Rule("sglang/prefill-gap", prefill_gap),
)
"""In the order reports tell them."""
