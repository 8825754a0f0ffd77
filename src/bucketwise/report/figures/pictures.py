"""Figures as files of their own, for slides and tickets."""

from __future__ import annotations

import io
from collections.abc import Sequence

from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.palette import CARD
from bucketwise.report.figures.paper import Paper, styled
from bucketwise.report.figures.svg import NO_METADATA
from bucketwise.words.text import worded

PNG_DPI = 200
"""Sharp over the width of a slide: about 1,500 pixels."""


def to_picture(
    drawing: Drawing,
    form: str,
    family: str,
    words: Sequence[tuple[str, str]] = (),
    unit: str = "",
) -> bytes:
    """Draw one figure under its title, on white, in the words of family, engine and cost.

    Equal drawings give equal bytes.
    """
    picture = io.BytesIO()
    with styled(drawing.id, outlined=True):
        paper = Paper()
        drawing.plot.draw(paper)
        paper.fit()
        paper.title(drawing.title)
        paper.reword(lambda text: worded(text, family, words, unit))
        paper.figure.savefig(
            picture,
            format=form,
            dpi=PNG_DPI,
            facecolor=CARD,
            bbox_inches="tight",
            metadata={"Software": None} if form == "png" else NO_METADATA,
        )
    return picture.getvalue()
