"""Where the bytes of an image stand in a request, and what their header says."""

from __future__ import annotations

import io
import os
import re
from binascii import a2b_base64
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from bucketwise.read.images.header import Header
from bucketwise.read.images.read import WINDOW_BYTES, read_header, starts_as_image
from bucketwise.words.reject_reasons import NOT_AN_IMAGE, UNREADABLE

_UNTIDY = "\n\r %\t\f"
_WHITESPACE = b"\n\r \t\f"
_URL_SAFE_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_STANDARD = re.compile(rb"[A-Za-z0-9+/]*")

REFERRED = "named by an address, a path or an id"
LEFT_OUT = "left out, cut or moved elsewhere by the logger"
BESIDE = "kept in files of their own, of which a table has the paths"
MOVED = "or more in bodies that the logger moved to S3"
CLIP = "given as video, of whose frames no request tells"
ABSENT = {
    REFERRED: ": unsized; give these images too, as a folder or tar",
    LEFT_OUT: ": unsized; have it keep width and height beside them, or their first 72 kB",
    BESIDE: ": unsized; give these files too, as a folder",
    MOVED: ": unsized; give these objects instead of the log",
    CLIP: ": unsized; give a table of their width, height, frames and fps",
}
"""Why an image that a request shows stands not in its log, and what to do about it."""
_LONGEST_MEDIA_TYPE = 1_024
_SHORTEST_IMAGE = 48
"""Characters; the smallest GIF there can be needs more."""
_MAGIC_BYTES = 24
_LOOKED_AT = 16_384
"""Characters in which words are sought that stand for the rest of an image."""
_WORDS = re.compile(
    r"[<\[({@]|\.\.|\u2026|truncat|redact|remov|omit|strip|mask", re.IGNORECASE
)
"""What loggers write where they leave out or cut an image, and base64 does not hold."""
_OF_ADDRESSES = frozenset("/\\._-")
_LONGEST_ADDRESS = 4_096


