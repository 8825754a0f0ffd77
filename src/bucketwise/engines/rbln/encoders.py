"""The text encoders that optimum-rbln compiles, what it does with their lengths, and what they take of a device."""

from __future__ import annotations

from collections.abc import Iterable

from bucketwise.core.plan import Memory, MemoryTerm
from bucketwise.engines.rbln.devices import device_of
from bucketwise.engines.rbln.memory.sums import MARGIN
from bucketwise.engines.rbln.memory.terms import BYTES_PER_VALUE, GRAPH_BUFFER_BYTES
from bucketwise.engines.rbln.releases import Version
from bucketwise.engines.rbln.targets import (
    ALL_TARGETS,
    TARGETS,
    RblnTarget,
    pick_targets,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.encoder_profile import EncoderFamily, EncoderProfile
from bucketwise.words.numbers import plural

TOKENS = "max_seq_len"
"""Name of the lengths of a text encoder, in tokens."""

ENCODER_KEYS = (TOKENS, "batch_size", "model_input_names", "model_input_shapes")
"""Settings of a text encoder beside those that every class has (transformers/
configuration_generic.py, RBLNTransformerEncoderConfig)."""

LISTS_SINCE: Version = (0, 11, 0)
"""The release from which `max_seq_len` of a text encoder may be a list: each length is
compiled, and an input runs on the smallest that holds it (transformers/
modeling_generic.py, RBLNTransformerEncoder). Older ones compare the list itself with a
number and raise TypeError."""

# transformers/models/*/modeling_*.py of each wheel: the classes that inherit
# RBLNTransformerEncoder.
ENCODERS: dict[str, EncoderFamily] = {
    "bert": EncoderFamily(
        architectures=("BertModel", "BertForMaskedLM", "BertForQuestionAnswering")
    ),
    "roberta": EncoderFamily(
        architectures=("RobertaForMaskedLM", "RobertaForSequenceClassification"),
        counts_padding=True,
    ),
    "xlm-roberta": EncoderFamily(
        architectures=("XLMRobertaModel", "XLMRobertaForSequenceClassification"),
        counts_padding=True,
    ),
    "distilbert": EncoderFamily(architectures=("DistilBertForQuestionAnswering",)),
    "modernbert": EncoderFamily(
        architectures=("ModernBertForMaskedLM",), since=(0, 11, 2)
    ),
    "t5": EncoderFamily(architectures=("T5EncoderModel",)),
    "bart": EncoderFamily(architectures=("BartModel",)),
    "pegasus": EncoderFamily(
        architectures=("PegasusModel",),
        note="The class takes decoder_input_ids and decoder_attention_mask beside the "
        "text, as long as it; the tokenizer makes none.",
    ),
}

ENCODER_CLASSES: dict[str, str] = {
    f"RBLN{architecture}": family
    for family, known in ENCODERS.items()
    for architecture in known.architectures
}
"""Class of `optimum.rbln` -> the `model_type` it serves."""

AUTO_TASKS = {
    "ForMaskedLM": "RBLNAutoModelForMaskedLM",
    "ForQuestionAnswering": "RBLNAutoModelForQuestionAnswering",
    "ForSequenceClassification": "RBLNAutoModelForSequenceClassification",
    "EncoderModel": "RBLNAutoModelForTextEncoding",
}
"""The automatic class of `optimum.rbln` by how the name of an architecture ends."""


def takes_lists(version: Version) -> bool:
    """Return whether a release compiles a text encoder for several lengths."""
    return version >= LISTS_SINCE


def encoder_targets(family: str, names: Iterable[str] = ()) -> tuple[RblnTarget, ...]:
    """Return the dialects asked for, oldest first; the newest when none is named."""
    asked, since = tuple(names), ENCODERS[family].since
    able = tuple(each for each in TARGETS.values() if each.parsed >= since)
    if ALL_TARGETS in asked:
        return able
    if not asked:
        return able[-1:]
    targets = pick_targets(asked)
    lacking = [target.name for target in targets if target not in able]
    if lacking:
        message = (
            f"--target: {', '.join(lacking)} cannot compile {family}; expected "
            f"{' or '.join(each.name for each in able)}"
        )
        raise ConfigError(message)
    return targets


def auto_class(architecture: str) -> str:
    """Return the automatic class of `optimum.rbln` that picks the same class."""
    for ending, name in AUTO_TASKS.items():
        if architecture.endswith(ending):
            return name
    return "RBLNAutoModel"


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
