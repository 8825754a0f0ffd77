"""What a file is, by its content; its name is never asked."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from bucketwise.errors import InputError
from bucketwise.sources.database import Workspace
from bucketwise.sources.images.header import Header
from bucketwise.sources.images.read import read_header, read_path, starts_as_image
from bucketwise.sources.packing import Compression, PackingError, open_unpacked

Kind = Literal["delimited", "jsonlines", "parquet", "tar"]

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
PARQUET = b"PAR1"

_SKIPPABLE = tuple(bytes([0x50 + at]) + b"\x2a\x4d\x18" for at in range(16))
"""Starts of a zstd frame that holds nothing to unpack (RFC 8878, 3.1.2); pzstd writes one
before every other."""

_PACKINGS: Mapping[Compression, tuple[bytes, ...]] = {
    "gzip": (GZIP,),
    "zstd": (ZSTD, *_SKIPPABLE),
}

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
    if start.startswith((GZIP, ZSTD, *_SKIPPABLE, PARQUET)) or is_tar(start):
        return False
    # Rarer formats have less telling beginnings; text is left to the tables.
    rare = b"\0" in start or start.startswith(_TEXT_IMAGES)
    return rare and isinstance(read_path(path), Header)


def may_crash(path: Path) -> bool:
    """Return whether a file is Parquet, packed or not; such is read in isolation.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    if path.is_dir():
        return False
    with path.open("rb") as file:
        start = file.read(len(PARQUET))
    for compression, magics in _PACKINGS.items():
        if start.startswith(magics):
            try:
                with open_unpacked(path, compression) as unpacked:
                    start = unpacked.read(len(PARQUET))
            except PackingError:
                return False  # its reader will say so
    return start == PARQUET


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
    if start.startswith((GZIP, ZSTD, *_SKIPPABLE)) or starts_as_image(start):
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
    PackingError
        When it is packed and damaged: at its start, or anywhere if it is Parquet.
    """
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if not start:
        raise InputError(f"{name}: the file is empty; {expected}")
    for compression, magics in _PACKINGS.items():
        if start.startswith(magics):
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
    with open_unpacked(path, compression) as file:
        start = file.read(HEAD_BYTES)
        if not start:
            raise InputError(f"{name}: the file is empty once unpacked; {expected}")
        kind = _kind(start, name, expected)
        if kind == "parquet":
            return _unpacked(workspace, file, start, name)
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
