"""The real ViT code picks the bucket that bucketwise says, for recorded sizes and edges."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.families import BUCKETS, FAMILIES
from tests.conformance.sdk import RELEASE, transformers
from tests.conformance.towers import Grid, load_tower, picked

SERVED = [name for name, family in FAMILIES.items() if family.served_by(RELEASE)]
PATCHES_A_CALL = 40_000


@pytest.fixture(scope="module", params=SERVED)
def family(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def tower(
    family: str, checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp(f"tower-{family}")
    return load_tower(family, checkpoints[family], folder, BUCKETS)


@pytest.fixture(scope="module")
def said(
    family: str, lengths: dict[str, list[dict[str, Any]]]
) -> dict[Grid, tuple[int, int | None]]:
    """Grid -> the length it needs and its bucket, as bucketwise says."""
    return {
        (row["grid"][0], row["grid"][1], row["grid"][2]): (
            row["needed"][RELEASE.dialect],
            row["bucket"][RELEASE.dialect],
        )
        for row in lengths[family]
    }


def test_each_image_runs_in_the_bucket_bucketwise_says(
    tower: Any, said: dict[Grid, tuple[int, int | None]]
) -> None:
    served = {grid: bucket for grid, (_, bucket) in said.items() if bucket is not None}
    assert len(served) > 150
    if RELEASE.version != RELEASE.dialect:
        # The release a dialect is named after has been asked about every one.
        served = dict(list(served.items())[::5])
    for grids in together(served):
        expected = [served[grid] for grid in grids for _ in range(grid[0])]
        assert picked(tower, grids) == expected, grids


def test_what_fits_no_bucket_raises_and_names_the_needed_length(
    tower: Any, said: dict[Grid, tuple[int, int | None]]
) -> None:
    over = {grid: needed for grid, (needed, bucket) in said.items() if bucket is None}
    assert over
    key = "max_seq_lens" if RELEASE.parsed < (0, 10, 4) else "max_seq_len"
    for grid, needed in list(over.items())[:8]:
        with pytest.raises(ValueError, match="larger than available") as raised:
            picked(tower, [grid])
        assert f"Required seq_len({needed})" in str(raised.value)
        assert f"available {key}({list(BUCKETS)})" in str(raised.value)


def test_the_processor_makes_the_patches_bucketwise_says(
    family: str,
    checkpoints: dict[str, Path],
    lengths: dict[str, list[dict[str, Any]]],
) -> None:
    images = transformers.AutoImageProcessor.from_pretrained(str(checkpoints[family]))
    low, high = FAMILIES[family].limits
    limits = {
        "min_pixels": low,
        "max_pixels": high,
        "size": {"shortest_edge": low, "longest_edge": high},
    }
    recorded = [row for row in lengths[family] if row["height"] is not None]
    assert len(recorded) > 400
    for row in recorded:
        _, height, width = row["grid"]
        patches = images.get_number_of_image_patches(
            row["height"], row["width"], limits
        )
        assert patches == height * width, row


@pytest.mark.parametrize("bucket", BUCKETS)
def test_a_bucket_is_full_to_its_last_patch(
    tower: Any, said: dict[Grid, tuple[int, int | None]], bucket: int
) -> None:
    full = [grid for grid, (needed, _) in said.items() if needed == bucket]
    assert full
    for grid in full:
        assert picked(tower, [grid]) == [bucket] * grid[0]


def together(grids: dict[Grid, int]) -> Iterator[list[Grid]]:
    """Yield the grids in groups that one call takes, as a request of many images does."""
    group: list[Grid] = []
    patches = 0
    for grid in grids:
        size = grid[0] * grid[1] * grid[2]
        if group and patches + size > PATCHES_A_CALL:
            yield group
            group, patches = [], 0
        group.append(grid)
        patches += size
    yield group
