"""How the lines of a text end: one pass over its bytes, which proves a packing whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bucketwise.read.packing import CHUNK_BYTES, Compression, open_unpacked

_BOM = b"\xef\xbb\xbf"
_LF = ord("\n")


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
    feeds = returns = pairs = alone = alone_paired = since = 0
    last = b""
    with open_unpacked(path, compression) as file:
        chunk = file.read(CHUNK_BYTES).removeprefix(_BOM)
        while chunk:
            letters = np.frombuffer(chunk, np.uint8)
            at = np.flatnonzero(letters == _LF)
            gaps = np.diff(at, prepend=-1 - since)
            feeds += at.size
            alone += int(np.count_nonzero(gaps == 1))
            alone_paired += int(np.count_nonzero(gaps == 2))  # noqa: PLR2004 - CR, LF
            if b"\r" in chunk or last == b"\r":
                returns += chunk.count(b"\r")
                pairs += (last + chunk).count(b"\r\n")
            since = len(chunk) - 1 - int(at[-1]) if at.size else since + len(chunk)
            last = chunk[-1:]
            chunk = file.read(CHUNK_BYTES)
    if not returns:
        return LineEnds("lf", feeds - alone + bool(since))
    kind: Literal["crlf", "other"] = "crlf" if feeds == returns == pairs else "other"
    return LineEnds(kind, feeds - alone_paired + bool(since))
