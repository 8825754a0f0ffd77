"""How the lines of a text end: one pass over its bytes, which proves a packing whole."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bucketwise.sources.packing import CHUNK_BYTES, Compression, open_unpacked

_BOM = b"\xef\xbb\xbf"
_LF, _CR = b"\n\r"
_EMPTY_LINE = re.compile(rb"(?<=\n)\r?\n")


@dataclass(frozen=True, slots=True)
class LineEnds:
    """What a text has for lines.

    Attributes
    ----------
    kind : {"lf", "crlf", "other"}
        How every line ends; "other" where ends are mixed, or of another age.
    filled : int
        Lines that hold something, were it a blank; unknown where the kind is "other".
    """

    kind: Literal["lf", "crlf", "other"]
    filled: int


def find_line_ends(path: Path, compression: Compression) -> LineEnds:
    """Go through a text to its end.

    Parameters
    ----------
    path : Path
        The file.
    compression : {"none", "gzip", "zstd"}
        How it is packed.

    Raises
    ------
    PackingError
        When it is packed and damaged anywhere.
    """
    feeds = returns = pairs = empty = 0
    last = b"\n"
    with open_unpacked(path, compression) as file:
        chunk = file.read(CHUNK_BYTES).removeprefix(_BOM)
        while chunk:
            if chunk.endswith(b"\r"):
                # A pair is never cut in two.
                chunk += file.read(1)
            letters = np.frombuffer(chunk, np.uint8)
            is_feed, is_return = letters == _LF, letters == _CR
            feeds += int(np.count_nonzero(is_feed))
            returns += int(np.count_nonzero(is_return))
            pairs += int(np.count_nonzero(is_return[:-1] & is_feed[1:]))
            if last == b"\n" and chunk.startswith((b"\n", b"\r\n")):
                empty += 1
            if (is_feed[:-1] & (is_feed | is_return)[1:]).any():
                empty += len(_EMPTY_LINE.findall(chunk))
            last = chunk[-1:]
            chunk = file.read(CHUNK_BYTES)
    filled = feeds - empty + (last != b"\n")
    if not returns:
        return LineEnds("lf", filled)
    return LineEnds("crlf" if feeds == returns == pairs else "other", filled)
