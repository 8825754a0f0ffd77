"""What a token costs a language model: parameters, cache, state and FLOP."""

from __future__ import annotations

import math

import numpy as np

from bucketwise.nouns.profile import Attention, LmShape
from bucketwise.nouns.traffic import FloatArray, IntArray

MLP_MATRICES = 3
"""Gate, up and down, in an MLP and in every expert."""

DELTA_RULE_PRODUCTS = 3
"""What the state holds for a key, the update, and what a query reads."""


def parameters(shape: LmShape) -> int:
    """Return the parameters of the language model, lm_head among them.

    All layers, the last norm, and lm_head. The input embedding is lm_head itself where
    the two are tied; where they are not, it is left out, for a token looks up one row
    of it: `input_embedding` has it. The vision tower is another matter.

    Modules as in transformers 5.23.0, models/{qwen2_vl,qwen2_5_vl,qwen3_vl,qwen3_vl_moe,
    qwen3_5,qwen3_5_moe,exaone4}/modeling_*.py, and 5.15.1, models/gemma4/
    modeling_gemma4.py; with `input_embedding` the sums equal those of the classes on
    torch's meta device.
    """
    return _dense(shape) + shape.layers * shape.experts * _expert(shape)


def input_embedding(shape: LmShape) -> int:
    """Return the parameters a token looks up: those of the input embedding.

    Nothing where lm_head serves as it; and the inputs of every layer, where layers have
    some of their own.
    """
    own_inputs = shape.vocab * shape.layers * shape.per_layer_input
    return own_inputs + (0 if shape.tied else shape.vocab * shape.hidden)


def step_weights(shape: LmShape, batch: int) -> float:
    """Return the parameters a decode step reads.

    Everything `parameters` counts once, however many sequences there are, but of the
    experts only those that a token was routed to: E * (1 - (1 - k/E)^b) of E a layer in
    the mean, where each of b tokens takes k.

    Assumed: tokens are routed independently and to all experts alike. Routing that
    favours some experts reads fewer.
    """
    if not shape.experts:
        return float(_dense(shape))
    missed = (1 - shape.experts_per_token / shape.experts) ** batch
    read = shape.experts * (1 - missed)
    return _dense(shape) + shape.layers * read * _expert(shape)


def kv_values_per_token(shape: LmShape) -> int:
    """Return the values the cache keeps of one token: keys and values.

    2 * layers * kv_heads * head_dim of every kind that attends over all tokens, less
    the layers that take keys and values of an earlier one (transformers 5.23.0,
    cache_utils.py, DynamicLayer). What sliding layers keep does not grow with a
    sequence: `sliding_values`.
    """
    return sum(_kept(each) for each in shape.full)


def sliding_values(shape: LmShape, context_tokens: float = math.inf) -> float:
    """Return the values that sliding layers keep of one sequence: keys and values."""
    return sum(_kept(each) * each.attended(context_tokens) for each in shape.sliding)


