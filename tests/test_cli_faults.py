"""Whatever a name stands for, and whatever is closed: one clear line, and its status.

Root may read and write everything, so root becomes nobody meanwhile.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from bucketwise import cli

NOBODY = 65_534
MODEL = ("--model", "qwen3-vl-2b")
PLANS = ("--plan", "1024", "--plan", "4096")

READS: dict[str, tuple[str, ...]] = {
    "analyze": ("analyze", "{}", "--out", "none"),
    "analyze --activity": ("analyze", "good.csv", "--activity", "{}", "--out", "none"),
    "analyze --base": ("analyze", "good.csv", "--base", "{}", "--out", "none"),
    "analyze --current": ("analyze", "good.csv", "--current", "{}", "--out", "none"),
    "analyze --model": ("analyze", "good.csv", "--model", "{}", "--out", "none"),
    "count": ("count", "{}", *MODEL),
    "count --each-row": ("count", "{}", *MODEL, "--each-row"),
    "explain --plan": ("explain", "640x480", *MODEL, "--plan", "{}"),
    "histogram": ("histogram", "{}", "-o", "none.parquet"),
    "lint": ("lint", "{}"),
    "lint --traffic": ("lint", "config.json", "--traffic", "{}"),
    "compare": ("compare", "{}", *PLANS),
    "compare --plan": ("compare", "good.csv", "--plan", "4096", "--plan", "{}"),
}
"""Commands, and where in them a name stands that is read."""

WRITES: dict[str, tuple[str, ...]] = {
    "analyze --out": ("analyze", "good.csv", "--out", "{}", "--format", "none"),
    "count -o": ("count", "good.csv", *MODEL, "-o", "{}"),
    "histogram -o": ("histogram", "good.csv", "-o", "{}.parquet"),
    "compare -o": ("compare", "good.csv", *PLANS, "-o", "{}.json"),
}
"""And one that is written to."""

NOWHERE = {
    "a folder that is closed": "closed/new",
    "a file for a folder": "good.csv/new",
    "a long name": "x" * 300,
    "a long path": "x/" * 3_000 + "y",
}
"""Names that can be neither read nor written."""

UNREADABLE = {
    **NOWHERE,
    "a file in a closed folder": "closed/good.csv",
    "a folder in a closed folder": "closed/folder",
    "a glob in a closed folder": "closed/*.csv",
    "a deep glob in a closed folder": "closed/**/*.csv",
    "a file nobody may read": "unreadable.csv",
    "a folder nobody may look into": "listed/good.csv",
    "a link to itself": "loop",
    "a link to nowhere": "dangling",
    "a socket": "socket",
    "a pipe without a writer": "pipe",
    "a device without end": "/dev/zero",
    "an empty file": "empty",
    "bytes": "bytes",
    "a line end in a name": "no\nsuch",
    "a name that is no UTF-8": "no\udce9",
    "a pattern that is no UTF-8": "no\udce9*",
    "an empty folder": "folder",
}


@pytest.fixture(scope="module")
def scene() -> Iterator[Path]:
    """Make one of each; the folders of pytest itself let nobody in."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        make_scene(folder)
        yield folder
    finally:
        shutil.rmtree(folder)


def make_scene(folder: Path) -> None:
    folder.chmod(0o777)
    good = "width,height\n640,480\n"
    for name in ("folder", "closed", "closed/folder", "listed"):
        (folder / name).mkdir()
    for name in ("good.csv", "closed/good.csv", "listed/good.csv", "unreadable.csv"):
        (folder / name).write_text(good)
    (folder / "empty").touch()
    (folder / "bytes").write_bytes(b"\xde\xad\0\xbe\xef" * 999)
    (folder / "config.json").write_text('{"visual": {"max_seq_len": [4096]}}')
    (folder / "loop").symlink_to("loop")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "pipe").chmod(0o666)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
    (folder / "listed").chmod(0o444)
    for name in ("closed", "unreadable.csv"):
        (folder / name).chmod(0)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Have the rights of nobody in particular."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


Told = Callable[[Sequence[str]], tuple[int, str]]


@pytest.fixture
def told(
    scene: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Told:
    """Run the command line here, as nobody: its status and what it complains of."""
    monkeypatch.chdir(scene)
    monkeypatch.setattr("bucketwise.read.paths.WRITER_WITHIN_S", 0.01)

    def run_here(words: Sequence[str]) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["bucketwise", *words])
        with as_nobody(), pytest.raises(SystemExit) as ended:
            cli.run()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    return run_here


@pytest.fixture(scope="module", autouse=True)
def _imported(scene: Path) -> None:
    """Import what is imported on demand: Python's own files may be root's alone."""
    runner = CliRunner()
    with chdir(scene):
        for name in ("good.csv", "bytes", "config.json"):
            for words in READS.values():
                runner.invoke(cli.main, [word.format(name) for word in words])
        for words in WRITES.values():
            runner.invoke(cli.main, [word.format("made") for word in words])
        shutil.rmtree("none")


@pytest.mark.parametrize("command", [*READS, *WRITES])
def test_what_cannot_be_used_is_told_in_a_line(command: str, told: Told) -> None:
    names = UNREADABLE if command in READS else NOWHERE
    for what, name in names.items():
        status, said = told([word.format(name) for word in (READS | WRITES)[command]])
        assert status in (1, 2), (what, said)
        assert said.count("error: ") == 1, (what, said)
    assert not (Path.cwd() / "none").exists()


@pytest.mark.parametrize("command", [*READS, *WRITES])
def test_an_empty_name_is_wrong_usage(command: str, told: Told) -> None:
    words = [word.format("") for word in (READS | WRITES)[command]]
    if "" not in words:
        pytest.skip("a suffix stands after it")
    status, said = told(words)
    assert status == 2
    assert "an empty value found" in said


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("models >&-", 1, "standard output is closed"),
        ("--help >&-", 1, "standard output is closed"),
        ("count good.csv --model qwen3-vl-2b >/dev/full", 1, "no space left"),
        ("count - --model qwen3-vl-2b <&-", 1, "stdin: the file is empty"),
        ("count good.csv --model qwen3-vl-2b 2>&-", 0, ""),
        ("count none.csv --model qwen3-vl-2b 2>&-", 1, ""),
        ("histogram good.csv -o made.parquet <&- >&- 2>&-", 1, ""),
        ("count - --model qwen3-vl-2b </dev/zero", 1, "stdin: binary data"),
    ],
)
def test_a_closed_or_endless_stream_is_told(
    line: str, status: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "good.csv").write_text("width,height\n640,480\n")
    done = subprocess.run(
        ["bash", "-c", f'"$0" -m bucketwise {line}', sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,  # only lest it never ends
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert (len(done.stderr) > 0) == bool(said) or status == 0


def test_memory_that_runs_out_is_told(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit that is hit at the same place every time cannot be set from outside."""

    def run_out() -> None:
        raise MemoryError

    monkeypatch.setattr("bucketwise.app.built_in.models", run_out)
    assert told(["models"]) == (1, f"error: {cli.NO_MEMORY}\n")
