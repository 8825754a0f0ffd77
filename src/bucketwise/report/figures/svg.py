"""Figures as SVG: drawn, made fit to stand inside a page, and short."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterator

from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.palette import VARIABLES
from bucketwise.report.figures.paper import Paper, styled

FONT_STACK = "'DejaVu Sans', Arial, Helvetica, sans-serif"
"""Fonts a reader may have; none is wider than the one labels were laid out with."""

DECIMALS = 2
"""Of coordinates in points: a hundredth of one is not seen."""

# matplotlib escapes < and > in text and in attributes, so this finds tags alone.
_TAG = re.compile(r"<[^>]+>")
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_REFERENCE = re.compile(r'(?:url\(#|href="#)([^)"]+)')


NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))


def to_svg(drawing: Drawing) -> str:
    """Draw one figure as an SVG element to stand inside a page.

    Equal drawings give equal bytes in every process; `drawing.id` keeps the ids inside
    the figure apart from those of others.
    """
    text = io.StringIO()
    with styled(drawing.id):
        paper = Paper()
        drawing.plot.draw(paper)
        paper.fit()
        paper.figure.savefig(text, format="svg", metadata=NO_METADATA)
        told = "\n".join(_told(paper))
    body = _inline(text.getvalue(), drawing)
    said = f'<g fill="none" pointer-events="all">\n{told}\n</g>\n' if told else ""
    return body.replace("</svg>", f"{said}</svg>")


def _told(paper: Paper) -> Iterator[str]:
    """Return what is said where the mouse is, each as a place that nobody sees."""
    high = paper.figure.bbox.height
    for box, text in paper.told():
        sides = (box.x0, high - box.y1, box.width, box.height)
        x, y, width, height = (_number(str(side)) for side in sides)
        yield (
            f'<rect class="told" x="{x}" y="{y}" width="{width}" height="{height}">'
            f"<title>{html.escape(text)}</title></rect>"
        )


def _inline(text: str, drawing: Drawing) -> str:
    body = text[text.index("<svg") :]
    # matplotlib's style rule is written for a file of its own and would reach the page.
    body = re.sub(r"\s*<style\b.*?</style>", "", body, flags=re.DOTALL)
    head, inside = body.split(">", 1)
    box = re.search(r'viewBox="[^"]*"', head)
    attributes = " ".join(
        (
            'xmlns="http://www.w3.org/2000/svg"',
            'xmlns:xlink="http://www.w3.org/1999/xlink"',
            box.group() if box else "",
            f'font-family="{FONT_STACK}"',
            f'role="img" aria-labelledby="{drawing.id}-title {drawing.id}-desc"',
        )
    )
    title = f'<title id="{drawing.id}-title">{html.escape(drawing.title)}</title>'
    said = html.escape(drawing.description)
    desc = f'<desc id="{drawing.id}-desc">{said}</desc>'
    return f"<svg {attributes}>\n{title}\n{desc}{_shortened(inside, drawing.id)}\n"


def _shortened(inside: str, figure_id: str) -> str:
    used = {
        name
        for tag in _TAG.findall(inside)
        if "#" in tag
        for name in _REFERENCE.findall(tag)
    }
    body = _TAG.sub(_tag_writer(used, figure_id), inside)
    body = re.sub(r">\s+<", ">\n<", body.strip())
    return "\n" + re.sub(r"<defs>\s*</defs>\s*", "", body)


def _tag_writer(used: set[str], figure_id: str) -> Callable[[re.Match[str]], str]:
    """Return what rewrites one tag; ids that nothing refers to are dropped."""

    def written(found: re.Match[str]) -> str:
        tag = found.group()
        # What follows M without a letter is L.
        tag = re.sub(r' d="M[^"CQ]*"', lambda each: each[0].replace("\nL", ""), tag)
        tag = re.sub(r' style="([^"]*)"', _style, tag)
        tag = re.sub(
            r' id="([^"]*)"',
            lambda each: f' id="{figure_id}-{each[1]}"' if each[1] in used else "",
            tag,
        )
        tag = re.sub(r'(url\(#|href="#)', rf"\g<1>{figure_id}-", tag)
        tag = re.sub(r' transform="rotate\(-0 [^"]*"', "", tag)
        return _NUMBER.sub(lambda each: _number(each.group()), tag)

    return written


def _style(found: re.Match[str]) -> str:
    """Return a style with variables for colours and no font, which the root names."""
    entries = (entry.strip() for entry in found[1].split(";"))
    kept = (entry for entry in entries if not entry.startswith("font-family"))
    text = ";".join(entry.replace(": ", ":") for entry in kept)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var({variable},{colour})")
    return f' style="{text}"'


def _number(text: str) -> str:
    rounded = f"{float(text):.{DECIMALS}f}"
    whole = rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
    return "0" if whole in {"-0", ""} else whole
