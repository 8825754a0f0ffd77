"""Judge whether a layout fits, and find the smallest change of each kind that makes it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace

from bucketwise.core.memory import Change, MemoryPlan
from bucketwise.engines.rbln.attention import MIN_PARTITIONS
from bucketwise.engines.rbln.devices import splits_models
from bucketwise.engines.rbln.keys import BUCKETS, DEVICES, right_name
from bucketwise.engines.rbln.memory.layout import MAX_DEVICES, Layout
from bucketwise.engines.rbln.memory.sums import Sums
from bucketwise.nouns.profile import ModelProfile


def preflight(profile: ModelProfile, layout: Layout) -> MemoryPlan:
    """Add up what each device holds and compare it with its memory.

    Where the SDK chooses the blocks it looks at the language model alone: it takes as
    many as its graphs leave room for, up to all (optimum-rbln 0.12.0, transformers/
    modeling_attention_utils.py, _search_num_kvcache_blocks). A ViT on the same devices
    finds what is left.
    """
    plan = Sums.of(profile, layout).plan()
    if plan.verdict == "fits":
        return plan
    lacking = plan.lacks_bytes > 0
    return replace(plan, changes=changes(profile, layout, lacking=lacking))


MORE_DEVICES = (2, 4)
"""How many times the devices of the language model are tried."""


def changes(
    profile: ModelProfile, layout: Layout, *, lacking: bool
) -> tuple[Change, ...]:
    """Return single changes that make a layout fit, the mildest kind first.

    Of each kind the smallest that surely does it, else the smallest that does it by
    estimate.
    """

    def surely(other: Layout) -> bool:
        return Sums.of(profile, other).plan().verdict == "fits"

    def likely(other: Layout) -> bool:
        return not Sums.of(profile, other).plan().lacks_bytes

    found = []
    for kind in (
        _fewer_blocks(layout),
        _own_devices(layout),
        _shorter_context(layout),
        _smaller_batch(layout),
        _shorter_top(layout, profile.align),
        _more_devices(layout),
    ):
        change = kind.smallest(surely)
        if change is None and lacking and (change := kind.smallest(likely)):
            change = replace(change, words=f"{change.words}, by estimate")
        if change is not None:
            found.append(change)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Changes of one kind, from the smallest to the largest; `at` makes each."""

    count: int
    at: Callable[[int], tuple[Layout, Change]]

    def smallest(self, does: Callable[[Layout], bool]) -> Change | None:
        """Return the smallest that does it; every larger one does it too."""
        order = range(self.count)
        index = bisect_left(order, 1, key=lambda i: int(does(self.at(i)[0])))
        return self.at(index)[1] if index < self.count else None


def _fewer_blocks(layout: Layout) -> _Kind:
    most = min(layout.blocks or layout.num_full, layout.num_full)

    def at(index: int) -> tuple[Layout, Change]:
        blocks = most - index
        change = Change(
            path=("kvcache_num_blocks",),
            value=blocks,
            words=f"kvcache_num_blocks {blocks:,}",
        )
        return replace(layout, blocks=blocks, memory_budget=None), change

    return _Kind(max(most - layout.num_min + 1, 0) if layout.flash else 0, at)


def _own_devices(layout: Layout) -> _Kind:
    first = max(layout.language_model_ids) + 1
    ids = tuple(range(first, first + layout.visual_devices))
    change = Change(
        path=("visual", "device"),
        value=list(ids),
        words=f"visual.device {list(ids)}: devices of its own for the ViT",
    )
    moved = replace(layout, visual_device_ids=ids)
    return _Kind(int(layout.is_shared), lambda _: (moved, change))


def _shorter_context(layout: Layout) -> _Kind:
    step = layout.partition or max(layout.max_seq_len // 16, 1)
    parts = layout.max_seq_len // step
    least = MIN_PARTITIONS if layout.flash else 1

    def at(index: int) -> tuple[Layout, Change]:
        length = (parts - 1 - index) * step
        change = Change(
            path=("max_seq_len",),
            value=length,
            words=f"max_seq_len {length:,}, where no request is longer",
        )
        return replace(layout, max_seq_len=length), change

    return _Kind(max(parts - least, 0), at)


def _smaller_batch(layout: Layout) -> _Kind:
    def at(index: int) -> tuple[Layout, Change]:
        size = layout.batch_size - 1 - index
        kept = {n for n in layout.decoder_batch_sizes if n < size} | {size}
        change = Change(path=("batch_size",), value=size, words=f"batch_size {size}")
        other = replace(
            layout, batch_size=size, decoder_batch_sizes=tuple(sorted(kept))
        )
        return other, change

    return _Kind(layout.batch_size - 1, at)


def _shorter_top(layout: Layout, align: int) -> _Kind:
    # Chunks of the language model take what a graph takes, whatever their length.
    top = 0 if layout.soft_tokens else max(layout.lengths, default=0)
    name = right_name(BUCKETS, "visual", layout.version, "")

    def at(index: int) -> tuple[Layout, Change]:
        capped = (top // align - 1 - index) * align
        lengths = tuple(sorted({min(length, capped) for length in layout.lengths}))
        change = Change(
            path=("visual", name),
            value=list(lengths),
            words=f"visual.{name} {list(lengths)}, and max_pixels to match",
        )
        return replace(layout, lengths=lengths), change

    return _Kind(max(top // align - 1, 0), at)


def _more_devices(layout: Layout) -> _Kind:
    name = right_name(DEVICES, "top", layout.version, "")

    def at(index: int) -> tuple[Layout, Change]:
        count = layout.devices * MORE_DEVICES[index]
        change = Change(path=(name,), value=count, words=f"{name} {count}")
        return replace(layout, devices=count, device_ids=()), change

    fewer = [n for n in MORE_DEVICES if layout.devices * n <= MAX_DEVICES]
    return _Kind(len(fewer) if splits_models(layout.npu) else 0, at)
