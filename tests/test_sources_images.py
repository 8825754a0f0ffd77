"""Image headers: what Pillow would say, without a decode and whatever the bytes."""

from __future__ import annotations

import ast
import csv
import errno
import gzip
import io
import os
import shutil
import socket
import struct
import subprocess
import sys
import tarfile
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile, ImageOps, PngImagePlugin
from pillow_heif import HeifImageFile

from bucketwise.errors import InputError
from bucketwise.read.images import tar as tar_room
from bucketwise.read.images.header import Header
from bucketwise.read.images.read import (
    find_images,
    read_folder,
    read_header,
    read_image,
    read_image_size,
    read_path,
)
from bucketwise.read.images.tar import Window, decode_ordinary, read_tar
from bucketwise.read.lines import Compression
from bucketwise.words.reject_reasons import (
    LINKED_FOLDER,
    NOT_AN_IMAGE,
    UNREADABLE,
    UNREADABLE_FILE,
    UNREADABLE_FOLDER,
)

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GOLD = Path(__file__).parent / "gold" / "images"
ORIENTATIONS = range(1, 9)
SMALL_PX = 1 << 20
"""Above this, no test decodes."""

Sizes = tuple[tuple[int, int], tuple[int, int] | None]
"""Pillow's size, and the size displayed where Pillow could decode the image."""

fuzz = settings(max_examples=150, deadline=None)


def read(data: bytes) -> Header | str:
    return read_header(io.BytesIO(data))


def open_heic(file: BinaryIO) -> ImageFile.ImageFile:
    return cast("Any", HeifImageFile)(file)  # type: ignore[no-any-return]


def ask_pillow(data: bytes) -> Sizes | None:
    """The truth: sizes from Image.open and exif_transpose; None where it refuses."""
    guard = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                file = io.BytesIO(data)
                is_heic = data[4:12] == b"ftypheic"
                image = open_heic(file) if is_heic else Image.open(file)
            except Exception:  # noqa: BLE001 - any refusal is one
                return None
            size = image.size
            try:
                is_dear = size[0] * size[1] > SMALL_PX or image.format == "EPS"
                return size, None if is_dear else ImageOps.exif_transpose(image).size
            except Exception:  # noqa: BLE001
                return size, None
    finally:
        Image.MAX_IMAGE_PIXELS = guard


def check_against_pillow(data: bytes) -> None:
    header = read(data)
    truth = ask_pillow(data)
    # The first frame may make a GIF larger than Pillow's guard allows.
    is_guarded = data.startswith(b"GIF") and header == UNREADABLE
    if truth is None or truth[0] == (0, 0) or is_guarded:
        assert header in {NOT_AN_IMAGE, UNREADABLE}
        return
    assert isinstance(header, Header), truth
    size, displayed = truth
    if displayed is not None:
        assert (header.width_px, header.height_px) == displayed
    if header.format != "TIFF":  # which loading may still turn
        assert (header.stored_width_px, header.stored_height_px) == size


def make(kind: str, exif: Image.Exif | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    mode = {"MSP": "1", "XBM": "1", "SPIDER": "F", "BLP": "P", "PALM": "L"}
    image = Image.linear_gradient("L").resize((24, 16)).convert(mode.get(kind, "RGB"))
    if exif is not None:
        options["exif"] = exif.tobytes()
    with warnings.catch_warnings():  # Pillow will drop some formats
        warnings.simplefilter("ignore", DeprecationWarning)
        image.save(file, kind, **options)
    return file.getvalue()


def turned(orientation: object) -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F] = "a maker whose name stands outside its field"
    exif[0x0112] = orientation
    exif[0x0132] = "2026:10:01 00:00:00"
    return exif


def xmp(orientation: int) -> bytes:
    return b'<x:xmpmeta tiff:Orientation="%d"/>' % orientation


def writable_formats() -> list[str]:
    Image.init()
    known = set(Image.SAVE) & set(Image.OPEN)
    # These have no reader here, an outside program for one, or no plain picture.
    return sorted(known - {"BUFR", "EPS", "GRIB", "HDF5", "WMF", "HEIF"})


def chunk(kind: bytes, data: bytes) -> bytes:
    crc = zlib.crc32(kind + data)
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", crc)


def png_of(width: int, height: int, *late: bytes, early: bytes = b"") -> bytes:
    """A grey PNG; beyond a few rows, its data ends early."""
    rows = b"".join(b"\0" * (width + 1) for _ in range(min(height, 32)))
    data = chunk(b"IDAT", zlib.compress(rows if width < 100 else b""))
    head = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 0, 0, 0, 0))
    tail = b"".join(late) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + early + data + tail


PLAIN_JPEG = make("JPEG", dpi=(72, 72))
PLAIN_PNG = png_of(24, 16, early=chunk(b"gAMA", b"\0\0\xb1\x8f"))
PLAIN_WEBP = [make("WEBP", quality=1), make("WEBP"), make("WEBP", lossless=True)]


