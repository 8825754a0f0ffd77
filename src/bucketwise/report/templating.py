"""Templates filled in: escaped throughout, complete or refused."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bucketwise.report.blocks import Drawing
from bucketwise.report.figures.svg import to_svg
from bucketwise.words.text import printable


def fill(name: str, **values: Any) -> str:
    """Fill a template of `report/templates`."""
    return _environment().get_template(name).render(**values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("bucketwise.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(value: Any) -> Any:
    """Return text with what turns or hides other text made visible."""
    return printable(value) if type(value) is str else value


def drawn(drawing: Drawing) -> Markup:
    """Return a figure as an element that templates let through."""
    # to_svg escapes the text it is given and makes the rest itself.
    return Markup(to_svg(drawing))  # noqa: S704
