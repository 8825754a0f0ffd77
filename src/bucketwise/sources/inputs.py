"""What the user names as input: files, globs and standard input, made into files."""

from __future__ import annotations

import glob
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bucketwise.errors import InputError, raise_all
from bucketwise.sources.detect import EXPECTED

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Input:
    """A regular file and the name it goes by: never a folder."""

    path: Path
    name: str


@contextmanager
def open_inputs(inputs: Sequence[str | Path]) -> Iterator[list[Input]]:
    """Find every input; what can be read only once is kept on disk meanwhile.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, globs, or "-" for standard input.

    Yields
    ------
    list of Input
        In the order given, the files of a glob sorted.

    Raises
    ------
    InputError
        Naming every input that is not there or no file.
    """
    problems = [] if inputs else [f"no input; {EXPECTED}"]
    found: list[Input] = []
    with TemporaryDirectory(prefix="bucketwise-in-") as folder:
        for at, each in enumerate(inputs):
            spool = Path(folder) / str(at)
            try:
                found += _files(str(each), spool)
            except InputError as error:
                problems += error.problems
        raise_all(problems, InputError)
        yield found


def _files(given: str, spool: Path) -> list[Input]:
    if given == STDIN:
        with spool.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return [Input(spool, "stdin")]
    if "://" in given:
        raise InputError(f"{given}: an address; only local files are read")
    path = Path(given)
    if path.is_dir():
        raise InputError(f"{given}: a folder; {EXPECTED} (name its files, or a glob)")
    if path.is_file():
        return [Input(path, path.name)]
    if path.exists():
        # A pipe, as in <(command), gives its bytes only once.
        with path.open("rb") as pipe, spool.open("wb") as file:
            shutil.copyfileobj(pipe, file)
        return [Input(spool, path.name)]
    if glob.has_magic(given):
        return _matching(given)
    raise InputError(f"{given}: there is no such file; {EXPECTED}")


def _matching(pattern: str) -> list[Input]:
    names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute
    files = [Path(name) for name in names if Path(name).is_file()]
    if not files:
        raise InputError(f"{pattern}: no file matches this pattern")
    return [Input(path, path.name) for path in files]
