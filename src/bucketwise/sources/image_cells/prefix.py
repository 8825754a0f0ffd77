"""The start of an image as a file, where the rest is not at hand."""

from __future__ import annotations

import io
import os


class Prefix(io.BytesIO):
    """The first bytes of an image; it notices when more are asked for.

    Parameters
    ----------
    data : bytes
        The bytes.

    Attributes
    ----------
    passed : bool
        Whether more was asked for, so that the whole could answer differently: the
        orientation of a PNG may stand behind its pixels.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.passed = False
        self._size = len(data)

    def read(self, size: int | None = -1) -> bytes:
        """Read as far as there are bytes."""
        self._notice(size)
        return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        """Read a line as far as there are bytes."""
        self._notice(size)
        return super().readline(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; the end of these bytes is not the end of the image."""
        self.passed |= whence == os.SEEK_END
        return super().seek(offset, whence)

    def _notice(self, size: int | None) -> None:
        end = None if size is None or size < 0 else self.tell() + size
        self.passed |= end is None or end > self._size
