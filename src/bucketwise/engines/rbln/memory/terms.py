"""What the language model and the ViT take of one device, term by term."""

from __future__ import annotations

import math

from bucketwise.core.decoder.language_model import parameters, state_values
from bucketwise.core.memory import Term
from bucketwise.core.tower import device_parameters
from bucketwise.engines.rbln.kv_cache import aligned, kv_bytes, sliding_bytes
from bucketwise.engines.rbln.lengths import MASK_BYTES_PER_ELEMENT, mask_bytes
from bucketwise.engines.rbln.memory.layout import Layout
from bucketwise.nouns.profile import LmShape, ModelProfile

BYTES_PER_VALUE = 2
"""Weights and activations in 16 bits, the least there is: graphs follow the dtype that
the model was loaded in (optimum-rbln 0.12.0, modeling_base.py)."""

BITS_PER_BYTE = 8

VOCAB_ALIGN = 64
GRAPH_BUFFER_BYTES = 2**28

_ESTIMATOR = "optimum-rbln 0.9.4, transformers/modeling_attention_utils.py"


def language_model_terms(shape: LmShape, layout: Layout) -> tuple[Term, ...]:
    """Return what the language model takes of each of its devices, the cache apart.

    The embedding of input tokens stays on the host: the graphs take `inputs_embeds`
    (optimum-rbln 0.12.0, transformers/models/qwen3_vl/modeling_qwen3_vl.py).

    Parameters
    ----------
    shape : LmShape
        The language model.
    layout : Layout
        Its devices, graphs and batch.
    """
    head = shape.vocab * shape.hidden
    layer_bits = (parameters(shape) - head) // shape.layers * layout.weight_bits
    layer = math.ceil(layer_bits / BITS_PER_BYTE / layout.devices)
    lm_head = aligned(shape.vocab, VOCAB_ALIGN) * shape.hidden * BYTES_PER_VALUE
    terms = [
        Term(
            name=f"weights of {shape.layers} layers",
            device_bytes=shape.layers * aligned(layer),
            status="derived",
            source=f"parameters ({shape.source}) in {layout.weight_bits} bits, over "
            f"{layout.devices} devices ({_ESTIMATOR}, _get_layer_memory)",
        ),
        Term(
            name="lm_head",
            device_bytes=aligned(math.ceil(lm_head / layout.devices)),
            status="derived",
            source=f"{shape.vocab:,} x {shape.hidden:,} in 16 bits, over "
            f"{layout.devices} devices ({_ESTIMATOR}, _get_lm_head_memory)",
        ),
        Term(
            name=f"kernels and buffers of {layout.graphs} graphs",
            device_bytes=GRAPH_BUFFER_BYTES * layout.graphs,
            status="assumed",
            source=f"256 MiB a graph ({_ESTIMATOR}, _get_buffer); newer releases read it "
            "off the compiled graphs",
        ),
    ]
    if shape.linear_layers:
        terms.append(_state(shape, layout))
    if shape.sliding_layers:
        terms.append(_slid(shape, layout))
    return tuple(terms)


def cache_term(shape: LmShape, layout: Layout, blocks: int) -> Term:
    """Return what so many blocks take of each device.

    Parameters
    ----------
    shape : LmShape
        The language model.
    layout : Layout
        Its devices.
    blocks : int
        How many; those that the SDK chooses rest on an estimate.
    """
    chosen = layout.is_auto and blocks < layout.num_full
    return Term(
        name=f"cache of {blocks:,} blocks of {layout.block:,} tokens",
        device_bytes=kv_bytes(shape, layout.block, blocks, layout.devices),
        status="assumed" if chosen else "derived",
        source=f"{shape.full_attention_layers} layers, {shape.kv_heads} heads over "
        f"{layout.devices} devices, 16 bits, multiples of 2 MiB (optimum-rbln 0.12.0, "
        f"transformers/modeling_attention_utils.py; split by heads: {_ESTIMATOR}, "
        "_estimate_num_blocks)",
    )


