"""Work in a process of its own: it may die, and nothing strange is imported there."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from bucketwise.errors import InputError
from bucketwise.read import isolated, read_traffic
from bucketwise.read.isolated import CrashError, Isolation
from bucketwise.read.opening import plain_faults

PLANTED = ("json", "pickle", "numpy", "duckdb", "sitecustomize", "usercustomize")


@pytest.fixture(name="apart")
def _apart(tmp_path: Path) -> Iterator[Isolation]:
    with Isolation(tmp_path) as apart:
        yield apart


def test_a_crash_is_one_error_and_the_next_task_runs(apart: Isolation) -> None:
    with pytest.raises(CrashError, match="its reader crashed with SIGABRT"):
        apart.run(os.abort)
    assert apart.run(os.getpid) != os.getpid()
    with pytest.raises(CrashError, match="is there too little memory"):
        apart.run(signal.raise_signal, signal.SIGKILL)
    with (
        pytest.raises(
            InputError,
            match=r"^log: damaged Parquet \(its reader crashed with SIGSEGV\); write it",
        ),
        plain_faults("log"),
    ):
        apart.run(signal.raise_signal, signal.SIGSEGV)


def test_errors_come_through_and_say_where_they_were_raised(apart: Isolation) -> None:
    with pytest.raises(ValueError, match="invalid literal") as raised:
        apart.run(int, "x")
    assert "isolated.py" in raised.value.__notes__[0]
    with (
        pytest.raises(InputError, match=r"^log: it does not fit into memory"),
        plain_faults("log"),
    ):
        apart.run(bytearray, 1 << 60)


def test_answers_that_nobody_took_answer_no_other_question(apart: Isolation) -> None:
    found = apart.iterate(iter, range(9))
    assert next(found) == 0
    found.close()
    assert apart.run(abs, -1) == 1
    assert list(apart.iterate(iter, "ab")) == ["a", "b"]


def test_what_a_task_tells_meanwhile_is_heard(apart: Isolation) -> None:
    heard: list[object] = []
    assert apart.run(isolated.tell, 0.5, hear=heard.append) is None
    assert heard == [0.5]


def test_it_ends_with_the_one_that_asked_whatever_it_is_doing(tmp_path: Path) -> None:
    process = isolated._started()  # noqa: SLF001
    assert process.stdin is not None
    pickle.dump((str(tmp_path), isolated._once, (time.sleep, 600)), process.stdin)  # noqa: SLF001
    process.stdin.close()
    assert process.wait(60) == 0
    assert process.stdout is not None
    process.stdout.close()


def test_nothing_beside_the_data_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text("open('it ran', 'w')")
    duckdb.execute(f"COPY (SELECT 640 AS w, 480 AS h) TO '{tmp_path / 'a.parquet'}'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path))
    assert read_traffic(["a.parquet"]).rows_used == 1
    with Isolation(tmp_path) as apart:
        found = apart.run(eval, "__import__('sys').path")
    assert not any(path.startswith((str(tmp_path), ".")) or not path for path in found)
    assert set(found) <= {*sys.path, str(isolated._HOME)}  # noqa: SLF001
    assert not (tmp_path / "it ran").exists()
