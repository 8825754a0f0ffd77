"""What those who read configurations of vllm-gaudi look for."""

from __future__ import annotations

import re

from bucketwise.core.buckets import MAX_LENGTH
from bucketwise.engines.gaudi.releases import (
    LENGTHS,
    OLD_STRATEGY,
    RESOLUTIONS,
    SHAPES_FILE,
    STRATEGY,
)
from bucketwise.engines.gaudi.targets import SDK
from bucketwise.errors import ConfigError
from bucketwise.nouns.document import Document
from bucketwise.nouns.vocabulary import Vocabulary

_VERSION = r"(\d{1,4}(?:\.\d{1,4})+(?:\.post\d{1,4})?)"


def value_of(document: Document, name: str) -> str | None:
    """Return what a variable is set to; None where it is not."""
    if document.serve is not None and name in document.serve.environment:
        return document.serve.environment[name]
    value = document.config.get(name)
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    return None if value is None else str(value)


def whole(text: str) -> int | None:
    """Return a whole number of no more digits than one needs; None for anything else."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None


def lengths_in(document: Document) -> tuple[int, ...] | None:
    """Return the lengths that images are padded to; None where none are named."""
    value = value_of(document, LENGTHS)
    if not value or value == "None":
        return None
    written = [each.strip() for each in value.split(",")]
    if any(not 0 < (whole(each) or 0) <= MAX_LENGTH for each in written):
        message = (
            f"{document.place((LENGTHS,))}: {LENGTHS}: expected whole numbers from 1 to "
            f"{MAX_LENGTH}, got {value!r}; bucketwise lint tells more"
        )
        raise ConfigError(message)
    return tuple(sorted({int(each) for each in written}))


WORDS = Vocabulary(
    sdk=SDK,
    settings=frozenset({LENGTHS, RESOLUTIONS, SHAPES_FILE, STRATEGY, OLD_STRATEGY}),
    lengths=(LENGTHS,),
    files=frozenset({SHAPES_FILE}),
    signs=re.compile(r"VLLM_MULTIMODAL_(?:BUCKETS|RESOLUTIONS)|VLLM_BUCKETING_"),
    pin=re.compile(rf"\bvllm-gaudi\s*==\s*{_VERSION}"),
    release=re.compile(rf"\bvllm-gaudi-{_VERSION}"),
    lengths_in=lengths_in,
)
