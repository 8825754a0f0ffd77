"""Files as they are and as they were before they were packed."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Literal, cast

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Compression = Literal["none", "gzip", "zstd"]

DAMAGE = (EOFError, zlib.error, zstd.ZstdError, gzip.BadGzipFile)
"""What reading a damaged packing raises."""

_OPENERS: Mapping[Compression, Callable[[Path], IO[bytes]]] = {
    "none": lambda path: path.open("rb"),
    "gzip": lambda path: cast("IO[bytes]", gzip.open(path)),  # noqa: SIM115 - the caller's
    "zstd": lambda path: cast("IO[bytes]", zstd.open(path)),
}


def open_unpacked(path: Path, compression: Compression) -> IO[bytes]:
    """Open a file for reading what is packed in it; the caller closes it.

    Parameters
    ----------
    path : Path
        The file.
    compression : {"none", "gzip", "zstd"}
        How it is packed.
    """
    return _OPENERS[compression](path)
