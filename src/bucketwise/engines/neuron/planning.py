"""A plan for AWS Neuron: what else is to be chosen, and what its lists rest on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.core.batches import Batches, RunTogether
from bucketwise.core.optimize import ROBUST
from bucketwise.core.options import PlanOptions
from bucketwise.core.plan import Assumption, Reason
from bucketwise.core.verdict import Grounds, verdict_of
from bucketwise.engines.neuron.base_config import OWN_REQUESTS, RECIPE, NeuronBase
from bucketwise.engines.neuron.blocks import choose_counts, is_safe, least_patches
from bucketwise.engines.neuron.targets import NXDI_STACK, TOKENS, VLLM_STACK
from bucketwise.errors import UsageError
from bucketwise.nouns.engine import Target
from bucketwise.words.numbers import literal, plural

ONE_BLOCK = "every image runs in a block of one size"


def base_to_emit(
    analysis: Analysis, base: object, targets: Sequence[Target]
) -> NeuronBase:
    """Return what stands beside the lists: requests at once, clips, numbers of blocks."""
    own = base if isinstance(base, NeuronBase) else analysis.base
    started = own if isinstance(own, NeuronBase) else NeuronBase()
    counts, decoder = analysis.counts, analysis.plan.decoder
    clips = counts.grid_t[counts.sizes.frames > 0]
    found = replace(
        started,
        requests=decoder.batch_size if decoder else started.requests,
        frames=int(clips.max(initial=0)),
        images=analysis.batches.most_images if analysis.batches else 1,
    )
    if targets[-1].sdk != VLLM_STACK.sdk:
        return found
    return replace(found, counts=_counts(analysis, found))


def run_together(
    analysis: Analysis, base: object, question: PlanOptions, targets: Sequence[Target]
) -> RunTogether | None:
    """Have the images of a request run together; None where each is one's only one."""
    del base
    requests = analysis.traffic.requests
    if targets[-1].sdk != NXDI_STACK.sdk or not len(requests):
        return None
    if question.strategy == ROBUST:
        message = (
            "--robust: expected requests of one image each, got some of more, and which "
            "scenario they are of is not kept; leave it out"
        )
        raise UsageError(message)
    sizes = analysis.counts.sizes
    return RunTogether(batches=Batches.of(requests, sizes, most_images=0))


def most_together(base: NeuronBase) -> int:
    """Return the images and frames that may come together: those of all requests."""
    return base.max_num_seqs * (1 + base.frames)


def _least(analysis: Analysis, base: NeuronBase) -> int:
    """Return no more than the ViT patches of the smallest image or frame there can be."""
    if base.frames or analysis.counts.sizes.own_max_pixels.any():
        # Clips are limited as a whole, and requests may set limits of their own.
        return analysis.profile.patches_per_merged
    return least_patches(analysis.preprocessing.image, analysis.profile)


def deployed(
    analysis: Analysis, base: object, targets: Sequence[Target], min_saving: float
) -> Analysis:
    """Judge a plan, and say what its lists rest on.

    Raises
    ------
    UsageError
        Where more lengths were asked for than the engine can run.
    """
    by_block = targets[-1].sdk == VLLM_STACK.sdk
    lengths = analysis.plan.visual.vit_max_seq_lens
    if by_block and len(lengths) > 1:
        message = (
            f"--buckets, --pin: expected 1 length, got {len(lengths)}; with vLLM Neuron "
            f"{ONE_BLOCK}"
        )
        raise UsageError(message)
    settings = base_to_emit(analysis, base, targets)
    plan = analysis.plan
    rows = [
        Assumption(name=name, value=value, status="assumed", source=source)
        for name, value, _, source in (settings.assumptions() if by_block else ())
    ]
    if settings.requests is None:
        rows.append(
            Assumption(
                name="max_num_seqs",
                value=str(OWN_REQUESTS),
                status="assumed",
                source=f"{RECIPE}; --batch-size sets it",
            )
        )
    rows.append(_request(analysis, settings, by_block=by_block))
    visual = plan.visual
    if by_block:
        decision = replace(visual.decision, reason=ONE_BLOCK)
        visual = replace(visual, decision=decision)
    plan = replace(plan, visual=visual, assumptions=(*plan.assumptions, *rows))
    refusals = tuple(_refusals(analysis, settings, by_block=by_block))
    verdict = verdict_of(plan, Grounds(min_saving=min_saving, refusals=refusals))
    told = (
        _of_blocks(analysis, settings) if by_block else _of_requests(lengths, settings)
    )
    verdict = replace(verdict, reasons=(*verdict.reasons, *told))
    plan = replace(plan, verdict=verdict)
    return replace(analysis, plan=plan, base=settings)


