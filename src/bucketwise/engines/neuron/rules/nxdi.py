"""Rules about configurations of NxD Inference."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.neuron.nxdi import too_large
from bucketwise.engines.neuron.rules.case import NeuronCase, lengths
from bucketwise.engines.neuron.targets import (
    BATCHES,
    BUCKETS,
    BY_IMAGES,
    NXDI_VISION,
    SERVED,
    SWITCH,
    TEXT_SECTION,
    WHOLE_BATCH,
)
from bucketwise.lint.finding import Finding, Fix
from bucketwise.words.numbers import literal

_BUCKETS = (NXDI_VISION, BUCKETS)
_BATCHES = (TEXT_SECTION, BATCHES)
_CHOICE = "models/qwen3_vl, get_target_bucket"
_CONFIG = "models/config.py"

MERGED = 4
"""ViT patches of a token of the models that are served."""

MOST_IMAGES = 128
"""Numbers up to this are images and not patches: no image is so small."""

REFUSED_WITH = {
    "is_prefix_caching": "enable-prefix-caching",
    "chunked_prefill_config": "enable-chunked-prefill",
    "is_block_kv_layout": "",
    "enable_fused_speculation": "speculative-config",
    "speculation_length": "",
    "enable_eagle_speculation": "",
    "is_medusa": "",
    "token_tree_config": "",
}
"""Settings that batch sizes of the decoder do not go with, and options that set them
(read: neuronx-distributed-inference 4bcdc54b, models/config.py,
_validate_batch_bucketing_compatibility; vllm-neuron a5ef7c8,
worker/neuronx_distributed_model_loader.py)."""


def wrong_buckets(subject: NeuronCase) -> Iterator[Finding]:
    """Buckets that are no whole numbers above 0."""
    value = subject.section(NXDI_VISION).get(BUCKETS)
    if value is None or subject.buckets:
        return
    yield Finding(
        severity="error",
        path=_BUCKETS,
        found=f"{value!r}",
        why=f"{subject.named} compiles one graph for each, of so many ViT patches",
        right="ViT patches such as [1024, 4096, 16384]",
    )


def unsorted_buckets(subject: NeuronCase) -> Iterator[Finding]:
    """Buckets that do not ascend: the first that holds a request is taken.

    The last, too, is the limit, whichever is the largest.
    """
    buckets, mended = subject.buckets, sorted(set(subject.buckets))
    if list(buckets) == mended:
        return
    is_top = buckets[-1] == mended[-1]
    yield Finding(
        severity="warning" if is_top else "error",
        path=_BUCKETS,
        found=literal(buckets),
        why=f"{subject.named} takes the first that holds a request, in the order of the "
        f"list ({_CHOICE})"
        + (
            ": those behind a larger one are never used"
            if is_top
            else f", and fails above the last, {buckets[-1]:,}"
        ),
        right=literal(mended),
        raises="" if is_top else f"AssertionError: {too_large(mended[-1], buckets)}",
        fixes=(Fix(path=_BUCKETS, action="set", value=mended),),
    )


def bucketing_is_off(subject: NeuronCase) -> Iterator[Finding]:
    """Buckets without the switch: one graph of seq_len is compiled."""
    if not subject.buckets or subject.section(NXDI_VISION).get(SWITCH) is True:
        return
    path = (NXDI_VISION, SWITCH)
    yield Finding(
        severity="warning",
        path=_BUCKETS,
        found=f"{literal(subject.buckets)} while {SWITCH} is not true",
        why=f"{subject.named} then compiles one bucket of seq_len ({_CONFIG})",
        right=f'"{SWITCH}": true',
        fixes=(Fix(path=path, action="set", value=True),),
    )


def image_above_top(subject: NeuronCase) -> Iterator[Finding]:
    """An image larger than the last bucket: its request fails."""
    buckets, most = subject.buckets, subject.most_patches
    if not buckets or most is None or subject.family in BY_IMAGES:
        return
    if said := too_large(most, buckets):
        yield Finding(
            severity="error",
            path=_BUCKETS,
            found=f"a top of {buckets[-1]:,}",
            why=f"the largest image is {most:,} ViT patches ({_CHOICE})",
            right=f"a last bucket of {most:,} or more, or a lower max_pixels",
            raises=f"AssertionError: {said}",
        )


def images_add_up(subject: NeuronCase) -> Iterator[Finding]:
    """Several images of one request that are more than the last bucket together."""
    buckets, most = subject.buckets, subject.most_patches
    if subject.document.serve is None or not buckets or most is None:
        return
    images = subject.images_a_request
    if subject.family in BY_IMAGES or most > buckets[-1]:
        return
    if images is not None and images * most <= buckets[-1]:
        return
    holds = max(buckets[-1] // most, 1)
    yield Finding(
        severity="warning",
        path=_BUCKETS,
        found=f"a top of {buckets[-1]:,} for any number of images"
        if images is None
        else f"a top of {buckets[-1]:,} for {images} images",
        why=f"{subject.named} runs all images of a request together ({_CHOICE}), and one "
        f"has up to {most:,} patches",
        right=f"--limit-mm-per-prompt '{{\"image\": {holds}}}', or a larger last bucket",
        raises=f"AssertionError: {too_large((holds + 1) * most, buckets)}",
    )


def buckets_in_images(subject: NeuronCase) -> Iterator[Finding]:
    """Numbers of images where patches are counted, or patches where images are."""
    buckets = subject.buckets
    if not buckets:
        return
    in_images = max(buckets) <= MOST_IMAGES
    if subject.family in SERVED and in_images:
        counted, right = "ViT patches", "patches such as [1024, 4096, 16384]"
    elif subject.family in BY_IMAGES and not in_images:
        counted, right = "images of one size", "numbers of images such as [1, 2, 4]"
    else:
        return
    yield Finding(
        severity="warning",
        path=_BUCKETS,
        found=literal(buckets),
        why=f"buckets of {subject.family} count {counted}",
        right=right,
    )


def context_below_images(subject: NeuronCase) -> Iterator[Finding]:
    """A context that does not hold what the last bucket becomes."""
    given = subject.override.get("max_context_length")
    context = given if type(given) is int else subject.number("max-model-len")
    if not subject.buckets or context is None or subject.family in BY_IMAGES:
        return
    tokens = max(subject.buckets) // MERGED
    if tokens <= context:
        return
    yield Finding(
        severity="error",
        path=_BUCKETS,
        found=f"a top of {max(subject.buckets):,} with a context of {context:,}",
        why=f"the encoder hands on a quarter of its patches, {tokens:,} tokens",
        right=f"a context of {tokens:,} or more, or a top of {context * MERGED:,}",
    )


def batch_above_whole(subject: NeuronCase) -> Iterator[Finding]:
    """A batch size of the decoder above the whole batch."""
    whole = subject.override.get(WHOLE_BATCH, subject.number("max-num-seqs"))
    batches = lengths(subject.override.get(BATCHES))
    if not batches or type(whole) is not int or max(batches) <= whole:
        return
    yield Finding(
        severity="error",
        path=_BATCHES,
        found=literal(batches),
        why=f"{subject.named} decodes {whole} sequences at most ({WHOLE_BATCH}; {_CONFIG})",
        right=f"sizes up to {whole}; {whole} itself is added",
    )


def batches_refused(subject: NeuronCase) -> Iterator[Finding]:
    """Batch sizes of the decoder with what they do not go with."""
    if not subject.override.get(BATCHES):
        return
    for name, option in REFUSED_WITH.items():
        by_option = bool(option) and subject.flag(option) is not None
        if not subject.override.get(name) and not by_option:
            continue
        given = f"--{option}" if by_option else name
        yield Finding(
            severity="error",
            path=_BATCHES,
            found=f"{BATCHES} with {given}",
            why=f"{subject.named} refuses the two together ({_CONFIG})",
            right="one of the two",
            raises=f"ValueError: Batch bucketing ({BATCHES}=...) is not currently supported",
        )
