"""WebDataset shards: the images in a tar, none of them unpacked to disk by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast

from bucketwise.errors import InputError
from bucketwise.read.images.header import Header, Item
from bucketwise.read.images.members import DamagedError, Member, read_members
from bucketwise.read.images.read import read_header
from bucketwise.read.lines import (
    Compression,
    PackingError,
    open_unpacked,
)
from bucketwise.words.reasons import NOT_AN_IMAGE, UNREADABLE

SPOOL_BYTES = 1 << 24
"""A packed member up to this size is held in memory, a larger one in a nameless file."""

MAX_MEMBER_BYTES = 1 << 28
"""A larger packed member is not looked into; no image is."""

TRAILER_BYTES = 1 << 20
"""More than tar fills its last record with; a bomb may hide behind it."""

STEP_BYTES = 1 << 16


def read_tar(path: Path, name: str, compression: Compression) -> Iterator[Item]:
    """Read the header of every file in a tar.

    Members are told from others by their first bytes, not by their names. Links,
    devices and files with holes are counted as no images; folders are not counted.

    Parameters
    ----------
    path : Path
        The archive.
    name : str
        Its base name, for items and messages.
    compression : {"none", "gzip", "zstd"}
        How the archive as a whole is packed.

    Yields
    ------
    Item
        One for each file; `source` is the archive's base name and the member's.

    Raises
    ------
    InputError
        When the archive cannot be opened, or at the place where it is damaged.
    """
    try:
        with open_unpacked(path, compression) as file:
            archive = _Plain(file) if compression == "none" else _Packed(file)
            for member in read_members(archive):
                answer = _read_member(archive, member)
                source = f"{name}/{member.name}"
                if isinstance(answer, str):
                    yield Item(source=source, reason=answer)
                else:
                    yield Item(source=source, header=answer)
            if isinstance(archive, _Packed):
                archive.finish()
    except PackingError as fault:
        raise InputError(f"{name}: {fault}; pack it anew") from fault
    except (DamagedError, OSError) as fault:
        if isinstance(fault, OSError) and fault.errno is not None:
            raise InputError(
                f"{name}: cannot be read ({fault.strerror}); give a file that exists "
                "and that you may read"
            ) from fault
        raise InputError(f"{name}: damaged tar ({fault}); pack it anew") from fault


class _Plain:
    """A tar as it is: seeks from header to header."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._size = file.seek(0, 2)

    def read(self, at: int, size: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    def reach(self, at: int) -> None:
        if at > self._size:
            raise DamagedError("it ends within a member")

    @contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        self.reach(member.at + member.size)
        file = cast("BinaryIO", self._file)
        yield cast("BinaryIO", Window(file, member.at, member.size))


class _Packed:
    """A tar within a stream: unpacks on and on, and remembers no more than a member."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0

    def read(self, at: int, size: int) -> bytes:
        self._pass(at)
        data = self._file.read(size)
        self._at += len(data)
        return data

    def reach(self, at: int) -> None:
        self._pass(at)
        if self._at < at:
            raise DamagedError("it ends within a member")

    def finish(self) -> None:
        """Unpack what follows the last member: the checksum of it all stands there."""
        end = self._at + TRAILER_BYTES
        self._pass(end)
        if self._at == end:
            raise DamagedError(f"more than {TRAILER_BYTES:,} bytes follow its end")

    @contextmanager
    def open(self, member: Member) -> Iterator[BinaryIO]:
        with SpooledTemporaryFile(SPOOL_BYTES) as spool:
            self._pass(member.at)
            self._pass(member.at + member.size, into=spool)
            self.reach(member.at + member.size)
            spool.seek(0)
            yield cast("BinaryIO", spool)

    def _pass(self, at: int, into: IO[bytes] | None = None) -> None:
        while self._at < at:
            data = self._file.read(min(STEP_BYTES, at - self._at))
            if not data:
                break
            self._at += len(data)
            if into is not None:
                into.write(data)


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


def _read_member(archive: _Plain | _Packed, member: Member) -> Header | str:
    if not member.is_plain:
        return NOT_AN_IMAGE
    if isinstance(archive, _Packed) and member.size > MAX_MEMBER_BYTES:
        return UNREADABLE
    with archive.open(member) as file:
        return read_header(file)
