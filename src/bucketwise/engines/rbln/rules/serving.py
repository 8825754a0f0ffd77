"""Rules about what vllm-rbln makes of a configuration on its command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.engines.rbln.keys import BUCKETS, OLD_BUCKETS
from bucketwise.engines.rbln.releases import written
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    compiling,
    setting,
    shown,
    vllm,
    whole,
)
from bucketwise.engines.rbln.serve_line import number
from bucketwise.engines.rbln.serving import (
    COMPILATION,
    CONFLICTS_SINCE,
    CONVERTER,
    DERIVED,
    DROPPED_ON_A_FOLDER_SINCE,
    FIXED_LENGTH,
    FIXED_UNTIL,
    KEPT_ON_A_FOLDER,
    NEW_NAME_FROM_THE_FIRST,
    NO_DTYPE_SINCE,
    OVERRIDES_SINCE,
    REFUSED_BY_ITSELF,
    fixed_in,
    option_of,
)
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path

_TOKENS = "max-num-batched-tokens"


def dropped_override(subject: RblnCase) -> Iterator[Finding]:
    """An override on a folder that is compiled: all but `device` is dropped.

    Buckets on a serve line change nothing then, without a word; up to 0.10.3 they raise.
    """
    serve = subject.document.serve
    if serve is None or not serve.is_folder:
        return
    drops = subject.version >= DROPPED_ON_A_FOLDER_SINCE
    for path in _leaves(subject.document.config):
        if path[-1] in KEPT_ON_A_FOLDER:
            continue
        yield Finding(
            severity="warning" if drops else "error",
            path=path,
            found=f"{'.'.join(path)} on a compiled folder",
            why=f"{vllm(subject)} "
            + (
                "keeps device alone of what is given beside a compiled folder, in "
                f"silence ({CONVERTER}/from_optimum.py)"
                if drops
                else "takes device alone beside a compiled folder "
                "(utils/optimum/configuration.py)"
            ),
            right="give it when compiling",
            raises="" if drops else "RuntimeError: For now, we only support 'device'",
            fixes=(Fix(path=path, action="remove"),),
        )


def override_too_early(subject: RblnCase) -> Iterator[Finding]:
    """A configuration beside a checkpoint, which old releases do not take."""
    serve = compiling(subject)
    if serve is None or subject.version >= OVERRIDES_SINCE:
        return
    if subject.document.config:
        yield Finding(
            severity="error",
            path=(),
            found="a configuration beside a checkpoint",
            why=f"before {written(OVERRIDES_SINCE)} vllm-rbln compiles without one "
            "(utils/optimum/configuration.py, sync_with_rbln_config)",
            right="compile with optimum-rbln and serve the folder",
            raises="AssertionError: For now, we don't support passing rbln_config",
        )


def derived_conflict(subject: RblnCase) -> Iterator[Finding]:
    """An override of what vllm-rbln takes from vLLM's own options."""
    serve = compiling(subject)
    if serve is None:
        return
    raises = subject.version >= CONFLICTS_SINCE
    for conflict in subject.compiled(serve).conflicts:
        name = conflict.path[-1]
        option = option_of(name)
        told = serve.flags.get(option.removeprefix("--"))
        yield Finding(
            severity="error" if raises else "warning",
            path=conflict.path,
            found=f"{'.'.join(conflict.path)} {shown(conflict.override)}"
            + (f" beside {option} {told}" if told is not None else ""),
            why=f"{vllm(subject)} derives {shown(conflict.derived)}"
            + (f" from {option}" if option else "")
            + (
                " and refuses another value"
                if raises
                else "; the override is for the compile only"
            )
            + f" ({COMPILATION}/__init__.py)",
            right=_instead(name, option, conflict.override),
            raises="ValueError: rbln_overrides conflict" if raises else "",
            fixes=(Fix(path=conflict.path, action="remove"),),
        )


