"""Rules about the context, its cache partitions and attention."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.rbln.attention import (
    EAGER,
    FLASH,
    MIN_PARTITIONS,
    NAMES_CHECKED_SINCE,
    is_known_npu,
    limits_of,
)
from bucketwise.engines.rbln.defaults import unset
from bucketwise.engines.rbln.model_classes import MODEL_CLASSES
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    in_force_of,
    release,
    shown,
    unknown,
    whole,
)
from bucketwise.engines.rbln.serving import CONFLICTS_SINCE
from bucketwise.lint.finding import Finding, Fix

_FILE = "transformers/modeling_attention_utils.py"
CHUNK_CHECKED_AT_EXPORT = (0, 11, 1)
"""Before it a prefill chunk of 0 stands for the default."""

_FLASH_KEYS = ("kvcache_partition_len", "attn_impl")
"""Settings that switch flash attention on."""

_PREFILL_MULTIPLE = 64
"""`prefill_chunk_size` must be a positive multiple of it (optimum-rbln 0.12.0,
transformers/models/decoderonly/configuration_decoderonly.py)."""


def missing_context(subject: RblnCase) -> Iterator[Finding]:
    """No max_seq_len for the language model."""
    if subject.document.form == "serve" or "max_seq_len" in subject.config:
        return
    if not subject.family and "visual" not in subject.config:
        return
    row = unset("max_seq_len", "top", subject.version, family=subject.family)
    fails = row.required or (not _is_flash(subject) and not _fits_eager(subject))
    yield Finding(
        severity="error" if fails else "warning",
        path=(),
        found="no max_seq_len at the top level",
        why=f"{release(subject)} has no default for it"
        if row.required
        else f"{release(subject)} takes the checkpoint's, which fills the whole cache, "
        f"and is too long for most without flash attention ({_FILE})",
        right="max_seq_len with the tokens of the longest request",
        raises="ValueError: `max_seq_len`" if fails else "",
    )


def partition_does_not_divide(subject: RblnCase) -> Iterator[Finding]:
    """max_seq_len that is not two or more whole cache partitions."""
    length, partition = _length(subject), _partition(subject)
    if length is None or partition is None:
        return
    if length % partition == 0 and length // partition >= MIN_PARTITIONS:
        return
    right = max(-(-length // partition), MIN_PARTITIONS) * partition
    yield Finding(
        severity="error",
        path=("max_seq_len",),
        found=f"max_seq_len {length:,} with kvcache_partition_len {partition:,}",
        why=f"flash attention takes whole partitions, {MIN_PARTITIONS} at least "
        f"({_FILE}, {release(subject)})",
        right=f"max_seq_len {right:,}",
        raises="ValueError: `max_seq_len`",
        fixes=(Fix(path=("max_seq_len",), action="set", value=right),),
    )


def partition_out_of_range(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_partition_len outside what the NPU's attention takes."""
    partition = _partition(subject)
    limits = limits_of(subject.npu, subject.version)
    if partition is None:
        return
    least, most = limits.min_partition_len, limits.max_partition_len
    if least <= partition <= most:
        return
    right = min(max(partition, least), most)
    yield Finding(
        severity="error",
        path=("kvcache_partition_len",),
        found=f"{partition:,}",
        why=f"{release(subject)} takes {least:,} to {most:,} for {_npu(subject)} ({_FILE})",
        right=f"{right:,}, and max_seq_len a multiple of it",
        raises="ValueError: `kvcache_partition_len`",
        fixes=(Fix(path=("kvcache_partition_len",), action="set", value=right),),
    )


def context_too_long_for_eager(subject: RblnCase) -> Iterator[Finding]:
    """max_seq_len above what runs without flash attention."""
    length = _length(subject)
    limits = limits_of(subject.npu, subject.version)
    if length is None or _is_flash(subject) or length <= limits.max_eager_seq_len:
        return
    if any(unknown(subject.config.get(name)) for name in _FLASH_KEYS):
        return
    partition = unset(
        "kvcache_partition_len", "top", subject.version, npu=subject.npu
    ).value
    divides = length % partition == 0 and length // partition >= MIN_PARTITIONS
    yield Finding(
        severity="error",
        path=("max_seq_len",),
        found=f"{length:,} without kvcache_partition_len",
        why=f"{release(subject)} takes up to {limits.max_eager_seq_len:,} without flash "
        f"attention on {_npu(subject)} ({_FILE})",
        right=f"kvcache_partition_len {partition:,}"
        + ("" if divides else ", and max_seq_len a multiple of it"),
        raises="ValueError: `max_seq_len`",
        fixes=(Fix(path=("kvcache_partition_len",), action="set", value=partition),)
        if divides
        else (),
    )


