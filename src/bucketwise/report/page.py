"""The page: a view and its figures placed into one self-contained HTML file."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bucketwise.report.blocks import Drawing, Report
from bucketwise.report.figures import to_svg


def to_html(report: Report) -> str:
    """Place a report into its page.

    Parameters
    ----------
    report : Report
        Finished text and drawings.

    Returns
    -------
    str
        One HTML document that requests nothing.
    """
    environment = Environment(
        loader=PackageLoader("bucketwise.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("report.html.j2")
    return template.render(report=report, svg=_svg)


def _svg(drawing: Drawing) -> Markup:
    # to_svg escapes the text it is given and makes the rest itself.
    return Markup(to_svg(drawing))  # noqa: S704
