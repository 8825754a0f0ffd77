"""A run that is ended at any step leaves whole results, and nothing for ever."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from bucketwise.app.appending import append
from bucketwise.app.output import check_folder, write_results, write_tables
from bucketwise.core.analysis import Analysis
from bucketwise.errors import OutputError
from bucketwise.read import write_histogram
from bucketwise.read.plans import PREVIOUS, beside
from bucketwise.system.atomic import one_scratch_folder, replacing
from bucketwise.system.interruption import end_cleanly_on_request
from tests.strategies import traffic_of
from tests.test_report import analysis_of

STEPS = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir"}
"""What Python says when it asks the system for a step (sys.audit)."""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return analysis_of()


def ended_at(
    step: int, ending: int, top: Path, within: Path, job: Callable[[], object]
) -> int:
    """Do a job in a process that is ended before a step within a folder.

    Returns its status, negative for the signal that killed it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of others
        child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = 0

    def count(event: str, details: tuple[object, ...]) -> None:
        nonlocal steps
        if event in STEPS and str(details[0]).startswith(str(within)):
            steps += 1
            if steps == step:
                os.kill(os.getpid(), ending)

    status = 1
    try:
        end_cleanly_on_request()
        tempfile.tempdir = str(top / "temp")
        sys.addaudithook(count)
        with one_scratch_folder():
            job()
        status = 0
    except SystemExit as end:
        status = int(str(end.code))
    except BaseException:  # noqa: BLE001 - the child must not run on into the tests
        traceback.print_exc()
    finally:
        os._exit(status)


def every_end(
    top: Path,
    job: Callable[[], object],
    within: str = ".",
    endings: Iterable[int] = (signal.SIGKILL, signal.SIGTERM),
) -> Iterator[tuple[int, int]]:
    """End a job at its first step, its second and so on, each time as signals do."""
    (top / "temp").mkdir(exist_ok=True)
    for ending in endings:
        status, step = 1, 0
        while status:
            step += 1
            status = ended_at(step, ending, top, top / within, job)
            assert status in {0, -signal.SIGKILL, 128 + signal.SIGTERM}
            # What a killed one leaves, the next one removes; but for an empty folder,
            # where it was killed as it had just made that.
            temporary = list((top / "temp").iterdir())
            filled = [each for each in temporary if any(each.iterdir())]
            assert len(filled) <= (ending == signal.SIGKILL), step
            yield step, ending
            if ending == signal.SIGKILL:
                empty = [each for each in temporary if each not in filled]
                assert len(empty) < 5
                for each in empty:
                    shutil.rmtree(each)
            else:
                assert temporary == []
        assert step > 3, "it was never ended"


