"""Rules about what vllm-rbln makes of a configuration on its command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.lint.finding import Finding, Fix, Path
from bucketwise.lint.subject import ServeLine, Subject
from bucketwise.lint.values import buckets_of, lengths_of, shown, whole
from bucketwise.rbln.keys import DEVICES, OLD_DEVICES
from bucketwise.rbln.releases import written
from bucketwise.rbln.serving import (
    BLOCK_SIZE_SINCE,
    CHANNELS,
    CONFLICTS_SINCE,
    COPIED_FIRST,
    COPIED_SINCE,
    DERIVED,
    DEVICES_ENVIRONMENT,
    FIXED_LENGTH,
    FIXED_UNTIL,
    KEPT_ON_A_FOLDER,
    MEMORY_BUDGET_SINCE,
    NO_DTYPE_SINCE,
    OLD_CHANNEL,
    OLD_CHANNEL_WARNS_SINCE,
)

_CONVERTER = "utils/optimum/converter"


def dropped_override(subject: Subject) -> Iterator[Finding]:
    """An override on a folder that is compiled: all but `device` is dropped.

    Buckets on a serve line change nothing then, without a word.
    """
    serve = subject.document.serve
    if serve is None or not serve.is_folder:
        return
    for path in _leaves(subject.config):
        if path[-1] in KEPT_ON_A_FOLDER:
            continue
        yield Finding(
            severity="warning",
            path=path,
            found=f"{'.'.join(path)} on a compiled folder",
            why=f"{_vllm(subject)} keeps device alone of what is given beside a "
            f"compiled folder, in silence ({_CONVERTER}/from_optimum.py)",
            right="give it when compiling",
            fixes=(Fix(path=path, action="remove"),),
        )


def derived_conflict(subject: Subject) -> Iterator[Finding]:
    """An override of what vllm-rbln takes from vLLM's own options."""
    serve = subject.document.serve
    if serve is None or serve.is_folder:
        return
    for name, option in DERIVED.items():
        if name not in subject.config or _is_copied(name, subject):
            continue
        value = subject.config[name]
        told = serve.flags.get(option.removeprefix("--"))
        if told is None and name in (DEVICES, OLD_DEVICES):
            told = next(
                (
                    serve.environment[variable]
                    for variable in DEVICES_ENVIRONMENT
                    if variable in serve.environment
                ),
                None,
            )
        if told is not None and str(value) == told:
            continue
        raises = subject.version >= CONFLICTS_SINCE
        yield Finding(
            severity="error" if raises else "warning",
            path=(name,),
            found=f"{name} {shown(value)}"
            + (f" beside {option} {told}" if told is not None else ""),
            why=f"{_vllm(subject)} takes it from {option} and "
            + (
                "refuses another value"
                if raises
                else "overwrites it in the compile only"
            )
            + " (model_executor/models/optimum/compilation)",
            right=f"{option} {value}",
            raises="ValueError: rbln_overrides conflict" if raises else "",
            fixes=(Fix(path=(name,), action="remove"),),
        )


def blocks_beside_budget(subject: Subject) -> Iterator[Finding]:
    """kvcache_num_blocks among overrides: vllm-rbln always passes a memory budget."""
    serve = subject.document.serve
    if (
        serve is None
        or serve.is_folder
        or not subject.config.get("kvcache_num_blocks")
        or subject.version < MEMORY_BUDGET_SINCE
    ):
        return
    yield Finding(
        severity="error",
        path=("kvcache_num_blocks",),
        found=f"kvcache_num_blocks {shown(subject.config['kvcache_num_blocks'])}",
        why=f"{_vllm(subject)} passes memory_budget from --gpu-memory-utilization, and "
        "optimum-rbln refuses both together",
        right="--gpu-memory-utilization, or --num-gpu-blocks-override",
        raises="ValueError: `memory_budget`",
        fixes=(Fix(path=("kvcache_num_blocks",), action="remove"),),
    )


def dtype_override(subject: Subject) -> Iterator[Finding]:
    """`dtype` among overrides."""
    serve = subject.document.serve
    if (
        serve is None
        or "dtype" not in subject.config
        or subject.version < NO_DTYPE_SINCE
    ):
        return
    yield Finding(
        severity="error",
        path=("dtype",),
        found=f"dtype {shown(subject.config['dtype'])}",
        why=f"{_vllm(subject)} refuses it there ({_CONVERTER}/from_vllm.py)",
        right=f"--dtype {subject.config['dtype']}",
        raises="ValueError: `dtype` cannot be set",
        fixes=(Fix(path=("dtype",), action="remove"),),
    )


