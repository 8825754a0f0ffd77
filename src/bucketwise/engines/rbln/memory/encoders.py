"""What a text encoder takes of its one device."""

from __future__ import annotations

from bucketwise.core.plan import Memory, MemoryTerm
from bucketwise.engines.rbln.devices import device_of
from bucketwise.engines.rbln.memory.sums import MARGIN
from bucketwise.engines.rbln.memory.terms import BYTES_PER_VALUE, GRAPH_BUFFER_BYTES
from bucketwise.nouns.encoder_profile import EncoderProfile
from bucketwise.words.numbers import plural

_INPUTS_BYTES = 3 * 8
"""Up to three inputs of 64 bits a token (transformers/modeling_generic.py)."""

_OUTPUT_BYTES = 4

LEARNED = frozenset({"bert", "roberta", "xlm-roberta", "distilbert", "bart"})
"""Families with a table of positions (transformers 5.15.1, models/*/modeling_*.py)."""


def encoder_parameters(profile: EncoderProfile) -> int:
    """Return the parameters of a text encoder in its matrices and tables.

    Biases, norms and the table of a T5's distances are left out: 1 % at most.
    """
    shape = profile.shape
    layer = 4 * shape.hidden * shape.attention
    layer += shape.mlp_matrices * shape.hidden * shape.intermediate
    decoder = 8 * shape.hidden**2
    decoder += shape.mlp_matrices * shape.hidden * shape.decoder_intermediate
    positions = (profile.positions or 0) if profile.family in LEARNED else 0
    tables = shape.vocab + positions * (2 if shape.decoder_layers else 1)
    return shape.layers * layer + shape.decoder_layers * decoder + tables * shape.hidden


def encoder_memory(
    profile: EncoderProfile, lengths: tuple[int, ...], npu: str | None = None
) -> Memory:
    """Return what a text encoder takes of a device, and whether that fits.

    No release splits one over devices (optimum-rbln 0.12.0, transformers/
    modeling_generic.py: RBLNTransformerEncoder has no `_tp_support`).
    """
    weights = encoder_parameters(profile) * BYTES_PER_VALUE
    masked = profile.architecture.endswith("ForMaskedLM")
    width = profile.shape.vocab if masked else profile.shape.hidden
    graphs = len(lengths)
    terms = (
        MemoryTerm(name="weights in 16 bits", bytes=weights, status="derived"),
        MemoryTerm(
            name="as much again, where weights are kept in 32 bits",
            bytes=weights,
            status="assumed",
        ),
        # The only published estimate, and that is of a language model's graphs.
        MemoryTerm(
            name=f"kernels and buffers of {plural(graphs, 'graph')}",
            bytes=GRAPH_BUFFER_BYTES * graphs,
            status="assumed",
        ),
        MemoryTerm(
            name=f"inputs and outputs of {sum(lengths):,} tokens",
            bytes=sum(lengths) * (_INPUTS_BYTES + width * _OUTPUT_BYTES),
            status="assumed",
        ),
    )
    device, _ = device_of(npu)
    needed, room = sum(each.bytes for each in terms), device.dram.usable_bytes
    surely = needed <= room - room // MARGIN
    return Memory(
        device=device.name,
        device_bytes=room,
        needed_bytes=needed,
        fits=surely or (None if needed <= room else False),
        terms=terms,
    )
