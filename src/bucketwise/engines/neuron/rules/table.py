"""Every rule about configurations of AWS Neuron."""

from __future__ import annotations

from bucketwise.engines.neuron.rules import blocks, nxdi
from bucketwise.lint.finding import Check, Rule


def _named(group: str, *checks: Check) -> tuple[Rule, ...]:
    return tuple(
        Rule(f"{group}/{check.__name__.replace('_', '-')}", check) for check in checks
    )


NXDI_RULES: tuple[Rule, ...] = _named(
    "nxdi",
    nxdi.wrong_buckets,
    nxdi.unsorted_buckets,
    nxdi.bucketing_is_off,
    nxdi.image_above_top,
    nxdi.images_add_up,
    nxdi.buckets_in_images,
    nxdi.context_below_images,
    nxdi.batch_above_whole,
    nxdi.batches_refused,
)
VLLM_RULES: tuple[Rule, ...] = _named(
    "vllm-neuron",
    blocks.renamed_section,
    blocks.wrong_lists,
    blocks.image_above_block,
    blocks.block_of_its_own,
    blocks.bucket_below_block,
    blocks.more_images_than_blocks,
    blocks.same_graph_twice,
    blocks.wrong_ranks,
    blocks.wrong_batch_sizes,
    blocks.wrong_prefill,
    blocks.wrong_contexts,
)
"""In the order reports tell them; an id is engine and function."""
