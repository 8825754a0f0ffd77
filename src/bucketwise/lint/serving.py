"""Rules about what vllm-rbln makes of a configuration on its command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.lint.finding import Finding, Fix, Path
from bucketwise.lint.subject import ServeLine, Subject
from bucketwise.lint.values import setting, shown, vllm, whole
from bucketwise.rbln.keys import BUCKETS, OLD_BUCKETS, QWEN3_5
from bucketwise.rbln.releases import written
from bucketwise.rbln.serve_line import BLOCKS, number
from bucketwise.rbln.serving import (
    BLOCK_SIZE_SINCE,
    CHUNK_FROM_TOKENS_SINCE,
    CHUNKS,
    COMPILATION,
    CONFLICTS_SINCE,
    CONVERTER,
    DERIVED,
    DROPPED_ON_A_FOLDER_SINCE,
    FIXED_LENGTH,
    FIXED_UNTIL,
    KEPT_ON_A_FOLDER,
    NO_DTYPE_SINCE,
    NO_PREFIX_CACHE_FAMILIES,
    OVERRIDES_SINCE,
    REFUSED_BY_ITSELF,
    TWO_BLOCKS_SINCE,
    fixed_in,
    option_of,
)

_TOKENS = "max-num-batched-tokens"


def dropped_override(subject: Subject) -> Iterator[Finding]:
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


def override_too_early(subject: Subject) -> Iterator[Finding]:
    """A configuration beside a checkpoint, which old releases do not take."""
    serve = _compiling(subject)
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


def derived_conflict(subject: Subject) -> Iterator[Finding]:
    """An override of what vllm-rbln takes from vLLM's own options."""
    serve = _compiling(subject)
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


def blocks_beside_budget(subject: Subject) -> Iterator[Finding]:
    """kvcache_num_blocks among overrides: vllm-rbln always passes a memory budget."""
    if _compiling(subject) is None or subject.config.get("memory_budget") is None:
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


def dtype_override(subject: Subject) -> Iterator[Finding]:
    """`dtype` among overrides."""
    given = subject.document.config.get("dtype")
    if _compiling(subject) is None or given is None or subject.version < NO_DTYPE_SINCE:
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


def missing_block_size(subject: Subject) -> Iterator[Finding]:
    """No block size for a model that vllm-rbln compiles itself."""
    serve = _compiling(subject)
    if serve is None or subject.version < BLOCK_SIZE_SINCE:
        return
    given = subject.document.config
    levels = [given, *(each for each in given.values() if isinstance(each, Mapping))]
    if "block-size" in serve.flags or any(setting(at, *BLOCKS)[0] for at in levels):
        return
    yield Finding(
        severity="error",
        path=(),
        found="no --block-size",
        why=f"{vllm(subject)} needs it for models that generate "
        f"({CONVERTER}/from_vllm.py); it becomes kvcache_partition_len",
        right="--block-size 16384, or what max_seq_len is a multiple of",
        raises="ValueError: `block_size` is required",
    )


def block_beside_partition(subject: Subject) -> Iterator[Finding]:
    """kvcache_block_size and kvcache_partition_len that differ, among overrides."""
    if _compiling(subject) is None or subject.version < BLOCK_SIZE_SINCE:
        return
    given = subject.document.config
    block = whole(given.get("kvcache_block_size"))
    partition = whole(given.get("kvcache_partition_len"))
    if block is None or partition is None or block == partition:
        return
    yield Finding(
        severity="error",
        path=("kvcache_block_size",),
        found=f"kvcache_block_size {block:,} beside kvcache_partition_len {partition:,}",
        why=f"{vllm(subject)} takes one number for both ({CONVERTER}/params.py)",
        right="one of them, or --block-size alone",
        raises="AssertionError: kvcache_partition_len must equal",
        fixes=(Fix(path=("kvcache_block_size",), action="remove"),),
    )


def single_block(subject: Subject) -> Iterator[Finding]:
    """Qwen3.5 with less than two blocks a context: it runs on flash attention alone."""
    serve = _compiling(subject)
    if serve is None or subject.family not in QWEN3_5:
        return
    context = whole(subject.config.get("max_seq_len"))
    block = subject.compiled(serve).block_size
    if not context or not block or context // block > 1:
        return
    yield Finding(
        severity="error",
        path=(),
        found=f"blocks of {block:,} in a context of {context:,}",
        why=f"{vllm(subject)} compiles this model with flash attention, which takes two "
        f"blocks at least ({COMPILATION}/multimodal/qwen.py, get_param_qwen3_5)",
        right=f"--block-size {context // 2}",
        raises="ValueError: Qwen3.5 forces flash attention"
        if subject.version >= TWO_BLOCKS_SINCE
        else "",
    )


