"""Figures as files of their own, for slides and tickets."""

from __future__ import annotations

import io
from collections.abc import Callable

from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.palette import CARD
from bucketwise.report.figures.paper import Paper, styled
from bucketwise.report.figures.svg import NO_METADATA

PNG_DPI = 200
"""Sharp over the width of a slide: about 1,500 pixels."""


def to_picture(drawing: Drawing, form: str, reword: Callable[[str], str]) -> bytes:
    """Draw one figure under its title, on white, every text of it reworded.

    Equal drawings give equal bytes.
    """
    picture = io.BytesIO()
    with styled(drawing.id, outlined=True):
        paper = Paper()
        drawing.plot.draw(paper)
        paper.fit()
        paper.title(drawing.title)
        paper.reword(reword)
        paper.figure.savefig(
            picture,
            format=form,
            dpi=PNG_DPI,
            facecolor=CARD,
            bbox_inches="tight",
            metadata={"Software": None} if form == "png" else NO_METADATA,
        )
    return picture.getvalue()
