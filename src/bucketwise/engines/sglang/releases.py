"""What releases of SGLang call the sizes of decode graphs."""

from __future__ import annotations

from bucketwise.engines.catalogue import Catalogue
from bucketwise.nouns.engine import Target, Version

SDK = "sglang"

SPLIT: Version = (0, 5, 14)
"""Decode and prefill have sizes of their own (server_args.py of 0.5.13 and 0.5.14)."""

GONE: Version = (0, 5, 20)
"""The old name is no more."""

OLD_DECODE_SIZES = "cuda-graph-bs"
DECODE_SIZES = "cuda-graph-bs-decode"
CONFIG = "cuda-graph-config"
REQUESTS = "max-running-requests"


def sizes_key(release: Version) -> str:
    """Return what a release calls the sizes of decode graphs."""
    return DECODE_SIZES if release >= SPLIT else OLD_DECODE_SIZES


CATALOGUE = Catalogue(
    (
        Target(
            sdk=SDK, version="0.5.13", covers="sglang 0.5.13", releases=((0, 5, 13),)
        ),
        Target(
            sdk=SDK,
            version="0.5.23",
            covers="sglang 0.5.14 to 0.5.23",
            releases=tuple((0, 5, patch) for patch in range(14, 24)),
        ),
    )
)
