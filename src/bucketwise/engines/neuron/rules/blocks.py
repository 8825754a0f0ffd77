"""Rules about configurations of vLLM Neuron."""

from __future__ import annotations

from collections.abc import Iterator

from bucketwise.engines.neuron.blocks import (
    OWN_BLOCK,
    is_safe,
    resolved,
    wrong_batches,
)
from bucketwise.engines.neuron.rules.case import NeuronCase, lengths
from bucketwise.engines.neuron.targets import (
    BLOCK,
    LATER_VISION,
    NEURON_SECTION,
    SEQS,
    TOKENS,
    VISION_SECTION,
)
from bucketwise.errors import ConfigError
from bucketwise.lint.finding import Finding, Fix
from bucketwise.words.numbers import literal, plural

_BLOCK, _TOKENS = (VISION_SECTION, BLOCK), (VISION_SECTION, TOKENS)
_SEQS = (NEURON_SECTION, SEQS)
_OPTIONS = "vllm-neuron/docs/guides/reference-configuration.md"
_CONFIG = "neuron_config.py"

PREFILL, CONTEXTS = "num_batched_tokens_buckets", "decode_context_length_buckets"
SEGMENTS = "kv_segment_size_buckets"
SEGMENT_SIZES = frozenset({512, 1_024, 2_048, 4_096, 8_192})
CONTEXT_STEP = 128


def renamed_section(subject: NeuronCase) -> Iterator[Finding]:
    """The name that a later release has for the encoder's section."""
    if LATER_VISION not in subject.document.config:
        return
    path = (LATER_VISION,)
    yield Finding(
        severity="warning",
        path=path,
        found=LATER_VISION,
        why=f"{subject.named} calls it {VISION_SECTION} ({_OPTIONS} of SDK 2.32; the other "
        "name is that of SDK 2.33)",
        right=VISION_SECTION,
        fixes=(Fix(path=path, action="rename", value=VISION_SECTION),),
    )


def wrong_lists(subject: NeuronCase) -> Iterator[Finding]:
    """Buckets or a block of the encoder that are no whole numbers above 0."""
    value = subject.vision.get(TOKENS)
    faults = []
    if value is not None and not lengths(value):
        faults.append((_TOKENS, value, "ViT patches such as [2048, 8192]"))
    if subject.block is None:
        faults.append((_BLOCK, subject.vision[BLOCK], "ViT patches such as 2048"))
    for path, found, right in faults:
        yield Finding(
            severity="error",
            path=path,
            found=f"{found!r}",
            why=f"{subject.named} compiles graphs of so many ViT patches ({_OPTIONS})",
            right=right,
        )


def image_above_block(subject: NeuronCase) -> Iterator[Finding]:
    """An image larger than a block: the engine fails.

    A block is made larger only where `--mm-processor-kwargs` tells max_pixels.
    """
    block, most = subject.block, subject.most_patches
    if block is None or most is None or not subject.vision or most <= block:
        return
    is_raised = "max_pixels" in (subject.flag("mm-processor-kwargs") or "")
    yield Finding(
        severity="warning" if is_raised else "error",
        path=_BLOCK,
        found=f"{block:,}" + ("" if BLOCK in subject.vision else ", its own"),
        why=f"the largest image is {most:,} ViT patches and must fit one block"
        + (f"; {subject.named} makes it larger by itself" if is_raised else "")
        + f" ({_OPTIONS})",
        right=f"{most:,} or more, or a lower max_pixels",
        raises=""
        if is_raised
        else f"ValueError: Item 0 has {most} tokens, exceeds block_size={block}.",
    )


def bucket_below_block(subject: NeuronCase) -> Iterator[Finding]:
    """A cap of the encoder's own buckets below one block."""
    cap = subject.vision.get("max_vision_seq_len")
    if type(cap) is not int or subject.block is None or cap >= subject.block:
        return
    if TOKENS in subject.vision:
        return
    yield Finding(
        severity="error",
        path=(VISION_SECTION, "max_vision_seq_len"),
        found=f"{cap:,} with a block of {subject.block:,}",
        why=f"{subject.named} makes buckets from one block on ({_CONFIG})",
        right=f"{subject.block:,} or more",
    )


def more_images_than_blocks(subject: NeuronCase) -> Iterator[Finding]:
    """A bucket that holds the sum of more images than it has blocks for.

    Each image takes a whole block, and images of several requests come together.
    """
    graphs, least = subject.graphs, subject.least_patches
    requests, images = subject.number("max-num-seqs"), subject.images_a_request
    if graphs is None or least is None or requests is None:
        return
    together = requests * (images or 1)
    for bucket in graphs.buckets:
        blocks = graphs.blocks(bucket)
        if blocks >= together or (blocks + 1) * least > bucket:
            continue
        needed = together * graphs.block
        yield Finding(
            severity="error",
            path=_TOKENS,
            found=f"{bucket:,}: {plural(blocks, 'block')} of {graphs.block:,} on "
            f"{plural(graphs.dp, 'rank')}",
            why=f"{blocks + 1} images of {least:,} patches go into it by their sum, each "
            f"takes a block, and up to {together} come together ({_CONFIG})",
            right=f"[{needed}] alone"
            if not is_safe(blocks, graphs.block, least)
            else f"buckets of whole blocks up to {needed:,}",
            raises=f"ValueError: Cannot fit item {blocks} ({least} tokens, needs 1 blocks)",
        )
        return


