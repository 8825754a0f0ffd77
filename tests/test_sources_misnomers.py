"""Columns that are not what their names suggest, and what is read instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bucketwise.errors import InputError
from bucketwise.read import read_evidence, read_traffic
from bucketwise.read.evidence.columns import match_load
from bucketwise.read.tables.columns import match_columns
from bucketwise.read.tables.names import ALIASES
from tests.test_sources_tables import write


def read_as(names: str, *rows: str, load: bool = False) -> dict[str, str]:
    """Return the columns that are read, by role."""
    columns = names.split(",")
    table = [row.split(",") for row in rows]
    match = match_load if load else match_columns
    found = match(columns, None, "t", lambda at: [row[at] for row in table])
    return {role: columns[at] for role, at in found.roles.items()}


def test_names_of_the_two_sides_stand_in_the_same_places() -> None:
    swapped = [
        name.replace("width", "height").replace("_w", "_h").replace("cols", "rows")
        for name in ALIASES["width"]
    ]
    assert ["h" if name == "w" else name for name in swapped] == [*ALIASES["height"]]


@pytest.mark.parametrize(
    ("names", "row", "width", "height"),
    [
        ("w,h,image_width,image_height", "20,30,640,480", "image_width", "image_height"),
        ("image_width,w,h,x,y", "640,480,30,1,2", "w", "h"),
        ("x,y,w,h,width,height", "700,1,20,30,640,480", "width", "height"),
        ("bbox.width,bbox.height,image.width,image.height", "1,2,640,480",
         "image.width", "image.height"),
        ("x,y,width,height", "12,40,1920,1080", "width", "height"),
        ("xmin,ymin,xmax,ymax,width,height", "1,2,3,4,640,480", "width", "height"),
    ],
)  # fmt: skip
def test_the_size_of_an_image_is_not_that_of_a_box_in_it(
    names: str, row: str, width: str, height: str
) -> None:
    assert read_as(names, row) == {"width": width, "height": height}


@pytest.mark.parametrize(
    "names", ["x,y,w,h", "left,top,width,height", "a,c,box.w,box.h"]
)
def test_boxes_alone_tell_no_sizes_and_may_be_named(tmp_path: Path, names: str) -> None:
    path = write(tmp_path / "t", f"{names}\n700,40,64,48\n12,500,32,32\n")
    with pytest.raises(InputError, match="is of a box in an image"):
        read_traffic([path])
    *_, width, height = names.split(",")
    named = read_traffic([path], columns={"width": width, "height": height})
    assert named.images == 2


@pytest.mark.parametrize(
    ("names", "row", "read"),
    [
        # A time of a request is its duration to nginx and its start to a gateway.
        ("msec,request_time", "14,4.000", {"end": "msec", "duration": "request_time"}),
        ("request_time,response_latency", "02/Mar/2026:09:00:00 +0000,2213",
         {"time": "request_time", "duration": "response_latency"}),
        ("time,duration,latency", "14,2026-03-02 09:00:00,3",
         {"time": "time", "duration": "latency"}),
        # Bytes are no tokens.
        ("start,end,prompt_tokens,response_length", "1,2,10,2048",
         {"start": "start", "end": "end"}),
        # A name that a client asked for is no engine.
        ("start,end,host,server_name,http_host", "1,2,a,b,c",
         {"start": "start", "end": "end"}),
        ("start,end,hostname", "1,2,www.example.com", {"start": "start", "end": "end"}),
        ("start,end,request.server", "1,2,vlm", {"start": "start", "end": "end"}),
        ("start,end,hostname", "1,2,vlm-7d9c-x2",
         {"start": "start", "end": "end", "replica": "hostname"}),
        ("start,end,host,upstream_addr", "1,2,a.example.com,10.0.0.9:8000",
         {"start": "start", "end": "end", "replica": "upstream_addr"}),
    ],
)  # fmt: skip
def test_values_decide_with_the_name_what_a_column_of_a_load_is(
    names: str, row: str, read: dict[str, str]
) -> None:
    assert read_as(names, row, load=True) == read


def test_what_is_no_duration_is_told_where_nothing_else_tells_the_load(
    tmp_path: Path,
) -> None:
    lines = [{"duration": "2026-03-02T09:00:00Z", "start": at} for at in range(3)]
    path = write(tmp_path / "t", "".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InputError, match="'duration' holds dates"):
        read_evidence([path])


def test_of_two_programs_k6_is_told_how_to_give_its_requests(tmp_path: Path) -> None:
    rows = "".join(f"http_req_duration,{10 + at},{4000 + at},,\n" for at in range(9))
    header = "metric_name,timestamp,metric_value,check,error\n"
    with pytest.raises(InputError, match=r"grep .* --columns end=2,duration_ms=3"):
        read_evidence([write(tmp_path / "t", header + rows)])
    evidence = read_evidence(
        [write(tmp_path / "t", rows)], columns={"end": "2", "duration_ms": "3"}
    )
    assert evidence.samples == 9
