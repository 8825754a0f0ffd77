"""Records of delimited text: Python's csv module is the oracle, a stray quote costs a line."""

import csv
import gzip
import io
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError
from bucketwise.nouns.traffic import Traffic
from bucketwise.read import read_evidence, read_rows, read_traffic
from bucketwise.read.lines import Compression, find_line_ends, open_unpacked
from bucketwise.read.tables.records import Form, read_records
from tests.test_fuzz import LOADS, images, requests, tar_of, whole

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LAWS = settings(
    max_examples=25,
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


ROWS = "".join(f"{300 + at},480,a\n" for at in range(40))
PROSE = "some words, here, and\n"


@pytest.mark.parametrize(
    "record",
    [
        '640,480,"' + PROSE * 300 + '"\n',
        '640,480,"' + PROSE * 5_000 + '"\n',
        '640,480,"read:\nname,score,age\nbob,1,2\nann,3,4\nand so on"\n',
        '640,480,"' + "A" * 3_000_000 + '"\n',
        '640,480,"' + "A" * 3_000_000 + '\n\nwhat is it?"\n',
    ],
    ids=["300 lines", "5,000 lines", "a table", "3 MB", "3 MB and lines"],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_record_that_closes_is_one_row_however_long(
    tmp_path: Path, record: str, first: bool
) -> None:
    text = "width,height,prompt\n" + (record + ROWS if first else ROWS + record)
    path = tmp_path / "t"
    path.write_text(text, newline="")
    traffic = read_traffic([path])
    assert (traffic.rows_read, traffic.rows_rejected) == (41, 0)
    assert sizes(traffic)[640, 480] == 1


def test_a_prompt_before_the_sizes_may_have_many_lines(tmp_path: Path) -> None:
    prompts = [f'"a\n{PROSE * lines}b",640,480\n' for lines in (0, 1, 70, 300)]
    path = tmp_path / "t"
    path.write_text("prompt,width,height\n" + "".join(prompts), newline="")
    assert sizes(read_traffic([path])) == {(640, 480): 4}


@pytest.mark.parametrize(
    "header", ['width,height,"note', '"width,height,note', "sep=,"]
)
def test_a_stray_quote_in_a_header_hides_no_row(tmp_path: Path, header: str) -> None:
    path = tmp_path / "t"
    header = f"{header}\nwidth,height,note" if "=" in header else header
    path.write_text(f"{header}\n{ROWS}", newline="")
    assert len(sizes(read_traffic([path]))) == 40


@pytest.mark.parametrize("end", ["", '"', '",x,y'])
def test_what_a_record_without_an_end_took_in_counts_as_lines(
    tmp_path: Path, end: str
) -> None:
    path = tmp_path / "t"
    text = f'width,height,prompt\n{ROWS}640,480,"{PROSE * 100}{end},z\n{ROWS}'
    path.write_text(text, newline="")
    with pytest.raises(InputError, match=r"101 of 181 rows|102 of 182 rows"):
        read_traffic([path])


@pytest.mark.parametrize("text", ['a",",\n', '"a\n', ',"""\n', '"\n', '"a""b,\n'])
def test_hostile_quotes_are_read_in_time_that_grows_with_the_file(text: str) -> None:
    looked_at = 0

    def is_row(cells: Sequence[str]) -> bool:
        nonlocal looked_at
        looked_at += len(cells)
        return False

    form = Form(separator=",", width=1, is_row=is_row)
    records = list(read_records([text] * 4_000, form))
    assert 2_000 <= len(records) <= 4_000
    assert looked_at < 40 * 4_000


@LAWS
@given(st.text("a\r\n", max_size=12), st.sampled_from([1, 2, 5]))
def test_lines_are_counted_as_python_counts_them(
    tmp_path: Path, text: str, chunk: int
) -> None:
    path = tmp_path / "t"
    path.write_text(text, newline="")
    lines = list(io.StringIO(text, newline=""))
    ends = {line[len(line.rstrip("\r\n")) :] for line in lines} - {""}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bucketwise.read.lines.CHUNK_BYTES", chunk)
        found = find_line_ends(path, "none")
    one = {"\n": "lf", "\r\n": "crlf", "\r": "other"}
    kinds = {one[end] for end in ends} or {"lf"}
    assert found.kind == (kinds.pop() if len(kinds) == 1 else "other")
    if found.kind != "other":
        assert found.filled == sum(bool(line.strip("\r\n")) for line in lines)


OBJECTS = st.sampled_from(
    ['{"w": 640, "h": 480}', '{"w": 1640, "h": 480, "p": "a\\n\\"b"}', '{"w": 640', "[1]",
     '{"w": 0, "h": 1}', "", " ", '"', '{"w": 7, "h": 7, "p": "' + "A" * 2_100_000 + '"}']
)  # fmt: skip


@LAWS
@given(
    lines=st.lists(st.tuples(OBJECTS, ENDS), min_size=1, max_size=8),
    one_end=st.booleans(),
    bom=st.sampled_from(["", "\ufeff"]),
)
def test_json_lines_are_those_that_python_finds(
    tmp_path: Path, lines: list[tuple[str, str]], one_end: bool, bom: str
) -> None:
    lines = [('{"w": 640, "h": 480}', "\n"), *lines]
    end = lines[-1][1]
    text = "".join(line + (end if one_end else own) for line, own in lines)
    path = tmp_path / "t"
    path.write_bytes((bom + text).encode())
    expected = []
    for line in io.StringIO(text, newline=""):
        if line.strip():
            try:
                told = json.loads(line)
            except ValueError:
                told = None
            is_size = isinstance(told, dict) and told["w"] > 0
            expected.append((told["w"], told["h"]) if is_size else None)
    traffic = read_traffic([path], max_bad_rows=1.0)
    assert traffic.rows_read == len(expected)
    assert sizes(traffic) == Counter(filter(None, expected))


@pytest.mark.parametrize("bad", ["x,480\n" * 3, "1,2,3\n" * 3])
def test_an_input_without_a_usable_row_is_no_small_share_of_the_others(
    tmp_path: Path, bad: str
) -> None:
    (tmp_path / "good.csv").write_text("width,height\n" + "640,480\n" * 999)
    (tmp_path / "bad.csv").write_text("width,height\n" + bad)
    inputs = [tmp_path / "good.csv", tmp_path / "bad.csv"]
    with pytest.raises(InputError, match=r"^bad\.csv: 3 of 3 rows"):
        read_traffic(inputs)
    traffic = read_traffic(inputs, max_bad_rows=1.0)
    assert traffic.notes == ("bad.csv: 3 rows, none of which can be used",)


def test_an_empty_folder_beside_others_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("width,height\n640,480\n")
    (tmp_path / "photos").mkdir()
    traffic = read_traffic([tmp_path / "good.csv", tmp_path / "photos"])
    assert traffic.notes == ("photos: neither a row nor an image was found in it",)


def test_a_load_without_a_usable_record_is_no_small_share_either(
    tmp_path: Path,
) -> None:
    (tmp_path / "good.csv").write_text("start,duration\n" + "7,2\n" * 999)
    (tmp_path / "bad.csv").write_text("start,duration\n" + "7,x\n" * 3)
    with pytest.raises(InputError, match=r"^bad\.csv: 3 of 3 rows"):
        read_evidence([tmp_path / "good.csv", tmp_path / "bad.csv"])


def gzipped(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def in_zstd(data: bytes) -> bytes:
    checked: dict[int, int] = {zstd.CompressionParameter.checksum_flag: 1}
    return zstd.compress(data, options=checked)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzipped,
    "gzip, two members": lambda data: gzipped(data[:999]) + gzipped(data[999:]),
    "zstd": in_zstd,
    "zstd, three frames": lambda data: (
        b"\x50\x2a\x4d\x18\x02\0\0\0hi"
        + in_zstd(data[:999])
        + b"\x5f\x2a\x4d\x18\0\0\0\0"
        + in_zstd(data[999:])
    ),
}
DRAWN = random.Random(1)  # noqa: S311 - sizes that do not pack to nothing
SIDES = [(DRAWN.randrange(300, 900), DRAWN.randrange(300, 900)) for _ in range(15_000)]


def each(form: bytes) -> bytes:
    return b"".join(form % sides for sides in SIDES)


FORMS: dict[str, Callable[[], bytes]] = {
    "csv": lambda: b"w,h\n" + each(b"%d,%d\n"),
    "csv, lines in cells": lambda: b"w,h,p\n" + each(b'%d,%d,"a\nb"\n'),
    "csv, mixed ends": lambda: b"w,h\r" + each(b"%d,%d\n"),
    "json lines": lambda: each(b'{"w": %d, "h": %d}\n'),
    "requests": lambda: requests() * 20,
    "parquet": lambda: whole("parquet"),
    "histogram": lambda: whole("histogram"),
    "tar": lambda: tar_of(
        {f"{at}.{kind}": data for at in range(20) for kind, data in images().items()}
    ),
    "load": lambda: b"start,latency_ms\n" + each(b"2026-10-01T00:00:00.%dZ,%d\n"),
    "load, readings": lambda: b"ts,running,waiting\n" + each(b"%d,%d,0\n"),
    "load, engine log": lambda: whole("engine log") * 30,
    "load, nginx": lambda: whole("nginx") * 30,
    "load, prometheus": LOADS["prometheus"],
}


@cache
def packed(form: str, packing: str) -> bytes:
    return PACKINGS[packing](FORMS[form]())


def read(path: Path, form: str) -> object:
    reader = read_evidence if form.startswith("load") else read_traffic
    return reader([path], max_bad_rows=1.0)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", FORMS)
@settings(LAWS, max_examples=4)
@given(data=st.data())
def test_a_packed_file_is_read_whole_or_refused(
    tmp_path: Path, form: str, packing: str, data: st.DataObject
) -> None:
    good = packed(form, packing)
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = good[:at] + bytes([good[at] ^ 1 << data.draw(st.integers(0, 7))])
    flipped += good[at + 1 :]
    path = tmp_path / "t"
    path.write_bytes(data.draw(st.sampled_from([flipped, good[: at + 1], good + b"x"])))
    kind: Compression = "gzip" if packing.startswith("gzip") else "zstd"
    try:
        with open_unpacked(path, kind) as file:
            unharmed = file.read() == FORMS[form]()
    except ValueError:
        unharmed = False
    if unharmed:
        read(path, form)
        return
    with pytest.raises(InputError) as caught:
        read(path, form)
    said = str(caught.value)
    assert said.startswith("t: ")
    assert "\n" not in said
    if path.read_bytes()[:12] == good[:12] and form != "tar":
        assert f"t: damaged {kind} (" in said
        assert said.endswith("); pack it anew")


@pytest.mark.parametrize("reader", [read_traffic, read_evidence])
def test_damage_is_told_before_what_it_made_of_the_names(
    tmp_path: Path, reader: Callable[[Sequence[str | Path]], object]
) -> None:
    path = tmp_path / "t"
    good = gzipped(b"neither,known\n" + b"1,2\n" * 99)
    path.write_bytes(good)
    with pytest.raises(InputError, match="no column"):
        reader([path])
    path.write_bytes(good[:-4] + b"\0" * 4)
    with pytest.raises(InputError, match=r"^t: damaged gzip"):
        reader([path])


def test_a_damaged_table_of_rates_is_refused(tmp_path: Path) -> None:
    shares = b"client,window_start_s,image_tokens,prob\n1,0,100,1.0\n"
    rates = b"client,timestamp_s,rate_rps\n" + b"".join(
        b"1,%d,2.0\n" % at for at in range(3_000)
    )
    (tmp_path / "shares.csv").write_bytes(shares)
    whole_rates = gzipped(rates)
    path = tmp_path / "rates.csv.gz"
    path.write_bytes(whole_rates)
    inputs = [tmp_path / "shares.csv", path]
    assert read_traffic(inputs).rows_used == 1
    path.write_bytes(whole_rates[:-8] + b"\0" * 4 + whole_rates[-4:])
    with pytest.raises(InputError, match=r"^rates\.csv\.gz: damaged gzip \(CRC"):
        read_traffic(inputs)
