"""Rules about the blocks and chunks that vllm-rbln compiles a model with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bucketwise.engines.rbln.keys import QWEN3_5
from bucketwise.engines.rbln.rules.case import RblnCase, compiling, setting, vllm, whole
from bucketwise.engines.rbln.serve_line import BLOCKS, number
from bucketwise.engines.rbln.serve_options import FIELDS_SINCE, fields_of
from bucketwise.engines.rbln.serving import (
    BLOCK_SIZE_SINCE,
    CHUNK_FROM_TOKENS_SINCE,
    CHUNKS,
    COMPILATION,
    CONVERTER,
    NO_PREFIX_CACHE_FAMILIES,
    TWO_BLOCKS_SINCE,
)
from bucketwise.lint.finding import Finding, Fix

_TOKENS = "max-num-batched-tokens"


def missing_block_size(subject: RblnCase) -> Iterator[Finding]:
    """No block size for a model that vllm-rbln compiles itself."""
    serve = compiling(subject)
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


def block_beside_partition(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_block_size and kvcache_partition_len that differ, among overrides."""
    if compiling(subject) is None or subject.version < BLOCK_SIZE_SINCE:
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


def single_block(subject: RblnCase) -> Iterator[Finding]:
    """Qwen3.5 with less than two blocks a context: it runs on flash attention alone."""
    serve = compiling(subject)
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


def chunks_in_a_block(subject: RblnCase) -> Iterator[Finding]:
    """A block that is no multiple of the prefill's chunk, with prefix caching."""
    serve = compiling(subject)
    if serve is None or subject.version < BLOCK_SIZE_SINCE:
        return
    if "no-enable-prefix-caching" in serve.flags:
        return
    if subject.family in NO_PREFIX_CACHE_FAMILIES:
        return
    block = subject.compiled(serve).block_size
    chunk = whole(subject.config.get("prefill_chunk_size", CHUNKS["RBLN-CA"]))
    told = fields_of(serve)
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
        raises=f"ValueError: {_uncut(subject, block, part, chunk)}",
    )


def _uncut(subject: RblnCase, block: int, part: float, chunk: int) -> str:
    """Return how the message begins of blocks that cannot be cut."""
    name = "sub" if subject.version >= FIELDS_SINCE else "prefix"
    if part % chunk:
        return f"{name}_block_size ({part}) is not divisible"
    if part > block:
        return f"{name}_block_size ({part}) is greater"
    return "kvcache_block_size"


def prefill_chunk(subject: RblnCase) -> Iterator[Finding]:
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


def _chunks(subject: RblnCase) -> tuple[int, ...]:
    """Return the chunks a folder may have that nobody gave one; all without an NPU."""
    npu = subject.npu or ""
    return tuple(size for name, size in CHUNKS.items() if name in npu or not npu)