# What Pillow says


@pytest.mark.parametrize("kind", writable_formats())
def test_every_format_pillow_writes_gives_the_size_pillow_gives(kind: str) -> None:
    data = make(kind)
    header = read(data)
    assert isinstance(header, Header)
    check_against_pillow(data)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "MPO", "PNG", "TIFF", "WEBP"])
def test_the_displayed_size_is_the_one_exif_transpose_makes(
    kind: str, orientation: int
) -> None:
    data = make(kind, turned(orientation))
    header = read(data)
    assert isinstance(header, Header)
    assert header.orientation == orientation
    assert (header.width_px, header.height_px) == (
        (16, 24) if orientation > 4 else (24, 16)
    )
    check_against_pillow(data)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", ["AVIF", "JPEG", "PNG", "TIFF", "WEBP"])
def test_an_orientation_in_xmp_alone_turns_where_it_turns_in_pillow(
    kind: str, orientation: int
) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", xmp(orientation).decode())
    fields: dict[str, Any] = {"xmp": xmp(orientation)}
    if kind == "PNG":
        fields = {"pnginfo": text}
    elif kind == "TIFF":
        fields = {"tiffinfo": {700: xmp(orientation)}}
    data = make(kind, **fields)
    header = read(data)
    assert isinstance(header, Header)
    assert header.orientation == orientation
    check_against_pillow(data)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_png_may_name_its_orientation_after_the_image_data(orientation: int) -> None:
    exif = turned(orientation).tobytes()
    profile = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    for late in (
        chunk(b"eXIf", exif[6:]),
        chunk(b"tEXt", b"Raw profile type exif\0" + profile),
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(orientation)),
        chunk(b"priv", b"?") + chunk(b"IDAT", b"") + chunk(b"eXIf", exif[6:]),
    ):
        data = png_of(24, 16, late)
        header = read(data)
        assert isinstance(header, Header)
        assert header.orientation == orientation
        check_against_pillow(data)


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0nonsense",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        b"Exif\0\0II*\0\xff\xff\xff\xff\0\0",
        turned(0).tobytes(),
        turned(9).tobytes(),
        turned(6).tobytes()[:40],
        turned(6).tobytes().replace(b"\x12\1\0\3\0\0\0\1", b"\x12\1\0\3\0\0\0\2"),
        turned(6).tobytes().replace(b"\1\x12\0\3", b"\1\x12\0\4"),
        b"Exif\0\0" + turned(6).tobytes(),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "PNG"])
def test_a_broken_exif_block_turns_no_more_than_in_pillow(
    kind: str, exif: bytes
) -> None:
    file = io.BytesIO()
    image = Image.new("RGB", (24, 16))
    if kind == "PNG":
        file.write(png_of(24, 16, early=chunk(b"eXIf", exif[6:])))
    else:
        image.save(file, kind, exif=exif)
    assert isinstance(read(file.getvalue()), Header)
    check_against_pillow(file.getvalue())


def tiff_of(*fields: tuple[int, int, int, int]) -> bytes:
    body = b"".join(struct.pack("<HHLL", *field) for field in fields)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + body + b"\0" * 4


def exif_of(*fields: tuple[int, int, int, int]) -> bytes:
    return b"Exif\0\0" + tiff_of(*fields)