def read_values(shape: LmShape, context_tokens: float, n_devices: int) -> float:
    """Return the values of a sequence's cache that each device reads in a step.

    Every layer reads what it attends to, its own or that of an earlier layer; a head is
    on one device as a whole.
    """
    return sum(
        2
        * each.layers
        * each.head_dim
        * -(-each.kv_heads // n_devices)
        * each.attended(context_tokens)
        for each in shape.attention
    )


def state_values(shape: LmShape) -> int:
    """Return the values that linear attention keeps of one sequence, however long.

    A layer keeps a matrix of keys by values for every value head, and of its
    convolution the kernel - 1 inputs before the next token (optimum-rbln 0.12.0,
    transformers/models/qwen3_5/qwen3_5_architecture.py, Qwen3_5GatedDeltaNet;
    transformers itself keeps one input more).
    """
    recurrent = (
        shape.linear_value_heads
        * shape.linear_key_head_dim
        * shape.linear_value_head_dim
    )
    convolution = _convolved(shape) * (shape.linear_conv_kernel - 1)
    return shape.linear_layers * (recurrent + convolution)


def step_flops(shape: LmShape, batch: int, context_tokens: float) -> float:
    """Return the FLOP of one decode step, 2 a multiply-add.

    Matrix products, lm_head among them and of the experts those a token takes; attention,
    4 * heads * head_dim for every token attended to, a layer, of which a sliding layer
    has its window at most; and the delta rule of linear attention, three products of
    its state. Norms, activations and convolutions are left out.

    Products with weights and attention equal what torch's FlopCounterMode counts with
    eager attention (transformers 5.23.0). It does not see the delta rule, which is
    written there with elementwise operations (models/qwen3_5/modeling_qwen3_5.py,
    torch_recurrent_gated_delta_rule); as products, as optimum-rbln 0.12.0 has it
    (transformers/models/qwen3_5/qwen3_5_architecture.py), it counts the same.
    """
    products = 2 * (token_products(shape) + _lm_head(shape))
    pairs = sum(
        pair_flops(each) * (each.layers * each.attended(context_tokens))
        for each in shape.attention
    )
    return float(batch * (products + pairs))


def prefill_flops(shape: LmShape, prompt: IntArray) -> FloatArray:
    """Return the FLOP of reading prompts, each by itself, up to their first new token.

    As `step_flops` of 1, 2, ..., n tokens, but lm_head for the last one only: n * (n + 1)
    / 2 pairs are attended, in a sliding layer at most its window by each token. Kernels
    that compute the pairs a causal mask hides do up to twice that; those that take the
    delta rule in chunks of 64 tokens up to 1.7 times that part, which is under 3% of a
    layer of the built-in models.
    """
    tokens = prompt.astype(np.float64)
    flop = 2 * (token_products(shape) * tokens + _lm_head(shape))
    for each in shape.attention:
        within = (
            np.minimum(tokens, each.window_tokens) if each.window_tokens else tokens
        )
        pairs = within * (within + 1) / 2 + within * (tokens - within)
        flop = flop + pair_flops(each) * each.layers * pairs
    return flop


def token_products(shape: LmShape) -> int:
    """Return the multiply-adds of one token in the layers, however long its context."""
    experts = shape.layers * shape.experts_per_token * _expert(shape)
    delta_rule = (
        DELTA_RULE_PRODUCTS
        * shape.linear_value_heads
        * shape.linear_key_head_dim
        * shape.linear_value_head_dim
    )
    return _matrices(shape) + experts + shape.linear_layers * delta_rule


def pair_flops(kind: Attention) -> int:
    """Return the FLOP of a token attending to one in a layer: scores, sum of values."""
    return 4 * kind.heads * kind.head_dim


def _dense(shape: LmShape) -> int:
    """Return the parameters that every token meets."""
    return _matrices(shape) + _vectors(shape) + _norms(shape) + _lm_head(shape)


def _matrices(shape: LmShape) -> int:
    """Return the elements of the matrices in the layers, experts left out."""
    width = shape.intermediate + shape.shared_expert_intermediate
    mlp = MLP_MATRICES * shape.hidden * width + shape.hidden * _routes(shape)
    wide = MLP_MATRICES * shape.hidden * shape.intermediate * shape.wide_layers
    # Each layer gates and projects its own input, and all are projected from one.
    inputs = 3 * shape.layers * shape.per_layer_input * shape.hidden
    return (
        sum(_attention_matrices(shape, each) for each in shape.attention)
        + shape.linear_layers * _linear_attention_matrices(shape)
        + shape.layers * mlp
        + wide
        + inputs
    )


def _attention_matrices(shape: LmShape, kind: Attention) -> int:
    """Return what query, key, value and output projections of a kind hold."""
    heads = kind.layers * (_query_heads(shape, kind) + kind.heads)
    return shape.hidden * kind.head_dim * (heads + _projected_heads(kind))


def _query_heads(shape: LmShape, kind: Attention) -> int:
    """Return the heads that a query projection yields, gates among them."""
    return kind.heads * (2 if shape.query_gates else 1)


def _projected_heads(kind: Attention) -> int:
    """Return the heads that the projections of keys and values of a kind yield."""
    return kind.own_layers * kind.kv_heads * (1 if kind.keys_are_values else 2)


def _kept(kind: Attention) -> int:
    """Return the values that all layers of a kind keep of a token."""
    return 2 * kind.own_layers * kind.kv_heads * kind.head_dim


def _linear_attention_matrices(shape: LmShape) -> int:
    """Return what the projections of queries, keys, values, gates and output hold.

    Beside them every value head has a decay and a learning rate from one column each.
    """
    values = shape.linear_value_heads * shape.linear_value_head_dim
    return shape.hidden * (
        _convolved(shape) + 2 * values + 2 * shape.linear_value_heads
    )


def _convolved(shape: LmShape) -> int:
    """Return the width of queries, keys and values of linear attention together."""
    keys = shape.linear_key_heads * shape.linear_key_head_dim
    return 2 * keys + shape.linear_value_heads * shape.linear_value_head_dim


def _routes(shape: LmShape) -> int:
    """Return the columns of the router, and of the shared expert's gate."""
    return shape.experts + (1 if shape.shared_expert_intermediate else 0)


def _expert(shape: LmShape) -> int:
    return MLP_MATRICES * shape.hidden * shape.expert_intermediate


def _lm_head(shape: LmShape) -> int:
    return shape.vocab * shape.hidden


def _vectors(shape: LmShape) -> int:
    """Return what attention holds beside matrices: biases, norms, convolutions."""
    # A decay and a bias of it for every value head, and the norm of what a head yields.
    linear = _convolved(shape) * shape.linear_conv_kernel
    linear += 2 * shape.linear_value_heads + shape.linear_value_head_dim
    attention = sum(_attention_vectors(shape, each) for each in shape.attention)
    return attention + shape.linear_layers * linear


def _attention_vectors(shape: LmShape, kind: Attention) -> int:
    heads = kind.layers * _query_heads(shape, kind) + _projected_heads(kind)
    biases = {
        0: 0,
        3: kind.head_dim * heads,
        4: kind.head_dim * heads + kind.layers * shape.hidden,
    }
    norms = kind.head_dim * (kind.layers + kind.own_layers) if shape.qk_norms else 0
    return biases[shape.attention_biases] + norms


def _norms(shape: LmShape) -> int:
    """Return the weights of the norms of layers, and of the one behind the last."""
    each = 4 if shape.normed_outputs else 2
    scales = 0
    if shape.normed_outputs and shape.experts:
        # Before the experts, behind them, behind the MLP beside them; the router's scale
        # of what it is given, and one of each expert.
        each += 4
        scales = shape.layers * shape.experts
    if shape.per_layer_input:
        each += 1
        scales += shape.per_layer_input
    return (each * shape.layers + 1) * shape.hidden + scales