class Base64File(io.RawIOBase):
    """The bytes that base64 text stands for, read-only and seekable.

    Both alphabets of RFC 4648 are read (sections 4 and 5), with or without padding.
    Whitespace and percent-encoding (RFC 2397, 3986) within are undone, which copies
    the text; else nothing is decoded or copied but the quads that are read.

    `damaged` says whether something that is no base64 was met, where the bytes end, and
    `ended` whether more was asked for than there is.
    """

    def __init__(self, text: str, start: int = 0) -> None:
        self.damaged = self.ended = False
        self._text: str | bytes = text
        self._start = self._tidy_to = start
        self._end = _without_padding(text, start)
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; what lies between is not decoded."""
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            self._tidy(self._end)
            offset += (self._end - self._start) * 3 // 4
        if offset < 0:
            raise OSError("negative seek")
        self._position = offset
        return offset

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as there are bytes."""
        first, skipped = divmod(self._position, 3)
        last = -(-(self._position + len(buffer)) // 3)
        found = self._decode(4 * first, 4 * last)[skipped : skipped + len(buffer)]
        self.ended |= len(found) < len(buffer)
        buffer[: len(found)] = found
        self._position += len(found)
        return len(found)

    def _decode(self, first: int, last: int) -> bytes:
        """Decode characters, counted from the start without the untidy ones."""
        self._tidy(min(self._start + last, self._end))
        piece = self._text[self._start + first : min(self._start + last, self._end)]
        raw = piece.encode("ascii", "replace") if isinstance(piece, str) else piece
        characters = raw.translate(_URL_SAFE_TO_STANDARD)
        if len(characters) % 4 == 0:
            try:
                return a2b_base64(characters, strict_mode=True)
            except ValueError:
                pass
        good = _STANDARD.match(characters)[0]  # type: ignore[index]  # matches nothing, too
        ending = len(good) % 4
        # One character alone holds six bits and no byte.
        self.damaged |= len(good) < len(characters) or ending == 1
        return a2b_base64(good[:-1] if ending == 1 else good + b"=" * (-ending % 4))

    def _tidy(self, end: int) -> None:
        """Take care that up to there each character stands for six bits."""
        begin, self._tidy_to = self._tidy_to, max(self._tidy_to, end)
        text = self._text
        if isinstance(text, bytes):
            return
        if all(text.find(each, begin, end) < 0 for each in _UNTIDY):
            return
        unescaped = unquote_to_bytes(text[self._start :].encode("ascii", "replace"))
        self._text = unescaped.translate(None, _WHITESPACE)
        self._start = 0
        self._end = _without_padding(self._text, 0)


def _without_padding(text: str | bytes, start: int) -> int:
    end = len(text)
    tail = text[max(start, end - 2) :]
    padding = "=" if isinstance(tail, str) else b"="
    return end - len(tail) + len(tail.rstrip(padding))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Payload:
    """An image: its bytes, or a text that is base64 from `start` on."""

    text: str | bytes
    start: int = 0
    told: Header | None = None
    """What stands beside it, for where it cannot be read."""


Source = Payload | Header | str
"""Where an image stands, what is told of one that is not there, or why it is not."""


def locate(reference: str) -> Source:
    """Return where an image stands that is named in one text.

    Nothing is fetched or opened: an address, a path or an identifier leaves the image
    unsized, and so does whatever else stands in its place.
    """
    if reference[:5].casefold() == "data:":
        return _in_data_url(reference)
    if holds_image(reference):
        return Payload(reference)
    told = reference[:_LONGEST_ADDRESS]
    named = _OF_ADDRESSES.intersection(told) and not _WORDS.match(told)
    return REFERRED if named and len(told.split()) == 1 else LEFT_OUT


def holds_image(value: object) -> bool:
    """Return whether a value holds an image: its bytes, its base64 or a data: URL."""
    if isinstance(value, bytes):
        return starts_as_image(value)
    if not isinstance(value, str) or len(value) < _SHORTEST_IMAGE or " " in value[:24]:
        return False
    if value[:11].casefold() == "data:image/":
        return True
    return starts_as_image(Base64File(value[: 4 * _MAGIC_BYTES]).read(_MAGIC_BYTES))


def in_base64(text: str, start: int = 0) -> Source:
    """Return what stands in the place of base64: an image, or that it was left out."""
    short = len(text) - start < _SHORTEST_IMAGE
    left_out = _WORDS.search(text[start:]) if short else _WORDS.match(text, start)
    return LEFT_OUT if left_out or len(text) == start else Payload(text, start)


def measure(source: Source) -> Header | str:
    """Return the header of an image, or why there is none.

    What ends before its header does was cut by whoever logged it: no server answers a
    request with half an image.
    """
    if not isinstance(source, Payload):
        return source
    text = source.text
    if isinstance(text, bytes):
        return read_header(io.BytesIO(text))
    decoded = Base64File(text, source.start)
    found = read_header(io.BufferedReader(decoded, WINDOW_BYTES))
    if isinstance(found, Header):
        return found
    if source.told is not None:
        return source.told
    if decoded.damaged:
        worded = _WORDS.search(text, source.start, source.start + _LOOKED_AT)
        return LEFT_OUT if worded else UNREADABLE
    return LEFT_OUT if found == UNREADABLE and decoded.ended else found


def _in_data_url(url: str) -> Source:
    comma = url.find(",", 5, 5 + _LONGEST_MEDIA_TYPE)
    if comma < 0:
        return LEFT_OUT if len(url) <= _LONGEST_MEDIA_TYPE else UNREADABLE
    media_type, *parameters = url[5:comma].casefold().split(";")
    if media_type.strip().startswith("video/"):
        return CLIP
    if not parameters or parameters[-1].strip() != "base64":
        # Text such as SVG; no processor takes it for pixels.
        return NOT_AN_IMAGE
    return in_base64(url, comma + 1)
