"""Histogram files: lossless, the same bytes each time, whole or not there."""

import dataclasses
from pathlib import Path

import duckdb
import numpy as np
import pytest

from bucketwise.errors import InputError, OutputError
from bucketwise.nouns.traffic import OWN_COLUMNS, Traffic, merge_traffic
from bucketwise.read import read_rows, read_traffic, write_histogram
from bucketwise.read.histograms import SCHEMA, WITH_OWN

pytestmark = pytest.mark.usefixtures("one_reader")

TABLE = (
    "time,tenant,w,h,frames,fps,count\n"
    "5,a,640,480,,,1.5\n5000,b,10,20,16,29.97,2\n,,1,1,,,1\n7,a,x,1,,,1\n"
)


@pytest.fixture
def traffic(tmp_path: Path) -> Traffic:
    path = tmp_path / "log.csv"
    path.write_text(TABLE)
    return read_traffic([path], max_bad_rows=1.0)


def equal(one: Traffic, two: Traffic) -> bool:
    return all(
        np.array_equal(getattr(one, each.name), getattr(two, each.name))
        if isinstance(getattr(one, each.name), np.ndarray)
        else getattr(one, each.name) == getattr(two, each.name)
        for each in dataclasses.fields(Traffic)
    )


def test_a_histogram_reads_back_without_loss(traffic: Traffic, tmp_path: Path) -> None:
    path = tmp_path / "any name"
    write_histogram(traffic, path)
    back = read_traffic([path], max_bad_rows=1.0)
    assert equal(back, traffic)
    assert back.rows_rejected == 1
    assert back.height_px.dtype == np.int64
    assert back.count.dtype == np.float64


def test_limits_of_requests_read_back_add_up_and_leave_other_files_as_they_were(
    traffic: Traffic, tmp_path: Path
) -> None:
    most, first = np.array([[602_112, 602_112, 0], [1, 0, 0]])
    own = dataclasses.replace(traffic, own_max_pixels=most, resized_first=first)
    bound = merge_traffic([own])
    write_histogram(bound, tmp_path / "own")
    write_histogram(traffic, tmp_path / "none")
    back = read_traffic([tmp_path / "own"], max_bad_rows=1.0)
    assert equal(back, bound)
    both = read_traffic([tmp_path / "own", tmp_path / "none"], max_bad_rows=1.0)
    assert both.images == 2 * traffic.images
    assert len(both.sizes()) == len(traffic.sizes()) + 2
    with duckdb.connect(":memory:") as connection:
        stored = connection.sql(f"FROM read_parquet('{tmp_path / 'none'}')").columns
    assert not set(OWN_COLUMNS) & set(stored)
    assert WITH_OWN.encode() in (tmp_path / "own").read_bytes()
    assert SCHEMA.encode() in (tmp_path / "none").read_bytes()
    assert bound.sha256() != traffic.sha256()


def test_equal_traffic_gives_equal_bytes(traffic: Traffic, tmp_path: Path) -> None:
    for name in ("1", "2"):
        write_histogram(traffic, tmp_path / name)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()


def test_a_histogram_adds_to_a_table(traffic: Traffic, tmp_path: Path) -> None:
    write_histogram(traffic, tmp_path / "h")
    both = read_traffic([tmp_path / "h", tmp_path / "log.csv"], max_bad_rows=1.0)
    assert both.rows_read == 2 * traffic.rows_read
    assert both.images == 2 * traffic.images


def test_bad_rows_of_a_histogram_still_count(traffic: Traffic, tmp_path: Path) -> None:
    write_histogram(traffic, tmp_path / "h")
    with pytest.raises(InputError, match=r"log\.csv:5"):
        read_traffic([tmp_path / "h"])


def test_single_rows_are_not_in_a_histogram(traffic: Traffic, tmp_path: Path) -> None:
    write_histogram(traffic, tmp_path / "h")
    with pytest.raises(InputError, match="keeps no single rows"):
        list(read_rows([tmp_path / "h"]))


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ('{"schema": "bucketwise.histogram/9"}', "bucketwise.histogram/9"),
        (f'{{"schema": "{SCHEMA}"}}', "damaged histogram"),
        ("no json", "damaged histogram"),
    ],
)
def test_other_versions_and_damage_are_told(
    tmp_path: Path, said: str, match: str
) -> None:
    path = tmp_path / "h"
    duckdb.execute(
        "COPY (SELECT 1 AS label, 1 AS slot_start_s, 1 AS height_px, 1 AS width_px, "
        f"1 AS frames, 1.0 AS fps, 1.0 AS count) TO '{path}' (FORMAT parquet, "
        f"KV_METADATA {{bucketwise: '{said}'}})"
    )
    with pytest.raises(InputError, match=match):
        read_traffic([path])


def test_a_failed_write_leaves_nothing_and_keeps_the_old(
    traffic: Traffic, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_histogram(traffic, tmp_path / "no" / "h")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputError):
        write_histogram(traffic, tmp_path / "folder")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "log.csv"]
