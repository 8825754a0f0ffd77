"""What differs between releases of vLLM, as numbers that compare."""

from __future__ import annotations

from bucketwise.nouns.engine import Version

RELEASES: tuple[Version, ...] = tuple((0, minor, 0) for minor in range(19, 34))
"""From the first that replays graphs of the vision encoder to the newest looked at."""

OLDEST, NEWEST = RELEASES[0], RELEASES[-1]

RENAMED_ITEMS: Version = (0, 20, 0)
"""The limit of items has its present name, and clips are replayed (config/compilation.py)."""

CHECKS_ITEMS: Version = (0, 22, 0)
"""The limit of items may not exceed the smallest budget, and budgets above 0 are asked for
(0.22.0, v1/worker/encoder_cudagraph.py, config/compilation.py; 0.21.0 has neither)."""

DEFERS: Version = (0, 32, 0)
"""An image waits for the next replay where two replays take less than one together."""

SWITCH = "cudagraph_mm_encoder"
BUDGETS = "encoder_cudagraph_token_budgets"
FRAMES = "encoder_cudagraph_max_frames_per_batch"
ITEMS = "encoder_cudagraph_max_vision_items_per_batch"
OLD_ITEMS = "encoder_cudagraph_max_images_per_batch"
CAPTURE_SIZES = "cudagraph_capture_sizes"
MAX_CAPTURE_SIZE = "max_cudagraph_capture_size"


def items_key(release: Version) -> str:
    """Return the name of the limit of images in one replay."""
    return ITEMS if release >= RENAMED_ITEMS else OLD_ITEMS


def encoder_keys(release: Version) -> tuple[str, ...]:
    """Return the keys about encoder graphs that a release takes; () where none."""
    if release < OLDEST:
        return ()
    clips = (FRAMES,) if release >= RENAMED_ITEMS else ()
    return (SWITCH, BUDGETS, items_key(release), *clips)
