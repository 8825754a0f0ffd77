"""Rules about the number of cache blocks, and the budget that stands for it."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.rbln.devices import DEVICES, device_of
from bucketwise.engines.rbln.kv_cache import (
    ALIGN_BYTES,
    BATCH_FLOOR_SINCE,
    BUDGET_SINCE,
    budget_bytes,
)
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    batch_size_of,
    release,
    shown,
    whole,
)
from bucketwise.engines.rbln.rules.layout import (
    block_of,
    bounds_of,
    given_blocks,
    is_flash,
    plan_of,
)
from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path, Unknown

_BLOCKS: Path = ("kvcache_num_blocks",)
_CONFIG = "transformers/models/decoderonly/configuration_decoderonly.py"
_MODEL = "transformers/models/decoderonly/modeling_decoderonly.py"
_POOL = "transformers/models/decoderonly/decoderonly_runtime_utils.py"
_ESTIMATE = "transformers/modeling_attention_utils.py"


def too_few_blocks(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_num_blocks below what compiles.

    One sequence of full length and a spare block must fit; from 0.11.1 also a block for
    every sequence. With batch 1 all blocks are needed: one number alone is right.
    """
    given, bounds = given_blocks(subject), bounds_of(subject)
    if not given or bounds is None or not is_flash(subject):
        return
    least, full = bounds
    if given >= least:
        return
    one = f"{least:,}" if least == full else f"{least:,} to {full:,}"
    yield Finding(
        severity="error",
        path=_BLOCKS,
        found=f"{given:,}",
        why=f"{release(subject)} needs a sequence of full length and a spare block"
        + (
            ", or a block for every sequence and the spare, whichever is more"
            if subject.version >= BATCH_FLOOR_SINCE
            else ""
        )
        + f" ({_CONFIG}, num_min_blocks)",
        right=f"{one}; without the key the SDK takes what fits",
        raises=f"ValueError: The set `kvcache_num_blocks` ({given})",
        fixes=(Fix(path=_BLOCKS, action="set", value=least),) if least == full else (),
    )


def too_many_blocks(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_num_blocks above what every sequence at full length takes."""
    given, bounds = given_blocks(subject), bounds_of(subject)
    if not given or bounds is None or given <= bounds[1]:
        return
    full = bounds[1]
    yield Finding(
        severity="warning",
        path=_BLOCKS,
        found=f"{given:,}",
        why=f"{full:,} hold the whole batch at max_seq_len; more take memory and are "
        f"never used, and {release(subject)} warns that the compile can fail ({_MODEL})",
        right=f"at most {full:,}",
        fixes=(Fix(path=_BLOCKS, action="set", value=full),),
    )


def fewer_blocks_than_batch(subject: RblnCase) -> Iterator[Finding]:
    """kvcache_num_blocks that compiles and has no block for every sequence.

    Up to 0.11.0 nothing compares the two, and without flash attention no release does.
    """
    given, bounds = given_blocks(subject), bounds_of(subject)
    batch = batch_size_of(subject)
    if not given or bounds is None or batch is None:
        return
    flash = is_flash(subject)
    needed = min(batch + 1, bounds[1]) if flash else batch
    if given >= needed or (flash and given < bounds[0]):
        return
    yield Finding(
        severity="warning",
        path=_BLOCKS,
        found=f"{given:,} for batch_size {batch}",
        why=f"every sequence takes a block of its own; {release(subject)} compiles it, "
        f"and generate() runs out of blocks with a full batch ({_POOL})",
        right=f"{needed:,} to {bounds[1]:,}",
    )


def pool_below_batch_and_context(subject: RblnCase) -> Iterator[Finding]:
    """A pool that does not hold every sequence at full length.

    generate() then raises "No memory blocks are available for allocation" when the
    sequences together outgrow it; vllm-rbln makes requests wait instead.
    """
    bounds, batch = bounds_of(subject), batch_size_of(subject)
    if subject.document.form not in ("compile", "compiled"):
        return
    if bounds is None or batch is None or not is_flash(subject):
        return
    given = given_blocks(subject)
    plan = None if given else plan_of(subject)
    blocks = given or (plan.blocks.taken if plan else bounds[1])
    if not max(bounds[0], min(batch + 1, bounds[1])) <= blocks < bounds[1]:
        return
    block = block_of(subject) or 1
    chosen = "" if given else ", as many as fit by estimate"
    yield Finding(
        severity="info",
        path=_BLOCKS if given else (),
        found=f"{blocks:,} blocks{chosen}; {batch} sequences of full length take "
        f"{bounds[1]:,}",
        why="generate() of optimum-rbln raises when running sequences need more, and a "
        f"block is taken as a whole ({_POOL}); vllm-rbln manages the pool itself",
        right=f"vllm-rbln, or sequences of up to {(blocks - 1) // batch * block:,} tokens "
        f"where all {batch} run",
    )


def budget_beside_blocks(subject: RblnCase) -> Iterator[Finding]:
    """memory_budget beside kvcache_num_blocks: one says what the other leaves open."""
    given = given_blocks(subject)
    if not given or subject.config.get("memory_budget") is None:
        return
    if subject.version < BUDGET_SINCE or subject.document.form == "serve":
        return
    yield Finding(
        severity="error",
        path=("memory_budget",),
        found=f"memory_budget {shown(subject.config['memory_budget'])} beside "
        f"kvcache_num_blocks {given:,}",
        why=f"{release(subject)} takes one of them: the budget guides the search for a "
        f"number of blocks ({_CONFIG})",
        right="kvcache_num_blocks alone, or memory_budget alone",
        raises="ValueError: `memory_budget`",
        fixes=(Fix(path=("memory_budget",), action="remove"),),
    )


def wrong_budget(subject: RblnCase) -> Iterator[Finding]:
    """memory_budget in a form that is not understood, or of more than there is.

    It is read after the whole compile. Whole numbers are bytes: 1 is one byte, 1.0 all.
    """
    value = subject.config.get("memory_budget")
    if value is None or isinstance(value, Unknown) or given_blocks(subject):
        return
    if subject.version < BUDGET_SINCE or subject.document.form == "serve":
        return
    path: Path = ("memory_budget",)
    if not is_flash(subject):
        yield Finding(
            severity="warning",
            path=path,
            found=shown(value),
            why=f"without flash attention {release(subject)} takes all blocks and does "
            f"not look at the budget ({_MODEL})",
            right="leave it out, or set kvcache_partition_len",
            fixes=(Fix(path=path, action="remove"),),
        )
        return
    usable = _usable_bytes(subject.npu)
    try:
        budget = budget_bytes(value, usable)
    except ConfigError:
        budget = None
    if budget is not None and budget >= ALIGN_BYTES:
        return
    is_one = whole(value) == 1
    yield Finding(
        severity="error",
        path=path,
        found=f"{shown(value)}"
        + (", one byte" if is_one else f" of {usable:,} bytes a device"),
        why=f"{release(subject)} takes a float above 0 and up to 1.0, text such as "
        f'"80%", and bytes as a whole number or "10GB", up to what the device has '
        f"({_ESTIMATE}, _resolve_memory_budget)",
        right="1.0 for all of the memory" if is_one else "such as 0.8",
        raises="" if budget is not None else "ValueError: ",
        fixes=(Fix(path=path, action="set", value=1.0),) if is_one else (),
    )


def _usable_bytes(npu: str | None) -> int:
    """Return what a device has; the most that any has where nobody named it."""
    device, assumed = device_of(npu)
    known = DEVICES.values() if assumed else [device]
    return max(each.dram.usable_bytes for each in known)
