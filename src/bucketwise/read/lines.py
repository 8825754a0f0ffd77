"""The lines of a text file, packed or not: opened, gone through, and how they end."""

from __future__ import annotations

import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["none", "gzip", "zstd"]

_OPENERS: Mapping[Compression, Callable[[Path], IO[bytes]]] = {
    "none": lambda path: path.open("rb"),
    "gzip": lambda path: cast("IO[bytes]", gzip.open(path)),  # noqa: SIM115 - the caller's
    "zstd": lambda path: cast("IO[bytes]", zstd.open(path)),
}
_DAMAGE = (EOFError, zlib.error, zstd.ZstdError, gzip.BadGzipFile)
"""What unpacking a damaged file raises: whatever its end or its checksums tell."""

CHUNK_BYTES = 1 << 18

_BOM = b"\xef\xbb\xbf"
_LF = ord("\n")

RAW_OPTIONS = (
    "columns = {'line': 'VARCHAR'}, auto_detect = false, header = false, "
    "delim = '\x01', quote = '', escape = ''"
)
"""Options of `read_csv` that make each line one cell, a blank one NULL; of line ends of
two kinds DuckDB would count some twice, and miss others."""
NOT_UTF8 = "\ufffd"
"""Stands for bytes that are no text."""
MAX_LINE_BYTES = 128 << 20
"""Longer lines are none that a serving stack accepts: OpenAI's API takes requests of 50
MB (API reference, "Images and vision"), vLLM reads bodies whole."""
_CHUNK_BYTES = 65_536
_SAMPLE_CHARACTERS = 4_000_000


@dataclass(slots=True)
class Position:
    """How far a file is read, for whoever looks at it meanwhile."""

    share: Callable[[], float] = lambda: 0.0
    """From 0 to 1; whoever opens the file says it."""

    def now(self) -> float:
        """Return the share that is read now."""
        return self.share()


UNWATCHED = Position()
"""Nobody looks."""


def share_of(file: IO[bytes]) -> Callable[[], float]:
    """Return what tells how far a file is read as it lies on disk, packed or not."""
    descriptor = file.fileno()
    size = max(os.fstat(descriptor).st_size, 1)

    def share() -> float:
        with suppress(OSError):  # it may be closed by now, or a pipe
            return os.lseek(descriptor, 0, os.SEEK_CUR) / size
        return 1.0

    return share


class PackingError(ValueError):
    """What was packed cannot be had back as it was."""


def open_unpacked(path: Path, compression: Compression) -> IO[bytes]:
    """Open a file for reading what is packed in it; the caller closes it."""
    file = _OPENERS[compression](path)
    if compression == "none":
        return file
    return io.BufferedReader(_Unpacked(file, compression), CHUNK_BYTES)


class _Unpacked(io.RawIOBase):
    """A packed file whose every fault has one name."""

    def __init__(self, file: IO[bytes], compression: Compression) -> None:
        self._file = file
        self._compression = compression

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def readinto(self, buffer: Any) -> int:
        try:
            return cast("io.RawIOBase", self._file).readinto(buffer) or 0
        except _DAMAGE as error:
            raise PackingError(f"damaged {self._compression} ({error})") from error

    def close(self) -> None:
        self._file.close()
        super().close()


@dataclass(frozen=True, slots=True)
class LineEnds:
    """What a text has for lines."""

    kind: Literal["lf", "crlf", "other"]
    """How every line ends; "other" where ends are mixed, or of another age."""
    filled: int
    """Lines that hold something, were it a blank; unknown where the kind is "other"."""


def find_line_ends(
    path: Path,
    compression: Compression,
    keep: Callable[[bytes], object] = lambda _: None,
) -> LineEnds:
    """Go through a text to its end, and hand on what is unpacked on the way."""
    feeds = returns = pairs = alone = alone_paired = since = 0
    last = b""
    with open_unpacked(path, compression) as file:
        chunk = file.read(CHUNK_BYTES).removeprefix(_BOM)
        while chunk:
            keep(chunk)
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


class OverlongLineError(ValueError):
    """A line that is too long to be held."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is longer than {MAX_LINE_BYTES >> 20} MiB")


def read_lines(
    path: Path, compression: Compression, position: Position = UNWATCHED
) -> Iterator[str]:
    """Yield every line with its line end, without the mark at the start of the file.

    Bytes that are not UTF-8 become U+FFFD: a log that cuts what users wrote after so
    many bytes has halves of characters, and they are seldom in a cell that is read.
    """
    packed = open_unpacked(path, compression)
    position.share = share_of(packed)
    text = io.TextIOWrapper(packed, "utf-8-sig", "replace", newline="")
    # Lines with images in them are long: a fifth of their time went by in small reads.
    text._CHUNK_SIZE = _CHUNK_BYTES  # type: ignore[attr-defined]  # noqa: SLF001 - nothing public sets it
    with packed, text as lines:
        nth = 1
        while line := lines.readline(MAX_LINE_BYTES):
            if len(line) == MAX_LINE_BYTES and not line.endswith(("\n", "\r")):
                raise OverlongLineError(nth)
            yield line
            nth += 1


def mean_bytes(lines: Sequence[str], compression: str) -> float:
    """Return the mean size of lines in their file; 0 where it is packed."""
    if compression != "none" or not lines:
        return 0.0
    return sum(len(line.encode()) for line in lines) / len(lines)


def sample(lines: Iterable[str], most: int) -> list[str]:
    """Return the first lines, up to the given number of lines that are not blank."""
    taken: list[str] = []
    filled = characters = 0
    for line in lines:
        taken.append(line)
        filled += bool(line.strip())
        characters += len(line)
        if filled >= most or characters >= _SAMPLE_CHARACTERS:
            break
    return taken
