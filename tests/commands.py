"""The command line, run in this process as `python -m bucketwise` runs it.

All but what concerns the process itself: `bucketwise.__main__` isolates it, gives it a
scratch folder and follows signals. Tests of those, and one of every exit code, start a
process: `started`.
"""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from unittest.mock import patch

import pytest

from bucketwise.cli import run

Done = subprocess.CompletedProcess[str]


def bucketwise(
    *words: object,
    cwd: Path,
    stdin: str | None = None,
    stderr: io.TextIOWrapper | None = None,
) -> Done:
    """Run a command in a folder, with all that meets its errors.

    What it says to `stderr` goes to that alone.
    """
    given = [str(word) for word in words]
    asked = io.TextIOWrapper(io.BytesIO((stdin or "").encode()), "utf-8")
    out, err = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2)
    )
    with (
        chdir(cwd),
        patch.multiple(
            "sys",
            argv=["bucketwise", *given],
            stdin=asked,
            stdout=out,
            stderr=stderr or err,
        ),
        pytest.raises(SystemExit) as ended,
    ):
        run()
    assert isinstance(ended.value.code, int)
    return Done(given, ended.value.code, *map(_text, (out, err)))


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def started(*words: object, cwd: Path, stdin: str | None = None) -> Done:
    """Run a command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "bucketwise", *map(str, words)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
