"""Whether a configuration fits the memory of its devices, before it is compiled."""

from __future__ import annotations

from dataclasses import replace

from bucketwise.core.memory import MemoryPlan
from bucketwise.engines.rbln.memory.changes import changes
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.engines.rbln.memory.sums import Sums
from bucketwise.nouns.profile import ModelProfile


def preflight(profile: ModelProfile, layout: Layout) -> MemoryPlan:
    """Add up what each device holds and compare it with its memory.

    Notes
    -----
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
