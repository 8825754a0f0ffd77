"""Files as they are and as they were before they were packed."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Literal, cast

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


class PackingError(ValueError):
    """What was packed cannot be had back as it was."""


def open_unpacked(path: Path, compression: Compression) -> IO[bytes]:
    """Open a file for reading what is packed in it; the caller closes it.

    Parameters
    ----------
    path : Path
        The file.
    compression : {"none", "gzip", "zstd"}
        How it is packed.

    Returns
    -------
    file object
        Its methods raise `PackingError` at the place of any damage; a file that is read
        to its end is whole, every member and frame of it.
    """
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

    def readinto(self, buffer: Any) -> int:
        try:
            return cast("io.RawIOBase", self._file).readinto(buffer) or 0
        except _DAMAGE as error:
            raise PackingError(f"damaged {self._compression} ({error})") from error

    def close(self) -> None:
        self._file.close()
        super().close()
