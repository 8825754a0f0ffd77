"""What configurations of AWS Neuron call things, for those who read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.engines.neuron.targets import (
    BATCHES,
    BLOCK,
    BUCKETS,
    LATER_VISION,
    NEURON_SECTION,
    NXDI_STACK,
    NXDI_VISION,
    OVERRIDE,
    SEQ_LEN,
    SEQS,
    SWITCH,
    TEXT_SECTION,
    TOKENS,
    VISION_SECTION,
    VLLM_STACK,
    WHOLE_BATCH,
)
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document
from bucketwise.nouns.vocabulary import Vocabulary

_VERSION = r"(\d{1,4}(?:\.\d{1,5})+)"

_LISTS = frozenset(
    {BUCKETS, SWITCH, SEQ_LEN, BATCHES, WHOLE_BATCH, BLOCK, TOKENS, SEQS}
)


def bucket_lengths(document: Document) -> tuple[int, ...] | None:
    """Return the buckets of NxD Inference, ascending; None where it has none."""
    return _lengths(document, (NXDI_VISION, BUCKETS))


def block_length(document: Document) -> tuple[int, ...] | None:
    """Return the one block of vLLM Neuron; None where it has none."""
    return _lengths(document, (VISION_SECTION, BLOCK))


def as_base(document: Document) -> Mapping[str, Any] | None:
    """Return what a configuration holds beside lists; None where that is nothing."""
    return dict(_kept(document.config)) or None


def _kept(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, section in config.items():
        if not isinstance(section, Mapping):
            yield name, section
        elif rest := {key: each for key, each in section.items() if key not in _LISTS}:
            yield name, rest


def _lengths(document: Document, path: tuple[str, str]) -> tuple[int, ...] | None:
    section = document.config.get(path[0])
    value = section.get(path[1]) if isinstance(section, Mapping) else None
    if not value:
        return None
    found = value if isinstance(value, (list, tuple)) else [value]
    if any(type(each) is not int or not 0 < each <= MAX_LENGTH for each in found):
        message = (
            f"{document.place(path)}: {path[1]}: expected whole numbers from 1 to "
            f"{MAX_LENGTH}, got {value!r}; bucketwise lint tells more"
        )
        raise ConfigError(message)
    return tuple(sorted(set(found)))


NXDI_WORDS = Vocabulary(
    sdk=NXDI_STACK.sdk,
    keyword=OVERRIDE,
    server_keyword="additional_config",
    settings=frozenset({TEXT_SECTION, NXDI_VISION}),
    lengths=(NXDI_VISION, BUCKETS),
    wrappers=(OVERRIDE,),
    options={"additional-config": (OVERRIDE,)},
    signs=re.compile(r"override_neuron_config|neuronx[-_]distributed"),
    pin=re.compile(rf"\bneuronx[-_]distributed[-_]inference\s*==\s*{_VERSION}"),
    release=re.compile(rf"\bneuronx-distributed-inference-{_VERSION}"),
    lengths_in=bucket_lengths,
    as_base=as_base,
)
VLLM_WORDS = Vocabulary(
    sdk=VLLM_STACK.sdk,
    keyword="additional_config",
    settings=frozenset({NEURON_SECTION, VISION_SECTION, LATER_VISION}),
    lengths=(VISION_SECTION, BLOCK),
    options={"additional-config": ()},
    signs=re.compile(r"(?:vision|encoder)_neuron_config|num_seqs_buckets"),
    pin=re.compile(rf"\bvllm[-_]neuron\s*==\s*{_VERSION}"),
    release=re.compile(rf"\bvllm-neuron-{_VERSION}"),
    lengths_in=block_length,
    as_base=as_base,
)
