"""What processors that cut, shrink or pad by rules of their own make of an image.

Every rule is the processor's own arithmetic of transformers 5.23.0, models/<family>/
image_processing_*.py, floating-point steps in its order: the last bit decides some
roundings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bucketwise.nouns.image_rules import (
    Budget,
    ClosestGrid,
    ImageRule,
    LongestSide,
    PanAndScan,
    Pinpoints,
    Shrink,
    Slices,
    Square,
)
from bucketwise.nouns.profile import ModelProfile
from bucketwise.nouns.traffic import IntArray

BoolArray = NDArray[np.bool_]
Pair = tuple[IntArray, IntArray]
Grid = tuple[int, int]

MOST_SIDE_PX = 4_096
"""No side is scaled beyond it (models/idefics3, MAX_IMAGE_SIZE)."""

POOL_FROM = 1.1
"""Tokens are pooled where their side is so many times the most (models/llava_onevision/
processing_llava_onevision.py, _get_unpadded_features)."""

TOO_LONG = "ValueError: Exceed pos emb"
"""Of Kimi-VL's remote code (image_processing_kimi_vl.py)."""

NO_SIDE = (
    "ValueError: Size must contain 'height' and 'width' keys, or 'max_height' and "
    "'max_width', or 'shortest_edge' key. Got SizeDict(height={}, width={}, ...)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What becomes of images; arrays of shape (n,)."""

    height_px: IntArray
    width_px: IntArray
    """What is cut into runs, after the resize."""
    runs: IntArray
    """Runs of the same grid."""
    grid_h: IntArray
    grid_w: IntArray
    """Patches along the sides of each."""
    rest_patches: IntArray
    """Patches of one more run, of another length; 0 where there is none."""
    tokens: IntArray | None = None
    """Visual tokens of the image; None where every merged patch is one."""
    separators: IntArray
    """Tokens that the processor puts between them and around."""
    error: NDArray[np.object_] | None = None
    """What the processor raises, "" where it accepts; None where it refuses nothing."""

    def where(self, chosen: BoolArray, other: Views) -> Views:
        """Return the other's values where chosen; tokens and errors stay these."""
        return replace(
            self,
            **{
                name: np.where(chosen, getattr(other, name), getattr(self, name))
                for name in _OF_GRIDS
            },
        )


_OF_GRIDS = ("height_px", "width_px", "runs", "grid_h", "grid_w", "rest_patches")


def view(
    rule: ImageRule, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """Return what a rule makes of images of such sides, in pixels."""
    return _RULES[type(rule)](rule, height, width, profile)


def _tiled(
    tile_px: int,
    rows: IntArray,
    columns: IntArray,
    runs: IntArray,
    *,
    profile: ModelProfile,
    **more: Any,
) -> Views:
    """Return square runs, of which rows x columns make a grid."""
    side = np.full_like(runs, tile_px)
    tile = _whole(side, side, profile)
    return replace(
        tile, height_px=rows * tile_px, width_px=columns * tile_px, runs=runs, **more
    )


def _whole(
    height: IntArray, width: IntArray, profile: ModelProfile, **more: Any
) -> Views:
    """Return one run an image."""
    none = np.zeros_like(height)
    found = Views(
        height_px=height,
        width_px=width,
        runs=none + 1,
        grid_h=height // profile.patch_px,
        grid_w=width // profile.patch_px,
        rest_patches=none,
        separators=none,
    )
    return replace(found, **more)


def _square(
    rule: Square, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    one = np.ones_like(height + width)
    return _tiled(rule.tile_px, one, one, one, profile=profile)


def _pan_and_scan(
    rule: PanAndScan, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """models/gemma3, pan_and_scan; every crop becomes as large as the whole."""
    long, short = np.maximum(height, width), np.minimum(height, width)
    ratio = long / short
    crops = np.minimum(long // rule.min_crop_px, np.floor(ratio + 0.5).astype(np.int64))
    crops = np.minimum(np.maximum(crops, 2), rule.max_crops)
    crop_px = np.minimum(-(-long // crops), short)
    taken = rule.crops & (ratio >= rule.min_ratio) & (crop_px >= rule.min_crop_px)
    one = np.ones_like(height)
    runs = np.where(taken, crops + 1, 1)
    return _tiled(rule.tile_px, one, one, runs, profile=profile)


def _closest_grid(
    rule: ClosestGrid, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """models/got_ocr2, get_optimal_tiled_canvas, as models/internvl calls it."""
    ratio, area = width / height, width * height
    columns, rows = np.ones_like(width), np.ones_like(width)
    least = np.full(ratio.shape, np.inf)
    for across, down in _grids(rule):
        off = np.abs(ratio - across / down)
        # A larger grid of the same shape, while the image fills over half of it.
        fills = area > 0.5 * rule.tile_px * rule.tile_px * across * down
        closer = (off < least) | ((off == least) & fills)
        columns, rows = np.where(closer, across, columns), np.where(closer, down, rows)
        least = np.minimum(off, least)
    tiles = columns * rows
    runs = tiles + (rule.thumbnail & (tiles > 1))
    return _tiled(rule.tile_px, rows, columns, runs, profile=profile)


def _grids(rule: ClosestGrid) -> list[Grid]:
    """List columns and rows, the fewest tiles first."""
    sides = range(1, rule.max_tiles + 1)
    grids = [
        (across, down)
        for across in sides
        for down in sides
        if rule.min_tiles <= across * down <= rule.max_tiles
    ]
    return sorted(grids, key=lambda grid: grid[0] * grid[1])


def _pinpoints(
    rule: Pinpoints, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """image_processing_utils.py, select_best_resolution, and the processors' unpadding."""
    rows, columns = np.ones_like(height), np.ones_like(width)
    most, least = np.zeros_like(height), np.full(height.shape, np.inf)
    for high_px, wide_px in rule.pinpoints:
        scale = np.minimum(wide_px / width, high_px / height)
        kept = (width * scale).astype(np.int64) * (height * scale).astype(np.int64)
        kept = np.minimum(kept, width * height)
        wasted = high_px * wide_px - kept
        better = (kept > most) | ((kept == most) & (wasted < least))
        most, least = np.where(better, kept, most), np.where(better, wasted, least)
        rows = np.where(better, high_px // rule.tile_px, rows)
        columns = np.where(better, wide_px // rule.tile_px, columns)
    side = rule.tile_px // profile.patch_px
    return _tiled(
        rule.tile_px,
        rows,
        columns,
        rows * columns + 1,
        profile=profile,
        tokens=side**2
        + _unpadded(rule, side, (height, width), (rows * side, columns * side)),
    )


def _unpadded(rule: Pinpoints, side: int, sides: Pair, grid: Pair) -> IntArray:
    """Return the tokens of a grid without those of padding, and one a row to end it."""
    (height, width), (rows, columns) = sides, grid
    lower, narrower = (
        # As int(round(..., 7)).
        np.round(length * (held / other), 7).astype(np.int64)
        for length, held, other in ((height, columns, width), (width, rows, height))
    )
    is_flat = width / height > columns / rows
    rows = np.where(is_flat, rows - (rows - lower) // 2 * 2, rows)
    columns = np.where(is_flat, columns, columns - (columns - narrower) // 2 * 2)
    tokens = rows * columns
    if rule.most_tiles is None:
        return tokens + rows
    over = np.sqrt(tokens / (rule.most_tiles * side**2))
    rows_left, columns_left = (
        (each // over).astype(np.int64) for each in (rows, columns)
    )
    pooled = over > POOL_FROM
    return np.where(pooled, rows_left * columns_left + rows_left, tokens + rows)


def _longest_side(
    rule: LongestSide, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """models/idefics3, resize, resize_for_vision_encoder and split_images."""
    tile_px, one = rule.tile_px, np.ones_like(height)
    height, width = (
        np.maximum(each + each % 2 * is_shorter, 1)
        for each, is_shorter in _scaled_to(rule.longest_px, height, width)
    )
    height, width = _at_most(MOST_SIDE_PX, height, width)
    ratio, is_flat = width / height, width >= height
    long = -(-np.maximum(height, width) // tile_px) * tile_px
    short = np.where(is_flat, long / ratio, long * ratio).astype(np.int64)
    short = -(-short // tile_px) * tile_px
    rows, columns = (
        np.where(flat, short, long) // tile_px for flat in (is_flat, ~is_flat)
    )
    is_split = rule.splits & (np.maximum(rows, columns) > 1)
    rows, columns = np.where(is_split, rows, 1), np.where(is_split, columns, 1)
    # <row><fake> before a tile, a line's end behind a row; <fake><global>...<fake>.
    marks = rows * (2 * columns + 1) * is_split + 3
    runs = np.where(is_split, rows * columns + 1, one)
    return _tiled(tile_px, rows, columns, runs, profile=profile, separators=marks)


def _shrink(
    rule: Shrink, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """models/pixtral, get_resize_output_image_size; every row ends with a token.

    Where sides are rounded as mistral_common 1.13.1 does (tokens/tokenizers/image.py,
    _image_to_num_tokens).
    """
    ratio = np.maximum(height / rule.longest_px, width / rule.longest_px)
    height, width = (
        np.where(
            ratio > 1,
            np.maximum(np.rint(side / ratio), 1)
            if rule.rounds
            else np.floor(side / ratio),
            side,
        ).astype(np.int64)
        for side in (height, width)
    )
    unit_px = profile.factor_px
    error = np.full(height.shape, "", dtype=object)
    high, wide = (-(-side // unit_px) * unit_px for side in (height, width))
    for index in np.flatnonzero(np.minimum(height, width) < 1):
        error[index] = NO_SIDE.format(int(high[index]), int(wide[index]))
    return _whole(high, wide, profile, separators=high // unit_px, error=error)


def _budget(
    rule: Budget, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """models/kimi_k25, navit_resize; Kimi-VL's remote code where long sides are refused."""
    patch_px, unit_px = profile.patch_px, profile.factor_px
    most_px = rule.side_patches * patch_px
    patches = [np.maximum(side // patch_px, 1) for side in (height, width)]
    scale = np.minimum(np.sqrt(rule.max_patches / (patches[0] * patches[1])), 1.0)
    if not rule.refuses:
        scale = np.minimum(scale, np.minimum(most_px / height, most_px / width))
    high, wide = (
        np.maximum((side * scale).astype(np.int64), 1) for side in (height, width)
    )
    if not rule.refuses:
        high, wide = np.minimum(high, most_px), np.minimum(wide, most_px)
    high, wide = (-(-side // unit_px) * unit_px for side in (high, wide))
    if not rule.refuses:
        return _whole(high, wide, profile)
    too_long = np.maximum(high, wide) >= most_px
    error = np.where(too_long, TOO_LONG, "").astype(object)
    return _whole(high, wide, profile, error=error)


def _slices(
    rule: Slices, height: IntArray, width: IntArray, profile: ModelProfile
) -> Views:
    """models/minicpmv4_6, get_sliced_grid, find_best_resize and get_refine_size.

    So does the code of older checkpoints, to whole patches.
    """
    area = np.ceil(width * height / rule.scale_px**2)
    asked = np.minimum(area, rule.max_slices).astype(np.int64)
    # numpy's logarithm may differ from the processor's in the last bit.
    log_ratio = np.array([math.log(each) for each in (width / height).tolist()])
    rows, columns = np.ones_like(height), np.ones_like(height)
    least = np.full(height.shape, np.inf)
    for down, across in _divisions(rule.max_slices):
        off = np.abs(log_ratio - math.log(across / down))
        closer = (off < least) | ((off == least) & (down > rows))
        closer &= (asked > 1) & (np.abs(down * across - asked) <= 1)
        rows, columns = np.where(closer, down, rows), np.where(closer, across, columns)
        least = np.where(closer, off, least)
    high, wide = (
        np.maximum(np.rint(side / each).astype(np.int64), 1)
        for side, each in ((height, rows), (width, columns))
    )
    whole = _near(rule.scale_px, height, width, profile)
    slices = _near(rule.scale_px, high, wide, profile)
    is_cut = asked > 1
    one_h, one_w = (
        np.where(is_cut, cut, uncut) for cut, uncut in zip(slices, whole, strict=True)
    )
    cut = _whole(one_h, one_w, profile)
    patches = whole[0] * whole[1] // profile.patch_px**2
    return replace(
        cut,
        height_px=one_h * rows,
        width_px=one_w * columns,
        runs=rows * columns,
        rest_patches=np.where(is_cut, patches, 0),
        tokens=(rows * columns + is_cut) * rule.tokens_each
        if rule.tokens_each
        else None,
    )


def _near(
    scale_px: int, height: IntArray, width: IntArray, profile: ModelProfile
) -> Pair:
    """Scale to about a square of that area, to whole merged patches."""
    ratio, unit_px = width / height, profile.factor_px
    high = (scale_px / np.sqrt(ratio)).astype(np.int64)
    wide = (high * ratio).astype(np.int64)
    high, wide = (
        np.maximum(np.rint(side / unit_px).astype(np.int64), 1) * unit_px
        for side in (high, wide)
    )
    return high, wide


def _divisions(most: int) -> Iterator[Grid]:
    """Yield rows and columns of up to so many slices."""
    for slices in range(2, most + 1):
        for down in range(1, slices + 1):
            if slices % down == 0:
                yield down, slices // down


def _scaled_to(
    longest_px: int, height: IntArray, width: IntArray
) -> tuple[tuple[IntArray, BoolArray], ...]:
    """Return sides, the longer as asked, and whether each was the shorter."""
    ratio, is_flat = width / height, width >= height
    most = np.full_like(height, longest_px)
    return (
        (np.where(is_flat, most / ratio, most).astype(np.int64), is_flat),
        (np.where(is_flat, most, most * ratio).astype(np.int64), ~is_flat),
    )


def _at_most(longest_px: int, height: IntArray, width: IntArray) -> Pair:
    over = np.maximum(height, width) > longest_px
    scaled = _scaled_to(longest_px, height, width)
    high, wide = (
        np.where(over, np.maximum(less, 1), side)
        for (less, _), side in zip(scaled, (height, width), strict=True)
    )
    return high, wide


_RULES: dict[type, Callable[..., Views]] = {
    Square: _square,
    PanAndScan: _pan_and_scan,
    ClosestGrid: _closest_grid,
    Pinpoints: _pinpoints,
    LongestSide: _longest_side,
    Shrink: _shrink,
    Budget: _budget,
    Slices: _slices,
}
