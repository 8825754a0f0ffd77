"""Base64 text as a file, of which only what is read is decoded."""

from __future__ import annotations

import io
import os
import re
from binascii import a2b_base64
from urllib.parse import unquote_to_bytes

_UNTIDY = "\n\r %\t\f"
_WHITESPACE = b"\n\r \t\f"
_URL_SAFE_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_STANDARD = re.compile(rb"[A-Za-z0-9+/]*")


class Base64File(io.RawIOBase):
    """The bytes that base64 text stands for, read-only and seekable.

    Both alphabets of RFC 4648 are read (sections 4 and 5), with or without padding.
    Whitespace and percent-encoding (RFC 2397, 3986) within are undone, which copies
    the text; else nothing is decoded or copied but the quads that are read.

    Parameters
    ----------
    text : str
        What holds the base64.
    start : int
        Where it starts.

    Attributes
    ----------
    damaged : bool
        Whether something that is no base64 was met; there the bytes end.
    ended : bool
        Whether more was asked for than there is.
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
