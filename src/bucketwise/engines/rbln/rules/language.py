"""Rules about the language model's own settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from bucketwise.engines.rbln.attention import GDN_CHUNK_DIVIDES_SINCE, MAX_GDN_CHUNK
from bucketwise.engines.rbln.keys import QWEN3_5, standing
from bucketwise.engines.rbln.model_classes import generates
from bucketwise.engines.rbln.rules.case import (
    RblnCase,
    in_force_of,
    release,
    shown,
    unknown,
    whole,
)
from bucketwise.lint.finding import Finding, Fix
from bucketwise.nouns.document import Path

PLAIN = "fp16"

QUANTIZED: Mapping[str, tuple[str, ...]] = {
    "format": ("rbln",),
    "weights": ("int4", "int8", "fp8", PLAIN),
    "activations": ("int8", "fp8", PLAIN),
    "kv_caches": ("fp8", PLAIN),
    "dynamic": (),
}
"""Settings and their values; () for any (optimum-rbln 0.12.0, transformers/utils/
rbln_quantization.py, RBLNQuantizationConfig)."""

BITS = ("weights", "activations")

OLD_PRECISION = "precision"
"""The older way to say both, with a warning; it takes `PRECISION` alone."""

PRECISION = "w4a16"


_CLASS = "transformers/models/decoderonly/configuration_decoderonly.py"
_QWEN3_5 = "transformers/models/qwen3_5/configuration_qwen3_5.py"
_NUMBERS = ("max_seq_len", "kvcache_partition_len", "kvcache_block_size")
_PHASES = ("prefill", "image_prefill", "decode")


def wrong_batch_size(subject: RblnCase) -> Iterator[Finding]:
    """batch_size that is no whole number above 0; 0 becomes 1."""
    value = subject.config.get("batch_size")
    if value is None or unknown(value) or (whole(value) or -1) > 0 or value == 0:
        return
    yield Finding(
        severity="error",
        path=("batch_size",),
        found=shown(value),
        why=f"it is the number of sequences decoded at once ({_CLASS})",
        right="a whole number, 1 or more",
        raises="ValueError: batch_size must be",
    )


def no_whole_number(subject: RblnCase) -> Iterator[Finding]:
    """Lengths of context, partition or block that are no whole numbers above 0."""
    for name in _NUMBERS:
        value = subject.config.get(name)
        if value is None or unknown(value) or (whole(value) or 0) > 0:
            continue
        if subject.is_unknown_class and isinstance(value, (list, tuple)):
            # Text encoders take several lengths.
            continue
        yield Finding(
            severity="error",
            path=(name,),
            found=shown(value),
            why=f"{release(subject)} computes with it unchecked (transformers/"
            "modeling_attention_utils.py)",
            right="a whole number, such as 32768",
        )


def token_ids_for_the_language_model(subject: RblnCase) -> Iterator[Finding]:
    """use_inputs_embeds false: images reach the language model as embeddings."""
    if subject.config.get("use_inputs_embeds") is not False or not subject.family:
        return
    yield Finding(
        severity="error",
        path=("use_inputs_embeds",),
        found="use_inputs_embeds False",
        why="the classes with a ViT take embeddings alone (transformers/models/"
        "<family>/configuration_<family>.py)",
        right="leave it out",
        raises="ValueError: RBLN",
        fixes=(Fix(path=("use_inputs_embeds",), action="remove"),),
    )


def position_ids_without_mask(subject: RblnCase) -> Iterator[Finding]:
    """use_position_ids without use_attention_mask."""
    config = subject.config
    if config.get("use_position_ids") is not True or config.get("use_attention_mask"):
        return
    yield Finding(
        severity="error",
        path=("use_position_ids",),
        found="use_position_ids True without use_attention_mask",
        why=f"the one needs the other ({_CLASS})",
        right="leave both out: the SDK sets what the model needs",
        raises="ValueError: Position IDs should be used",
        fixes=(Fix(path=("use_position_ids",), action="remove"),),
    )


def several_logits(subject: RblnCase) -> Iterator[Finding]:
    """logits_to_keep above 1."""
    value = whole(subject.config.get("logits_to_keep"))
    if value is None or value <= 1:
        return
    yield Finding(
        severity="error",
        path=("logits_to_keep",),
        found=str(value),
        why=f"the compiled graphs yield the last token's logits ({_CLASS})",
        right="leave it out",
        raises="NotImplementedError: `logits_to_keep` > 1",
        fixes=(Fix(path=("logits_to_keep",), action="remove"),),
    )


def wrong_phases(subject: RblnCase) -> Iterator[Finding]:
    """Phases other than prefill and decode, in this order.

    The class checks their names alone; the compile or the first load fails.
    """
    value = subject.config.get("phases")
    # An empty list stands for the default.
    if value is None or unknown(value) or value == []:
        return
    if not generates(subject.family) and value == ["prefill"]:
        return
    if not isinstance(value, list):
        raises = "ValueError: `phases` must be a list"
    elif not all(item in _PHASES for item in value):
        raises = "ValueError: All elements in `phases`"
    elif not subject.family or value[:2] == ["prefill", "decode"]:
        return
    elif "decode" not in value:
        raises = "TypeError: "
    elif value[0] == "decode" and len(value) > 1:
        raises = "IndexError: "
    else:
        raises = ""
    yield Finding(
        severity="error",
        path=("phases",),
        found=shown(value),
        why="the classes with a ViT compile a prefill and decoders, in this order "
        f"({_CLASS}, expected_compiled_model_names)",
        right="leave it out",
        raises=raises,
        fixes=(Fix(path=("phases",), action="remove"),),
    )


def position_ids_of_qwen3_5(subject: RblnCase) -> Iterator[Finding]:
    """use_position_ids for Qwen3.5, which does not have them."""
    if subject.family not in QWEN3_5:
        return
    config = subject.config
    if not (
        config.get("use_position_ids") is True and config.get("use_attention_mask")
    ):
        return
    yield Finding(
        severity="error",
        path=("use_position_ids",),
        found="use_position_ids True",
        why="linear attention takes none (transformers/models/qwen3_5/"
        "modeling_qwen3_5.py)",
        right="leave it out",
        raises="NotImplementedError: use_position_ids is not supported",
        fixes=(Fix(path=("use_position_ids",), action="remove"),),
    )


def wrong_quantization(subject: RblnCase) -> Iterator[Finding]:
    """A quantization with settings or values that there are not."""
    value = subject.config.get("quantization")
    if not value or unknown(value):
        return
    if not isinstance(value, Mapping):
        yield _quantization(
            (), shown(value), f"an object of {', '.join(QUANTIZED)}", ""
        )
        return
    for name, given in value.items():
        if name == OLD_PRECISION or given is None or unknown(given):
            continue
        if name not in QUANTIZED:
            yield _quantization(
                (name,),
                name,
                " or ".join(get_close_matches(name, QUANTIZED, n=1)) or "leave it out",
                "TypeError: RBLNQuantizationConfig.__init__() got an unexpected",
            )
        elif QUANTIZED[name] and given not in QUANTIZED[name]:
            yield _quantization(
                (name,),
                f"{name} {shown(given)}",
                ", ".join(QUANTIZED[name]),
                f"ValueError: Invalid {name}",
            )
    yield from _precision(value)


def _precision(value: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong with how many bits a quantization leaves."""
    precision = value.get(OLD_PRECISION)
    if precision is not None and any(value.get(name) for name in BITS):
        yield _quantization(
            (OLD_PRECISION,),
            f"{OLD_PRECISION} beside weights or activations",
            "weights and activations alone",
            "ValueError: `precision` and `weights` or `activations`",
        )
        return
    kept = [value.get(name) or PLAIN for name in BITS]
    if precision not in (None, PRECISION) and not unknown(precision):
        yield _quantization(
            (OLD_PRECISION,),
            f"{OLD_PRECISION} {shown(precision)}",
            "weights and activations",
            "ValueError: Invalid precision",
        )
    elif precision is None and kept == [PLAIN, PLAIN] and set(value) <= set(QUANTIZED):
        yield _quantization(
            (),
            "neither weights nor activations quantized",
            "weights such as int8, or leave it out",
            "ValueError: weights and activations of QuantizationConfig",
        )