def missing_block_size(subject: Subject) -> Iterator[Finding]:
    """No block size for a model that vllm-rbln compiles itself."""
    serve = subject.document.serve
    if serve is None or serve.is_folder or subject.version < BLOCK_SIZE_SINCE:
        return
    if "block-size" in serve.flags or "kvcache_block_size" in subject.config:
        return
    partition = "kvcache_partition_len"
    if partition in subject.config and _is_copied(partition, subject):
        return
    yield Finding(
        severity="error",
        path=(),
        found="no --block-size",
        why=f"{_vllm(subject)} needs it for models that generate "
        f"({_CONVERTER}/from_vllm.py); it becomes kvcache_partition_len",
        right="--block-size 16384, or what max_seq_len is a multiple of",
        raises="ValueError: `block_size` is required",
    )


def fixed_length(subject: Subject) -> Iterator[Finding]:
    """A ViT length that older vllm-rbln fixes when it compiles itself."""
    serve = subject.document.serve
    if serve is None or serve.is_folder or subject.version >= FIXED_UNTIL:
        return
    name, value = buckets_of(subject)
    lengths = lengths_of(subject)
    if not name or lengths == (FIXED_LENGTH,):
        return
    conflict = subject.version >= CONFLICTS_SINCE
    yield Finding(
        severity="error" if conflict else "warning",
        path=("visual", name),
        found=shown(value),
        why=f"{_vllm(subject)} compiles Qwen-VL itself with ViT length {FIXED_LENGTH:,} "
        "(model_executor/models/optimum/compilation/multimodal/qwen.py)"
        + (" and refuses another" if conflict else ""),
        right="compile with optimum-rbln and serve the folder",
        raises="ValueError: rbln_overrides conflict" if conflict else "",
    )


def wrong_channel(subject: Subject) -> Iterator[Finding]:
    """A way to hand the configuration over that the release does not have."""
    serve = subject.document.serve
    if serve is None or not serve.channel:
        return
    since, _ = CHANNELS.get(serve.channel, (subject.version, None))
    if subject.version < since:
        yield Finding(
            severity="error",
            path=(),
            found=serve.channel,
            why=f"it came with vllm-rbln {written(since)} (config.py)",
            right=OLD_CHANNEL,
        )
    elif serve.channel == OLD_CHANNEL and subject.version >= OLD_CHANNEL_WARNS_SINCE:
        yield Finding(
            severity="warning",
            path=(),
            found=serve.channel,
            why=f"{_vllm(subject)} warns: its removal is announced for 0.14.0 (config.py)",
            right="--additional-config '{\"optimum_overrides\": {...}}'",
        )


def one_pixel_limit(subject: Subject) -> Iterator[Finding]:
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


def context_beyond_folder(subject: Subject) -> Iterator[Finding]:
    """Options of the serve line that say otherwise than the configuration."""
    serve = subject.document.serve
    if serve is None or serve.is_folder:
        return
    for name in sorted(COPIED_FIRST & subject.config.keys()):
        option = DERIVED[name]
        told = _number(serve, option)
        value = whole(subject.config[name])
        if told is None or value is None or told == value:
            continue
        yield Finding(
            severity="warning",
            path=(name,),
            found=f"{name} {value} beside {option} {told}",
            why=f"{_vllm(subject)} copies the override over the option "
            f"({_CONVERTER}/from_vllm.py)",
            right=f"{option} {value}",
        )


def _is_copied(name: str, subject: Subject) -> bool:
    """Return whether an override becomes vLLM's own setting, so that both agree."""
    since = COPIED_SINCE.get(name)
    return name in COPIED_FIRST or (since is not None and subject.version >= since)


def _leaves(level: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    for key, value in level.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*before, key))
        else:
            yield (*before, key)


def _number(serve: ServeLine, option: str) -> int | None:
    told = serve.flags.get(option.removeprefix("--"), "")
    return int(told) if told.isdecimal() else None


def _vllm(subject: Subject) -> str:
    return f"vllm-rbln {written(subject.version)}"
