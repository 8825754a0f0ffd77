"""Records of delimited text: Python's csv module is the oracle, a stray quote costs a line."""

import csv
import gzip
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError
from bucketwise.sources import read_evidence, read_rows, read_traffic
from bucketwise.sources.line_ends import LineEnds, find_line_ends
from bucketwise.traffic import Traffic

LAWS = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
NOTES = st.sampled_from(
    [
        "",
        "a",
        "a b",
        'say ""x""',
        "1,2",
        "one\ntwo",
        "one\r\ntwo",
        "one\rtwo",
        "\n",
        " ",
    ]
)
TITLES = st.sampled_from(
    ["report of October", '"Sizes, all of them"', "# by x, y", '12" screens', "", " "]
)


def quoted(cell: str, separator: str) -> str:
    needed = any(mark in cell for mark in (*'",\r\n', separator))
    return f'"{cell}"' if needed else cell


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str]:
    """A table with whatever may stand before and between its rows, and its separator."""
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    lines = draw(st.lists(TITLES, max_size=2))
    if separator == ";" and draw(st.booleans()):
        lines.insert(0, "sep=;")
    note_first = draw(st.booleans())
    header = ["note", "width", "height"] if note_first else ["width", "height", "note"]
    lines.append(separator.join(header))
    # Titles are told from a header by the rows that follow it.
    n_rows = draw(st.integers(len(lines), 8))
    for at in range(n_rows):
        cells = [str(300 + at), draw(st.sampled_from(["480", "x", "0", "1640"]))]
        cells.insert(0 if note_first else 2, quoted(draw(NOTES), separator))
        extra = draw(st.sampled_from([0, 1, -1])) if at % 3 == 2 else 0
        cells = [*cells, "z"][: len(cells) + extra]
        lines += [""] * draw(st.sampled_from([0, 0, 0, 1, 2]))
        lines.append(separator.join(cells))
    one_end = draw(st.booleans())
    end = draw(ENDS)
    ends = [end if one_end else draw(ENDS) for _ in lines]
    if draw(st.booleans()):
        ends[-1] = ""
    bom = draw(st.sampled_from(["", "\ufeff"]))
    together = zip(lines, ends, strict=True)
    return bom + "".join(line + end for line, end in together), separator


def as_python_reads(text: str, separator: str) -> list[tuple[int, int] | None]:
    """Return width and height of each row, None for one that cannot be used."""
    plain = io.StringIO(text.removeprefix("\ufeff"), newline="")
    records = [each for each in csv.reader(plain, delimiter=separator) if each]
    at = next(at for at, each in enumerate(records) if "width" in each)
    header, rows = records[at], records[at + 1 :]
    found: list[tuple[int, int] | None] = []
    for row in rows:
        cells = dict(zip(header, row, strict=False))
        sides = [cells.get(side, "") for side in ("width", "height")]
        right = len(row) == len(header) and all(map(str.isdecimal, sides))
        usable = right and all(map(int, sides))
        found.append((int(sides[0]), int(sides[1])) if usable else None)
    return found


def sizes(traffic: Traffic) -> Counter[tuple[int, int]]:
    told = zip(traffic.width_px, traffic.height_px, traffic.count, strict=True)
    return Counter({(int(w), int(h)): int(n) for w, h, n in told})


@LAWS
@given(texts())
@example(("report of October\nwidth,height,note\r\n300,480,a\r\n301,480,b\r\n", ","))
@example(("\nwidth,height,note\r\n1640,480,a\r\n", ","))
@example(("width,height,note\n300,480,a\r1640,480,b\n", ","))
def test_rows_are_those_that_python_finds(
    tmp_path: Path, drawn: tuple[str, str]
) -> None:
    text, separator = drawn
    path = tmp_path / "t"
    path.write_bytes(text.encode())
    expected = as_python_reads(text, separator)
    traffic = read_traffic([path], max_bad_rows=1.0)
    assert traffic.rows_read == len(expected)
    assert sizes(traffic) == Counter(filter(None, expected))
    found = [
        (int(width), int(height)) if not reason else None
        for rows in read_rows([path], max_bad_rows=1.0)
        for width, height, reason in zip(
            rows.width_px, rows.height_px, rows.reason, strict=True
        )
    ]
    assert found == expected


STRAYS = ['{w},{h},"{n}', '"{w},{h},{n}', '{w},"{h},{n}', '{w},{h},"']


@LAWS
@given(
    at=st.sets(st.integers(0, 299), min_size=1, max_size=4),
    form=st.sampled_from(STRAYS),
    note=st.sampled_from(["a", '"one\ntwo"', '"one, two"']),
    end=st.sampled_from(["\n", "\r\n"]),
    packed=st.booleans(),
)
@example(at={299}, form=STRAYS[0], note="a", end="\n", packed=False)
@example(at={0}, form=STRAYS[2], note='"one\ntwo"', end="\n", packed=False)
@example(at={7, 8}, form=STRAYS[0], note="a", end="\n", packed=False)
@example(at={7, 207}, form=STRAYS[0], note="a", end="\n", packed=True)
def test_a_stray_quote_costs_its_own_line_and_no_other(
    tmp_path: Path, at: set[int], form: str, note: str, end: str, packed: bool
) -> None:
    rows = [
        (form if each in at else "{w},{h},{n}").format(
            w=300 + each, h=480, n="a" if each in at else note
        )
        for each in range(300)
    ]
    text = end.join(["width,height,note", *rows, ""]).encode()
    path = tmp_path / "t"
    path.write_bytes(gzip.compress(text) if packed else text)
    traffic = read_traffic([path], max_bad_rows=1.0)
    assert traffic.rows_read == 300
    assert {width for width, _ in sizes(traffic)} == {
        300 + each for each in range(300) if each not in at
    }
