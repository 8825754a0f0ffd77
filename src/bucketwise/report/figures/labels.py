"""The figure of the mix of buckets by label."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.nouns.traffic import FloatArray
from bucketwise.report.blocks import Drawing, Table
from bucketwise.report.figures.mix import HARDLY, mix_of, shares_of
from bucketwise.report.figures.rows import Rows
from bucketwise.report.plan_queries import noun_of
from bucketwise.words.numbers import number, percent, plural, plural_of
from bucketwise.words.text import one_line

MOST_BARS = 8
MOST_ROWS = 20

NAME_WIDTH = 48
"""Room for the name of a bar, in letters."""

NONE = "(no label)"


def labels_drawing(analysis: Analysis) -> Drawing:
    """Return which buckets the runs of the most frequent labels need."""
    traffic, mix = analysis.traffic, mix_of(analysis)
    every, cell = (NONE, *traffic.labels), traffic.label + 1
    counted = np.bincount(cell, traffic.count, minlength=len(every)).astype(np.float64)
    order = np.argsort(-counted, kind="stable")
    order = order[counted[order] > 0]
    # From here on the most frequent label is the first.
    names, images = [every[at] for at in order.tolist()], counted[order]
    runs = mix.table(cell, len(every))[order]
    shown = np.vstack([runs.sum(axis=0), runs[:MOST_BARS]])
    part = shown.sum(axis=1) / runs.sum()
    bars = ("all", *map(short, names[:MOST_BARS]))
    apart = _furthest_words(bars, shares_of(shown), mix.names)
    more = len(names) - len(bars) + 1
    return Drawing(
        id="figure-labels",
        title="Mix of buckets by label",
        description=(
            f"One bar for all traffic and one for each of "
            f"{plural(len(bars) - 1, 'label')}, cut by bucket. {apart}"
        ),
        caption=(
            f"Which buckets the runs of each label need, and its share of all runs. {apart}"
            + (f" {plural(more, 'further label')} not drawn." if more else "")
        ),
        plot=Rows(
            names=tuple(
                f"{name}, {percent(each)} of runs"
                for name, each in zip(bars, part.tolist(), strict=True)
            ),
            series=mix.names,
            parts=shares_of(shown).T,
            x_label="share of runs",
            title="bucket:",
            form="percent",
        ),
        table=_table(names, images, shares_of(runs), noun_of(analysis), mix.names),
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
    bars: Sequence[str], shares: FloatArray, buckets: Sequence[str]
) -> str:
    """Say which label drawn differs most from all traffic, which is first, and where."""
    usual, others = shares[0], shares[1:]
    if len(others) == 1 or len(buckets) == 1:
        return "There is nothing to tell apart."
    apart = np.abs(others - usual)
    row, bucket = divmod(int(apart.argmax()), len(buckets))
    opening = "The labels hardly differ. " if apart.max() < HARDLY else ""
    return (
        f"{opening}Furthest from all traffic is {bars[1 + row]}: "
        f"{percent(float(others[row, bucket]))} of its runs need {buckets[bucket]}, "
        f"against {percent(float(usual[bucket]))} of all."
    )


def _table(
    names: Sequence[str],
    images: FloatArray,
    shares: FloatArray,
    noun: str,
    buckets: Sequence[str],
) -> Table:
    caption = (
        f"{plural_of(noun).capitalize()} by label, and the share of its runs by bucket"
    )
    if len(names) > MOST_ROWS:
        caption += f": the {MOST_ROWS} most frequent of {len(names):,}"
    return Table.of_numbers(
        caption,
        ("Label", plural_of(noun).capitalize(), "Share", *buckets),
        (
            (name, number(count), percent(count / images.sum()), *map(percent, parts))
            for name, count, parts in zip(
                names[:MOST_ROWS], images.tolist(), shares.tolist(), strict=False
            )
        ),
    )
