"""Results land whole, in the asked folder only."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bucketwise.atomic import replacing
from bucketwise.errors import OutputError
from bucketwise.output import (
    check_folder,
    default_folder,
    write_tables,
    write_text,
)


@pytest.mark.parametrize(
    ("first_input", "folder"),
    [
        ("-", "bucketwise-stdin"),
        ("logs/october.csv.gz", "bucketwise-october"),
        ("logs/*.csv", "bucketwise-traffic"),
        ("../a b;rm -rf.csv", "bucketwise-a-b-rm--rf"),
    ],
)
def test_the_default_folder_is_a_plain_name_here(first_input: str, folder: str) -> None:
    assert default_folder(first_input) == Path(folder)


def test_only_a_folder_of_ours_or_an_empty_one_is_taken(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "new") is None
    assert check_folder(tmp_path) is None
    (tmp_path / "plan.json").write_text('{"schema": "something/1"}')
    with pytest.raises(OutputError, match=r"holds 'plan\.json'"):
        check_folder(tmp_path)
    (tmp_path / "plan.json").write_text('{"schema": "bucketwise.plan/1"}')
    assert check_folder(tmp_path) == {"schema": "bucketwise.plan/1"}


def test_a_file_that_fails_midway_leaves_the_older_one(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "older")

    def fail() -> None:
        with replacing(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "older"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


def test_tables_are_written_one_below_the_other(tmp_path: Path) -> None:
    parts = [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})]
    write_tables(iter(parts), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "a\n1\n2\n"
    write_tables(iter(parts), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        write_tables(iter([pd.DataFrame()]), tmp_path / "none" / "t.csv")
