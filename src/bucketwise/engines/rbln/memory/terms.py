"""What the language model and the ViT take of one device, term by term."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from bucketwise.core.language_model import parameters, state_values
from bucketwise.core.memory import Term
from bucketwise.core.tower import device_parameters, projector_parameters
from bucketwise.engines.rbln.kv_cache import aligned, kv_bytes, sliding_bytes
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.engines.rbln.shapes import MASK_BYTES_PER_ELEMENT, mask_bytes
from bucketwise.nouns.measured_cost import MeasuredCurve
from bucketwise.nouns.profile import Attention, LmShape, ModelProfile

BYTES_PER_VALUE = 2
"""Weights and activations in 16 bits, the least there is: graphs follow the dtype that
the model was loaded in (optimum-rbln 0.12.0, modeling_base.py)."""

BITS_PER_BYTE = 8

VOCAB_ALIGN = 64
GRAPH_BUFFER_BYTES = 2**28

_ESTIMATOR = "optimum-rbln 0.9.4, transformers/modeling_attention_utils.py"
_PAIRS = "a pair of patches, hidden states in and merged patches"


def language_model_terms(shape: LmShape, layout: Layout) -> tuple[Term, ...]:
    """Return what the language model takes of each of its devices, the cache apart.

    The embedding of input tokens stays on the host: the graphs take `inputs_embeds`
    (optimum-rbln 0.12.0, transformers/models/qwen3_vl/modeling_qwen3_vl.py).
    """
    head = shape.vocab * shape.hidden
    layer_bits = (parameters(shape) - head) // shape.layers * layout.weight_bits
    layer = math.ceil(layer_bits / BITS_PER_BYTE / layout.devices)
    lm_head = aligned(shape.vocab, VOCAB_ALIGN) * shape.hidden * BYTES_PER_VALUE
    terms = [
        Term(
            name=f"weights of {shape.layers} layers",
            part="weights",
            device_bytes=shape.layers * aligned(layer),
            status="derived",
            source=f"parameters ({shape.source}) in {layout.weight_bits} bits, over "
            f"{layout.devices} devices ({_ESTIMATOR}, _get_layer_memory)",
        ),
        Term(
            name="lm_head",
            part="weights",
            device_bytes=aligned(math.ceil(lm_head / layout.devices)),
            status="derived",
            source=f"{shape.vocab:,} x {shape.hidden:,} in 16 bits, over "
            f"{layout.devices} devices ({_ESTIMATOR}, _get_lm_head_memory)",
        ),
        Term(
            name=f"kernels and buffers of {layout.graphs} graphs",
            part="graphs",
            device_bytes=GRAPH_BUFFER_BYTES * layout.graphs,
            status="assumed",
            source=f"256 MiB a graph ({_ESTIMATOR}, _get_buffer); newer releases read it "
            "off the compiled graphs",
        ),
    ]
    if shape.linear_layers:
        terms.append(_state(shape, layout))
    if shape.sliding:
        terms.append(_slid(shape, layout))
    if any(each.keys_are_values for each in shape.attention):
        terms.append(_copied(shape, layout))
    terms += [_chunk(shape, chunk) for chunk in sorted(layout.chunks)]
    return tuple(terms)


def cache_term(shape: LmShape, layout: Layout, blocks: int) -> Term:
    """Return what so many blocks take of each device."""
    chosen = layout.is_auto and blocks < layout.num_full
    return Term(
        name=f"cache of {blocks:,} blocks of {layout.block:,} tokens",
        part="cache",
        device_bytes=kv_bytes(shape, layout.block, blocks, layout.devices),
        status="assumed" if chosen else "derived",
        source=f"{_said(shape.full)} over "
        f"{layout.devices} devices, 16 bits, multiples of 2 MiB (optimum-rbln 0.12.0, "
        f"transformers/modeling_attention_utils.py; split by heads: {_ESTIMATOR}, "
        "_estimate_num_blocks)",
    )


def vit_terms(profile: ModelProfile, layout: Layout) -> tuple[Term, ...]:
    """Return what the ViT takes of each of its devices.

    Weights once for all lengths; for each length its mask and its other inputs and
    outputs, which is certain of the longest alone, and on a single device. The cosines
    and sines of positions, a few channels a patch, are left out, and so is what runs
    between input and output. Where lengths are chunks of the language model, the ViT is
    compiled for counts of soft tokens.
    """
    split = layout.visual_devices
    weights = device_parameters(profile) * BYTES_PER_VALUE
    projector = projector_parameters(profile) * BYTES_PER_VALUE
    lengths = layout.lengths
    if profile.soft_tokens:
        lengths = tuple(
            count * profile.patches_per_merged for count in layout.soft_tokens
        )
    top = max(lengths, default=0)
    return (
        Term(
            name="weights of the ViT",
            part="weights",
            device_bytes=math.ceil(weights / split) + projector,
            status="derived",
            source=f"dimensions of the tower ({profile.source}) in 16 bits, over {split} "
            "devices; one copy for all lengths, patch and position embedding on the host",
        ),
        *(
            _length_term(
                profile,
                length,
                known=split == 1 and (length == top or layout.graph_bytes is not None),
                measured=layout.graph_bytes,
            )
            for length in sorted(lengths)
        ),
    )


def window_mask_bytes(profile: ModelProfile, length: int) -> int:
    """Return the bytes of the mask of windows of one length; 0 without windows.

    [S / w^2, 1, w^2, w^2] for windows of w x w patches (optimum-rbln 0.12.0,
    transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py, _update_rbln_config).
    """
    return MASK_BYTES_PER_ELEMENT * length * profile.window_patches**2


def length_bytes(profile: ModelProfile, length: int) -> int:
    """Return what the graph of one length takes of a device beside the weights.

    Masks, inputs and outputs of a ViT length; of a chunk of the language model its
    kernels, buffers and inputs.
    """
    if profile.soft_tokens and profile.lm:
        return _chunk(profile.lm, length).device_bytes
    masks = mask_bytes(length) + window_mask_bytes(profile, length)
    return masks + (_patch_bytes(profile, length) if profile.vit else 0)


def _length_term(
    profile: ModelProfile,
    length: int,
    *,
    known: bool,
    measured: MeasuredCurve | None = None,
) -> Term:
    """Return what the graph of one length takes beside the weights."""
    if measured is not None:
        return Term(
            name=f"graph of {length:,} patches",
            part="graphs",
            device_bytes=round(float(measured.at(np.array([length]))[0])),
            status="measured" if known else "assumed",
            source="as measured" + ("" if known else ", whole on every device"),
        )
    # Attention split by heads needs all of the mask on every device, and graphs that
    # share weights keep their inputs apart; nobody has published either.
    pooled = profile.soft_tokens is not None
    made = "a patch, hidden states in and soft tokens" if pooled else _PAIRS
    model = "gemma4/modeling_gemma4" if pooled else "qwen3_vl/modeling_qwen3_vl"
    return Term(
        name=f"mask, inputs and outputs of {length:,} patches",
        part="graphs",
        device_bytes=_pooled_bytes(profile, length)
        if pooled
        else length_bytes(profile, length),
        status="derived" if known else "assumed",
        source=f"2 bytes {made} out"
        + ("" if known else ", whole on every device and for every length")
        + f" (optimum-rbln 0.12.0, transformers/models/{model}.py, _update_rbln_config)",
    )


def _pooled_bytes(profile: ModelProfile, length: int) -> int:
    """Return a mask by patch, what the tower is given, and it and the projector yield."""
    vit = profile.tower
    tokens = length // profile.patches_per_merged
    outputs = tokens * (2 * vit.hidden + vit.out_hidden)
    return (length * (1 + vit.hidden) + outputs) * BYTES_PER_VALUE


def _patch_bytes(profile: ModelProfile, length: int) -> int:
    vit = profile.tower
    merged = length // profile.patches_per_merged
    outputs = merged * vit.out_hidden * (1 + vit.deepstack_mergers)
    return (length * vit.hidden + outputs) * BYTES_PER_VALUE


def _chunk(shape: LmShape, chunk: int) -> Term:
    """Return what the graph that reads a chunk of image tokens takes."""
    width = shape.hidden + shape.layers * shape.per_layer_input
    return Term(
        name=f"kernels, buffers and inputs of a chunk of {chunk:,} tokens",
        part="graphs",
        device_bytes=GRAPH_BUFFER_BYTES + chunk * width * BYTES_PER_VALUE,
        status="assumed",
        source=f"256 MiB a graph ({_ESTIMATOR}, _get_buffer), and the inputs of each "
        "token whole on every device (optimum-rbln 0.12.0, transformers/models/gemma4/"
        "modeling_gemma4.py, get_input_info)",
    )


def _copied(shape: LmShape, layout: Layout) -> Term:
    """Return the projections of values that the SDK copies from those of keys."""
    kinds = [each for each in shape.attention if each.keys_are_values]
    values = sum(
        shape.hidden * each.own_layers * each.kv_heads * each.head_dim for each in kinds
    )
    layers = sum(each.own_layers for each in kinds)
    return Term(
        name=f"copied value projections of {layers} layers",
        part="weights",
        device_bytes=math.ceil(
            values * layout.weight_bits / BITS_PER_BYTE / layout.devices
        ),
        status="assumed",
        source="those of the keys once more, where the checkpoint has one for both "
        "(optimum-rbln 0.12.0, transformers/models/gemma4/gemma4_architecture.py, "
        "Gemma4TextAttention)",
    )


def _said(kinds: Iterable[Attention]) -> str:
    """Return layers and heads of kinds in words."""
    return " and ".join(
        f"{each.layers} layers, {each.kv_heads} heads" for each in kinds
    )


def _slid(shape: LmShape, layout: Layout) -> Term:
    layers = sum(each.layers for each in shape.sliding)
    windows = " and ".join(f"{each.window_tokens:,}" for each in shape.sliding)
    return Term(
        name=f"cache of {layers} sliding layers",
        part="cache",
        device_bytes=sliding_bytes(shape, layout.batch_size, layout.devices),
        status="derived",
        source=f"the last {windows} tokens of {layout.batch_size} "
        "sequences in 16 bits, multiples of 2 MiB (optimum-rbln 0.12.0, transformers/"
        "cache_utils.py, SlidingWindowAttentionKVCacheMeta)",
    )


def _state(shape: LmShape, layout: Layout) -> Term:
    values = state_values(shape) * layout.batch_size
    return Term(
        name=f"state of {shape.linear_layers} layers of linear attention",
        part="cache",
        device_bytes=math.ceil(values * BYTES_PER_VALUE / layout.devices),
        status="assumed",
        source=f"for {layout.batch_size} sequences in 16 bits (optimum-rbln 0.12.0, "
        "transformers/models/qwen3_5/modeling_qwen3_5.py), taken to be spread evenly",
    )
