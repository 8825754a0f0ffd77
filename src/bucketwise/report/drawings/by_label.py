"""The drawing of the mix of buckets by label."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.blocks import Column, Drawing, Row, Table
from bucketwise.report.drawings.lengths import share_axis
from bucketwise.report.drawings.mix import mix_of, shares_of
from bucketwise.report.plots import SharesPlot
from bucketwise.report.reading import noun_of
from bucketwise.words.numbers import number, percent, plural, plural_of
from bucketwise.words.text import one_line

MOST_BARS = 8
MOST_ROWS = 20

NAME_WIDTH = 48
"""Room for the name of a bar, in letters."""

HARDLY = 0.05
"""A share that is off by less is said to hardly differ."""

NONE = "(no label)"


def labels_drawing(analysis: Analysis) -> Drawing:
    """Return which buckets the runs of the most frequent labels need."""
    traffic, mix = analysis.traffic, mix_of(analysis)
    names = (NONE, *traffic.labels)
    runs = mix.table(traffic.label + 1, len(names))
    images = np.bincount(traffic.label + 1, traffic.count, minlength=len(names)).astype(
        np.float64
    )
    order = np.argsort(-images, kind="stable")
    order = order[images[order] > 0]
    kept = order[:MOST_BARS]
    total = runs.sum()
    everything = runs.sum(axis=0, keepdims=True)
    shown = np.vstack([everything, runs[kept]])
    part = shown.sum(axis=1) / total
    shown_names = ["all", *(short(names[index]) for index in kept.tolist())]
    noun = plural_of(noun_of(analysis))
    apart = _furthest_words(names, runs, kept.tolist(), mix.names)
    more = order.size - kept.size
    return Drawing(
        id="figure-labels",
        title="Mix of buckets by label",
        description=(
            f"One bar for all traffic and one for each of {plural(kept.size, 'label')}, "
            f"cut by bucket. {apart}"
        ),
        caption=(
            "Which buckets the runs of each label need, and its share of all runs. "
            f"{apart}"
            + (f" {plural(more, 'further label')} not drawn." if more else "")
        ),
        plot=SharesPlot(
            rows=tuple(
                f"{name}, {percent(float(each))} of runs"
                for name, each in zip(shown_names, part, strict=True)
            ),
            series=mix.names,
            shares=tuple(tuple(series) for series in shares_of(shown).T.tolist()),
            x=share_axis("share of runs", 1.0),
        ),
        table=_table(names, images, runs, order.tolist(), noun, mix.names),
    )


def short(name: str) -> str:
    """Return a name cut to the room of a bar's; wide letters count twice."""
    shown, width = "", 0
    for letter in one_line(name):
        width += 2 if unicodedata.east_asian_width(letter) in {"F", "W"} else 1
        if width > NAME_WIDTH:
            return f"{shown}…"
        shown += letter
    return shown


def _furthest_words(
    names: Sequence[str], runs: FloatArray, kept: list[int], buckets: tuple[str, ...]
) -> str:
    """Say which label drawn differs most from all traffic, and where."""
    if len(kept) == 1 or len(buckets) == 1:
        return "There is nothing to tell apart."
    usual = runs.sum(axis=0) / runs.sum()
    apart = shares_of(runs)[kept] - usual
    row, bucket = np.unravel_index(int(np.abs(apart).argmax()), apart.shape)
    own = float(usual[bucket] + apart[row, bucket])
    opening = "The labels hardly differ. " if abs(apart[row, bucket]) < HARDLY else ""
    return (
        f"{opening}Furthest from all traffic is {short(names[kept[int(row)]])}: "
        f"{percent(own)} of its runs need {buckets[int(bucket)]}, against "
        f"{percent(float(usual[bucket]))} of all."
    )


def _table(
    names: Sequence[str],
    images: FloatArray,
    runs: FloatArray,
    order: list[int],
    noun: str,
    buckets: tuple[str, ...],
) -> Table:
    listed, total = order[:MOST_ROWS], float(images.sum())
    shares = shares_of(runs)
    caption = f"{noun.capitalize()} by label, and the share of its runs by bucket"
    if len(listed) < len(order):
        caption += f": the {MOST_ROWS} most frequent of {len(order):,}"
    return Table(
        caption=caption,
        head=(
            Column(text="Label"),
            Column(text=noun.capitalize(), style="number"),
            Column(text="Share", style="number"),
            *(Column(text=name, style="number") for name in buckets),
        ),
        rows=tuple(
            Row(
                cells=(
                    names[index],
                    number(float(images[index])),
                    percent(float(images[index]) / total),
                    *(percent(share) for share in shares[index].tolist()),
                )
            )
            for index in listed
        ),
    )