def chunks_in_a_block(subject: Subject) -> Iterator[Finding]:
    """A block that is no multiple of the prefill's chunk, with prefix caching."""
    serve = _compiling(subject)
    if serve is None or subject.version < BLOCK_SIZE_SINCE:
        return
    if "no-enable-prefix-caching" in serve.flags:
        return
    if subject.family in NO_PREFIX_CACHE_FAMILIES:
        return
    block = subject.compiled(serve).block_size
    chunk = whole(subject.config.get("prefill_chunk_size", CHUNKS["RBLN-CA"]))
    told = serve.fields()
    part = number(told.get("sub_block_size", told.get("prefix_block_size", chunk)))
    if not block or not chunk or not part:
        return
    if block % part == 0 and part % chunk == 0:
        return
    yield Finding(
        severity="error",
        path=(),
        found=f"blocks of {block:,} cut into {part:,}, chunks of {chunk:,}",
        why=f"{vllm(subject)} caches prefixes by whole chunks, of which a block holds a "
        f"whole number ({CONVERTER}/common.py, _apply_prefix_caching_block_size)",
        right=f"--block-size that is a multiple of {chunk:,}, or "
        "--no-enable-prefix-caching",
        raises="ValueError: kvcache_block_size"
        if block % part and part % chunk == 0
        else "",
    )


def prefill_chunk(subject: Subject) -> Iterator[Finding]:
    """--max-num-batched-tokens that is not the chunk of the prefill.

    It is that chunk when vllm-rbln compiles, and must be the folder's otherwise.
    """
    serve = subject.document.serve
    if serve is None or subject.version < CHUNK_FROM_TOKENS_SINCE:
        return
    tokens = number(serve.flags.get(_TOKENS))
    if tokens is None:
        return
    if serve.is_folder:
        known = (serve.folder_chunk,) if serve.folder_chunk else _chunks(subject)
        if tokens not in known:
            yield Finding(
                severity="error",
                path=(),
                found=f"--{_TOKENS} {tokens} on a compiled folder",
                why=f"{vllm(subject)} takes the chunk the folder was compiled with alone "
                f"({CONVERTER}/common.py, apply_user_prefill_chunk_size)"
                + (
                    ""
                    if serve.folder_chunk
                    else "; where nobody set one it is that of the NPU"
                ),
                right="leave it out",
                raises="ValueError: max_num_batched_tokens",
            )
        return
    given = subject.document.config.get("prefill_chunk_size")
    if given is not None and whole(given) not in (None, tokens):
        yield Finding(
            severity="error",
            path=("prefill_chunk_size",),
            found=f"prefill_chunk_size {given} beside --{_TOKENS} {tokens}",
            why=f"{vllm(subject)} takes both for the chunk of the prefill "
            f"({CONVERTER}/common.py, apply_user_prefill_chunk_size)",
            right="one of them",
            raises="ValueError: Conflicting prefill chunk size",
            fixes=(Fix(path=("prefill_chunk_size",), action="remove"),),
        )


def fixed_length(subject: Subject) -> Iterator[Finding]:
    """A ViT length that older vllm-rbln fixes when it compiles itself."""
    if _compiling(subject) is None or subject.version >= FIXED_UNTIL:
        return
    if not subject.family and subject.visual is None:
        return
    own = subject.document.config.get("visual")
    own = own if isinstance(own, Mapping) else {}
    raises = subject.version == REFUSED_BY_ITSELF
    if setting(own, BUCKETS, OLD_BUCKETS)[0] and not raises:
        return
    yield Finding(
        severity="error" if raises else "warning",
        path=(),
        found=f"ViT length {FIXED_LENGTH:,}",
        why=f"{vllm(subject)} compiles Qwen-VL itself with it ({fixed_in(subject.version)})"
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


def overruled_option(subject: Subject) -> Iterator[Finding]:
    """An option of the line that the configuration on it overrules."""
    serve = _compiling(subject)
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


def _compiling(subject: Subject) -> ServeLine | None:
    """Return the line of a model that vllm-rbln compiles itself; else None."""
    serve = subject.document.serve
    return None if serve is None or serve.is_folder else serve


def _chunks(subject: Subject) -> tuple[int, ...]:
    """Return the chunks a folder may have that nobody gave one; all without an NPU."""
    npu = subject.npu or ""
    return tuple(size for name, size in CHUNKS.items() if name in npu or not npu)


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