@pytest.mark.parametrize(
    "segments",
    [
        [(0xE1, exif_of((0x10F, 2, 99, 8), (0x112, 3, 1, 6)))],  # a value outside
        [(0xE1, exif_of((0x10F, 2, 9, 0), (0x110, 2, 30, 0), (0x112, 3, 1, 6)))],
        [(0xE1, exif_of((0x10F, 0, 1, 0), (0x112, 3, 1, 6)))],
        [(0xE1, exif_of((0x112, 3, 1, 8), (0x112, 3, 1, 1)))],
        [(0xE1, exif_of((0x112, 3, 1, 6), (0x11A, 2, 1, 0), (0x128, 3, 1, 2)))],
        [(0xE1, exif_of((0x112, 3, 1, 6)))] * 2,
        [(0xE1, exif_of((0x112, 3, 1, 6))), (0xE1, b"Exif\0\0")],
        [(0xE0, b"JFIF\0")],
        [(0xE2, b"ICC_PROFILE\0")],
        [(0xE2, b"MPF\0II*\0")],
        [(0xED, b"Photoshop 3.0\x008BIM")],
        [(0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\0")],
        [(0xEE, b"Adobe")],
        [(0xEE, b"Adobe\0\1")],
        [(0xC0, b"\x0c\0\x10\0\x18\1\1\x11\0")],
        [(0xC0, b"\x08\0\x10\0\x18\1\1\x11\0")],
        [(0xC0, b"\x08\0\0\0\x18\1\1\x11\0")],
        [(0xC0, b"\x08\0\x10\0\x18\1\1\x11")],
        [(0xC3, b"\x08\0\x10\0\x18\1\1\x11\0")],
        [(0xDB, b"\0" * 66)],
        [(0xDB, b"\x10" + b"\1" * 128)],
        [(0xEF, b"")],
        [(0xFE, b"a" * 60_000)] * 18,
        [(0xD8, b"")],
        [(0xFF, b"")],
        [(0x01, b"")],
    ],
)
def test_unusual_segments_are_judged_as_pillow_judges_them(
    segments: list[tuple[int, bytes]],
) -> None:
    for start in (2, 20):  # before JFIF's own segment, and after
        data = PLAIN_JPEG[:start]
        for marker, body in segments:
            data += struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        check_against_pillow(data + PLAIN_JPEG[start:])


@pytest.mark.parametrize(
    "early",
    [
        chunk(b"IHDR", struct.pack(">LLBBBBB", 7, 9, 8, 0, 0, 0, 0)),
        chunk(b"IHDR", b""),
        chunk(b"gAMA", b"\0"),
        chunk(b"sRGB", b""),
        chunk(b"tRNS", b"\0\0"),
        chunk(b"iCCP", b"name\0\0" + zlib.compress(b"a" * 2_000_000)),
        chunk(b"iCCP", b"name\0\1"),
        chunk(b"tEXt", b"exif\0" + turned(6).tobytes()),
        chunk(b"tEXt", b"xmp\0tiff:Orientation"),
        chunk(b"acTL", b"\0\0\0\2\0\0\0\0"),
        chunk(b"acTL", b"\0" * 8),
        chunk(b"priv", b"a" * 9_000),
        chunk(b"gAMA", b"\0\0\xb1\x8f")[:-1] + b"?",
        chunk(b"\xff\xff\xff\xff", b""),
        chunk(b"IEND", b""),
    ],
)
def test_unusual_chunks_are_judged_as_pillow_judges_them(early: bytes) -> None:
    check_against_pillow(png_of(24, 16, early=early))
    check_against_pillow(png_of(24, 16, early, chunk(b"eXIf", turned(6).tobytes()[6:])))


@pytest.mark.parametrize(
    "start",
    [
        (24, 16, 8, 1, 0, 0, 0),
        (24, 16, 3, 0, 0, 0, 0),
        (24, 16, 8, 0, 0, 1, 0),
        (24, 16, 8, 0, 9, 0, 9),
        (0, 16, 8, 0, 0, 0, 0),
        (2**32 - 1, 2**31, 16, 6, 0, 0, 1),
    ],
)
def test_unusual_png_headers_are_judged_as_pillow_judges_them(
    start: tuple[int, ...],
) -> None:
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", *start))
    check_against_pillow(b"\x89PNG\r\n\x1a\n" + header + PLAIN_PNG[33:])


def gold() -> list[dict[str, str]]:
    with (GOLD / "PROVENANCE.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("row", gold(), ids=lambda row: row["file"])
def test_awkward_files_give_their_header_or_a_reason(row: dict[str, str]) -> None:
    header = read_path(GOLD / row["file"])
    if row["pillow_status"].startswith("open-error"):
        assert header in {NOT_AN_IMAGE, UNREADABLE}
        return
    assert header == Header(
        format=row["format"],
        stored_width_px=int(row["width"]),
        stored_height_px=int(row["height"]),
        orientation=int(row["exif_orientation"] or 1),
    )
    check_against_pillow((GOLD / row["file"]).read_bytes())


# The quick road


@st.composite
def damaged(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """A real file with some bytes changed, taken out or put in, or its end cut off."""
    data = bytearray(draw(st.sampled_from(whole)))
    near = min(len(data), draw(st.sampled_from([64, 700, len(data)])))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, near - 1))
        cut = draw(st.integers(0, 2))
        data[at : at + cut] = draw(st.binary(max_size=3))
    return bytes(data[: draw(st.integers(0, len(data)) | st.just(len(data)))])


PLAIN = [
    PLAIN_JPEG,
    PLAIN_PNG,
    make("JPEG", progressive=True, comment=b"a comment"),
    make("JPEG", turned(6)),
    make("JPEG", turned(8), dpi=(72, 72), icc_profile=b"p" * 200),
    make("JPEG", xmp=xmp(5)),
    make("PNG", dpi=(72, 72)),
    png_of(24, 16, early=chunk(b"PLTE", b"\0" * 9) + chunk(b"tRNS", b"\0" * 6)),
    png_of(24, 16, chunk(b"IDAT", b""), chunk(b"eXIf", turned(6).tobytes()[6:])),
    *PLAIN_WEBP,
    make("WEBP", turned(6)),
]


@settings(max_examples=1_000, deadline=None)
@given(damaged(PLAIN))
def test_the_quick_road_agrees_with_pillow_on_damaged_files(data: bytes) -> None:
    check_against_pillow(data)


@fuzz
@given(damaged([(GOLD / row["file"]).read_bytes() for row in gold()]))
def test_damaged_files_of_any_format_are_judged_as_pillow_judges_them(
    data: bytes,
) -> None:
    check_against_pillow(data)


@fuzz
@given(st.binary(max_size=300), st.sampled_from([row["file"] for row in gold()]))
def test_random_bytes_after_any_magic_raise_nothing(tail: bytes, name: str) -> None:
    header = read((GOLD / name).read_bytes()[:16] + tail)
    assert isinstance(header, Header) or header in {NOT_AN_IMAGE, UNREADABLE}


@fuzz
@given(st.binary(max_size=400))
def test_random_bytes_raise_nothing(data: bytes) -> None:
    assert isinstance(read(data), Header | str)


def test_plain_files_never_wake_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bucketwise.read.images.pillow", None)
    for data in (PLAIN_JPEG, make("JPEG", turned(6)), make("PNG"), *PLAIN_WEBP):
        assert isinstance(read(data), Header)


# Reasons


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"P",
        b"BMW is a car maker, and this is a text\n",
        b'{"width": 640, "height": 480}\n',
        b"<!doctype html><title>404</title>",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"PK\3\4" + b"\0" * 60,
        b"\x89HDF\r\n\x1a\n" + b"\0" * 90,
        b"5",
    ],
)
def test_what_is_no_image_says_so(data: bytes) -> None:
    assert read(data) == NOT_AN_IMAGE


