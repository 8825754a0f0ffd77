"""The buckets as bars of text, under the decision on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from bucketwise.core.plan import UseLike
from bucketwise.words.numbers import percent

GLYPHS = "█░"
ASCII_GLYPHS = "#."
"""Useful compute, then padding: told apart by their shape, whatever the colours."""

LEAST_BAR = 10
MOST_BARS = 12
MOST_WIDTH = 100


def chart_lines(
    buckets: Sequence[UseLike],
    width: int,
    *,
    glyphs: str = GLYPHS,
    noun: str = "ViT compute by bucket",
    of: str = "runs",
) -> tuple[str, ...]:
    """Return one bar a bucket: useful compute, then padding."""
    if len(buckets) > MOST_BARS:
        return ()
    largest = max(use.padded_compute for use in buckets)
    names = _right([f"{use.length:,}" for use in buckets])
    waste = _right([percent(use.waste) for use in buckets])
    share = _right([percent(use.share) for use in buckets])
    notes = (
        [f"  {a} padding, {b} of {of}" for a, b in zip(waste, share, strict=True)],
        [f"  {each} padding" for each in waste],
        [f"  {each}" for each in waste],
        [""] * len(buckets),
    )
    width = min(width, MOST_WIDTH)
    for beside in notes:
        room = width - len(names[0]) - 1 - len(beside[0])
        if room >= LEAST_BAR:
            bars = [_bar(use, largest, room, glyphs) for use in buckets]
            rows = zip(names, bars, beside, strict=True)
            heading = f"{noun}: {glyphs[0]} useful, {glyphs[1]} padding"
            return (
                *([heading] if len(heading) <= width else []),
                *(f"{name} {bar:<{room}}{note}".rstrip() for name, bar, note in rows),
            )
    return ()


def _bar(use: UseLike, largest: float, room: int, glyphs: str) -> str:
    """Return a bar, `room` long for the largest bucket, a cell for the least one."""
    per_cell = largest / room
    cells = max(round(use.padded_compute / per_cell), 1) if use.padded_compute else 0
    useful = min(round(use.useful_compute / per_cell), cells)
    return glyphs[0] * useful + glyphs[1] * (cells - useful)


def _right(texts: Sequence[str]) -> list[str]:
    width = max(map(len, texts))
    return [text.rjust(width) for text in texts]
