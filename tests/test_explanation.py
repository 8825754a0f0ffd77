"""One size followed to its bucket, in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.core.buckets import Buckets
from bucketwise.core.explain import explain_size, parse_size
from bucketwise.core.patching import Preprocessing
from bucketwise.engines.rbln.engine import RBLN
from bucketwise.errors import UsageError
from bucketwise.read.configs.profiles import find_profile

QWEN3 = find_profile("qwen3-vl-2b")
QWEN25 = find_profile("qwen2.5-vl-7b")
NEWEST, OLDER = RBLN.release((0, 12, 0)), RBLN.release((0, 11, 2))


def shipped(model: str = "qwen3-vl-2b") -> Preprocessing:
    profile = find_profile(model)
    return Preprocessing(
        image=profile.checkpoint,
        video=profile.video,
        video_fps=profile.sampling.fps,
    )


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 999))
def test_a_size_is_read_back_as_it_was_written(
    width: int, height: int, frames: int
) -> None:
    image, clip = (
        parse_size(f"{width}x{height}"),
        parse_size(f"{width}X{height}@{frames}f"),
    )
    assert (image.width_px[0], image.height_px[0], image.frames[0]) == (
        width,
        height,
        0,
    )
    assert (clip.width_px[0], clip.frames[0], clip.fps[0]) == (width, frames, 0)
    timed = parse_size(f"{width}x{height}@{frames}f@29.97fps")
    assert timed.fps[0] == 29.97


@pytest.mark.parametrize(
    "text", ["", "1920", "0x4", "4x0", "1920x1080@", "axb", "-4x4"]
)
def test_anything_else_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError, match="expected WIDTHxHEIGHT"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1920x1080", "sides rounded to multiples of 32"),
        ("32x32", "enlarged to min_pixels 65,536"),
        ("8000x6000", "shrunk to max_pixels 16,777,216"),
        ("1280x720@64f", "shrunk to max_pixels 25,165,824 for the whole clip"),
        ("10x3000", "refused by the processor: ValueError: absolute aspect ratio"),
    ],
)
def test_the_reason_of_every_resize_is_told(text: str, words: str) -> None:
    assert words in explain_size(text, QWEN3, shipped(), NEWEST).line


def test_windows_and_the_one_too_many_are_told() -> None:
    preprocessing = shipped("qwen2.5-vl-7b")
    newest = explain_size("1920x1080", QWEN25, preprocessing, NEWEST)
    older = explain_size("1920x1080", QWEN25, preprocessing, OLDER)
    assert (newest.needed, older.needed) == (11_520, 11_584)
    assert "one window too many up to optimum-rbln 0.11.2" in older.line


def test_the_bucket_is_the_smallest_that_holds_it_or_none() -> None:
    buckets = Buckets((1_200, 4_096))
    held = explain_size("640x480", QWEN3, shipped(), NEWEST, buckets)
    too_long = explain_size("1920x1080", QWEN3, shipped(), NEWEST, buckets)
    assert held.bucket == 1_200
    assert held.line.endswith("bucket 1,200 (0% of it padding)")
    assert too_long.bucket is None
    assert too_long.line.endswith("no bucket: the largest is 4,096, the runtime raises")
