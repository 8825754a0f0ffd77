"""A query in the place of an input: it reads what it may, and does nothing else."""

import gzip
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bucketwise import Query
from bucketwise.errors import BucketwiseError, InputError, UsageError
from bucketwise.read import read_inputs, read_rows, read_traffic
from bucketwise.read.query import typed

FORBIDDEN = (
    "COPY (SELECT 1) TO 'made.csv'",
    "COPY (SELECT 1) TO 'mine.json'",
    "EXPORT DATABASE 'made'",
    "ATTACH 'made.db'",
    "ATTACH 'mine.json' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "CREATE TABLE made AS SELECT 1",
    "CREATE SECRET (TYPE s3)",
    "CREATE MACRO made() AS 1",
    "DROP TABLE made",
    "INSERT INTO made VALUES (1)",
    "CHECKPOINT",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE made AS SELECT 1",
    "USE memory",
    "BEGIN",
    "SELECT 1 AS width, 2 AS height; COPY (SELECT 1) TO 'made.csv'",
    "SELECT 1; SELECT 2",
    "",
    ";",
    "-- nothing",
    "SELEC 1",
    "SELECT (",
)
"""What is no single SELECT."""

OUTSIDE = (
    "FROM read_text('{outside}')",
    "FROM '{outside}'",
    "FROM read_csv('{outside}')",
    "FROM read_json('{outside}')",
    "FROM read_blob('{outside}')",
    "FROM sniff_csv('{outside}')",
    "FROM parquet_metadata('{outside}')",
    "FROM read_text('../outside.json')",
    "FROM read_text('below/../../outside.json')",
    "FROM read_text('link.json')",
    "FROM read_text('/etc/passwd')",
    "FROM read_text('file:///etc/passwd')",
    "FROM read_text('/proc/self/environ')",
    "FROM read_text('/dev/stdin')",
    "FROM glob('../*')",
    "FROM glob('/etc/*')",
    "FROM read_csv('https://example.com/x.csv')",
    "FROM read_csv('s3://bucket/x.csv')",
    "FROM query('COPY (SELECT 1) TO ''made.csv''')",
    "FROM query_table('{outside}')",
    "SELECT getenv('HOME') AS width",
    "SELECT * FROM sql",
    "SELECT * FROM connection",
    "FROM duckdb_secrets()",
    "FROM enable_logging()",
    "SELECT content FROM read_text(['mine.json', '{outside}'])",
    "SELECT (SELECT max(content) FROM read_text('{outside}')) AS width, 1 AS height",
)
"""What is one, and asks for more than it may."""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with files to read, beside one that is none of its business."""
    (tmp_path / "outside.json").write_text('{"secret": 1}\n')
    here = tmp_path / "here"
    (here / "below").mkdir(parents=True)
    (here / "mine.json").write_text('{"w": 640, "h": 480}\n{"w": 1280, "h": 720}\n')
    (here / "below" / "other.json").write_text('{"w": 1, "h": 2}\n')
    (here / "link.json").symlink_to(tmp_path / "outside.json")
    monkeypatch.chdir(here)
    return here


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(each): each.read_bytes() for each in folder.rglob("*") if each.is_file()
    }


def test_the_columns_of_a_query_are_read_as_those_of_a_table(place: Path) -> None:
    sql = (
        "SELECT w AS width, h AS height, w // 100 AS count, 'a' AS label, "
        "TIMESTAMP '2026-10-01 00:10:00' AS time FROM read_json('mine.json')"
    )
    traffic = read_traffic([Query(sql, ("mine.json",))])
    assert traffic.width_px.tolist() == [640, 1280]
    assert traffic.count.tolist() == [6, 12]
    assert traffic.labels == ("a",)
    assert traffic.first_s == traffic.last_s == 1_790_813_400
    assert place.is_dir()


@pytest.mark.usefixtures("place")
def test_rows_of_a_query_are_judged_and_placed_as_those_of_a_table() -> None:
    sql = (
        "SELECT CASE WHEN i = 40 THEN -1 ELSE 640 END AS width, 480 AS height "
        "FROM range(100) AS r(i)"
    )
    traffic = read_traffic([Query(sql)])
    [rejection] = traffic.rejections
    assert (rejection.reason, rejection.count) == ("zero or negative", 1)
    assert str(rejection.places[0]) == "query:41"
    with pytest.raises(InputError, match=r"1 of 1 rows \(100%\) unusable"):
        read_traffic([Query("SELECT 'a' AS width, 1 AS height")])
    rows = [r for rows in read_rows([Query(sql)]) for r in rows.width_px.tolist()]
    assert rows == [640] * 40 + [0] + [640] * 59


@pytest.mark.usefixtures("place")
def test_a_query_tells_the_load_of_a_decoder_too() -> None:
    sql = 'SELECT i AS start, i + 2 AS "end", 8 AS w, 9 AS h FROM range(99) AS r(i)'
    _, evidence = read_inputs([Query(sql)])
    assert evidence is not None
    assert evidence.kind == "requests"


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("sql", FORBIDDEN)
def test_anything_but_one_select_is_wrong_usage(place: Path, sql: str) -> None:
    before = everything(place)
    with pytest.raises(UsageError, match=r"^--sql: "):
        read_traffic([Query(sql)])
    assert everything(place) == before


@pytest.mark.parametrize("files", [(), ("mine.json",)])
@pytest.mark.parametrize("sql", OUTSIDE)
def test_a_query_reads_nothing_that_it_was_not_given(
    place: Path, sql: str, files: tuple[str, ...]
) -> None:
    before = everything(place.parent)
    asked = sql.replace("{outside}", str(place.parent / "outside.json"))
    with pytest.raises(InputError, match=r"^--sql: "):
        read_traffic([Query(asked, files)])
    assert everything(place.parent) == before


@pytest.mark.parametrize(
    ("files", "readable"),
    [
        ((), {"mine.json", "below/other.json"}),
        (("mine.json",), {"mine.json"}),
        (("below/other.json",), {"below/other.json"}),
        (("link.json",), {"link.json"}),
    ],
)
def test_files_that_are_named_are_all_that_may_be_read(
    place: Path, files: tuple[str, ...], readable: set[str]
) -> None:
    assert place.is_dir()
    for name in ("mine.json", "below/other.json", "link.json"):
        sql = f"SELECT 1 AS width, 2 AS height FROM read_text('{name}')"
        if name in readable:
            assert read_traffic([Query(sql, files)]).images == 1
        else:
            with pytest.raises(InputError, match=r"it may read .*, and nothing else"):
                read_traffic([Query(sql, files)])


@settings(deadline=None, max_examples=15)
@given(st.text(max_size=40))
def test_no_text_is_more_than_refused(text: str) -> None:
    before = os.listdir()  # noqa: PTH208
    with suppress(BucketwiseError):
        read_traffic([Query(text)])
    assert os.listdir() == before  # noqa: PTH208


@pytest.mark.usefixtures("place")
def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="two columns are called 'width'"):
        read_traffic([Query("SELECT 1 AS width, 2 AS width")])


@pytest.mark.usefixtures("place")
def test_a_query_without_sizes_is_refused_with_the_columns_it_has() -> None:
    with pytest.raises(InputError, match=r"among 'w', 'h2'; .*--columns width=w,h"):
        read_traffic([Query("SELECT 640 AS w, 480 AS h2")])


@pytest.mark.parametrize(
    "sql", ["SELECT 'x'", 'SELECT "a b"', "SELECT 'x' AS \"a b\"", "SELECT '\\d+ $1 `x` !'",
            "SELECT 'it''s\\'"]
)  # fmt: skip
def test_a_line_to_type_means_to_a_shell_what_it_says(sql: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"printf %s {typed(sql).removeprefix('--sql ')}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == sql


def cli(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bucketwise", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


SQL = "SELECT w AS width, h AS height FROM read_json('mine.json')"


def test_every_command_that_reads_traffic_takes_a_query(place: Path) -> None:
    counted = cli("count", "--sql", SQL, "--model", "qwen3-vl-2b", cwd=place)
    assert counted.stdout.splitlines()[1].startswith("480,640,,1,")
    each = cli("count", "mine.json", "--sql", SQL, "--each-row", "--model",
               "qwen3-vl-2b", cwd=place)  # fmt: skip
    assert len(each.stdout.splitlines()) == 3
    kept = cli("histogram", "--sql", SQL, "-o", "h.parquet", cwd=place)
    assert kept.returncode == 0
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT count(*) FROM '{place}/h.parquet'")
        assert found.fetchall() == [(2,)]
    compared = cli(
        "compare", "--sql", SQL, "--plan", "4096", "--plan", "8192", cwd=place
    )
    assert compared.returncode == 0
    planned = cli("analyze", "mine.json", "--sql", SQL, "--format", "none", cwd=place)
    assert planned.returncode == 0, planned.stderr
    plan = json.loads((place / "bucketwise-mine" / "plan.json").read_text())
    assert plan["traffic"]["rows_read"] == 2
    assert "read_json" not in (place / "bucketwise-mine" / "plan.json").read_text()


def test_a_query_that_may_not_be_ends_with_what_may(place: Path) -> None:
    wrong = cli("count", "--sql", "DROP TABLE x", "--model", "qwen3-vl-2b", cwd=place)
    assert wrong.returncode == 2
    assert "expected one SELECT" in wrong.stderr
    outside = cli("count", "--sql", "FROM read_text('/etc/passwd')", "--model", "qwen3-vl-2b",
                  cwd=place)  # fmt: skip
    assert outside.returncode == 1
    assert "it may read files below this folder, and nothing else" in outside.stderr
    nothing = cli("count", "--model", "qwen3-vl-2b", cwd=place)
    assert nothing.returncode == 2
    assert "Missing argument 'INPUT...'" in nothing.stderr


def test_the_line_that_a_refusal_ends_with_works(place: Path) -> None:
    (place / "odd.csv.gz").write_bytes(gzip.compress(b"pic w,pic h,x\n640,480,1\n"))
    (place / "py.txt").write_text("{'width': 640, 'height': 480, 'u': None}\n")
    (place / "list.json").write_text('{"items": [{"szx": 640, "szy": 480}]}')
    (place / "identify.txt").write_text("a.jpg JPEG 640x480 640x480+0+0 8-bit sRGB\n")
    for name in ("odd.csv.gz", "py.txt", "list.json", "identify.txt"):
        refused = cli("count", name, "--model", "qwen3-vl-2b", cwd=place)
        assert refused.returncode == 1, name
        line = refused.stderr.strip().rpartition("--sql ")[2]
        typed_line = (
            f"{sys.executable} -m bucketwise count --model qwen3-vl-2b --sql {line}"
        )
        done = subprocess.run(
            ["sh", "-c", typed_line],
            capture_output=True,
            text=True,
            check=False,
            cwd=place,
        )
        assert done.stdout.splitlines()[1:2] == [
            "480,640,,1,480,640,1,30,40,1200,1,300,1200,"
        ], (line, done.stderr)