def files_in(folder: Path) -> dict[str, bytes]:
    # Of an older plan the histogram is kept where nothing comes between.
    files = (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name != beside(PREVIOUS)
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_a_folder_holds_one_result_or_no_plan_wherever_the_run_is_ended(
    analysis: Analysis, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def write(text: str, *snippets: str) -> None:
        write_results(
            analysis,
            out,
            snippets=dict.fromkeys(("serve.x.sh", *snippets), text),
            pages={"report.html": text},
        )

    def write_new() -> None:
        write("new", "x/serve.sh", "load.new.py")

    write("old", "load.old.py")
    (out / "notes.txt").write_text("mine")
    old = files_in(out)
    write_new()
    new = files_in(out)
    assert {"x/serve.sh", "load.new.py", "notes.txt", "plan.previous.json"} <= {*new}
    assert "load.old.py" not in new
    new_alone = {name: text for name, text in new.items() if "previous" not in name}
    for step, ending in every_end(tmp_path, write_new, "out"):
        now = files_in(out)
        left = {name: text for name, text in now.items() if not name.startswith(".")}
        whole = (old, new, new_alone, {"notes.txt": b"mine"})
        if ending == signal.SIGTERM:
            assert hidden(out) == []
            assert left in whole, step
        else:
            assert len(hidden(out)) <= 1
            assert left in whole or "plan.json" not in left, step
        write_new()
        assert {**files_in(out)} == new, step
        restore(out, old)


def restore(folder: Path, files: dict[str, bytes]) -> None:
    for name in files_in(folder):
        (folder / name).unlink()
    if (folder / "x").exists():
        (folder / "x").rmdir()
    for name, text in files.items():
        (folder / name).write_bytes(text)
    assert files_in(folder) == files


def test_a_new_folder_is_there_whole_or_not_at_all(
    analysis: Analysis, tmp_path: Path
) -> None:
    out = tmp_path / "in" / "out"

    def write() -> None:
        write_results(analysis, out, snippets={}, pages={})

    for _ in every_end(tmp_path, write, "in", [signal.SIGTERM]):
        assert not out.exists() or "plan.json" in files_in(out)
        write()
        assert hidden(out) == []
        assert {*files_in(out)} - {"plan.previous.json"} == {
            "plan.json",
            "histogram.parquet",
        }
        for path in out.iterdir():
            path.unlink()
        out.rmdir()


@pytest.mark.parametrize("name", ["table.csv", "histogram.parquet", "added.parquet"])
def test_a_file_is_the_old_or_the_new_one_and_its_leftover_goes_with_the_next_run(
    name: str, analysis: Analysis, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    path = out / name

    def write() -> None:
        if name == "histogram.parquet":
            write_histogram(analysis.traffic, path)
        elif name == "added.parquet":
            append(traffic_of((480, 640)), path)
        else:
            write_tables(iter([pd.DataFrame({"a": [1]})]), path)

    if name == "added.parquet":
        write_histogram(analysis.traffic, path)
    else:
        path.write_bytes(b"old")
    old = path.read_bytes()
    write()
    new = path.read_bytes()
    path.write_bytes(old)
    within = "." if name == "histogram.parquet" else "out"
    for _, ending in every_end(tmp_path, write, within):
        assert path.read_bytes() in {old, new}
        assert len(hidden(out)) <= (ending == signal.SIGKILL)
        path.write_bytes(old)
        write()
        assert files_in(out) == {name: new}
        path.write_bytes(old)


def test_a_run_that_ctrl_c_ends_leaves_the_file_and_says_how_to_go_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "all.parquet"
    write_histogram(traffic_of((480, 640)), path)
    before = files_in(tmp_path)
    (tmp_path / "log.csv").write_text("width,height\n800,600\n")
    program = (
        "import os, signal, sys\n"
        "from bucketwise.cli import run\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.addaudithook(lambda event, details: event == 'open'"
        " and str(details[0]).endswith('log.csv')"
        " and os.kill(os.getpid(), signal.SIGINT))\n"
        "run()\n"
    )
    command = [sys.executable, "-c", program, "histogram", "log.csv", "--append"]
    ended = subprocess.run(
        [*command, path.name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 130
    assert "interrupted: files are as they were" in ended.stderr
    (tmp_path / "log.csv").unlink()
    assert files_in(tmp_path) == before


def test_a_part_that_another_run_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert [each.name for each in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("stands", ["report.html", "plan.previous.json"])
def test_a_folder_where_a_file_goes_is_told_and_nothing_changes(
    stands: str, analysis: Analysis, tmp_path: Path
) -> None:
    write_results(analysis, tmp_path, snippets={}, pages={})
    (tmp_path / stands).unlink(missing_ok=True)
    (tmp_path / stands).mkdir()
    before = files_in(tmp_path)
    with pytest.raises(OutputError, match=stands):
        write_results(analysis, tmp_path, snippets={}, pages={"report.html": "x"})
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("kind", ["a link", "a file"])
def test_nothing_is_written_through_what_stands_for_a_folder(
    kind: str, analysis: Analysis, tmp_path: Path
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_results(analysis, out, snippets={}, pages={})
    if kind == "a link":
        (out / "x").symlink_to(elsewhere)
    else:
        (out / "x").write_text("mine")
    before = files_in(out)
    with pytest.raises(OutputError, match="'x' in it is no folder of its own"):
        write_results(analysis, out, snippets={"x/serve.sh": ""}, pages={})
    assert (files_in(out), [*elsewhere.iterdir()]) == (before, [])


def test_a_stream_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    tables = [pd.DataFrame({"a": [1]})]
    write_tables(iter(tables), Path(os.devnull))
    assert Path(os.devnull).is_char_device()
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_tables(iter(tables), pipe)
    assert os.read(reader, 99) == b"a\n1\n"
    os.close(reader)
    assert pipe.is_fifo()


def test_what_a_killed_run_left_makes_a_folder_no_stranger(tmp_path: Path) -> None:
    (tmp_path / "serve.x.sh").write_text("half of a result")
    with pytest.raises(OutputError, match="no plan of bucketwise"):
        check_folder(tmp_path)
    (tmp_path / ".bucketwise-unfinished.0123abcd").mkdir()
    assert check_folder(tmp_path) is None
    plan = {"schema": "bucketwise.plan/1"}
    (tmp_path / "plan.previous.json").write_text(json.dumps(plan))
    assert check_folder(tmp_path) == plan
