"""What bucketwise writes although the release does not take it, and why it still does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.conformance.emitted import Emitted
from tests.conformance.releases import Release

MERGE = 4
WINDOW = 64
GDN_CHUNK = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One reason why a release does not take a configuration.

    Attributes
    ----------
    error : str
        The type of the exception.
    says : str
        Part of its message.
    traced : bool
        Whether only the compiler meets it.
    """

    error: str
    says: str
    traced: bool = False


WINDOWS = Known(error="ValueError", says="must be a multiple of window_seq_len (64)")
"""Merged patches, which are asked for by hand, are a quarter of whole windows."""

MERGES = Known(error="RuntimeError", says="is invalid for input of size", traced=True)
"""Merged patches need not be a multiple of the merge, which every tower reshapes by."""

GDN = Known(error="ValueError", says="gdn_chunk_size must be <= 128")
"""Releases before 0.12.0 take the chunk of Qwen3.5's linear attention from that of
prefill, which is 512 on RBLN-CR, and refuse more than 128; bucketwise writes neither."""


def known_of(emitted: Emitted, release: Release) -> Known | None:
    """Return why a release does not take a configuration; None where it should."""
    lengths, config = emitted.lengths, emitted.config
    if emitted.family_name == "qwen2_5_vl" and _some_not_multiple(lengths, WINDOW):
        return WINDOWS
    if _some_not_multiple(lengths, MERGE):
        return MERGES
    chunked = emitted.family_name == "qwen3_5" and release.parsed < (0, 12)
    if chunked and _gdn_chunk(config) > GDN_CHUNK:
        return GDN
    return None


def tower_on_another_npu(emitted: Emitted, release: Release) -> bool:
    """Return whether the ViT is compiled without the NPU the base names.

    `visual` takes it from the top level from 0.11.1 on, and bucketwise leaves it where
    the base has it.
    """
    config = emitted.config
    return (
        release.parsed < (0, 11, 1)
        and "npu" in config
        and config["visual"].get("npu") != config["npu"]
    )


def tower_on_one_device(emitted: Emitted, release: Release) -> bool:
    """Return whether the release splits no ViT, and bucketwise asks it to.

    0.10.2 has no `_tp_support` in transformers/models/qwen3_vl/modeling_qwen3_vl.py.
    """
    asked = emitted.config["visual"].get("tensor_parallel_size", 1)
    return release.parsed < (0, 10, 3) and asked > 1


def _some_not_multiple(lengths: list[int], unit: int) -> bool:
    return any(length % unit for length in lengths)


def _gdn_chunk(config: dict[str, Any]) -> int:
    rebel = str(config.get("npu", "")).startswith("RBLN-CR")
    prefill = config.get("prefill_chunk_size", 512 if rebel else 128)
    found: int = config.get("gdn_chunk_size", prefill)
    return found
