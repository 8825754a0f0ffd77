"""Hypothesis strategies and builders that several tests share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from bucketwise.core.buckets import Buckets, Demand
from bucketwise.core.in_service import InService
from bucketwise.core.limits import image_limits, video_limits
from bucketwise.core.patching import Preprocessing
from bucketwise.core.plan import PlanWarning
from bucketwise.nouns.document import GivenLimits
from bucketwise.nouns.profile import ModelProfile, PixelLimits
from bucketwise.nouns.together import Together
from bucketwise.nouns.traffic import (
    NO_TIME_S,
    SIZE_COLUMNS,
    InputRecord,
    Sizes,
    Traffic,
    merge_traffic,
)
from bucketwise.read.configs.profiles import built_in_profiles

profiles = st.sampled_from(
    [each for _, each in sorted(built_in_profiles().items()) if not each.image_rule]
)
"""Models whose images follow limits; tests/test_image_rules.py has the laws of others."""

sides_px = st.integers(1, 6_000)


@st.composite
def demands(draw: st.DrawFn, max_lengths: int = 8, multiple: int = 1) -> Demand:
    """Small demands: distinct ascending lengths with positive whole weights."""
    lengths = draw(
        st.lists(
            st.integers(1, 80).map(lambda n: n * multiple),
            min_size=1,
            max_size=max_lengths,
            unique=True,
        )
    )
    runs = draw(
        st.lists(st.integers(1, 50), min_size=len(lengths), max_size=len(lengths))
    )
    return Demand(np.array(sorted(lengths)), np.array(runs, dtype=np.float64))


def sizes_of(*rows: tuple[int, int, int, float, float]) -> Sizes:
    """Build sizes from (height, width, frames, fps, count) rows."""
    columns = tuple(zip(*rows, strict=True)) or ((),) * 5
    return Sizes(
        height_px=np.array(columns[0], dtype=np.int64),
        width_px=np.array(columns[1], dtype=np.int64),
        frames=np.array(columns[2], dtype=np.int64),
        fps=np.array(columns[3], dtype=np.float64),
        visual_tokens=np.zeros(len(rows), dtype=np.int64),
        count=np.array(columns[4], dtype=np.float64),
    )


def traffic_of(*rows: tuple[int, int] | tuple[int, int, float]) -> Traffic:
    """Build image traffic from (height, width) or (height, width, count) rows."""
    return _traffic(
        sizes_of(*((r[0], r[1], 0, 0.0, r[2] if len(r) > 2 else 1.0) for r in rows))
    )


def requests_of(*groups: list[tuple[int, int]], times: float = 1.0) -> Traffic:
    """Build image traffic from requests, each the (height, width) of its images."""
    rows = [size for group in groups for size in group]
    traffic = traffic_of(*((height, width, times) for height, width in rows))
    columns = {name: np.zeros(len(rows), kind) for name, kind in SIZE_COLUMNS.items()}
    columns["height_px"], columns["width_px"] = np.array(rows, np.int64).T
    request = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    sent = Together.of(columns, request, np.full(len(groups), times), ["requests"])
    return replace(traffic, requests=sent, calls=sent)


def clips_of(*rows: tuple[int, int, int, float]) -> Traffic:
    """Build traffic of sampled clips from (height, width, frames, count) rows."""
    return _traffic(sizes_of(*((r[0], r[1], r[2], 0.0, r[3]) for r in rows)))


def _traffic(sizes: Sizes) -> Traffic:
    n_rows = len(sizes)
    part = Traffic(
        height_px=sizes.height_px,
        width_px=sizes.width_px,
        frames=sizes.frames,
        fps=sizes.fps,
        visual_tokens=sizes.visual_tokens,
        slot_start_s=np.full(n_rows, NO_TIME_S),
        label=np.full(n_rows, -1),
        count=sizes.count,
        rows_read=n_rows,
        rows_used=n_rows,
        inputs=(InputRecord(kind="csv", name="made.csv", rows=n_rows),),
    )
    return merge_traffic([part])


def limits_of(min_pixels: int, max_pixels: int) -> PixelLimits:
    """Build limits."""
    return PixelLimits(min_pixels=min_pixels, max_pixels=max_pixels, source="given")


def today_of(
    *lengths: int, max_pixels: int | None = None, source: str = "given"
) -> InService:
    """Build what runs today, under the checkpoint's limits or another upper one."""
    limits = (
        ()
        if max_pixels is None
        else (GivenLimits(max_pixels=max_pixels, source=source),)
    )
    return InService(buckets=Buckets(lengths), limits=limits, source=source)


def preprocessing_of(
    profile: ModelProfile, limits: PixelLimits | None = None
) -> Preprocessing:
    """Build the preprocessing a model has by default, or under other image limits."""
    return Preprocessing(
        image=limits or image_limits(profile),
        video=video_limits(profile, None, None),
        video_fps=profile.sampling.fps,
    )


def notes_of(*words: str) -> tuple[PlanWarning, ...]:
    """Build warnings of a plan that only tell."""
    return tuple(
        PlanWarning(id=f"note-{at}", severity="note", words=text)
        for at, text in enumerate(words)
    )