def wrong_block_size(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_block_size that is not the partition (or the context, without one)."""
    block = whole(subject.config.get("kvcache_block_size"))
    length, partition = _length(subject), _partition(subject)
    right = partition if _is_flash(subject) else length
    if block is None or right is None or block == right:
        return
    yield Finding(
        severity="error",
        path=("kvcache_block_size",),
        found=f"{block:,}",
        why="a block is "
        + ("a partition" if partition else "the whole context without flash attention")
        + f" ({_FILE}, {release(subject)})",
        right=f"{right:,}, or leave it out",
        raises="ValueError:  When using",
        fixes=(Fix(path=("kvcache_block_size",), action="remove"),),
    )


def wrong_attention(subject: RblnCase) -> Iterator[Finding]:
    """An attention that there is not, or that the other settings contradict."""
    name = subject.config.get("attn_impl")
    if name is None or unknown(name):
        return
    if name not in (EAGER, FLASH):
        yield Finding(
            severity="error",
            path=("attn_impl",),
            found=shown(name),
            why=f"there are {EAGER} and {FLASH} ({_FILE})",
            right=f"{FLASH} with kvcache_partition_len, or {EAGER}",
            raises="ValueError: Unknown `attn_impl`",
        )
    elif name == EAGER and _partition(subject) is not None and not _refused(subject):
        yield Finding(
            severity="warning",
            path=("attn_impl",),
            found=f"{EAGER} beside kvcache_partition_len",
            why="partitions are flash attention's: the SDK warns and switches to it "
            f"({_FILE})",
            right=FLASH,
            fixes=(Fix(path=("attn_impl",), action="set", value=FLASH),),
        )


def odd_prefill_chunk(subject: RblnCase) -> Iterator[Finding]:
    """prefill_chunk_size that is no multiple of 64."""
    chunk = subject.config.get("prefill_chunk_size")
    number = whole(chunk)
    if unknown(chunk):
        return
    if chunk is None or (number and number > 0 and number % _PREFILL_MULTIPLE == 0):
        return
    if number == 0 and subject.version < CHUNK_CHECKED_AT_EXPORT:
        return
    yield Finding(
        severity="error",
        path=("prefill_chunk_size",),
        found=shown(chunk),
        why=f"prompts are taken in chunks that are multiples of {_PREFILL_MULTIPLE} "
        "(transformers/models/decoderonly/configuration_decoderonly.py)",
        right="leave it out: the SDK knows the NPU's own",
        raises="ValueError: `prefill_chunk_size`",
        fixes=(Fix(path=("prefill_chunk_size",), action="remove"),),
    )


def unknown_npu(subject: RblnCase) -> Iterator[Finding]:
    """An NPU name that the release does not know."""
    for path, level in (((), subject.config), (("visual",), subject.visual or {})):
        npu = level.get("npu")
        if npu is None or unknown(npu):
            continue
        if isinstance(npu, str) and is_known_npu(npu):
            continue
        early = subject.version >= NAMES_CHECKED_SINCE
        yield Finding(
            severity="error",
            path=(*path, "npu"),
            found=shown(npu),
            why=f"{release(subject)} raises on names that start otherwise than RBLN-CA and "
            + ("RBLN-CR" if early else "RBLN-CR, once the compile asks for its memory")
            + f" ({_FILE if early else 'utils/runtime_utils.py'})",
            right="such as RBLN-CA25 or RBLN-CR13",
            raises="" if path else "ValueError: Unknown npu name",
        )


def context_too_short_for_traffic(subject: RblnCase) -> Iterator[Finding]:
    """max_seq_len below what requests hold: visual tokens, text and output."""
    length, use = _length(subject), subject.use
    if length is None or use is None:
        return
    accepted = use.counts.accepted
    tokens = use.counts.visual_tokens
    if not accepted.any():
        return
    largest = int(tokens[accepted].max())
    said = f"an image of the traffic is {largest:,} visual tokens"
    if use.tokens is not None:
        held = int(use.tokens.total[-1])
        added = 0 if use.tokens.with_images else largest
        largest = held + added
        said = f"the longest request holds {largest:,} tokens"
        said += " with its image" if added else ""
    if largest <= length:
        return
    yield Finding(
        severity="error",
        path=("max_seq_len",),
        found=f"{length:,}; {said}",
        why="the context holds visual tokens (merged patches), text and output; what is "
        "longer raises",
        right=f"{largest:,} or more",
        raises="ValueError: Input's length",
    )


def _refused(subject: RblnCase) -> bool:
    """Return whether vllm-rbln refuses what optimum-rbln would only mend."""
    return subject.document.form == "serve" and subject.version >= CONFLICTS_SINCE


def _fits_eager(subject: RblnCase) -> bool:
    """Return whether the context of the family's checkpoints may do without flash."""
    known = MODEL_CLASSES.get(subject.family)
    most = limits_of(subject.npu, subject.version).max_eager_seq_len
    return known is not None and known.max_seq_len <= most


def _length(subject: RblnCase) -> int | None:
    return whole(subject.config.get("max_seq_len"))


def _partition(subject: RblnCase) -> int | None:
    """Return the partition in force; None without flash attention."""
    given = whole(subject.config.get("kvcache_partition_len"))
    if given is not None:
        return given if given > 0 else None
    if subject.config.get("attn_impl") == FLASH:
        return whole(in_force_of(subject, "kvcache_partition_len"))
    return None


def _is_flash(subject: RblnCase) -> bool:
    return _partition(subject) is not None


def _npu(subject: RblnCase) -> str:
    return subject.npu or "an NPU that nobody named"