def vit_terms(profile: ModelProfile, layout: Layout) -> tuple[Term, ...]:
    """Return what the ViT takes of each of its devices.

    Weights once for all lengths; for each length its mask and its other inputs and
    outputs, which is certain of the longest alone, and on a single device. The cosines and sines of positions, a few channels a patch, are left out, and
    so is what runs between input and output.

    Parameters
    ----------
    profile : ModelProfile
        The model.
    layout : Layout
        Lengths and devices.
    """
    split = layout.visual_devices
    weights = device_parameters(profile) * BYTES_PER_VALUE
    top = max(layout.lengths, default=0)
    return (
        Term(
            name="weights of the ViT",
            device_bytes=math.ceil(weights / split),
            status="derived",
            source=f"dimensions of the tower ({profile.source}) in 16 bits, over {split} "
            "devices; one copy for all lengths, patch and position embedding on the host",
        ),
        *(
            _length_term(profile, length, known=split == 1 and length == top)
            for length in sorted(layout.lengths)
        ),
    )


def window_mask_bytes(profile: ModelProfile, length: int) -> int:
    """Return the bytes of the mask of windows of one length; 0 without windows.

    [S / w^2, 1, w^2, w^2] for windows of w x w patches (optimum-rbln 0.12.0,
    transformers/models/qwen2_5_vl/modeling_qwen2_5_vl.py, _update_rbln_config).

    Parameters
    ----------
    profile : ModelProfile
        The model.
    length : int
        A ViT length.
    """
    return MASK_BYTES_PER_ELEMENT * length * profile.window_patches**2


def length_bytes(profile: ModelProfile, length: int) -> int:
    """Return the bytes of the masks, inputs and outputs of one length on a device.

    Parameters
    ----------
    profile : ModelProfile
        The model.
    length : int
        A ViT length.
    """
    masks = mask_bytes(length) + window_mask_bytes(profile, length)
    return masks + _patch_bytes(profile, length)


def _length_term(profile: ModelProfile, length: int, *, known: bool) -> Term:
    """Return what the graph of one length takes beside the weights."""
    # Attention split by heads needs all of the mask on every device, and graphs that
    # share weights keep their inputs apart; nobody has published either.
    return Term(
        name=f"mask, inputs and outputs of {length:,} patches",
        device_bytes=length_bytes(profile, length),
        status="derived" if known else "assumed",
        source="2 bytes a pair of patches, hidden states in and merged patches out"
        + ("" if known else ", whole on every device and for every length")
        + " (optimum-rbln 0.12.0, transformers/models/qwen3_vl/modeling_qwen3_vl.py, "
        "_update_rbln_config)",
    )


def _patch_bytes(profile: ModelProfile, length: int) -> int:
    if profile.prefill is not None:
        # What a chunk is given: embeddings, and the layers' own inputs.
        shape = profile.prefill
        width = shape.hidden + shape.layers * shape.per_layer_input
        return length * width * BYTES_PER_VALUE
    vit = profile.vit
    merged = length // profile.patches_per_merged
    outputs = merged * vit.out_hidden * (1 + vit.deepstack_mergers)
    return (length * vit.hidden + outputs) * BYTES_PER_VALUE


def _slid(shape: LmShape, layout: Layout) -> Term:
    return Term(
        name=f"cache of {shape.sliding_layers} sliding layers",
        device_bytes=sliding_bytes(shape, layout.batch_size, layout.devices),
        status="derived",
        source=f"the last {shape.sliding_window_tokens:,} tokens of {layout.batch_size} "
        "sequences in 16 bits, multiples of 2 MiB (optimum-rbln 0.12.0, transformers/"
        "cache_utils.py, SlidingWindowAttentionKVCacheMeta)",
    )


def _state(shape: LmShape, layout: Layout) -> Term:
    values = state_values(shape) * layout.batch_size
    return Term(
        name=f"state of {shape.linear_layers} layers of linear attention",
        device_bytes=math.ceil(values * BYTES_PER_VALUE / layout.devices),
        status="assumed",
        source=f"for {layout.batch_size} sequences in 16 bits (optimum-rbln 0.12.0, "
        "transformers/models/qwen3_5/modeling_qwen3_5.py), taken to be spread evenly",
    )
