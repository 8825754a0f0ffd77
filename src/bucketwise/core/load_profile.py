"""Requests that stand for traffic: their mix in proportion, and when they come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.traffic import (
    NO_TIME_S,
    SIZE_COLUMNS,
    FloatArray,
    IntArray,
    Traffic,
    grouped,
)

MOST_PICTURE_PX = 178_956_970
"""Larger ones are refused: Pillow, Image.py, `_decompression_bomb_check` (twice its
MAX_IMAGE_PIXELS), and vLLM, envs.py, VLLM_MAX_IMAGE_PIXELS."""

SEED = 0

CLIPS = "clips, which are not written"
BY_TOKENS = "known by their tokens alone"
TOO_LARGE = f"above {MOST_PICTURE_PX:,} px, which servers refuse"

Request = tuple[tuple[int, int], ...]
"""Height and width in pixels of each image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadProfile:
    """Requests in the order they are sent.

    `starts_s` are seconds from the first on, None where they are not asked for. `left_out`
    counts images of the traffic that no request holds, by reason.
    """

    requests: tuple[Request, ...]
    starts_s: FloatArray | None
    left_out: Mapping[str, float]

    @property
    def images(self) -> int:
        """Images in all requests."""
        return sum(map(len, self.requests))


def profile_of(traffic: Traffic, n_requests: int, *, arrivals: bool) -> LoadProfile:
    """Return requests in proportion to the traffic, in an order that a seed draws.

    Of each request, and of any that follow each other by area, the profile has the share of
    the traffic to less than one; with as many requests as the traffic has, all of them.
    """
    mix, left_out = _mix(traffic)
    if not mix:
        message = "expected images of known height and width, got none to write"
        raise InputError(message)
    by_area = sorted(mix, key=lambda each: (sum(h * w for h, w in each), each))
    weight = np.array([mix[each] for each in by_area])
    random = np.random.default_rng(SEED)
    chosen = random.permutation(_in_proportion(weight, n_requests))
    shrunk = n_requests / float(weight.sum())
    return LoadProfile(
        requests=tuple(by_area[each] for each in chosen.tolist()),
        starts_s=_starts_s(traffic, n_requests, random) * shrunk if arrivals else None,
        left_out=left_out,
    )


def _mix(traffic: Traffic) -> tuple[dict[Request, float], dict[str, float]]:
    """Return how often each request came, and which images are in none by reason."""
    sent, sizes = traffic.requests, traffic.sizes()
    images = np.concatenate([sizes.count, -sent.images])
    # Those that came alone are what groups leave of each size.
    alone = grouped(
        {
            name: np.concatenate([getattr(sizes, name), sent.columns.get(name, [])])
            for name in SIZE_COLUMNS
        },
        images,
    )
    reasons = {
        CLIPS: sizes.frames > 0,
        BY_TOKENS: sizes.is_told,
        TOO_LARGE: sizes.height_px * sizes.width_px > MOST_PICTURE_PX,
    }
    left_out = {
        reason: float(sizes.count[holds].sum())
        for reason, holds in reasons.items()
        if sizes.count[holds].sum() > 0
    }
    mix: Counter[Request] = Counter()
    for size, count in zip(_pictures(alone), alone["count"].tolist(), strict=True):
        if size and count > 0:
            mix[size,] += count
    held = _pictures(sent.members) if len(sent) else []
    start = 0
    for end, count in zip(sent.ends.tolist(), sent.count.tolist(), strict=True):
        if request := tuple(sorted(each for each in held[start:end] if each)):
            mix[request] += count
        start = end
    return dict(mix), left_out


def _pictures(columns: Mapping[str, IntArray]) -> list[tuple[int, int] | None]:
    """Return height and width of what can be written, None for anything else."""
    height_px, width_px = columns["height_px"], columns["width_px"]
    can = (
        (columns["frames"] == 0)
        & (columns["visual_tokens"] == 0)
        & (height_px * width_px <= MOST_PICTURE_PX)
    )
    rows = zip(height_px.tolist(), width_px.tolist(), can.tolist(), strict=True)
    return [(height, width) if is_one else None for height, width, is_one in rows]


def _in_proportion(weight: FloatArray, n: int) -> IntArray:
    """Return the place of n points, evenly spaced over weights that are laid end to end."""
    ends = np.cumsum(weight)
    points = (np.arange(n) + 0.5) * (ends[-1] / n)
    return np.asarray(np.searchsorted(ends, points, side="right"), np.int64)


def _starts_s(traffic: Traffic, n: int, random: np.random.Generator) -> FloatArray:
    """Return n times as many images as each slot had, at random within it."""
    timed = traffic.slot_start_s != NO_TIME_S
    first_s, last_s = traffic.first_s, traffic.last_s
    if not timed.any() or first_s is None or last_s is None or last_s <= first_s:
        message = (
            "--arrivals: expected images whose times differ, got none; leave it out"
        )
        raise UsageError(message)
    slots, place = np.unique(traffic.slot_start_s[timed], return_inverse=True)
    images = np.bincount(place, weights=traffic.count[timed]).astype(np.float64)
    begin_s = np.clip(slots.astype(np.float64), first_s, last_s)
    end_s = np.clip(slots + float(traffic.slot_width_s), first_s, last_s)
    slot = _in_proportion(images, n)
    within = random.random(n) * (end_s - begin_s)[slot]
    starts_s = np.sort(begin_s[slot] + within)
    return np.asarray(starts_s - starts_s[0])
