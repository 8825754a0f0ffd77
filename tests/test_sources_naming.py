"""What the user names is read from the column named, or refused; nothing else is lost."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bucketwise.errors import BucketwiseError, InputError, UsageError
from bucketwise.read import read_evidence, read_inputs, read_traffic
from bucketwise.read.evidence.columns import match_beside_sizes, match_load
from bucketwise.read.tables.columns import match_columns
from bucketwise.read.tables.names import LOAD, SIZES
from bucketwise.read.tables.naming import ROLES, Naming, roles_named

USUAL = sorted({name for each in (SIZES, LOAD) for row in each.aliases.values()
                for name in row[:2]})  # fmt: skip
tables = st.lists(st.sampled_from([*USUAL, "a", "b", "A"]), min_size=2, max_size=9)


@st.composite
def namings(draw: st.DrawFn) -> tuple[list[str], dict[str, str]]:
    """Draw the columns of a table, and some named for some roles, rightly or not."""
    names = draw(tables)
    columns = st.sampled_from([*names, "1", "2"])
    chosen = draw(st.dictionaries(st.sampled_from(ROLES), columns, max_size=4))
    return names, chosen


@given(namings())
def test_named_roles_are_read_from_the_named_columns_and_no_column_has_two(
    drawn: tuple[list[str], dict[str, str]],
) -> None:
    names, chosen = drawn
    for match, alone in ((match_columns, SIZES), (match_load, LOAD)):
        try:
            naming = Naming(chosen)
            roles = match(names, naming, "t").roles
        except BucketwiseError:
            continue
        assert len(set(roles.values())) == len(roles)
        places = naming.places(names, "t")
        shared = SIZES.aliases.keys() & LOAD.aliases.keys()
        for key, at in places.items():
            if key in alone.aliases and key not in shared:
                assert at in roles.values()
            # A moment may be read as a start or an end, and both sides as one size.
            for role, place in roles.items():
                if place == at and not naming.apart:
                    moments = {"time", "start", "end"}
                    sides = {"width", "height", "resolution"}
                    same = {key, role} <= moments or {key, role} <= sides
                    assert same or role in roles_named(key) or key == role
        try:
            naming.check()
        except BucketwiseError:
            continue
        assert all(naming[key] for key in naming)


@given(namings())
def test_a_load_beside_sizes_takes_no_column_that_is_named_for_them(
    drawn: tuple[list[str], dict[str, str]],
) -> None:
    names, chosen = drawn
    try:
        naming = Naming(chosen)
        roles = match_beside_sizes(names, naming, "t").roles
        places = naming.places(names, "t")
    except BucketwiseError:
        return
    of_sizes = {at for key, at in places.items() if key not in LOAD.aliases}
    assert of_sizes.isdisjoint(roles.values())


@pytest.mark.parametrize(
    ("names", "chosen", "read"),
    [
        ("time,latency", "end=time,duration=latency", "end=time,duration=latency"),
        ("start_time,x", "end=start_time,duration=x", "end=start_time,duration=x"),
        (
            "created_at,start,end,latency",
            "end=created_at,duration=latency",
            "end=created_at,duration=latency",
        ),
        ("start,end,time", "time=time", "start=time,end=end"),
        ("time,running,latency", "duration=latency", "time=time,duration=latency"),
        ("time,start,latency", "time=time,duration=latency", "time=time,duration=latency"),
        ("timeStamp,elapsed,x", "end=timeStamp,duration=x", "end=timeStamp,duration=x"),
        ("start,end,hostname,pod", "replica=pod", "start=start,end=end,replica=pod"),
        ("t,running,engine,e", "engine=e", "time=t,running=running,engine=e"),
    ],
)  # fmt: skip
def test_what_is_named_for_a_load_wins_over_what_is_found(
    names: str, chosen: str, read: str
) -> None:
    columns = names.split(",")
    roles = match_load(columns, _pairs(chosen), "t").roles
    assert {role: columns[at] for role, at in roles.items()} == _pairs(read)


@pytest.mark.parametrize(
    ("names", "chosen", "read"),
    [
        ("width,height,vt", "tokens=vt", "tokens=vt"),
        ("width,height,vt,o", "tokens=vt,output=o", "width=width,height=height"),
        ("w,h,size", "resolution=size", "resolution=size"),
        ("size,x", "width=size,height=size", "resolution=size"),
        ("w,h,n,k", "count=k", "width=w,height=h,count=k"),
        ("w,h,n", "duration=n", "width=w,height=h"),
        ("w,h,ts", "start=ts", "width=w,height=h,time=ts"),
        ("image.w,b,c", "width=2,height=c", "width=b,height=c"),
    ],
)  # fmt: skip
def test_what_is_named_for_sizes_wins_over_what_is_found(
    names: str, chosen: str, read: str
) -> None:
    columns = names.split(",")
    roles = match_columns(columns, _pairs(chosen), "t").roles
    assert {role: columns[at] for role, at in roles.items()} == _pairs(read)


@pytest.mark.parametrize(
    ("names", "chosen", "said"),
    [
        ("w,h", "width=w,height=w", "names 'w' for width and for height.*resolution=w"),
        ("w,h,d", "width=w,duration=1", "names 'w' for width and for duration"),
        ("w,h,size", "width=w,resolution=size", "resolution is not read beside that"),
        ("w,h,fps", "fps=fps", "fps goes with frames"),
        ("w,h,k", "images=k", "images is not read"),
        ("w,h", "width=w,w=h", "both name the column of width"),
        ("w,h", "wide=w", "use one of height, width, .* replica, engine, path"),
    ],
)
def test_names_that_do_not_go_together_are_a_usage_error(
    names: str, chosen: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        match_columns(names.split(","), _pairs(chosen), "t")


def test_of_start_end_and_duration_two_are_named() -> None:
    names = ["start", "end", "took"]
    with pytest.raises(UsageError, match=r"duration is not read.*two of start, end"):
        match_load(names, {"start": "1", "end": "2", "duration": "3"}, "t")


def test_a_name_that_two_columns_bear_is_told_by_position() -> None:
    with pytest.raises(InputError, match="columns 1 and 2 bear that name"):
        match_columns(["a", "a", "h"], {"width": "a"}, "t")
    assert match_columns(["a", "a", "h"], {"width": "2"}, "t").roles["width"] == 1
    assert match_columns(["A", "a", "h"], {"width": "a"}, "t").roles["width"] == 1


def test_columns_are_named_at_any_depth_and_in_any_form(tmp_path: Path) -> None:
    rows = [{"a": {"b": {"c": 640, "d": 480}, "e.f": 9}, "w": 1, "h": 2}] * 3
    lines = tmp_path / "t.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    parquet = tmp_path / "t.parquet"
    duckdb.execute(
        f"COPY (SELECT * FROM read_json_auto('{lines}')) TO '{parquet}' (FORMAT parquet)"
    )
    paths = [lines, parquet]
    for separator, name in ((",", "t.csv"), ("\t", "t.tsv")):
        path = tmp_path / name
        text = "h a.b.d w a.b.c a.e.f\n2 480 1 640 9\n"
        path.write_text(text.replace(" ", separator))
        paths.append(path)
    columns = {"width": "a.b.c", "height": "a.b.d", "count": "a.e.f"}
    for path in paths:
        traffic = read_traffic([path], columns=columns)
        assert (traffic.width_px.tolist(), traffic.height_px.tolist()) == ([640], [480])
        assert traffic.images % 9 == 0
        assert "not used for sizes: " in traffic.inputs[0].notes[0]


def test_columns_that_nothing_reads_are_refused_when_all_is_read(
    tmp_path: Path,
) -> None:
    sizes, load = tmp_path / "s.csv", tmp_path / "l.csv"
    sizes.write_text("w,h,begun\n640,480,1\n")
    load.write_text("at,took\n0,4\n")
    with pytest.raises(
        InputError, match=r"start=begin: there is no such column; found"
    ):
        read_inputs([sizes], columns={"start": "begin", "duration": "begun"})
    with pytest.raises(
        UsageError, match=r"start=begun: nothing reads it.*only start in"
    ):
        read_inputs([sizes], columns={"start": "begun"})
    naming = Naming({"time": "at", "width": "w", "duration": "took"}, apart=True)
    read_traffic([sizes], columns=naming)
    read_evidence([load], columns=naming)
    naming.check()
    naming = Naming({"time": "when"}, apart=True)
    read_traffic([sizes], columns=naming)
    with pytest.raises(InputError, match="time=when: there is no such column"):
        naming.check()


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split("=") for pair in text.split(","))
