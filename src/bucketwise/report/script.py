"""The one script of a page, and the policy that lets no other run."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

EVERY_PAGE = ("page.js",)
PANEL = ("arithmetic.js", "fit.js", "words.js", "files.js", "chart.js", "panel.js")
"""Files of `report/scripts`, in order: each uses what stands before it."""

EXPOSED = (
    "demandUnder",
    "price",
    "priceOnBoth",
    "fitted",
    "bestLengths",
    "bestAddition",
    "largestSquare",
    "squareUnder",
    "priceDecoder",
    "filled",
    "number",
    "percent",
    "compute",
    "memory",
    "change",
    "significant",
)
"""What may be called from the browser's console, as `bucketwise.price(...)`."""


def page_script(*, panel: bool) -> str:
    """Return the script of a page: all its parts in a scope of their own."""
    folder = resources.files("bucketwise.report") / "scripts"
    names = (*EVERY_PAGE, *(PANEL if panel else ()))
    parts = [(folder / name).read_text(encoding="utf-8") for name in names]
    starts = ["startCopying();", "startTabs();"]
    if panel:
        starts += [f"window.bucketwise = {{ {', '.join(EXPOSED)} }};", "startPanel();"]
    return "\n".join(("(() => {", '"use strict";', *parts, *starts, "})();", ""))


def policy_hash(script: str) -> str:
    """Return a script as a content security policy names it."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
