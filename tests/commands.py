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

from bucketwise.cli import run

Done = subprocess.CompletedProcess[str]


def bucketwise(*words: object, cwd: Path, stdin: str | None = None) -> Done:
    """Run a command in a folder, with all that meets its errors."""
    given = [str(word) for word in words]
    streams = {
        name: io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", write_through=True)
        for name, text in (("stdin", stdin or ""), ("stdout", ""), ("stderr", ""))
    }
    with chdir(cwd), patch.multiple(sys, argv=["bucketwise", *given], **streams):
        try:
            run()
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    out, err = (streams[name].buffer for name in ("stdout", "stderr"))
    return Done(given, status, out.getvalue().decode(), err.getvalue().decode())


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