@pytest.mark.parametrize("kind", ["AVIF", "BMP", "JPEG", "PNG", "TIFF", "WEBP", "ICO"])
def test_an_image_that_pillow_refuses_is_told_from_no_image(kind: str) -> None:
    assert read(make(kind)[:16] + b"nonsense") == UNREADABLE


def test_a_postscript_file_starts_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    data = make("EPS")
    header = read(data)
    assert isinstance(header, Header)
    assert (header.width_px, header.height_px) == (24, 16)


class FailingFile(io.BytesIO):
    def read(self, size: int | None = -1) -> bytes:
        if self.tell() >= 4096:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)


@pytest.mark.parametrize(
    "data",
    [
        PLAIN_JPEG[:20] + b"\xff\xfe\xff\xf0" + b"a comment" * 9_000,
        b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\x09a comment" * 9_000,
    ],
)
def test_a_failing_disk_is_told_from_a_broken_image(data: bytes) -> None:
    assert read_header(FailingFile(data)) == UNREADABLE_FILE


def test_a_file_that_is_gone_is_an_unreadable_file(tmp_path: Path) -> None:
    assert read_path(tmp_path / "gone.jpg") == UNREADABLE_FILE


@pytest.mark.parametrize("name", ["own__turned_6.heic", "pillow__g4-multi.tiff"])
def test_a_part_of_a_file_reads_like_a_file(name: str) -> None:
    data = (GOLD / name).read_bytes()
    whole = io.BytesIO(b"before" + data + b"after")
    part = cast("BinaryIO", Window(whole, 6, len(data)))
    assert read_header(part) == read(data)
    part.seek(0)
    assert part.read() == data
    assert part.read() == b""
    assert part.seek(-5, 2) == len(data) - 5
    assert part.readline() == data[-5:].split(b"\n")[0] + b"\n" * (b"\n" in data[-5:])
    with pytest.raises(ValueError, match="negative"):
        part.seek(-1)


def test_pillows_settings_and_the_warning_filters_stay_as_they_were() -> None:
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    for row in gold():
        read_path(GOLD / row["file"])
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


# Lying headers


def gif_of(width: int, height: int) -> bytes:
    """A GIF whose first frame asks for its canvas to be cleared before the next."""
    control = b"!\xf9\4\x08\0\0\0\0"
    frame = b"," + struct.pack("<4HB", 0, 0, width, height, 0) + b"\2\1\0\0;"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + control + frame


def icon_of(inner: bytes) -> bytes:
    entry = struct.pack("<BBBBHHLL", 0, 0, 0, 0, 1, 32, len(inner), 22)
    return b"\0\0\1\0\1\0" + entry + inner


