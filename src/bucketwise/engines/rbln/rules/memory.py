"""Rules about device memory: what does not fit, and where that shows."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.core.memory import Fit, MemoryPlan
from bucketwise.engines.rbln.kv_cache import SHORT_OF_BLOCKS_RENAMED_IN
from bucketwise.engines.rbln.memory.terms import vit_terms
from bucketwise.engines.rbln.rules.case import RblnCase, buckets_of, release, shown
from bucketwise.engines.rbln.rules.layout import creating, layout_of, plan_of
from bucketwise.engines.rbln.shapes import LARGEST_PUBLISHED_PATCHES
from bucketwise.lint.finding import Finding, Fix, Severity
from bucketwise.nouns.document import Path
from bucketwise.words.numbers import memory, plural

LARGE_SHARE = 4
"""Masks and buffers of the ViT above a fourth of a device are too large: at the largest
length that any published configuration compiles they are 4 % of an ATOM's memory."""

_BLOCKS: Path = ("kvcache_num_blocks",)
_ESTIMATE = "transformers/modeling_attention_utils.py"


def blocks_beyond_memory(subject: RblnCase) -> Iterator[Finding]:
    """Cache blocks that do not fit beside the language model.

    Every block is allocated when the model is loaded, whatever requests need.
    """
    plan, layout = plan_of(subject), layout_of(subject)
    if plan is None or layout is None or layout.is_auto:
        return
    severity = _severity(plan, plan.blocks.fit)
    if severity is None:
        return
    blocks = plan.blocks
    beside = blocks.fit.needed_bytes - blocks.taken_bytes
    yield Finding(
        severity=severity,
        path=_BLOCKS if blocks.given else ("max_seq_len",),
        found=f"{plural(blocks.taken, 'block')} of {blocks.tokens:,} tokens: "
        f"{memory(blocks.taken_bytes)} on each device, which has "
        f"{memory(plan.usable_bytes)}",
        why=f"all blocks are allocated with the model, whose own parts take "
        f"{memory(beside)} by estimate; one takes {memory(blocks.device_bytes)} with "
        f"{plural(layout.devices, 'device')} ({_ESTIMATE})",
        right=_right(plan),
    )


def cache_below_context(subject: RblnCase) -> Iterator[Finding]:
    """No room for the fewest blocks that max_seq_len and the batch need.

    The SDK counts after the compile what the graphs leave, and raises.
    """
    plan, layout = plan_of(subject), layout_of(subject)
    if plan is None or layout is None or not layout.is_auto:
        return
    severity = _severity(plan, plan.blocks.fit)
    if severity is None:
        return
    blocks = plan.blocks
    message = (
        "Insufficient memory for the required KV cache"
        if subject.version >= SHORT_OF_BLOCKS_RENAMED_IN
        else "Memory is not enough for full sequence length"
    )
    yield Finding(
        severity=severity,
        path=("max_seq_len",),
        found=f"{layout.max_seq_len:,} tokens and batch_size {layout.batch_size} need "
        f"{blocks.num_min:,} blocks of {memory(blocks.device_bytes)} on each device; "
        f"with the rest {memory(blocks.fit.needed_bytes)} of "
        f"{memory(blocks.fit.room_bytes)}",
        why=f"{release(subject)} compiles first and then raises when fewer fit "
        f"({_ESTIMATE}, set_kvcache_num_blocks_after_compilation)",
        right=_right(plan),
        raises=f"ValueError: {message}" if severity == "error" else "",
    )