def _counts(analysis: Analysis, base: NeuronBase) -> tuple[int, ...]:
    """Return the numbers of blocks to compile that no call is too many images for."""
    chosen = _best_counts(analysis, base)
    block = analysis.plan.visual.vit_max_seq_lens[-1]
    least = _least(analysis, base)
    safe = (each for each in chosen[:-1] if is_safe(each, block, least))
    return (*safe, chosen[-1])


def _best_counts(analysis: Analysis, base: NeuronBase) -> tuple[int, ...]:
    """Return the exact optimum, each image or clip a call of its own."""
    counts = analysis.counts
    used = counts.accepted & (counts.sizes.count > 0)
    blocks, weights = counts.grid_t[used], counts.sizes.count[used]
    return choose_counts(
        np.maximum(blocks, 1), weights, most=most_together(base), dp=base.dp
    )


def _refusals(
    analysis: Analysis, base: NeuronBase, *, by_block: bool
) -> Iterator[Reason]:
    """Yield what the engine would not serve."""
    if base.frames and not by_block:
        words = (
            "There are clips in the traffic, and NxD Inference takes images alone of this "
            "model."
        )
        yield Reason(id="clips", severity="error", words=words)
    top = analysis.plan.visual.vit_max_seq_lens[-1]
    tokens = -(-top // analysis.profile.lengths_per_merged)
    if base.max_model_len is not None and base.max_model_len < tokens:
        words = (
            f"A context of {base.max_model_len:,} tokens does not hold the {tokens:,} "
            f"that the largest {'image' if base.images == 1 else 'request'} becomes."
        )
        option = f"--max-seq-len {tokens}"
        yield Reason(
            id="context-below-image", severity="error", words=words, option=option
        )


def _request(analysis: Analysis, base: NeuronBase, *, by_block: bool) -> Assumption:
    """Return what a request was taken to hold."""
    held = "--limit-mm-per-prompt in serve.sh holds them to it"
    told = "requests" in analysis.traffic.requests.told and not by_block
    return Assumption(
        name="a request",
        value=plural(base.images, "image") if base.images > 1 else "one image",
        status="measured" if told else "assumed",
        source=f"the most of a request in the traffic; {held}"
        if told
        else f"traffic tells no requests; {held}",
    )


def _of_requests(lengths: Sequence[int], base: NeuronBase) -> Iterator[Reason]:
    words = "A bucket holds the patches of all images of a request together"
    if base.images > 1:
        words += (
            f"; those of the traffic have up to {base.images:,}, and {lengths[-1]:,} hold "
            "as many of the largest that the limits let through. serve.sh lets a request "
            "have no more;"
        )
    else:
        words += ", and each image was taken to be a request. serve.sh lets a request have one;"
    yield Reason(
        id="requests",
        severity="note",
        words=f"{words} with more, their sum may be above {lengths[-1]:,}, and "
        f"{NXDI_STACK.sdk} fails.",
    )


def _of_blocks(analysis: Analysis, base: NeuronBase) -> Iterator[Reason]:
    """Yield what a block costs, and which numbers of them are compiled."""
    block = analysis.plan.visual.vit_max_seq_lens[-1]
    yield Reason(
        id="blocks",
        severity="note",
        words=f"Every image takes a block of {block:,} patches, whatever its size; only a "
        "lower --max-pixels makes the padding less.",
    )
    most, ranks = most_together(base), plural(base.dp, "rank")
    words = (
        f"Up to {plural(most, 'image')} may come together, from several requests; "
        f"{TOKENS} {literal([each * block for each in base.counts])}, graphs of "
        f"{literal(base.counts)} blocks on {ranks}, hold them."
    )
    if base.counts[0] > base.dp:
        words += f" An image that comes alone computes {base.counts[0]} of them."
    if left := [
        each for each in _best_counts(analysis, base) if each not in base.counts
    ]:
        least = _least(analysis, base)
        words += (
            f" {literal(left)} would compute less and is left out: images of {least:,} "
            f"patches, the least there are, would come in greater number than it has "
            "blocks, and the engine fails."
        )
    yield Reason(id="block-counts", severity="note", words=words)
