"""What a file is, by its content; its name is never asked."""

from __future__ import annotations

import codecs
import io
import json
import re
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, BinaryIO, Literal

from bucketwise.errors import InputError
from bucketwise.read.database import Workspace
from bucketwise.read.images.header import Header
from bucketwise.read.images.read import read_header, starts_as_image
from bucketwise.read.json_text import parse
from bucketwise.read.lines import Compression, PackingError, open_unpacked

Kind = Literal["delimited", "jsonlines", "json", "parquet", "tar"]

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
    "a table (CSV, TSV, JSON or Parquet, plain, gzip or zstd), images, a folder "
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
_WIDE_TEXT = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""How Excel starts what it saves as "Unicode text"."""

_MARKLESS = 64
"""Bytes by which UTF-16 without such a mark is told: every other one is zero."""

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
    """Return whether a file is an image, readable or not; no other form is asked for."""
    with path.open("rb") as file:
        return holds_image(file)


def holds_image(file: BinaryIO) -> bool:
    """Return the same of a file that is open at its start."""
    start = file.read(_TAR_BLOCK)
    if starts_as_image(start):
        return True
    if start.startswith((GZIP, ZSTD, *_SKIPPABLE, PARQUET)) or is_tar(start):
        return False
    # Rarer formats have less telling beginnings; text is left to the tables.
    rare = b"\0" in start or start.startswith(_TEXT_IMAGES)
    file.seek(0)
    return rare and isinstance(read_header(file), Header)


def may_crash(path: Path) -> bool:
    """Return whether a file is Parquet, packed or not; such is read in isolation."""
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
    """Refuse what no reader knows by its first bytes, before the rest is waited for."""
    if start.startswith((GZIP, ZSTD, *_SKIPPABLE)) or starts_as_image(start):
        return False
    if b"\0" in start and isinstance(read_header(io.BytesIO(start)), Header):
        return False
    return _kind(start, name, expected) not in {"parquet", "tar"}


def recognise(
    workspace: Workspace, path: Path, name: str, expected: str = EXPECTED
) -> File:
    """Return what a file is."""
    with path.open("rb") as file:
        start = file.read(HEAD_BYTES)
    if not start:
        raise InputError(f"{name}: the file is empty; {expected}")
    compression: Compression = "none"
    for each, magics in _PACKINGS.items():
        compression = each if start.startswith(magics) else compression
    with open_unpacked(path, compression) as file:
        start = file.read(HEAD_BYTES)
        if not start:
            raise InputError(f"{name}: the file is empty once unpacked; {expected}")
        kind = _kind(start, name, expected)
        if kind == "parquet" and compression != "none":
            return _unpacked(workspace, file, start, name)
        if (
            kind == "jsonlines"
            and not re.search(rb"[\r\n]", start)
            and _is_one_line(file)
        ):
            kind = "json"
    found = File(path=path, name=name, kind=kind, compression=compression)
    return _as_utf8(workspace, found) if start.startswith(_WIDE_TEXT) else found


def _is_one_line(rest: IO[bytes]) -> bool:
    ends = (
        chunk.partition(b"\n")[2]
        for chunk in iter(lambda: rest.read(HEAD_BYTES), b"")
        if b"\n" in chunk
    )
    return not next(ends, b"").strip() and not rest.read(HEAD_BYTES).strip()


def _as_utf8(workspace: Workspace, file: File) -> File:
    """Write UTF-16 out as the encoding that every reader of text expects."""
    path = workspace.scratch.new("utf8")
    with (
        open_unpacked(file.path, file.compression) as packed,
        io.TextIOWrapper(packed, "utf-16", "replace", newline="") as wide,
        path.open("w", encoding="utf-8", errors="replace", newline="") as plain,
    ):
        shutil.copyfileobj(wide, plain)
    return replace(file, path=path, compression="none")


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
    if start.startswith(_WIDE_TEXT):
        start = start.decode("utf-16", "replace").encode()
    _refuse_binary(start, name, expected)
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        raise InputError(f"{name}: nothing but blank lines; {expected}")
    if re.match(rb"\[\s*([\[{]|//|/\*)", text):
        return "json"
    if not text.startswith(b"{"):
        return "delimited"
    return "json" if _is_document(text.decode("utf-8", "replace")) else "jsonlines"


def _is_document(text: str) -> bool:
    """Say whether an object goes on beyond its first line, or is the only one."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    line, _, rest = lines.partition("\n")
    try:
        _, end = json.JSONDecoder().raw_decode(line)
    except (json.JSONDecodeError, RecursionError) as error:
        cut = isinstance(error, json.JSONDecodeError) and error.pos >= len(
            line.rstrip()
        )
        # Lines of which the first alone is cut are lines.
        second = rest.partition("\n")[0]
        return cut and bool(rest) and (line.rstrip()[-1:] in "[{" or not parse(second))
    return not (line[end:].strip() or rest.strip())


def _refuse_binary(start: bytes, name: str, expected: str) -> None:
    for magic, said in _BINARIES:
        if start.startswith(magic):
            raise InputError(f"{name}: this is {said}; {expected}")
    if b"\0" in start:
        wide = any(start[1:_MARKLESS:2]) != any(start[:_MARKLESS:2])
        said = (
            "the text is UTF-16 without the mark that says so; save it as UTF-8 "
            "(iconv -f UTF-16LE -t UTF-8)"
            if wide
            else f"binary data (it holds zero bytes); {expected}"
        )
        raise InputError(f"{name}: {said}")


def is_tar(start: bytes) -> bool:
    """Return whether a file starts with a header of tar, its checksum right."""
    if len(start) < _TAR_BLOCK:
        return False
    try:
        tarfile.TarInfo.frombuf(start[:_TAR_BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