def same_graph_twice(subject: NeuronCase) -> Iterator[Finding]:
    """Buckets of as many blocks: the same graph is compiled twice."""
    graphs = subject.graphs
    if graphs is None:
        return
    kept = {graphs.blocks(each): each for each in graphs.buckets}
    mended = sorted(kept.values())
    if len(mended) == len(graphs.buckets):
        return
    yield Finding(
        severity="warning",
        path=_TOKENS,
        found=literal(graphs.buckets),
        why=f"on {plural(graphs.dp, 'rank')} with blocks of {graphs.block:,} some are as "
        "many blocks",
        right=literal(mended),
        fixes=(Fix(path=_TOKENS, action="set", value=mended),),
    )


def wrong_ranks(subject: NeuronCase) -> Iterator[Finding]:
    """Ranks of the encoder that do not make up those of the server."""
    world = subject.world
    if world is None or subject.degrees == (1, 1):
        return
    try:
        resolved(*subject.degrees, world)
    except ConfigError as error:
        tp, dp = subject.degrees
        yield Finding(
            severity="error",
            path=(VISION_SECTION, "tp_size" if tp > 1 else "dp_size"),
            found=f"tp_size {tp} and dp_size {dp} on {plural(world, 'rank')}",
            why=f"all ranks take part in the encoder ({_CONFIG})",
            right=f"sizes whose product is {world}, or one of them alone",
            raises=f"ValueError: {error}",
        )


def wrong_batch_sizes(subject: NeuronCase) -> Iterator[Finding]:
    """Batch sizes of the decoder that do not ascend to max_num_seqs."""
    value = subject.text.get(SEQS)
    if value is None:
        return
    most = subject.number("max-num-seqs")
    if said := wrong_batches(value, most):
        known = sorted({each for each in lengths(value) if most is None or each < most})
        mended = [*known, most] if most is not None else known
        yield Finding(
            severity="error",
            path=_SEQS,
            found=f"{value!r}",
            why=f"{subject.named} checks them when it starts ({_CONFIG})",
            right=literal(mended) if mended else "sizes such as [1, 2, 4, 8]",
            raises=f"ValueError: {said}",
            fixes=(Fix(path=_SEQS, action="set", value=mended),) if mended else (),
        )


def wrong_prefill(subject: NeuronCase) -> Iterator[Finding]:
    """Prefill buckets whose last is not the tokens of a step, or is no segment."""
    value, most = subject.text.get(PREFILL), subject.number("max-num-batched-tokens")
    found = lengths(value)
    path = (NEURON_SECTION, PREFILL)
    if found and most is not None and found[-1] != most:
        yield Finding(
            severity="error",
            path=path,
            found=literal(found),
            why=f"the largest must equal max_num_batched_tokens, {most:,} ({_OPTIONS})",
            right=f"a last of {most}",
        )
    segments = lengths(subject.text.get(SEGMENTS))
    if segments and (found != segments or set(segments) - SEGMENT_SIZES):
        yield Finding(
            severity="error",
            path=(NEURON_SECTION, SEGMENTS),
            found=f"{literal(segments)} with {PREFILL} {value!r}",
            why=f"both must be the same, of {literal(sorted(SEGMENT_SIZES))} ({_OPTIONS})",
            right="the same sizes in both",
        )


def wrong_contexts(subject: NeuronCase) -> Iterator[Finding]:
    """Decode contexts that do not ascend, are uneven, or reach the whole context."""
    found = lengths(subject.text.get(CONTEXTS))
    if not found:
        return
    whole = subject.number("max-model-len")
    wrong = [each for each in found if each % CONTEXT_STEP]
    above = [each for each in found if whole is not None and each >= whole]
    if not wrong and not above and list(found) == sorted(set(found)):
        return
    yield Finding(
        severity="error",
        path=(NEURON_SECTION, CONTEXTS),
        found=literal(found),
        why=f"they ascend in multiples of {CONTEXT_STEP}, below max_model_len ({_OPTIONS})",
        right=literal(
            sorted({each for each in found if each not in wrong and each not in above})
        ),
    )


def block_of_its_own(subject: NeuronCase) -> Iterator[Finding]:
    """Smaller images than the block that nobody set: each takes all of it."""
    most = subject.most_patches
    if not subject.vision or BLOCK in subject.vision or most is None:
        return
    if most < OWN_BLOCK:
        yield Finding(
            severity="info",
            path=(VISION_SECTION,),
            found=f"blocks of {OWN_BLOCK:,}, its own",
            why=f"the largest image is {most:,} ViT patches, and each takes a whole block",
            right=f'"{BLOCK}": {most}',
        )