def _quantization(below: Path, found: str, right: str, raises: str) -> Finding:
    return Finding(
        severity="error",
        path=("quantization", *below),
        found=found,
        why="the class knows no such setting or value (transformers/utils/"
        "rbln_quantization.py, RBLNQuantizationConfig)",
        right=right,
        raises=raises,
    )


def gdn_chunk(subject: RblnCase) -> Iterator[Finding]:
    """Chunks of linear attention that are too long, or do not divide the prefill's.

    Up to 0.11.2 they are the prefill's where nobody sets them, which is 512 on Rebel100.
    """
    known = standing("gdn_chunk_size", "top", subject.version, subject.family)
    if subject.family not in QWEN3_5 or known == "refused":
        return
    prefill = whole(in_force_of(subject, "prefill_chunk_size"))
    chunk = whole(in_force_of(subject, "gdn_chunk_size"))
    if prefill is None or chunk is None:
        return
    given = subject.config.get("gdn_chunk_size") is not None
    name = "gdn_chunk_size" if given else "prefill_chunk_size"
    divides = subject.version >= GDN_CHUNK_DIVIDES_SINCE
    if chunk > MAX_GDN_CHUNK:
        yield Finding(
            severity="error",
            path=(name,),
            found=f"{chunk} tokens",
            why=f"{release(subject)} takes chunks of {MAX_GDN_CHUNK} at most for linear "
            f"attention ({_QWEN3_5})",
            right=f"{name} {MAX_GDN_CHUNK}",
            raises="ValueError: gdn_chunk_size must be <=",
            fixes=(Fix(path=(name,), action="set", value=MAX_GDN_CHUNK),),
        )
    elif divides and chunk > 0 and prefill % chunk:
        yield Finding(
            severity="error",
            path=(name,),
            found=f"{chunk} beside chunks of {prefill} in the prefill",
            why=f"{release(subject)} cuts the one into the other ({_QWEN3_5})",
            right=f"gdn_chunk_size that divides {prefill}, or leave it out",
            raises="ValueError: gdn_chunk_size must divide",
            fixes=(Fix(path=(name,), action="remove"),),
        )
