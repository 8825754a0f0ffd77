"""Where in the plane of width and height each bucket is full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bucketwise.core.analysis import Analysis
from bucketwise.report.plots import Axis, Contour

NEAR_LIMIT = 0.95
"""Share of max_pixels from which a bucket is as good as the limit itself."""

LABEL_SPACE = (0.08, 0.05)
"""Share of the axes' width and height that a line's label takes."""


def contours_of(analysis: Analysis, x: Axis, y: Axis) -> tuple[Contour, ...]:
    """Return where width times height fills each bucket; none for windowed models.

    Buckets at the upper limit have no such line: what is larger is shrunk into them.
    """
    model = analysis.plan.model
    if model.window_patches or not (analysis.counts.sizes.frames == 0).any():
        return ()
    lines: list[Contour] = []
    for length in analysis.plan.visual.vit_max_seq_lens:
        area = length * model.patch_size**2
        low, high = max(x.low, area / y.high), min(x.high, area / max(y.low, 1.0))
        if low >= high or area > NEAR_LIMIT * model.max_pixels:
            continue
        along = np.geomspace(low, high, 60)
        line = Contour(
            label=f"{length:,}",
            x=tuple(along.tolist()),
            y=tuple((area / along).tolist()),
        )
        if lines and _close(lines[-1], line, x, y):
            line = replace(line, label=f"{lines[-1].label} · {line.label}")
            lines[-1] = replace(lines[-1], label="")
        lines.append(line)
    return tuple(lines)


def _close(first: Contour, second: Contour, x: Axis, y: Axis) -> bool:
    """Return whether the labels at the ends of two lines would touch."""
    apart = (
        abs(x.fraction(first.x[-1]) - x.fraction(second.x[-1])) / LABEL_SPACE[0],
        abs(y.fraction(first.y[-1]) - y.fraction(second.y[-1])) / LABEL_SPACE[1],
    )
    return max(apart) < 1
