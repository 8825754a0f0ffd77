"""What vllm-gaudi calls its settings, and since when it has them."""

from __future__ import annotations

from bucketwise.nouns.engine import Version

RELEASES: tuple[Version, ...] = ((0, 21, 0), (0, 24, 0), (0, 26, 0))
"""Tags looked at, without candidates."""

NEWEST = RELEASES[-1]

RESOLUTIONS_SINCE: Version = (0, 26, 0)
"""The first that warms resolutions by name (extension/bucketing/vision.py)."""

LENGTHS = "VLLM_MULTIMODAL_BUCKETS"
RESOLUTIONS = "VLLM_MULTIMODAL_RESOLUTIONS"
SHAPES_FILE = "VLLM_BUCKETING_FROM_FILE"
STRATEGY = "VLLM_BUCKETING_STRATEGY"
OLD_STRATEGY = "VLLM_EXPONENTIAL_BUCKETING"
"""Variables of the environment; nothing else sets any of it."""