def webp_of(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<L", 10) + b"\2\0\0\0" + canvas
    frame = b"ANIM" + struct.pack("<L", 6) + b"\0" * 6
    lossless = make("WEBP", lossless=True)[12:]
    frame += b"ANMF" + struct.pack("<L", 16 + len(lossless)) + b"\0" * 6
    frame += (23).to_bytes(3, "little") + (15).to_bytes(3, "little") + b"\0" * 4
    body += frame + lossless
    return b"RIFF" + struct.pack("<L", len(body)) + body


LIES: dict[str, tuple[bytes, str | tuple[int, int]]] = {
    "png": (png_of(65_536, 65_536), (65_536, 65_536)),
    "png_zero": (png_of(0, 5), UNREADABLE),
    "bmp": (
        (GOLD / "pillow__bmp_b_badwidth.bmp").read_bytes(),
        (4_294_967_169, 64),
    ),
    "gif": (gif_of(65_535, 65_535), (65_535, 65_535)),
    "webp": (webp_of(16_384, 16_384), UNREADABLE),
    "icon": (icon_of(png_of(13_000, 13_000)), UNREADABLE),
    "tiff_tags": (
        tiff_of((256, 4, 1, 9), (257, 4, 1, 9), (273, 4, 0xFFFFFFF, 8)),
        UNREADABLE,
    ),
    "tiff_strips": (
        tiff_of((256, 4, 1, 2**32 - 1), (257, 4, 1, 2**32 - 1), (273, 4, 1, 8)),
        (2**32 - 1, 2**32 - 1),
    ),
    "psd": (
        b"8BPS\0\1"
        + b"\0" * 6
        + struct.pack(">HLLHH", 4, 2**32 - 1, 9, 8, 3)
        + b"\0" * 12
        + b"\0\1",
        UNREADABLE,
    ),
    "icns": (b"icns\xff\xff\xff\xff" + b"ic10\0\0\0\1" * 1_000, UNREADABLE),
    "jp2": (
        b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\1jp2h" + b"\x7f" + b"\xff" * 7,
        UNREADABLE,
    ),
    "fits": (
        b"SIMPLE  =                    T".ljust(80)
        + b"BITPIX  =                    8".ljust(80)
        + b"NAXIS   =                    2".ljust(80)
        + b"NAXIS1  = 99999999999999999999".ljust(80)
        + b"NAXIS2  = 99999999999999999999".ljust(80)
        + b"END".ljust(80)
        + b" " * 2400
        + b"\0" * 2880,
        NOT_AN_IMAGE,
    ),
    "jpeg_junk": (b"\xff\xd8\xff\xe0\0\4ab" + b"a" * 5_000_000, UNREADABLE),
    "jpeg_exif": (
        b"\xff\xd8" + b"\xff\xe1\xff\xffExif\0\0".ljust(65_537, b"a") * 1_500,
        UNREADABLE,
    ),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n" + b"x\n" * 4_000_000, NOT_AN_IMAGE),
    "pnm": (b"P6 #" + b"x" * 6_000_000, UNREADABLE),
    "xpm": (b"/* XPM */\n" + b"x" * 80_000_000, NOT_AN_IMAGE),
}

MEASURE = """
import os, resource, sys, time
from bucketwise.read.images.header import Header
from bucketwise.read.images.read import read_path
import bucketwise.read.images.pillow, PIL.Image
PIL.Image.init()
with open("/proc/self/statm") as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000, -1))
for path in sys.argv[1:]:
    if os.fork():
        status = os.wait()[1]
        if status:
            print(repr(status))
        continue
    # Of the processor, which a busy machine does not lengthen.
    start = time.process_time()
    header = read_path(path)
    took = time.process_time() - start
    told = (header.width_px, header.height_px) if isinstance(header, Header) else header
    # Not ru_maxrss: that starts at what the parent had.
    with open("/proc/self/status") as file:
        [peak_kb] = [line.split()[1] for line in file if line.startswith("VmHWM")]
    print(repr((told, took, int(peak_kb) / 1024)), flush=True)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What reading each lie told, took and needed, each in a process of its own."""
    folder = tmp_path_factory.mktemp("lies")
    for name, (data, _) in LIES.items():
        (folder / name).write_bytes(data)
    paths = [str(folder / name) for name in LIES]
    said = subprocess.check_output([sys.executable, "-c", MEASURE, *paths], text=True)
    shutil.rmtree(folder)
    return dict(zip(LIES, said.splitlines(), strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
@pytest.mark.xdist_group("lies")  # all are measured at once
@pytest.mark.parametrize("name", LIES)
def test_a_lying_header_costs_neither_memory_nor_time(
    name: str, measured: dict[str, str]
) -> None:
    told, took_s, peak_mb = ast.literal_eval(measured[name])
    assert told == LIES[name][1]
    assert took_s < 30
    assert peak_mb < 500


# Folders


def put(folder: Path, name: str, data: bytes = PLAIN_PNG) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def told(folder: Path) -> list[tuple[str, str]]:
    return [(item.source, item.reason) for item in read_folder(folder)]


def test_a_folder_is_read_to_its_depths_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ["b.png", "a.png", "z/c.png", "m/n/d.png", ".DS_Store"]:
        put(tmp_path, name, PLAIN_PNG if name.endswith("png") else b"\0\0\0\1Bud1")
    assert told(tmp_path) == [
        (".DS_Store", NOT_AN_IMAGE),
        ("a.png", ""),
        ("b.png", ""),
        ("d.png", ""),
        ("c.png", ""),
    ]


def test_an_empty_folder_gives_nothing(tmp_path: Path) -> None:
    assert told(tmp_path) == []


def test_links_pipes_and_sockets_are_counted_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = put(tmp_path, "inside/image.png")
    (tmp_path / "link.png").symlink_to(image)
    (tmp_path / "circle").symlink_to(tmp_path)
    (tmp_path / "broken.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "itself.png").symlink_to(tmp_path / "itself.png")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "pipelink.jpg").symlink_to(tmp_path / "pipe.jpg")
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        assert told(tmp_path) == [
            ("broken.png", UNREADABLE_FILE),
            ("circle", LINKED_FOLDER),
            ("itself.png", UNREADABLE_FILE),
            ("link.png", ""),
            ("pipe.jpg", NOT_AN_IMAGE),
            ("pipelink.jpg", NOT_AN_IMAGE),
            ("socket.png", NOT_AN_IMAGE),
            ("image.png", ""),
        ]


def forbid(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = os.scandir

    def scandir(path: str) -> Any:
        if Path(path).name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)


def test_a_folder_within_that_may_not_be_listed_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a/image.png")
    put(tmp_path, "secret/image.png")
    forbid(monkeypatch, "secret")
    assert told(tmp_path) == [("image.png", ""), ("secret", UNREADABLE_FOLDER)]


def test_the_folder_itself_has_to_be_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbid(monkeypatch, tmp_path.name)
    with pytest.raises(InputError, match=r"cannot be listed \(Permission denied\)"):
        list(find_images(tmp_path))


def test_a_file_that_goes_between_listing_and_reading_is_counted(
    tmp_path: Path,
) -> None:
    first = put(tmp_path, "a.png")
    second = put(tmp_path, "b.png")
    items = read_folder(tmp_path)
    assert next(items).source == first.name
    second.unlink()
    assert [item.reason for item in items] == [UNREADABLE_FILE]


def test_a_name_that_is_no_text_is_shown_with_marks(tmp_path: Path) -> None:
    try:
        put(tmp_path, os.fsdecode(b"\xff.png"))
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    put(tmp_path, "é.png")
    assert told(tmp_path) == [("é.png", ""), (r"\udcff.png", "")]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("file", ""), ("pipe", NOT_AN_IMAGE), ("gone", UNREADABLE_FILE)],
)
def test_one_image_gives_one_item(tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "image.png"
    if kind == "file":
        put(tmp_path, "image.png")
    elif kind == "pipe":
        os.mkfifo(path)
    (item,) = read_image(path, path.name)
    assert (item.source, item.line, item.reason) == ("image.png", 0, reason)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_size_of_one_image_is_its_height_and_width(
    tmp_path: Path, orientation: int
) -> None:
    data = make("JPEG", turned(orientation))
    (tmp_path / "image").write_bytes(data)
    header = read(data)
    assert isinstance(header, Header)
    for image in (data, tmp_path / "image", str(tmp_path / "image")):
        assert read_image_size(image) == (header.height_px, header.width_px)
        assert read_image_size(image, ignore_orientation=True) == (16, 24)
    (tmp_path / "image").write_bytes(b"a text")
    with pytest.raises(InputError, match=f"image: {NOT_AN_IMAGE}; expected an image"):
        read_image_size(tmp_path / "image")


# Shards


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, **fields: Any
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, data


def tar_of(
    *members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT
) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def block(
    name: str, size: bytes = b"00000000000\0", kind: bytes = b"0", tail: bytes = b""
) -> bytes:
    """A header with a true checksum and whatever else it claims."""
    info = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    info[124:136] = size
    info[156:157] = kind
    info[512 - len(tail) :] = tail
    info[148:156] = b" " * 8
    info[148:156] = b"%06o\0 " % sum(info)
    return bytes(info)


PACKINGS: list[Compression] = ["none", "gzip", "zstd"]


def pack(path: Path, data: bytes, packing: Compression) -> Path:
    packed: dict[Compression, Callable[[bytes], bytes]] = {
        "none": bytes,
        "gzip": gzip.compress,
        "zstd": zstd.compress,
    }
    path.write_bytes(packed[packing](data))
    return path


def in_shard(
    folder: Path, data: bytes, packing: Compression = "none"
) -> list[tuple[str, str]]:
    path = pack(folder / "shard.tar", data, packing)
    return [(i.source, i.reason) for i in read_tar(path, path.name, packing)]


SHARD = tar_of(
    member("./sample/"[:-1], kind=tarfile.DIRTYPE),
    member("sample/000.jpg", make("JPEG", turned(6))),
    member("sample/000.json", b'{"caption": "a cat"}'),
    member("sample/000.cls", b"5"),
    member("sample/001.jpg", make("WEBP")),
    member("sample/001.jpg", b"\xff\xd8\xff broken"),
    member("sample/002.png", PLAIN_PNG),
    member("/etc/passwd"),
    member("../../up.png", PLAIN_PNG),
    member("link.png", kind=tarfile.SYMTYPE, linkname="sample/002.png"),
    member("hard.png", kind=tarfile.LNKTYPE, linkname="sample/002.png"),
    member("device", kind=tarfile.CHRTYPE),
    member("pipe", kind=tarfile.FIFOTYPE),
    member("long/" * 40 + "name.png", PLAIN_PNG),
)


FIFTH = tarfile.open(fileobj=io.BytesIO(SHARD)).getmembers()[4].offset  # noqa: SIM115
"""Where the header of a member begins that is followed by another."""


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_shard_gives_its_images_and_counts_the_rest(
    tmp_path: Path, packing: Compression
) -> None:
    assert in_shard(tmp_path, SHARD, packing) == [
        ("shard.tar/000.jpg", ""),
        ("shard.tar/000.json", NOT_AN_IMAGE),
        ("shard.tar/000.cls", NOT_AN_IMAGE),
        ("shard.tar/001.jpg", ""),
        ("shard.tar/001.jpg", UNREADABLE),
        ("shard.tar/002.png", ""),
        ("shard.tar/passwd", NOT_AN_IMAGE),
        ("shard.tar/up.png", ""),
        ("shard.tar/link.png", NOT_AN_IMAGE),
        ("shard.tar/hard.png", NOT_AN_IMAGE),
        ("shard.tar/device", NOT_AN_IMAGE),
        ("shard.tar/pipe", NOT_AN_IMAGE),
        ("shard.tar/name.png", ""),
    ]
    (first, *_) = read_tar(tmp_path / "shard.tar", "shard.tar", packing)
    assert first.header is not None
    assert (first.header.width_px, first.header.orientation) == (16, 6)


@pytest.mark.parametrize("packing", PACKINGS)
def test_gold_images_read_the_same_from_a_shard(
    tmp_path: Path, packing: Compression
) -> None:
    names = [row["file"] for row in gold()]
    data = tar_of(*(member(name, (GOLD / name).read_bytes()) for name in names))
    path = pack(tmp_path / "shard", data, packing)
    found = [item.header or item.reason for item in read_tar(path, "shard", packing)]
    assert found == [read_path(GOLD / name) for name in names]


@pytest.mark.parametrize(
    "form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT]
)
def test_every_tar_format_is_read(tmp_path: Path, form: int) -> None:
    named = member("folder/" * 13 + "é.png", PLAIN_PNG)
    if form != tarfile.USTAR_FORMAT:
        named[0].name = "folder/" * 60 + "é.png"
    assert in_shard(tmp_path, tar_of(named, form=form)) == [("shard.tar/é.png", "")]


def test_a_size_in_an_extended_header_counts(tmp_path: Path) -> None:
    data = PLAIN_PNG
    record = f"size={len(data)}\n"
    record = f"{len(record) + 3} {record}"
    extended = block("x", f"{len(record):011o}\0".encode(), b"x")
    padded = data.ljust(-(-len(data) // 512) * 512, b"\0")
    shard = extended + record.encode().ljust(512, b"\0") + block("image.png") + padded
    assert in_shard(tmp_path, shard) == [("shard.tar/image.png", "")]


def test_sparse_files_are_no_images(tmp_path: Path) -> None:
    size = f"{512:011o}\0".encode()
    more = b"\1".rjust(30, b"\0").ljust(30, b"\0")  # byte 482 of 512
    sparse = block("old.png", size, b"S", more[-1:].ljust(30, b"\0"))
    shard = sparse + b"\0" * 512 + b"\0" * 512 + tar_of(member("image.png", PLAIN_PNG))
    assert in_shard(tmp_path, shard) == [
        ("shard.tar/old.png", NOT_AN_IMAGE),
        ("shard.tar/image.png", ""),
    ]
    info, data = member("new.png", PLAIN_PNG, pax_headers={"GNU.sparse.major": "1"})
    shard = tar_of((info, data), form=tarfile.PAX_FORMAT)
    assert in_shard(tmp_path, shard) == [("shard.tar/new.png", NOT_AN_IMAGE)]


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize(
    ("shard", "why"),
    [
        (b"", "it is empty"),
        (b"not a tar" * 100, "invalid header"),
        (SHARD[: FIFTH + 520], "it ends within a member"),
        (SHARD[: FIFTH + 200], "truncated header"),
        (SHARD[:FIFTH] + b"x" * 512 + SHARD[FIFTH + 512 :], "invalid header"),
        (block("n", b"\xff" * 12), "a member has a negative size"),
        (block("n", b"\x80" + b"\xff" * 11), "a member has no size"),
        (block("n", b"\x80" + b"\0" * 4 + b"\x7f" + b"\xff" * 6), "ends within"),
        (block("n", b"77777777777\0", b"L"), "a name of more than 1 MiB"),
        (block("n", b"77777777777\0", b"x"), "a name of more than 1 MiB"),
        (block("n", b"00000000005\0", b"x") + b"9 a=b", "header is broken"),
        (block("n", b"00000000005\0", b"x") + b"0 a=b", "header is broken"),
        (block("n", b"00000000005\0", b"x") + b"hello", "header is broken"),
        (
            block("n", b"00000000010\0", b"x") + b"8 size=\n".ljust(512) + block("n"),
            "a member has no size",
        ),
        (block("n", b"00000000005\0", b"S", b"\1".ljust(30, b"\0")), "ends within"),
    ],
)
def test_a_damaged_shard_says_so(
    tmp_path: Path, shard: bytes, why: str, packing: Compression
) -> None:
    with pytest.raises(
        InputError, match=rf"^shard.tar: damaged tar \(.*{why}.*\); pack"
    ):
        in_shard(tmp_path, shard, packing)


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_damaged_stream_says_so(tmp_path: Path, packing: Compression) -> None:
    path = pack(tmp_path / "shard.tar", SHARD * 3, packing)
    whole = path.read_bytes()
    for data in (whole[:-9], whole[: len(whole) // 2], b"nonsense" * 9):
        path.write_bytes(data)
        with pytest.raises(
            InputError, match=r"^s: damaged (gzip|zstd) \(.+\); pack it anew$"
        ):
            list(read_tar(path, "s", packing))


def test_a_wrong_checksum_after_the_last_member_is_found(tmp_path: Path) -> None:
    whole = pack(tmp_path / "shard.tar", SHARD, "gzip").read_bytes()
    (tmp_path / "shard.tar").write_bytes(whole[:-8] + b"\0" * 4 + whole[-4:])
    with pytest.raises(InputError, match=r"^s: damaged gzip \(CRC check failed"):
        list(read_tar(tmp_path / "shard.tar", "s", "gzip"))


def test_a_packed_shard_is_followed_by_no_more_than_tar_fills_up(
    tmp_path: Path,
) -> None:
    more = bytes(tar_room.TRAILER_BYTES)
    assert in_shard(tmp_path, SHARD + more[: -tarfile.RECORDSIZE], "gzip")
    with pytest.raises(InputError, match=r"damaged tar \(more than .* follow its end"):
        in_shard(tmp_path, SHARD + more, "gzip")


def test_a_shard_that_is_gone_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^s: cannot be read \(No such file"):
        list(read_tar(tmp_path / "gone", "s", "none"))


def test_a_packed_member_that_no_image_can_be_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tar_room, "MAX_MEMBER_BYTES", 1_000)
    shard = tar_of(member("big.png", PLAIN_PNG * 20), member("image.png", PLAIN_PNG))
    assert in_shard(tmp_path, shard, "gzip") == [
        ("shard.tar/big.png", UNREADABLE),
        ("shard.tar/image.png", ""),
    ]
    assert in_shard(tmp_path, shard)[0] == ("shard.tar/big.png", "")


HEADERS = [
    tarfile.TarInfo(name).tobuf(form)
    for name in ("000.jpg", "a/" * 60 + "é.png", "n" * 100)
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
]


@settings(max_examples=1_000, deadline=None)
@given(damaged(HEADERS), st.booleans())
def test_an_ordinary_header_says_what_tarfile_reads_in_it(
    data: bytes, is_signed: bool
) -> None:
    data = data[:512].ljust(512, b"\0")
    if is_signed:
        blank = data[:148] + b" " * 8 + data[156:]
        data = data[:148] + b"%06o\0 " % sum(blank) + data[156:]
    found = decode_ordinary(data)
    if found is not None:
        told = tarfile.TarInfo.frombuf(data, "utf-8", "replace")
        assert (found.type, found.size) == (told.type, told.size)
        assert found.name.rpartition("/")[2] == told.name.rpartition("/")[2]


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_python_writes_is_ordinary(header: bytes) -> None:
    assert decode_ordinary(header[:512])


@fuzz
@given(st.data())
def test_a_damaged_shard_raises_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp()
    shard = data.draw(damaged([SHARD[:9_000]]))
    packing = data.draw(st.sampled_from(PACKINGS))
    try:
        found = Counter(reason for _, reason in in_shard(folder, shard, packing))
    except InputError:
        return
    assert set(found) <= {"", NOT_AN_IMAGE, UNREADABLE}
