"""Where the bytes of an image stand in a request, and what their header says."""

from __future__ import annotations

import io
from dataclasses import dataclass

from bucketwise.reasons import NOT_AN_IMAGE, UNREADABLE, UNSIZED
from bucketwise.sources.images.header import Header
from bucketwise.sources.images.read import WINDOW_BYTES, read_header
from bucketwise.sources.requests.base64_text import Base64File

_LONGEST_MEDIA_TYPE = 1_024
_LONGEST_SCHEME = 64
_LONGEST_PATH = 4_096
_SHORTEST_IMAGE = 48
"""Characters; the smallest GIF there can be needs more."""

_REDACTED = "<[({"
"""How words that stand for an image begin, and no base64 does."""


@dataclass(frozen=True, slots=True)
class Payload:
    """Base64 within a text, from `start` on."""

    text: str
    start: int = 0
    told: Header | None = None
    """What stands beside it, for where it cannot be read."""


Source = Payload | Header | str
"""Where an image stands, what is told of one that is not there, or why it is unsized."""


def locate(reference: str) -> Source:
    """Return where an image stands that is named in one text.

    Nothing is fetched or opened: an address, a path or an identifier leaves the image
    unsized, and so does a text that was left out of the log.

    Parameters
    ----------
    reference : str
        A data: URL (RFC 2397), an address, a path, an identifier or bare base64.
    """
    if reference[:5].casefold() == "data:":
        return _in_data_url(reference)
    if len(reference) < _SHORTEST_IMAGE or "://" in reference[:_LONGEST_SCHEME]:
        return UNSIZED
    # Base64 has no dot; paths and redactions do.
    if len(reference) <= _LONGEST_PATH and "." in reference:
        return UNSIZED
    return in_base64(reference)


def in_base64(text: str, start: int = 0) -> Source:
    """Return what stands in the place of base64: an image, or that it was left out.

    Parameters
    ----------
    text : str
        Base64 from `start` on, or a few words such as `<redacted>`.
    start : int
        Where it begins.
    """
    short = len(text) - start < _SHORTEST_IMAGE
    cut = short and any(dots in text[start:] for dots in ("...", "\u2026"))
    left_out = cut or text[start : start + 1] in _REDACTED
    return UNSIZED if left_out else Payload(text, start)


def measure(source: Source) -> Header | str:
    """Return the header of an image, or why there is none.

    Parameters
    ----------
    source : Payload, Header or str
        Its place; what is known already is handed on.
    """
    if not isinstance(source, Payload):
        return source
    decoded = Base64File(source.text, source.start)
    found = read_header(io.BufferedReader(decoded, WINDOW_BYTES))
    if isinstance(found, str):
        return source.told or (UNREADABLE if decoded.damaged else found)
    return found


def _in_data_url(url: str) -> Source:
    comma = url.find(",", 5, 5 + _LONGEST_MEDIA_TYPE)
    if comma < 0:
        return UNREADABLE
    media_type, *parameters = url[5:comma].casefold().split(";")
    if media_type.strip().startswith("video/"):
        return UNSIZED
    if not parameters or parameters[-1].strip() != "base64":
        # Text such as SVG; no processor takes it for pixels.
        return NOT_AN_IMAGE
    return in_base64(url, comma + 1)
