"""Views of an open file that keep a lying header within bounds."""

from __future__ import annotations

from typing import BinaryIO

READ_COST = 64
"""What a call costs besides its bytes: formats read byte by byte are bounded too."""


class ReadLimitError(Exception):
    """More was read than a header can need."""


class Metered:
    """A seekable file that may be read up to a limit, all reads together.

    Pillow's readers take it for a file. Closing it leaves the file open: one of them
    closes what it was given (Pillow 13.0.0, FtexImagePlugin.py).

    Parameters
    ----------
    file : BinaryIO
        The file, seekable.
    limit : int
        Bytes that may be read; each call counts as `READ_COST` more.
    """

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file = file
        self._left = limit
        self.seek = file.seek
        self.tell = file.tell

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does, or raise once the limit is passed."""
        return self._count(self._file.read(self._within(size)))

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line as a file does, or raise once the limit is passed."""
        return self._count(self._file.readline(self._within(size)))

    def close(self) -> None:
        """Leave the file open for its owner."""

    def _within(self, size: int | None) -> int:
        most = self._left + 1  # one more than allowed, so that passing shows
        return most if size is None or size < 0 else min(size, most)

    def _count(self, data: bytes) -> bytes:
        self._left -= len(data) + READ_COST
        if self._left < 0:
            raise ReadLimitError
        return data


class Window:
    """A part of a seekable file, as a file of its own.

    Parameters
    ----------
    file : BinaryIO
        The whole file; nobody else may move it meanwhile.
    start, size : int
        Where the part begins, and how many bytes it has.
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._start = start
        self._size = size
        self._at = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read on from the position, no further than the part goes."""
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._start + min(self._at, self._size))
        data = self._file.read(wanted)
        self._at += len(data)
        return data

    def readline(self, size: int | None = -1) -> bytes:
        """Read to the end of the line, no further than the part goes."""
        left = max(self._size - self._at, 0)
        wanted = left if size is None or size < 0 else min(size, left)
        self._file.seek(self._start + min(self._at, self._size))
        data = self._file.readline(wanted)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move as a file does: from the start, from here, from the end."""
        at = offset + (0, self._at, self._size)[whence]
        if at < 0:
            raise ValueError("negative seek position")
        self._at = at
        return at

    def tell(self) -> int:
        """Say where the next read begins."""
        return self._at