def blocks_beside_budget(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_num_blocks among overrides: vllm-rbln always passes a memory budget."""
    if compiling(subject) is None or subject.config.get("memory_budget") is None:
        return
    given = whole(subject.config.get("kvcache_num_blocks"))
    if given is None or given <= 0:
        return
    yield Finding(
        severity="error",
        path=("kvcache_num_blocks",),
        found=f"kvcache_num_blocks {given}",
        why=f"{vllm(subject)} passes memory_budget from --gpu-memory-utilization, and "
        "optimum-rbln refuses both together",
        right="--gpu-memory-utilization, or --num-gpu-blocks-override",
        raises="ValueError: `memory_budget`",
        fixes=(Fix(path=("kvcache_num_blocks",), action="remove"),),
    )


def dtype_override(subject: RblnCase) -> Iterator[Finding]:
    """`dtype` among overrides."""
    given = subject.document.config.get("dtype")
    if compiling(subject) is None or given is None or subject.version < NO_DTYPE_SINCE:
        return
    yield Finding(
        severity="error",
        path=("dtype",),
        found=f"dtype {shown(given)}",
        why=f"{vllm(subject)} refuses it there ({CONVERTER}/from_vllm.py)",
        right=f"--dtype {given}",
        raises="ValueError: `dtype` cannot be set",
        fixes=(Fix(path=("dtype",), action="remove"),),
    )


def fixed_length(subject: RblnCase) -> Iterator[Finding]:
    """A ViT length that older vllm-rbln fixes when it compiles itself."""
    if compiling(subject) is None or subject.version >= FIXED_UNTIL:
        return
    if not subject.family and subject.visual is None:
        return
    own = subject.document.config.get("visual")
    own = own if isinstance(own, Mapping) else {}
    raises = (
        subject.version == REFUSED_BY_ITSELF
        and subject.family not in NEW_NAME_FROM_THE_FIRST
    )
    if setting(own, BUCKETS, OLD_BUCKETS)[0] and not raises:
        return
    yield Finding(
        severity="error" if raises else "warning",
        path=(),
        found=f"ViT length {FIXED_LENGTH:,}",
        why=f"{vllm(subject)} compiles the model itself with it ({fixed_in(subject.version)})"
        + (
            f" and calls it {OLD_BUCKETS}, which optimum-rbln {written(subject.version)} "
            "refuses"
            if raises
            else ", whatever the images"
        ),
        right="compile with optimum-rbln and serve the folder",
        raises=f"ValueError: `{OLD_BUCKETS}` is deprecated and removed"
        if raises and BUCKETS not in own
        else "",
    )


def one_pixel_limit(subject: RblnCase) -> Iterator[Finding]:
    """--mm-processor-kwargs with one of the two pixel limits.

    transformers 4.57 ignores max_pixels alone for checkpoints that store `size`.
    """
    serve = subject.document.serve
    if serve is None:
        return
    given = serve.flags.get("mm-processor-kwargs", "")
    if ("max_pixels" in given) == ("min_pixels" in given):
        return
    lacking = "min_pixels" if "max_pixels" in given else "max_pixels"
    yield Finding(
        severity="warning",
        path=(),
        found=f"--mm-processor-kwargs without {lacking}",
        why="transformers 4.57 ignores one limit alone for checkpoints that store size "
        "(models/qwen2_vl/image_processing_qwen2_vl_fast.py): images pass unshrunk",
        right="both limits",
    )


def overruled_option(subject: RblnCase) -> Iterator[Finding]:
    """An option of the line that the configuration on it overrules."""
    serve = compiling(subject)
    if serve is None:
        return
    for each in DERIVED:
        value = whole(subject.document.config.get(each.name))
        told = number(serve.flags.get(each.option.removeprefix("--")))
        if not each.copied or None in (told, value) or told == value:
            continue
        if each.name == "prefill_chunk_size":
            continue
        yield Finding(
            severity="warning",
            path=(each.name,),
            found=f"{each.name} {value} beside {each.option} {told}",
            why=f"{vllm(subject)} copies the override over the option ({each.source})",
            right=f"{each.option} {value}",
        )


def _instead(name: str, option: str, value: Any) -> str:
    if not option or name == "attn_impl":
        return "leave it out" + (
            "; --block-size below --max-model-len turns flash attention on"
            if name == "attn_impl"
            else ""
        )
    return f"{option}{' ' if option.startswith('--') else '='}{value}"


def _leaves(level: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    for key, value in level.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*before, key))
        else:
            yield (*before, key)
