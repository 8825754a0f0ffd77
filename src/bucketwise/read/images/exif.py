"""The orientation in an ordinary EXIF block."""

from __future__ import annotations

from struct import Struct

from bucketwise.read.images.header import UnusualError

ORIENTATION = 0x0112
"""Tag of the orientation (CIPA DC-008-2019, table 4)."""

TURNS = {turn: turn for turn in range(1, 9)}
"""Orientations the standard knows; any other value is none."""

_SHORT, _RATIONAL = 3, 5
_UNIT_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
}
_INLINE_BYTES = 4  # a longer value stands elsewhere (TIFF 6.0, section 2)

# Tags Pillow reads as it opens a JPEG: what they hold can make it refuse the file
# (Pillow 13.0.0, JpegImagePlugin.py, _read_dpi_from_exif).
_EXPECTED = {ORIENTATION: (_SHORT, 1), 0x011A: (_RATIONAL, 1), 0x0128: (_SHORT, 1)}

_ORDERS = {
    b"II*\0": (Struct("<L"), Struct("<H"), Struct("<HHL4s")),
    b"MM\0*": (Struct(">L"), Struct(">H"), Struct(">HHL4s")),
}


def read_orientation(tiff: bytes) -> int:
    """Find the orientation in the first directory of a TIFF block.

    Parameters
    ----------
    tiff : bytes
        The block, from its byte order mark on.

    Returns
    -------
    int
        1 to 8, 1 for none.

    Raises
    ------
    UnusualError, struct.error
        Where the block is broken or unusual: a directory or a value outside it, a tag
        of another type than the standard gives it.
    """
    if tiff[:4] not in _ORDERS:
        raise UnusualError
    long, short, field = _ORDERS[tiff[:4]]
    (start,) = long.unpack_from(tiff, 4)
    (count,) = short.unpack_from(tiff, start)
    end = start + short.size + count * field.size
    long.unpack_from(tiff, end)  # the next directory's place has to be there
    elsewhere = 0
    found = []
    for tag, kind, number, value in field.iter_unpack(tiff[start + short.size : end]):
        size = _UNIT_BYTES.get(kind, 0) * number
        if not size or _EXPECTED.get(tag, (kind, number)) != (kind, number):
            raise UnusualError
        if size > _INLINE_BYTES:
            elsewhere += size
            if long.unpack(value)[0] + size > len(tiff):
                raise UnusualError
        if tag == ORIENTATION:
            found.append(short.unpack_from(value)[0])
    if elsewhere > len(tiff):
        raise UnusualError
    return TURNS.get(found[0], 1) if found else 1
