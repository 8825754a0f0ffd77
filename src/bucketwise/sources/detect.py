"""What a file is, by its content; its name is never asked."""

from __future__ import annotations

import io
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Literal

from bucketwise.errors import InputError
from bucketwise.sources.database import Workspace
from bucketwise.sources.images.header import Header
from bucketwise.sources.images.read import read_header, read_path, starts_as_image
from bucketwise.sources.packing import DAMAGE, Compression, open_unpacked

Kind = Literal["delimited", "jsonlines", "parquet", "tar"]

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
PARQUET = b"PAR1"

_PACKINGS: tuple[tuple[bytes, Compression], ...] = ((GZIP, "gzip"), (ZSTD, "zstd"))

EXPECTED = (
    "a table (CSV, TSV, JSON Lines or Parquet, plain, gzip or zstd), images, a folder "
    "or tar of images, or a log of requests is expected"
)

_BINARIES = (
    (b"RIFF", "a RIFF file (AVI or WAV)"),
    (b"PK\x03\x04", "a ZIP archive (Excel sheets are such)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"%PDF", "a PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"ARROW1", "an Arrow file"),
    (b"ORC", "an ORC file"),
)
_TEXT_IMAGES = (b"/* XPM", b"#define ")
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")
HEAD_BYTES = 65_536
_TAR_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One readable file: what it holds and how it is packed."""

    path: Path
    name: str
    kind: Kind
    compression: Compression


def is_image(path: Path) -> bool:
    """Return whether a file is an image, readable or not; no other form is asked for.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(_TAR_BLOCK)
    if starts_as_image(start):
        return True
    if start.startswith((GZIP, ZSTD, PARQUET)) or is_tar(start):
        return False
    # Rarer formats have less telling beginnings; text is left to the tables.
    rare = b"\0" in start or start.startswith(_TEXT_IMAGES)
    return rare and isinstance(read_path(path), Header)


def refuse_early(start: bytes, name: str, expected: str) -> bool:
    """Refuse what no reader knows by its first bytes, before the rest is waited for.

    Parameters
    ----------
    start : bytes
        As many as there are, up to `HEAD_BYTES`.
    name : str
        What messages call it.
    expected : str
        What messages say is right.

    Returns
    -------
    bool
        Whether it is text.

    Raises
    ------
    InputError
        When it is nothing that can be read.
    """
    if start.startswith((GZIP, ZSTD)) or starts_as_image(start):
        return False
    if b"\0" in start and isinstance(read_header(io.BytesIO(start)), Header):
        return False
    return _kind(start, name, expected) not in {"parquet", "tar"}


def recognise(
    workspace: Workspace, path: Path, name: str, expected: str = EXPECTED
) -> File:
    """Return what a file is.

    Parameters
    ----------
    workspace : Workspace
        Where packed files are looked into.
    path : Path
        A regular file.
    name : str
        What messages and records call it.
    expected : str
        What messages say is right.

    Raises
    ------
    InputError
        When it is empty or nothing that can be read.
    """
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if not start:
        raise InputError(f"{name}: the file is empty; {expected}")
    if start.startswith(ZSTD) and not _zstd_is_whole(path):
        raise InputError(f"{name}: damaged zstd (it ends too early); pack it anew")
    for magic, compression in _PACKINGS:
        if start.startswith(magic):
            return _packed(workspace, path, name, compression, expected)
    kind = _kind(start, name, expected)
    return File(path=path, name=name, kind=kind, compression="none")


def _packed(
    workspace: Workspace,
    path: Path,
    name: str,
    compression: Compression,
    expected: str,
) -> File:
    try:
        with open_unpacked(path, compression) as file:
            start = file.read(HEAD_BYTES)
            if not start:
                message = f"{name}: the file is empty once unpacked; {expected}"
                raise InputError(message)
            kind = _kind(start, name, expected)
            if kind == "parquet":
                return _unpacked(workspace, file, start, name)
    except DAMAGE as error:
        raise InputError(
            f"{name}: damaged {compression} ({error}); pack it anew"
        ) from error
    return File(path=path, name=name, kind=kind, compression=compression)


def _unpacked(workspace: Workspace, packed: IO[bytes], start: bytes, name: str) -> File:
    """Write a packed Parquet file out: its index stands at the end."""
    path = workspace.scratch.new("unpacked")
    with path.open("wb") as file:
        file.write(start)
        shutil.copyfileobj(packed, file)
    return File(path=path, name=name, kind="parquet", compression="none")


def _kind(start: bytes, name: str, expected: str) -> Kind:
    if start.startswith(PARQUET):
        return "parquet"
    if is_tar(start):
        return "tar"
    _refuse_binary(start, name, expected)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(f"{name}: nothing but blank lines; {expected}")
    if text.startswith(b"[") and text[1:].lstrip().startswith(b"{"):
        raise InputError(
            f"{name}: one JSON array; JSON Lines has an object on each line "
            "(jq -c '.[]' makes it so)"
        )
    return "jsonlines" if text.startswith(b"{") else "delimited"


def _refuse_binary(start: bytes, name: str, expected: str) -> None:
    for magic, said in _BINARIES:
        if start.startswith(magic):
            raise InputError(f"{name}: this is {said}; {expected}")
    if start.startswith(_WIDE_TEXT):
        raise InputError(
            f"{name}: the text is UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)"
        )
    if b"\0" in start:
        raise InputError(f"{name}: binary data (it holds zero bytes); {expected}")


def is_tar(start: bytes) -> bool:
    """Return whether a file starts with a header of tar, its checksum right."""
    if len(start) < _TAR_BLOCK:
        return False
    try:
        tarfile.TarInfo.frombuf(start[:_TAR_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _zstd_is_whole(path: Path) -> bool:
    """Walk over the frames (RFC 8878), because DuckDB reads a cut file in silence."""
    with path.open("rb") as file:
        while magic := file.read(4):
            if len(magic) == 4 and magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5:  # noqa: PLR2004 - a skippable frame
                if not _skip(file, int.from_bytes(file.read(4), "little")):
                    return False
            elif magic != ZSTD or not _frame_is_whole(file):
                return False
    return True


def _frame_is_whole(file: BinaryIO) -> bool:
    descriptor = file.read(1)
    if not descriptor:
        return False
    flags = descriptor[0]
    one_segment = flags >> 5 & 1
    size_field = (one_segment, 2, 4, 8)[flags >> 6]
    dictionary_field = (0, 1, 2, 4)[flags & 3]
    if not _skip(file, 1 - one_segment + dictionary_field + size_field):
        return False
    last = False
    while not last:
        header = file.read(3)
        if len(header) < 3:  # noqa: PLR2004 - a block header
            return False
        word = int.from_bytes(header, "little")
        last = bool(word & 1)
        repeated = word >> 1 & 3 == 1
        if not _skip(file, 1 if repeated else word >> 3):
            return False
    return _skip(file, 4 if flags >> 2 & 1 else 0)


def _skip(file: BinaryIO, count: int) -> bool:
    """Move on; False where the file ends before that."""
    if not count:
        return True
    file.seek(count - 1, 1)
    return bool(file.read(1))
