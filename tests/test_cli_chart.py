"""The bars under the decision: true to the numbers, inside the terminal, piped never."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bucketwise.cli.chart import (
    ASCII_GLYPHS,
    GLYPHS,
    LEAST_BAR,
    MOST_BARS,
    chart_lines,
)
from bucketwise.core.plan import BucketUse

SAMPLES = Path(__file__).parent.parent / "sample_traffic"


def use_of(vit_patches: int, useful: float, padded: float) -> BucketUse:
    return BucketUse(
        vit_patches=vit_patches,
        merged_patches=vit_patches // 4,
        largest_square=0,
        runs=1.0,
        share=0.5,
        useful_compute=useful,
        padded_compute=padded,
        waste=1 - useful / padded if padded else 0.0,
        mask_bytes=0,
        pinned=False,
    )


@st.composite
def bucket_uses(draw: st.DrawFn) -> list[BucketUse]:
    lengths = draw(
        st.lists(st.integers(1, 1_000_000), min_size=1, max_size=MOST_BARS, unique=True)
    )
    uses = []
    for length in sorted(lengths):
        padded = draw(st.floats(0, 1e18))
        useful = padded * draw(st.floats(0, 1))
        uses.append(use_of(length, useful, padded))
    uses.append(use_of(2_000_000, 1e9, 2e9))
    return uses[-MOST_BARS:]


def bars_of(lines: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the cells of useful compute and of padding in each row."""
    rows = [line for line in lines if "useful" not in line]
    return [(row.count(GLYPHS[0]), row.count(GLYPHS[1])) for row in rows]


@given(uses=bucket_uses(), width=st.integers(0, 250))
def test_no_line_is_wider_than_the_terminal(uses: list[BucketUse], width: int) -> None:
    lines = chart_lines(uses, width)
    assert all(len(line) <= width for line in lines)
    assert width < LEAST_BAR + 10 or lines


@given(uses=bucket_uses(), width=st.integers(40, 250))
def test_bars_are_true_to_the_compute(uses: list[BucketUse], width: int) -> None:
    bars = bars_of(chart_lines(uses, width))
    assert len(bars) == len(uses)
    cells = [useful + padding for useful, padding in bars]
    largest = max(use.padded_compute for use in uses)
    room = max(cells)
    assert room >= LEAST_BAR
    for (useful, _), n_cells, use in zip(bars, cells, uses, strict=True):
        exact = use.padded_compute / largest * room
        assert abs(n_cells - exact) <= 1
        assert (n_cells > 0) == (use.padded_compute > 0)
        assert abs(useful - use.useful_compute / largest * room) <= 1


@given(uses=bucket_uses(), width=st.integers(40, 250))
def test_an_encoding_without_blocks_has_a_chart_too(
    uses: list[BucketUse], width: int
) -> None:
    lines = chart_lines(uses, width, glyphs=ASCII_GLYPHS)
    assert "\n".join(lines).isascii()
    assert len(lines) == len(chart_lines(uses, width))


def test_what_stands_beside_the_bars_gives_way_to_them() -> None:
    uses = [use_of(1_800, 4.0, 10.0), use_of(16_320, 16.0, 20.0)]
    assert chart_lines(uses, 80)[-1].endswith("20.0% padding, 50.0% of runs")
    assert chart_lines(uses, 40)[-1].endswith("20.0% padding")
    assert chart_lines(uses, 28) == (
        " 1,800 ███░░░░         60.0%",
        "16,320 ███████████░░░  20.0%",
    )
    assert chart_lines(uses, 12) == ()
    assert chart_lines(uses * MOST_BARS, 80) == ()


def analyzed(cwd: Path, stdout: int, **env: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "bucketwise", "analyze", "-", "--format", "none"],
        cwd=cwd,
        input=b"width,height\n640,480\n1280,720\n1920,1080\n",
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **env},
        check=True,
    )


def test_a_terminal_shows_the_chart_and_a_pipe_does_not(tmp_path: Path) -> None:
    main, terminal = pty.openpty()
    with os.fdopen(main, "rb") as screen:
        analyzed(tmp_path, terminal, COLUMNS="60", PYTHONIOENCODING="utf-8")
        os.close(terminal)
        shown = os.read(screen.fileno(), 100_000).decode()
    chart = [line for line in shown.splitlines() if GLYPHS[0] in line]
    assert len(chart) >= 3
    assert max(map(len, chart)) <= 60
    assert "\x1b" not in shown
    piped = tmp_path / "out"
    with piped.open("wb") as stream:
        analyzed(tmp_path, stream.fileno(), COLUMNS="60")
    assert GLYPHS[0] not in piped.read_text(encoding="utf-8")


def test_an_ascii_terminal_is_given_what_it_can_show(tmp_path: Path) -> None:
    main, terminal = pty.openpty()
    with os.fdopen(main, "rb") as screen:
        analyzed(tmp_path, terminal, COLUMNS="60", PYTHONIOENCODING="ascii")
        os.close(terminal)
        shown = os.read(screen.fileno(), 100_000)
    assert b"# useful, . padding" in shown
    assert shown.isascii()
