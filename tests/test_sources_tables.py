"""Reading tables: every format, every packing, every fault in plain words."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bucketwise.errors import InputError, UsageError
from bucketwise.nouns.traffic import NO_TIME_S, Traffic, merge_traffic
from bucketwise.read import read_rows, read_traffic
from bucketwise.read.database import identifier, open_workspace
from bucketwise.read.detect import recognise
from bucketwise.read.tables.delimited import open_delimited
from bucketwise.read.tables.parquet import open_parquet
from bucketwise.read.tables.reduce import reduce_table
from bucketwise.words.numbers import plural
from tests.budget import drawn

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

pytestmark = pytest.mark.usefixtures("one_reader")

HEADER = ["timestamp", "tenant", "width", "height", "num_frames", "fps"]
ROWS = [
    ["2026-10-01T00:10:00Z", "a", "640", "480", "", ""],
    ["2026-10-01T00:50:00Z", "a", "640", "480", "", ""],
    ["2026-10-01T01:00:00Z", "b", "1280", "720", "16", ""],
    ["2026-10-01T01:59:59.5Z", "", "1280", "720", "64", "29.97"],
    ["", "b", "333", "1", "", ""],
]


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def as_csv(
    rows: Sequence[Sequence[str]],
    separator: str = ",",
    header: Sequence[str] = HEADER,
) -> str:
    return "".join(separator.join(row) + "\n" for row in [header, *rows])


def as_jsonl(rows: Sequence[Sequence[str]]) -> str:
    lines = []
    for row in rows:
        cells = {k: v for k, v in zip(HEADER, row, strict=True) if v}
        lines.append(json.dumps(cells))
    return "\n".join(lines) + "\n"


def pack(path: Path, packing: str) -> Path:
    if packing == "plain":
        return path
    text = path.read_bytes()
    packed = path.with_name(f"packed-{packing}")
    packed.write_bytes(
        gzip.compress(text) if packing == "gzip" else zstd.compress(text)
    )
    return packed


def cells(traffic: Traffic) -> list[tuple[float, ...]]:
    return list(
        zip(
            traffic.height_px.tolist(),
            traffic.width_px.tolist(),
            traffic.frames.tolist(),
            traffic.fps.tolist(),
            traffic.count.tolist(),
            strict=True,
        )
    )


def reasons(traffic: Traffic) -> dict[str, tuple[int, list[int]]]:
    return {
        each.reason: (each.count, [place.line for place in each.places])
        for each in traffic.rejections
    }


def read(path: Path, text: str | bytes | None = None, **options: Any) -> Traffic:
    if text is not None:
        write(path, text)
    options.setdefault("max_bad_rows", 1.0)
    return read_traffic([path], **options)


def test_a_table_becomes_cells_per_hour_and_label(tmp_path: Path) -> None:
    traffic = read(tmp_path / "log", as_csv(ROWS))
    assert traffic.rows_read == traffic.rows_used == 5
    assert traffic.labels == ("a", "b")
    assert traffic.label.tolist() == [-1, 0, 1, 1]
    assert traffic.count.tolist() == [1, 2, 1, 1]
    hour = 1_790_812_800
    assert traffic.slot_start_s.tolist() == [hour + 3600, hour, NO_TIME_S, hour + 3600]
    assert (traffic.first_s, traffic.last_s) == (hour + 600, hour + 7199.5)
    assert traffic.frames.tolist() == [64, 0, 0, 16]
    assert traffic.fps.tolist() == [29.97, 0, 0, 0]
    record = traffic.inputs[0]
    assert (record.kind, record.name, record.rows) == ("csv", "log", 5)
    assert record.sha256 == traffic.sha256()
    assert "1 usable row has no readable time" in record.notes


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolon", "jsonl"])
def test_every_text_format_and_packing_gives_the_same_traffic(
    tmp_path: Path, kind: str, packing: str
) -> None:
    text = {
        "csv": as_csv(ROWS),
        "tsv": as_csv(ROWS, "\t"),
        "semicolon": as_csv(ROWS, ";"),
        "jsonl": as_jsonl(ROWS),
    }[kind]
    expected = read(tmp_path / "expected", as_csv(ROWS))
    traffic = read(pack(write(tmp_path / "table.png", text), packing))
    assert traffic.sha256() == expected.sha256()


@pytest.mark.parametrize("typed", [True, False])
@pytest.mark.parametrize("packing", ["plain", "gzip"])
def test_parquet_gives_the_same_traffic(
    tmp_path: Path, packing: str, typed: bool
) -> None:
    source = write(tmp_path / "t.csv", as_csv(ROWS))
    path = tmp_path / "t.csv.parquet"
    duckdb.execute(
        f"COPY (FROM read_csv('{source}', all_varchar = {not typed})) TO '{path}'"
    )
    traffic = read(pack(path, packing))
    assert traffic.sha256() == read(source).sha256()
    assert traffic.inputs[0].kind == "parquet"


@pytest.mark.parametrize("compression", ["snappy", "zstd"])
def test_nested_parquet_and_json_are_read_one_level_down(
    tmp_path: Path, compression: str
) -> None:
    path = tmp_path / "p"
    duckdb.execute(
        "COPY (SELECT {'width': 640, 'height': 480} AS image) TO "
        f"'{path}' (FORMAT parquet, COMPRESSION {compression})"
    )
    line = '{"image": {"width": 640, "height": 480}, "id": 1}\n'
    assert cells(read(path)) == [(480, 640, 0, 0.0, 1.0)]
    assert cells(read(tmp_path / "j", line)) == [(480, 640, 0, 0.0, 1.0)]


@pytest.mark.parametrize(
    "cell", ["1920x1080", "1920X1080", " 1920 \u00d7 1080 ", "1920*1080"]
)
def test_a_resolution_is_width_times_height(tmp_path: Path, cell: str) -> None:
    assert cells(read(tmp_path / "t", f"id,resolution\n1,{cell}\n")) == [
        (1080, 1920, 0, 0.0, 1.0)
    ]


def test_a_lone_number_is_no_resolution(tmp_path: Path) -> None:
    traffic = read(tmp_path / "t", "resolution\n640x480\n1920\n\nx480\n")
    assert reasons(traffic) == {"missing": (1, [5]), "not a number": (1, [3])}


def test_sides_win_over_a_resolution_and_say_so(tmp_path: Path) -> None:
    traffic = read(tmp_path / "t", "resolution,w,h\n9x9,640,480\n")
    assert cells(traffic) == [(480, 640, 0, 0.0, 1.0)]
    assert any("'resolution'" in note for note in traffic.inputs[0].notes)


def test_counts_are_weights_and_this_is_said(tmp_path: Path) -> None:
    traffic = read(
        tmp_path / "t", "w,h,count\n1,1,0.1\n1,1,0.2\n2,2,0\n3,3,-1\n4,4,\n5,5,many\n"
    )
    assert traffic.weighted
    assert cells(traffic) == [(1, 1, 0, 0.0, 0.3), (2, 2, 0, 0.0, 0.0)]
    assert reasons(traffic) == {
        "missing": (1, [6]),
        "not a number": (1, [7]),
        "zero or negative": (1, [5]),
    }
    assert any("3 rows for 0.3 images" in n for n in traffic.inputs[0].notes)


def test_every_reason_is_told_with_its_lines(tmp_path: Path) -> None:
    text = (
        "w,h\n640,480\n,480\nabc,480\n640.5,480\n640.0,480\n0,1\n-5,1\n"
        "1000001,1\n1000000,1\n1,2,3\n7\n\n1e400,1\nnan,3\n"
    )
    expected = {
        "absurd": (1, [9]),
        "missing": (2, [3, 15]),
        "not a number": (3, [4, 5, 14]),
        "ragged": (2, [11, 12]),
        "zero or negative": (2, [7, 8]),
    }
    traffic = read(tmp_path / "t", text)
    assert reasons(traffic) == expected
    assert traffic.rows_read == 13
    assert {p.source for r in traffic.rejections for p in r.places} == {"t"}


def test_lines_are_physical_where_cells_hold_line_breaks(tmp_path: Path) -> None:
    text = '\n\nid,"w\n",h\n"a\n\nb",640,480\n\n"c",x,480\n"d\n",1\n"e",,1\n'
    traffic = read(tmp_path / "t", text, columns={"width": "2"})
    assert reasons(traffic) == {
        "missing": (1, [12]),
        "not a number": (1, [9]),
        "ragged": (1, [10]),
    }


def test_five_places_are_kept_for_a_reason(tmp_path: Path) -> None:
    traffic = read(tmp_path / "t", "w,h\n" + "x,1\n" * 40)
    assert reasons(traffic) == {"not a number": (40, [2, 3, 4, 5, 6])}


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffwidth,height\r\n640,480\r\n",
        'width;height\n"640";"480"\n',
        "WIDTH\tHeight\n640\t480",
        " width , height \n 640 , 480 \n",
        "a|image.width|image.height\n1|640|480\n",
        'name,width,height\n"a, ""b"" \nc",640,480\n',
        "width,height\n640,480\r\n",
        "width,height\r640,480\r",
    ],
)
def test_dialects_are_recognised(tmp_path: Path, text: str) -> None:
    assert cells(read(tmp_path / "t", text)) == [(480, 640, 0, 0.0, 1.0)]


def test_without_a_header_every_row_is_data(tmp_path: Path) -> None:
    path = write(tmp_path / "t", "a,640,480\nb,640,480\n")
    traffic = read(path, columns={"width": "2", "height": "3"})
    assert cells(traffic) == [(480, 640, 0, 0.0, 2.0)]
    with pytest.raises(InputError, match=r"no header.*--columns width=1,height=2"):
        read(path)


def test_columns_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "t"
    header = 'a"b,Größe\n'.replace('a"b', '"a""b"')
    traffic = read(
        path, header + "640,480\n", columns={"width": 'a"b', "height": "größe"}
    )
    assert cells(traffic) == [(480, 640, 0, 0.0, 1.0)]
    with pytest.raises(InputError, match="no such column; found 'a\"b', 'Größe'"):
        read(path, columns={"width": "nope", "height": "1"})
    with pytest.raises(UsageError, match="'wide' is not something a column can be"):
        read(path, columns={"wide": "x"})


def test_hostile_names_in_parquet_and_json_are_only_names(tmp_path: Path) -> None:
    names = ['w"; DROP TABLE cells; --', "h'.*[1]\n~/"]
    quoted = ", ".join(
        f'{v} AS "{n.replace(chr(34), chr(34) * 2)}"'
        for v, n in zip((640, 480), names, strict=True)
    )
    path = tmp_path / "it's [a] *.p?"
    duckdb.execute(
        "COPY (SELECT " + quoted + f") TO '{tmp_path / 'p'}' (FORMAT parquet)"
    )
    shutil.move(tmp_path / "p", path)
    columns = dict(zip(("width", "height"), names, strict=True))
    assert cells(read(path, columns=columns)) == [(480, 640, 0, 0.0, 1.0)]
    line = json.dumps(dict(zip(names, (640, 480), strict=True)))
    assert cells(read(path, line, columns=columns)) == [(480, 640, 0, 0.0, 1.0)]


RESERVED = [
    "filename", "file_index", "file_row_number", "rowid", "c0", "c1", "p0", "p2",
    "line", "text", "ragged", "reason", "slot", "batch", "stored", "date=1", "it's",
    'a"b', " ", "Line", "p0.p1",
]  # fmt: skip


def test_a_name_that_the_reader_uses_itself_is_only_a_name(tmp_path: Path) -> None:
    taken = ", ".join(
        f"700 + i AS {identifier(name)}" for name in RESERVED if name != "Line"
    )
    rows = f"SELECT {taken}, 640 AS width, i AS height FROM range(3) t(i)"
    path = tmp_path / "p"
    duckdb.execute(f"COPY ({rows}) TO '{path}' (FORMAT parquet)")
    traffic = read(path)
    assert cells(traffic) == [(1, 640, 0, 0.0, 1.0), (2, 640, 0, 0.0, 1.0)]
    assert reasons(traffic) == {"zero or negative": (1, [1])}
    for name in RESERVED:
        traffic = read(path, columns={"height": name})
        assert [size[:2] for size in cells(traffic)] == [
            (700 + at, 640) for at in range(3)
        ]
    [rows_read] = read_rows([path], max_bad_rows=1.0)
    assert rows_read.line.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("columns", "whole", "broken", "said"),
    [
        ("640 AS width, 480 AS height", b"height", b"\x80eight", "not UTF-8"),
        ("{'width': 640, 'height': 480} AS s", b"height", b"\x80eight", "not UTF-8"),
        (
            "640 AS width, 480 AS height, ['t'] AS xyz",
            b"xyz",
            b"\xff\xffz",
            "not UTF-8",
        ),
        (
            "640 AS width, 480 AS height, 'abcd' AS tenant",
            b"abcd",
            b"ab\xff\xfe",
            "Invalid string encoding found in Parquet file p",
        ),
        ("640 AS width, 480 AS height", b"DuckDB ", b"\xff\xfe\xff\xfe\xff\xfe ", ""),
    ],
)
def test_what_is_not_utf8_in_parquet_is_refused_in_one_line(
    tmp_path: Path, columns: str, whole: bytes, broken: bytes, said: str
) -> None:
    path = tmp_path / "p"
    duckdb.execute(
        f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet, COMPRESSION uncompressed)"
    )
    assert whole in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(whole, broken))
    try:
        assert read(path).rows_read == 1
    except InputError as error:
        [problem] = error.problems
        assert said
        assert said in problem
        assert "\n" not in problem


@pytest.mark.parametrize(
    ("width", "height", "count"),
    [
        ("Width (px)", "Height [px]", "count(*)"),
        ("imageWidth", "imageHeight", "Count"),
        ("Image Width (pixels)", "image-height", "COUNT"),
        ("image.width_px", "image.height_px", "n"),
    ],
)
def test_names_are_known_in_any_spelling_and_with_their_unit(
    tmp_path: Path, width: str, height: str, count: str
) -> None:
    traffic = read(tmp_path / "t", f"{width},{height},{count}\n640,480,3\n")
    assert cells(traffic) == [(480, 640, 0, 0.0, 3.0)]


@pytest.mark.parametrize(
    ("preamble", "separator"),
    [
        ("sep=;\n", ";"),
        ("# exported by x, y\n# 2026\n", ","),
        ("Sizes of October\r\n\r\n", ","),
        ("\n\nSizes of October,,\n", ","),
        ("+-------+\n", "|"),
    ],
)
@pytest.mark.parametrize("cell", ["x", '"x\ny"'])
def test_lines_before_the_header_are_passed_over_and_counted(
    tmp_path: Path, preamble: str, separator: str, cell: str
) -> None:
    end = "\r\n" if "\r" in preamble else "\n"
    rows = ["Breite,h,k", f"640,480,{cell}", f"640,0,{cell}", f"w,h,{cell}"]
    text = preamble + end.join(rows).replace(",", separator)
    traffic = read(tmp_path / "t", text, columns={"width": "Breite"})
    assert cells(traffic) == [(480, 640, 0, 0.0, 1.0)]
    before = preamble.count("\n")
    cut = cell.count("\n")
    assert reasons(traffic) == {
        "zero or negative": (1, [before + 3 + cut]),
        "not a number": (1, [before + 4 + 2 * cut]),
    }
    blank = len(preamble) - len(preamble.lstrip())
    lines = len(preamble.strip().splitlines()) + blank
    said = f"passed over {plural(lines, 'line')} before the header"
    assert traffic.inputs[0].notes[-1] == said


def test_a_table_without_known_names_is_not_searched_for_a_second_header(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="among 'Sizes'"):
        read(tmp_path / "t", "Sizes\n\nof images, w, h\n" + "and many words\n" * 4)
    text = "Breite,Farbe\n640,w\nw,h\n1,2\n"
    with pytest.raises(InputError, match="'Breite', 'Farbe'"):
        read(tmp_path / "t", "Breite,Farbe\n640,x\n1,2\n")
    traffic = read(tmp_path / "t", text, columns={"width": "1", "height": "2"})
    assert traffic.rows_read == 3


def test_two_columns_for_one_role_are_told(tmp_path: Path) -> None:
    traffic = read(tmp_path / "t", "img_w,width,height\n1,640,480\n")
    assert cells(traffic) == [(480, 640, 0, 0.0, 1.0)]
    assert any("'img_w' could be meant" in note for note in traffic.inputs[0].notes)
    text = "h,image_width,image_height,w\n1,640,480,2\n"
    assert cells(read(tmp_path / "t", text)) == [(480, 640, 0, 0.0, 1.0)]


def test_broken_json_lines_are_ragged_and_blank_ones_nothing(tmp_path: Path) -> None:
    text = '{"w": 640, "h": 480}\n\n{"w": 640,\n[1]\n{"h": 480}\n{"w": null, "h": 2}\n'
    traffic = read(tmp_path / "t", text)
    assert traffic.rows_read == 5
    assert reasons(traffic) == {"missing": (2, [5, 6]), "ragged": (2, [3, 4])}


def test_frames_are_whole_and_fps_counts_only_with_them(tmp_path: Path) -> None:
    text = (
        "w,h,frames,fps\n1,1,0,\n1,1,-2,\n1,1,2.5,\n1,1,4,0\n2,2,,0\n2,2,8,30000/1001\n"
    )
    traffic = read(tmp_path / "t", text)
    assert reasons(traffic) == {
        "not a number": (1, [4]),
        "zero or negative": (3, [2, 3, 5]),
    }
    assert cells(traffic) == [(2, 2, 0, 0.0, 1.0), (2, 2, 8, 30000 / 1001, 1.0)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2023-11-16T18:15:46Z", 1700158546),
        ("2023-11-16 18:15:46", 1700158546),
        ("2023-11-16T18:15:46.6805900", 1700158546.68059),
        ("2023-11-16T18:15:46.5+00:00", 1700158546.5),
        ("2023-11-16 18:15:46,5", 1700158546.5),
        ("2023-11-17T03:15:46+09:00", 1700158546),
        ("2023-11-16 13:15:46-0500", 1700158546),
        ("2023-11-16 18:15:46 UTC", 1700158546),
        ("2023-11-16 18:15:46+00", 1700158546),
        ("2023-11-16T12:15:46-06", 1700158546),
        ("2023-11-16T23:45:46.5+0530", 1700158546.5),
        ("2023-11-16 13:15:46 America/New_York", 1700158546),
        ("2023-11-16 13:15:46 EST", 1700158546),
        ("2023-11-16 06:15:46 PM", 1700158546),
        ("2023-11-16 12:00:00 AM", 1700092800),
        ("2023-11-16", 1700092800),
        ("1700158546", 1700158546),
        ("1700158546.25", 1700158546.25),
        ("1700158546250", 1700158546.25),
        ("1700158546250000", 1700158546.25),
        ("1700158546250000000", 1700158546.25),
        ("16/Nov/2023:18:15:46 +0000", 1700158546),
        ("[17/Nov/2023:03:15:46 +0900]", 1700158546),
        ("2023/11/16 18:15:46", 1700158546),
        ("16 Nov 2023 18:15:46", 1700158546),
        ("11/16/2023 18:15:46", 1700158546),
        ("Thu, 16 Nov 2023 18:15:46 GMT", 1700158546),
        ("Thu Nov 16 18:15:46 UTC 2023", 1700158546),
        ("2023:11:16 18:15:46", 1700158546),
        ("yesterday", None),
        ("infinity", None),
        ("epoch", None),
        (" Epoch", None),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59Z", -1),
        ("2023-11-16T18:61:00Z", None),
        ("nan", None),
    ],
)
@pytest.mark.parametrize("among", [0, 3])
def test_times_are_read_in_any_form(
    tmp_path: Path, text: str, seconds: float | None, among: int
) -> None:
    other = ["2023-11-16T18:15:46Z"] * among
    lines = "".join(f'"{time}",1,{at}\n' for at, time in enumerate([text, *other], 1))
    traffic = read(tmp_path / "t", "time,w,h\n" + lines)
    at = traffic.height_px.tolist().index(1)
    if seconds is None:
        assert traffic.slot_start_s[at] == NO_TIME_S
    else:
        assert traffic.slot_start_s[at] == seconds // 3600 * 3600
        if not among:
            assert traffic.first_s == traffic.last_s == seconds


@pytest.mark.parametrize("seconds", [0.0, 12.5, -3600.5])
def test_seconds_count_from_any_origin_but_not_among_dates(
    tmp_path: Path, seconds: float
) -> None:
    alone = read(tmp_path / "t", f"time,w,h\n{seconds},1,1\n")
    assert alone.first_s == alone.last_s == seconds
    dates = "2023-11-16T18:15:46Z,1,1\n" * 2
    among = read(tmp_path / "t", f"time,w,h\n{dates}{seconds},1,1\n")
    assert among.first_s == among.last_s == 1700158546
    assert among.inputs[0].notes[-1] == "1 usable row has no readable time"


def test_a_time_without_a_zone_is_utc_wherever_the_machine_stands(
    tmp_path: Path,
) -> None:
    path = write(tmp_path / "t", "time,w,h\n1970-01-02T00:00:00,1,1\n")
    program = (
        "import sys; from bucketwise.read import read_traffic; "
        "print(read_traffic(sys.argv[1:]).first_s)"
    )
    environment = {**os.environ, "TZ": "Asia/Seoul"}
    command = [sys.executable, "-c", program, str(path)]
    said = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == "86400.0\n"


def test_past_the_limit_slots_widen_as_when_merging(tmp_path: Path) -> None:
    rows = [[f"{hour * 3600}", str(10 + hour % 3), "10"] for hour in range(-60, 60)]
    text = as_csv(rows, header=["time", "w", "h"])
    path = write(tmp_path / "t", text)
    whole = read(path)
    assert len(whole.count) == 120
    for most in (50, 20, 8):
        with open_workspace() as workspace:
            file = recognise(workspace, path, "t")
            table = open_delimited(workspace, file, None)
            small = reduce_table(workspace, table, most)
        merged = merge_traffic([whole], most)
        assert small.sha256() == merged.sha256()
        assert small.notes == merged.notes != ()


def test_past_the_limit_sizes_are_rounded_as_when_merging(tmp_path: Path) -> None:
    rows = [[str(100 + 7 * at), str(1 + 3 * at), "29.97", "9"] for at in range(300)]
    text = as_csv(rows, header=["w", "h", "fps", "frames"])
    path = write(tmp_path / "t", text)
    whole = read(path)
    for most in (200, 40, 16):
        with open_workspace() as workspace:
            file = recognise(workspace, path, "t")
            table = open_delimited(workspace, file, None)
            small = reduce_table(workspace, table, most)
        merged = merge_traffic([whole], most)
        assert small.sha256() == merged.sha256()
        assert small.size_bits == merged.size_bits != 0
        assert small.notes == merged.notes
        assert "distinct sizes: they were rounded up by less than" in small.notes[0]
        assert small.count.size <= most


def test_a_column_that_identifies_rows_is_no_label(tmp_path: Path) -> None:
    rows = [[f"user-{at}", "1", "1"] for at in range(1001)]
    traffic = read(tmp_path / "t", as_csv(rows, header=["client", "w", "h"]))
    assert traffic.labels == ()
    assert any("labels were not kept" in note for note in traffic.inputs[0].notes)


def test_several_files_globs_and_stdin_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "b.csv", "w,h\n1,1\n")
    write(tmp_path / "a.csv", "w,h\n2,2\n")
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(b"w,h\n3,3\n")))
    monkeypatch.setattr(sys, "stdin", stdin)
    traffic = read_traffic([str(tmp_path / "*.csv"), "-"])
    assert [each.name for each in traffic.inputs] == ["a.csv", "b.csv", "stdin"]
    assert cells(traffic) == [(n, n, 0, 0.0, 1.0) for n in (1, 2, 3)]


def test_too_many_bad_rows_stop_the_run_with_a_table(tmp_path: Path) -> None:
    text = "w,h\n" + "1,1\n" * 18 + "x,1\n,1\n"
    with pytest.raises(InputError) as caught:
        read(tmp_path / "t.csv", text, max_bad_rows=0.05)
    said = str(caught.value)
    assert "2 of 20 rows" in said
    assert "not a number" in said
    assert "t.csv:20" in said
    assert str(tmp_path) not in said
    assert read(tmp_path / "t.csv", max_bad_rows=0.1).rows_rejected == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\n\n \n", "nothing but blank lines"),
        (b"width,height\n", "one row at least, got a header alone"),
        (b"a,b\n1,2\n", "no header"),
        (b"a,b\nx,y\n", "no column for width and height among 'a', 'b'"),
        (b"width,b\nx,y\n", "no column for height among 'width', 'b'"),
        (b"PK\x03\x04zzzz", "a ZIP archive"),
        (b"a\x00b\x01" * 99, "binary data"),
        (bytes(range(128, 256)) * 9, "not UTF-8"),
        ("width,height,n\u00e4me\n1,1,\u00e4\n".encode("latin-1"), "not UTF-8"),
        (("w,h\n" + "1,1\n" * 20).encode("utf-16-le"), "UTF-16 without the mark"),
        (b'[{"w": 1}]', "none of its lists tells the sizes: its list has 'w'"),
        (b"{oops\n", "none of the first"),
        (b'{"a": 1}\n', "no column for width and height among 'a'"),
        (b"PAR1 no parquet", "cannot be read"),
        (gzip.compress(b"w,h\n" + b"1,1\n" * 9999, mtime=0)[:-20], "damaged gzip"),
        (gzip.compress(b"w,h\n1,1\n", mtime=0)[:9], "gzip"),
        (gzip.compress(b"", mtime=0), "empty once unpacked"),
        (b"\x1f\x8bgarbage", "damaged gzip"),
        (b"\x28\xb5\x2f\xfdgarbage", "damaged zstd"),
    ],
)
def test_faults_are_told_in_plain_words(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = write(tmp_path / "log.csv", content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value).startswith("log.csv: ")
    assert said in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("packing", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_bytes_that_are_no_text_spoil_no_more_than_their_cell(
    tmp_path: Path, form: str, packing: str
) -> None:
    cells = [
        (b"640", b"480", b"a", b"a prompt cut in the mi\xe2\x82"),
        (b"640", b"480", b"M\xfcnchen", b"whole"),
        (b"64\xff", b"480", b"b", b"whole"),
        (b"0", b"480", b"b", b"cut\xf0\x9f"),
    ]
    names = (b"width", b"height", b"tenant", b"prompt")
    if form == "csv":
        lines = [b",".join(names), *map(b",".join, cells)]
    else:
        pairs = [
            [b'"%b": "%b"' % each for each in zip(names, row, strict=True)]
            for row in cells
        ]
        lines = [b"{%b}" % b", ".join(each) for each in pairs]
    traffic = read(pack(write(tmp_path / "log", b"\n".join([*lines, b""])), packing))
    assert traffic.labels == ("M\ufffdnchen", "a")
    first = 2 if form == "csv" else 1
    assert [
        (each.reason, [place.line for place in each.places])
        for each in traffic.rejections
    ] == [("not a number", [first + 2]), ("zero or negative", [first + 3])]


def test_a_cut_zstd_file_is_refused(tmp_path: Path) -> None:
    path = pack(
        write(tmp_path / "t", as_csv([["x", "a", "1", "1", "", ""]] * 9999)), "zstd"
    )
    whole = path.read_bytes()
    assert read(path).rows_read == 9999
    with pytest.raises(InputError, match="damaged zstd"):
        read(path, whole[: len(whole) - 9])


def test_inputs_that_are_no_files_are_all_named(tmp_path: Path) -> None:
    inputs: list[str | Path] = [
        tmp_path / "nope",
        str(tmp_path / "*.x"),
        "ftp://a/b.csv",
    ]
    with pytest.raises(InputError) as caught:
        read_traffic(inputs)
    assert [
        word in problem
        for word, problem in zip(
            ("no such file", "nothing matches", "an address of s3"),
            caught.value.problems,
            strict=True,
        )
    ] == [True] * 3
    with pytest.raises(InputError, match="no input"):
        read_traffic([])


def test_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    read(tmp_path / "t", as_csv(ROWS))
    with pytest.raises(InputError):
        read(tmp_path / "t", "a,b\nx,y\n")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_slow_reader_agrees_with_the_fast_one(tmp_path: Path) -> None:
    rows = "".join(f"{at % 7},{at % 5},{at}\n" for at in range(1000))
    fast = read(tmp_path / "t", "w,h,id\n" + rows)
    # One line with another end makes DuckDB give up.
    slow = read(tmp_path / "u", "w,h,id\r\n" + rows)
    assert slow.sha256() == fast.sha256()
    assert reasons(slow) == reasons(fast)


_JUNK = ["NULL", "0", "-1", "1", "640", "2000000"]
_FLOATS = [
    *_JUNK,
    "'nan'",
    "'-nan'",
    "'inf'",
    "-0.0",
    "0.1",
    "640.5",
    "1e16",
    "999999999999.7",
]
_TIMES = [
    "NULL", "'1970-01-01'", "'0044-03-15 (BC)'", "'0999-12-31'", "'1969-12-31 23:59:59.6'",
    "'2026-10-01 10:59:59.6'", "'2026-10-01'", "'infinity'", "'12000-01-01'",
]  # fmt: skip
_TYPED = {
    "SMALLINT": _JUNK[:5], "BIGINT": [*_JUNK, "1000000000000001"],
    "UBIGINT": [*_JUNK[:2], *_JUNK[3:]], "FLOAT": _FLOATS, "DOUBLE": _FLOATS,
    "DECIMAL(20, 3)": [*_JUNK, "0.1"], "VARCHAR": ["' 640'", "'x'", "'0.1'", "'1e16'"],
    "DATE": _TIMES[:4], "TIMESTAMP": _TIMES, "TIMESTAMPTZ": _TIMES, "TIMESTAMP_NS": ["'2026-10-01 10:59:59.999999999'", "NULL"],
}  # fmt: skip
"""What cells of each type may hold."""
_NUMBERS = [kind for kind in _TYPED if kind[:4] not in {"DATE", "TIME"}]


@settings(max_examples=drawn(10, 300), deadline=None)
@given(data=st.data())
def test_cells_of_a_type_are_judged_as_their_text_is(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    kinds = {
        "width": data.draw(st.sampled_from(_NUMBERS)),
        "height": "BIGINT",
        "count": data.draw(st.sampled_from(_NUMBERS)),
        "fps": data.draw(st.sampled_from(_NUMBERS)),
        "frames": "INTEGER",
        "label": data.draw(st.sampled_from(["DOUBLE", "VARCHAR", "BIGINT", "DATE"])),
        "time": data.draw(st.sampled_from(list(_TYPED))),
    }
    cells = _TYPED | {"INTEGER": ["NULL", "0", "8"]}
    row = st.tuples(*(st.sampled_from(cells[kind]) for kind in kinds.values()))
    rows = data.draw(st.lists(row, min_size=1, max_size=20))
    typed = ", ".join(
        f"CAST({name} AS {kind}) AS {name}" for name, kind in kinds.items()
    )
    text = ", ".join(
        f"({', '.join(f'CAST({each} AS VARCHAR)' for each in row)})" for row in rows
    )
    path = tmp_path_factory.mktemp("t") / "t"
    duckdb.execute(
        f"COPY (SELECT {typed} FROM (VALUES {text}) AS t({', '.join(kinds)})) "
        f"TO '{path}' (FORMAT parquet)"
    )
    with open_workspace() as workspace:
        table = open_parquet(
            workspace,
            recognise(workspace, path, "t"),
            dict(zip(kinds, kinds, strict=True)),
        )
        found = [
            reduce_table(workspace, each)
            for each in (
                table,
                replace(table, stored="", kinds={}),
                replace(table, rows_due=lambda: None),
            )
        ]
    assert len({each.sha256() for each in found}) == 1
    told = [
        (each.rejections, each.rows_used, each.first_s, each.last_s) for each in found
    ]
    assert told[0] == told[1] == told[2]


CELL = st.sampled_from(
    ["640", "480", "0", "-1", "", " ", "x", "1e3", "640.5", "2000000", "nan", "inf"]
) | st.text(st.characters(codec="utf-8", exclude_characters="\0\x01"), max_size=4)


def quoted(cell: str) -> str:
    if any(mark in cell for mark in '",\n\r'):
        return '"' + cell.replace('"', '""') + '"'
    return cell


LAWS = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def write_rows(path: Path, form: str, rows: list[list[str]], blank: str) -> Path:
    if form == "csv":
        lines = ["w,h,id", *(",".join(map(quoted, row)) for row in rows)]
    else:
        objects = (dict(zip(("w", "h", "id"), row, strict=False)) for row in rows)
        lines = list(map(json.dumps, objects))
    write(path, blank + "".join(f"{line}\n{blank}" for line in lines))
    if form != "parquet":
        return path
    columns = "{'w': 'VARCHAR', 'h': 'VARCHAR', 'id': 'VARCHAR'}"
    table = path.with_name("parquet")
    duckdb.execute(
        f"COPY (FROM read_json('{path}', columns = {columns}, format = 'nd')) "
        f"TO '{table}' (FORMAT parquet)"
    )
    return table


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@LAWS
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=12),
    repeats=st.sampled_from([1, 60]),
    blank=st.sampled_from(["", "\n"]),
)
def test_rows_read_are_rows_used_and_rows_rejected(
    tmp_path: Path, form: str, rows: list[list[str]], repeats: int, blank: str
) -> None:
    rows = [row for row in rows if any(cell.strip() for cell in row)] * repeats
    rows.append(["1", "1", "1"])
    path = write_rows(tmp_path / "t", form, rows, blank)
    traffic = read(path)
    assert traffic.rows_read == traffic.rows_used + traffic.rows_rejected
    assert traffic.rows_read == len(rows)
    singles = list(read_rows([path], max_bad_rows=1.0))
    told = [reason for each in singles for reason in each.reason]
    assert len(told) == traffic.rows_read
    lines = np.concatenate([each.line for each in singles])
    for rejection in traffic.rejections:
        at = [
            line
            for line, reason in zip(lines, told, strict=True)
            if reason == rejection.reason
        ]
        assert len(at) == rejection.count
        assert [place.line for place in rejection.places] == at[:5]


SIZED = st.tuples(
    st.integers(1, 5), st.integers(1, 3), st.integers(0, 10**5), st.sampled_from("ab"),
    st.sampled_from(["1", "0.25", "3"]),
).map(lambda row: [str(cell) for cell in row])  # fmt: skip
SIZED_HEADER = ["w", "h", "time", "tenant", "count"]


@settings(LAWS, max_examples=drawn(12, 30))
@given(one=st.lists(SIZED, min_size=1), two=st.lists(SIZED, min_size=1))
def test_two_files_together_are_the_sum_of_each(
    tmp_path: Path, one: list[list[str]], two: list[list[str]]
) -> None:
    paths = [tmp_path / "1", tmp_path / "2"]
    for path, rows in zip(paths, (one, two), strict=True):
        write(path, as_csv(rows, header=SIZED_HEADER))
    together = read_traffic(paths)
    assert together.sha256() == merge_traffic([read(path) for path in paths]).sha256()
    both = read(tmp_path / "3", as_csv([*one, *two], header=SIZED_HEADER))
    assert both.sha256() == together.sha256()


@LAWS
@given(rows=st.lists(SIZED, min_size=1), data=st.data())
def test_the_order_of_rows_does_not_matter(
    tmp_path: Path, rows: list[list[str]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(rows))
    one = read(tmp_path / "1", as_csv(rows, header=SIZED_HEADER))
    two = read(tmp_path / "2", as_csv(shuffled, header=SIZED_HEADER))
    assert one.sha256() == two.sha256()


MOMENTS = st.timedeltas(timedelta(days=-25_000), timedelta(days=50_000)).map(
    lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
)
ZONES = st.integers(-15 * 60, 15 * 60).map(lambda at: timezone(timedelta(minutes=at)))


@LAWS
@given(times=st.lists(st.tuples(MOMENTS, ZONES), min_size=1), sep=st.sampled_from("T "))
def test_a_moment_is_the_same_in_every_zone(
    tmp_path: Path, times: list[tuple[datetime, timezone]], sep: str
) -> None:
    rows = [[time.astimezone(zone).isoformat(sep), "1", "1"] for time, zone in times]
    traffic = read(tmp_path / "t", as_csv(rows, header=["time", "w", "h"]))
    moments = [time.timestamp() for time, _ in times]
    assert (traffic.first_s, traffic.last_s) == (min(moments), max(moments))
    hours = Counter(moment // 3600 * 3600 for moment in moments)
    told = zip(traffic.slot_start_s.tolist(), traffic.count.tolist(), strict=True)
    assert dict(told) == hours


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("inside", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("place", ["header", "row"])
def test_a_line_end_inside_a_cell_ends_no_line(
    tmp_path: Path, end: str, inside: str, place: str
) -> None:
    name = f'"a{inside}b"'
    head, cell = (name, '"x"') if place == "header" else ('"a"', name)
    path = tmp_path / "a.csv"
    lines = [f'"w","height",{head}', f'"640","480",{cell}', '"64","48","y"', ""]
    path.write_bytes(end.join(lines).encode())
    traffic = read_traffic([path])
    assert (traffic.rows_read, traffic.rows_rejected) == (2, 0)
    assert sorted(traffic.sizes().width_px.tolist()) == [64, 640]
