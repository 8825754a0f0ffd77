"""Which release a text is for, where it says so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from bucketwise.engines.rbln.releases import Version, parse_version
from bucketwise.read.configs.documents.text import Text

_VERSION = r"(\d{1,4}(?:\.\d{1,4})+(?:\.post\d{1,4})?)"
_PIN = re.compile(rf"(?:optimum|vllm)[-_]rbln(?:\[[\w,-]*\])?\s*==\s*{_VERSION}")
_IMAGE = re.compile(rf"(?:optimum|vllm)[-_]rbln:(?:\$\{{\w+:?-)?v?{_VERSION}\b")
_NAME = re.compile(rf"(?:optimum(?:-rbln)?|vllm-rbln)-{_VERSION}")


class Release(NamedTuple):
    """The release a text says it is for.

    Attributes
    ----------
    version : tuple of int or None
        None where it says none, or several.
    source : str
        Where it says so, in words; "" for none.
    """

    version: Version | None
    source: str


def stated_release(text: Text) -> Release:
    """Return the release a text says it is for.

    Parameters
    ----------
    text : Text
        What was read.

    Returns
    -------
    Release
        That of an exact requirement such as optimum-rbln==0.12.0, else of an image such
        as vllm-rbln:0.12.0, else that in a name as bucketwise gives its folders.
    """
    folder = Path(text.path).absolute().parent.name if text.path else ""
    places = (
        (_PIN, text.content, f"a requirement in {text.name}"),
        (_IMAGE, text.content, f"an image in {text.name}"),
        (_NAME, text.name, "its name"),
        (_NAME, folder, "the name of its folder"),
        (_NAME, text.content, f"a file name in {text.name}"),
    )
    for pattern, where, source in places:
        found = {parse_version(version) for version in pattern.findall(where)}
        if found:
            return (
                Release(found.pop(), source) if len(found) == 1 else Release(None, "")
            )
    return Release(None, "")
