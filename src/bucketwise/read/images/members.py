"""The members of a tar, found header by header within fixed bounds.

`tarfile` reads a name of any claimed length into memory, keeps every member it has
seen, and ends in silence at a broken header (Python 3.11, Lib/tarfile.py, TarFile.next).
It only decodes single headers here.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

MAX_NAME_BYTES = 1 << 20
"""Longest extended header; file systems end at 4 KiB."""

_LONG_NAME = tarfile.GNUTYPE_LONGNAME
_PAX = frozenset({tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE})
_EXTENDED = _PAX | {_LONG_NAME, tarfile.GNUTYPE_LONGLINK, tarfile.XGLTYPE}
_WITHOUT_DATA = frozenset({
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
})  # fmt: skip
# Where GNU's sparse headers say that another follows (GNU tar manual, "Basic Tar Format").
_MORE_IN_HEADER, _MORE_IN_NEXT = 482, 504

_LENGTH_DIGITS = 20  # of a size that fits 64 bits


class DamagedError(Exception):
    """The archive is not whole; the message says in what way."""


class Archive(Protocol):
    """A tar, packed or not, that is read from front to back."""

    def read(self, at: int, size: int) -> bytes:
        """Read at a position, never one passed before; less where the archive ends."""

    def reach(self, at: int) -> None:
        """Make sure that the archive goes on to a position, or raise DamagedError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file in a tar, or what stands in a file's place.

    Attributes
    ----------
    name : str
        Base name; a path is of no use where nothing is unpacked.
    at, size : int
        Where its bytes begin, and how many there are.
    is_plain : bool
        Whether the bytes are the file: no link, no device, no holes.
    """

    name: str
    at: int
    size: int
    is_plain: bool


def read_members(archive: Archive) -> Iterator[Member]:
    """Walk an archive's members, folders left out.

    Parameters
    ----------
    archive : Archive
        Between two members the caller may read the first one's bytes.

    Yields
    ------
    Member

    Raises
    ------
    DamagedError
        At the first header that is broken or claims the impossible.
    """
    at = 0
    told: dict[str, str] = {}  # what extended headers say of the next member
    while block := archive.read(at, tarfile.BLOCKSIZE) or _refuse_if_empty(at):
        header = _decode(block)
        if header is None:
            break
        at += tarfile.BLOCKSIZE
        if header.type in _EXTENDED:
            size = header.size
            told |= _read_extended(archive, header, at)
        else:
            at = _skip_sparse_map(archive, header, block, at)
            size = _measure(header, told)
            if header.type != tarfile.DIRTYPE:
                yield _make_member(header, told, at, size)
            told = {}
        archive.reach(at + size)
        at += -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _refuse_if_empty(at: int) -> bytes:
    if at == 0:
        raise DamagedError("it is empty")
    return b""  # many writers leave the two closing blocks out


def _decode(block: bytes) -> tarfile.TarInfo | None:
    """Decode a header; None for the closing one."""
    if not any(block) and len(block) == tarfile.BLOCKSIZE:
        return None
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError as fault:
        raise DamagedError(str(fault)) from fault
    if header.size < 0:
        raise DamagedError("a member has a negative size")
    return header


def _read_extended(
    archive: Archive, header: tarfile.TarInfo, at: int
) -> dict[str, str]:
    if header.size > MAX_NAME_BYTES:
        raise DamagedError("it claims a name of more than 1 MiB")
    data = archive.read(at, header.size)
    archive.reach(at + header.size)
    if header.type == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.partition(b"\0")[0].decode(errors="replace")}
    return _read_pax(data) if header.type in _PAX else {}


def _read_pax(data: bytes) -> dict[str, str]:
    """Read records "length key=value"; POSIX pax, "Extended Header"."""
    records = {}
    at = 0
    while at < len(data):
        digits = data[at : at + _LENGTH_DIGITS].partition(b" ")[0]
        start = at + len(digits) + 1
        end = at + int(digits) if digits.isdigit() else 0
        key, _, value = data[start : end - 1].partition(b"=")
        if not start < end <= len(data):  # or the walk would not move on
            raise DamagedError("an extended header is broken")
        records[key.decode(errors="replace")] = value.decode(errors="replace")
        at = end
    return records


def _skip_sparse_map(
    archive: Archive, header: tarfile.TarInfo, block: bytes, at: int
) -> int:
    flag = _MORE_IN_HEADER
    while header.type == tarfile.GNUTYPE_SPARSE and block[flag]:
        block = archive.read(at, tarfile.BLOCKSIZE)
        at += tarfile.BLOCKSIZE
        archive.reach(at)
        flag = _MORE_IN_NEXT
    return at


def _measure(header: tarfile.TarInfo, told: dict[str, str]) -> int:
    if header.type in _WITHOUT_DATA:
        return 0
    size = told.get("size", str(header.size))
    if not (size.isascii() and size.isdigit() and len(size) <= _LENGTH_DIGITS):
        raise DamagedError("a member has no size")
    return int(size)


def _make_member(
    header: tarfile.TarInfo, told: dict[str, str], at: int, size: int
) -> Member:
    has_holes = header.type == tarfile.GNUTYPE_SPARSE or any(
        key.startswith("GNU.sparse.") for key in told
    )
    return Member(
        name=told.get("path", header.name).rstrip("/").rpartition("/")[2],
        at=at,
        size=size,
        is_plain=header.type not in _WITHOUT_DATA and not has_holes,
    )
