"""What the user names as input: files, folders, globs and standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from bucketwise.errors import InputError, raise_all
from bucketwise.sources.detect import EXPECTED
from bucketwise.sources.lines import MAX_LINE_BYTES

STDIN = "-"
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Input:
    """A file or a folder, and the name it goes by: never with the folder it is in.

    Attributes
    ----------
    path : Path
        Where it stands.
    name : str
        Base name.
    notes : tuple of str
        What was done to it before it was read.
    """

    path: Path
    name: str
    notes: tuple[str, ...] = ()

    @property
    def size_bytes(self) -> int:
        """Size of a file; 0 for a folder."""
        return self.path.stat().st_size if self.path.is_file() else 0


@dataclass(frozen=True, slots=True)
class Opened:
    """Every input, and a folder for what is made of them meanwhile."""

    inputs: tuple[Input, ...]
    folder: Path


@contextmanager
def open_inputs(
    inputs: Sequence[str | Path], expected: str = EXPECTED
) -> Iterator[Opened]:
    """Find every input; what can be read only once is kept on disk meanwhile.

    Parameters
    ----------
    inputs : sequence of str or Path
        Files, folders, globs, or "-" for standard input.
    expected : str
        What messages say is right.

    Yields
    ------
    Opened
        In the order given, what matches a glob sorted.

    Raises
    ------
    InputError
        Naming every input that is not there.
    """
    problems = [] if inputs else [f"no input; {expected}"]
    found: list[Input] = []
    with TemporaryDirectory(prefix="bucketwise-in-") as folder:
        for at, each in enumerate(inputs):
            spool = Path(folder) / str(at)
            try:
                found += _files(str(each), spool, expected)
            except InputError as error:
                problems += error.problems
        raise_all(problems, InputError)
        yield Opened(tuple(found), Path(folder))


def _files(given: str, spool: Path, expected: str) -> list[Input]:
    if given == STDIN:
        _keep(sys.stdin.buffer, spool, "stdin", expected)
        return [Input(spool, "stdin")]
    if "://" in given:
        raise InputError(f"{given}: an address; only local files are read")
    path = Path(given)
    # The name of "." and the like is that of the folder it stands for.
    name = path.name if path.name not in {"", ".."} else path.resolve().name
    if path.is_dir() or path.is_file():
        return [Input(path, name)]
    if path.exists():
        # A pipe, as in <(command), gives its bytes only once.
        with path.open("rb") as pipe:
            _keep(pipe, spool, name, expected)
        return [Input(spool, name)]
    if glob.has_magic(given):
        return _matching(given)
    raise InputError(f"{given}: there is no such file or folder; {expected}")


def _keep(source: BinaryIO, spool: Path, name: str, expected: str) -> None:
    """Write a stream to disk, unless it is text that never ends a line."""
    since_line_end = 0
    is_text = True
    with spool.open("wb") as file:
        while chunk := source.read(_CHUNK_BYTES):
            file.write(chunk)
            is_text = is_text and b"\0" not in chunk
            last = chunk.rfind(b"\n")
            if last < 0:
                since_line_end += len(chunk)
            else:
                since_line_end = len(chunk) - last - 1
            if is_text and since_line_end > MAX_LINE_BYTES:
                raise InputError(
                    f"{name}: a line of more than {MAX_LINE_BYTES >> 20} MiB; is this "
                    f"the right stream? {expected}"
                )


def _matching(pattern: str) -> list[Input]:
    names = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - the pattern may be absolute
    # `**` names what is in a folder beside the folder itself.
    deep = "**" in pattern
    paths = [Path(name) for name in names]
    kept = [path for path in paths if path.is_file() or (path.is_dir() and not deep)]
    if not kept:
        raise InputError(f"{pattern}: nothing matches this pattern")
    return [Input(path, path.name) for path in kept]