def shared_devices_overfull(subject: RblnCase) -> Iterator[Finding]:
    """The ViT finds no room beside the language model on the same devices.

    The SDK sizes the cache by the language model alone and fills what it finds; the
    ViT's runtime, or the language model's, is then refused.
    """
    plan, layout = plan_of(subject), layout_of(subject)
    if plan is None or layout is None or _severity(plan, plan.blocks.fit) is not None:
        return
    for pool in plan.pools:
        severity = (
            _severity(plan, pool.fit) if pool.language_model and pool.vit else None
        )
        if severity is None:
            continue
        if subject.document.form == "compiled":
            # Devices may still be told apart when the folder is loaded.
            severity = "warning"
        auto = plan.blocks.taken if layout.is_auto else 0
        filled = (
            f"the cache is sized as if the ViT were not there ({_ESTIMATE}); {auto:,} of "
            f"{plan.blocks.num_full:,} blocks fill the devices"
            if auto and auto < plan.blocks.num_full
            else "runtimes are created one after the other, each with all it needs"
        )
        devices = (subject.visual or {}).get("device") is not None
        yield Finding(
            severity=severity,
            path=("visual", "device") if devices else ("visual",),
            found=f"the ViT shares {plural(len(pool.device_ids), 'device')} with the "
            f"language model: {memory(pool.device_bytes)} on each of them, which has "
            f"{_usable(plan, pool.device_bytes)}",
            why=f"{release(subject)} takes the first devices at both levels unless told "
            f"otherwise, and {filled}",
            right=_right(plan),
            raises="RuntimeError: Failed to create RBLN runtime"
            if severity == "error"
            else "",
        )


def compile_loads_what_does_not_fit(subject: RblnCase) -> Iterator[Finding]:
    """A compile that ends by loading graphs for which there is no room.

    Runtimes are created at the end unless both levels say no; what was compiled is lost
    with the exception.
    """
    plan = plan_of(subject)
    if subject.document.form != "compile" or plan is None:
        return
    if _severity(plan, plan.blocks.fit) is not None or not creating(subject):
        return
    if not any(_severity(plan, pool.fit) for pool in plan.pools):
        return
    yield Finding(
        severity="warning",
        path=("create_runtimes",) if "create_runtimes" in subject.config else (),
        found="the compile creates runtimes, and one device lacks "
        f"{memory(plan.lacks_bytes)} by estimate",
        why="they are created before save_pretrained can run (modeling_base.py, "
        "_from_compiled_models)",
        right="create_runtimes false at both levels, and devices at load",
        fixes=tuple(
            Fix(path=path, action="set", value=False) for path in creating(subject)
        ),
    )


def vit_inputs_too_large(subject: RblnCase) -> Iterator[Finding]:
    """Masks and buffers of the ViT that fill a device.

    The mask of a length S is an input of 2 * S^2 bytes, built anew for every image.
    """
    plan, layout, profile = plan_of(subject), layout_of(subject), subject.profile
    if plan is None or layout is None or profile is None or not layout.lengths:
        return
    inputs = sum(term.device_bytes for term in vit_terms(profile, layout)[1:])
    alone = [pool for pool in plan.pools if pool.vit and not pool.language_model]
    lacking = next((s for pool in alone if (s := _severity(plan, pool.fit))), None)
    if lacking is None and inputs <= plan.usable_bytes // LARGE_SHARE:
        return
    name, _ = buckets_of(subject)
    yield Finding(
        severity=lacking or "warning",
        path=("visual", name),
        found=f"masks and buffers of {shown(list(layout.lengths))} take {memory(inputs)} "
        f"of the {memory(plan.usable_bytes)} of a device",
        why="the mask is an input of S x S values (transformers/models/qwen3_vl/"
        "modeling_qwen3_vl.py, _update_rbln_config)",
        right=f"lengths from the traffic, {LARGEST_PUBLISHED_PATCHES:,} at the most, with "
        "max_pixels to match",
    )


def _severity(plan: MemoryPlan, fit: Fit) -> Severity | None:
    """Return how bad it is: known, estimated, or nothing to say."""
    if fit.verdict == "does not fit" and not plan.device_assumed:
        return "error"
    return "warning" if fit.lacks_bytes > 0 else None


def _usable(plan: MemoryPlan, asked_bytes: int) -> str:
    """Return what a device has, and what is lacking where rounding would hide it."""
    lacks_bytes = asked_bytes - plan.usable_bytes
    lacks = f", {memory(lacks_bytes)} less" if lacks_bytes > 0 else ""
    return f"{memory(plan.usable_bytes)}{lacks}"


def _right(plan: MemoryPlan) -> str:
    if not plan.changes:
        return "more than one change: fewer blocks, a shorter context, more devices"
    return "one of: " + "; ".join(change.words for change in plan.changes)
