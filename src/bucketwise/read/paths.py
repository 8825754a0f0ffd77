"""What the user names as input: files, folders, globs and standard input."""

from __future__ import annotations

import glob
import io
import os
import re
import select
import stat
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bucketwise.errors import InputError, raise_all
from bucketwise.read.detect import EXPECTED, HEAD_BYTES, refuse_early
from bucketwise.read.elsewhere import Elsewhere, count_there
from bucketwise.read.images.header import PNG_MAGIC, Item
from bucketwise.read.lines import MAX_LINE_BYTES
from bucketwise.read.query import NAME, Query, answer
from bucketwise.read.scratch import Scratch, open_scratch
from bucketwise.read.tables.naming import Chosen
from bucketwise.words.text import one_line

if TYPE_CHECKING:
    from bucketwise.read.stores import Stored

Given = str | Path | Query | Elsewhere
"""What names an input."""

STDIN = "-"

MAX_PIPE_BYTES = 64 << 30
"""More than this comes from a pipe that never ends: a billion rows of a log are less."""

WRITER_WITHIN_S = 3.0
"""A named pipe that nobody has opened for writing by then is given up."""

FROM_QUERY = "rows as a query gave them"

_DEEP = re.compile(r"(?:(?<![^/])\*\*(?:/+|$))+")
"""`**` as a whole part of a path, once or in a row."""

_CHUNK_BYTES = 1 << 20
_MOST_SHOWN = 200
"""Characters of a name that a message shows."""

_NO_FILES = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@dataclass(frozen=True, slots=True)
class Input:
    """A file or a folder, and the name it goes by: never with the folder it is in."""

    path: Path
    """Where it stands."""
    name: str
    """Base name, on one line and as UTF-8 whatever it is on disk."""
    notes: tuple[str, ...] = ()
    """What was done to it before it was read."""
    stored: Stored | None = None
    """The object in a store whose first bytes stand there."""
    items: Iterable[Item] | None = None
    """Images in a store, for which something of their kind stands there."""
    said: Callable[[], tuple[str, ...]] = tuple
    """What is to be told of these once they are read."""

    def fetched(self, *, kept: bool = False) -> Input:
        """Return it as a file that is here, until room is needed or to the end."""
        if self.stored is None:
            return self
        self.stored.fetch(kept=kept)
        return replace(self, stored=None)

    @property
    def size_bytes(self) -> int:
        """Size of a file; 0 for a folder, and for what is gone."""
        if self.stored is not None:
            return self.stored.size_bytes
        return os.path.getsize(self.path) if os.path.isfile(self.path) else 0  # noqa: PTH113, PTH202 - pathlib raises where this says no


@dataclass(frozen=True, slots=True)
class Opened:
    """Every input, and a place for what is made of them meanwhile."""

    inputs: tuple[Input, ...]
    scratch: Scratch


@contextmanager
def open_inputs(
    inputs: Sequence[Given], expected: str = EXPECTED, chosen: Chosen = None
) -> Iterator[Opened]:
    """Find every input; what can be read only once is kept on disk meanwhile."""
    problems = [] if inputs else [f"no input; {expected}"]
    found: list[Input] = []
    with open_scratch() as scratch:
        fetched: deque[Stored] = deque()
        for at, each in enumerate(inputs):
            given = str(each)
            try:
                if isinstance(each, Query):
                    found.append(Input(answer(each, scratch), NAME, (FROM_QUERY,)))
                    continue
                if isinstance(each, Elsewhere):
                    counted = count_there(each, scratch, chosen)
                    found.append(Input(counted.path, one_line(given), counted.notes))
                    continue
                if "://" in given:
                    found += _at_address(
                        given, scratch, fetched, f"store-{at}", expected
                    )
                    continue
                found += _files(given, scratch, f"pipe-{at}", expected)
            except InputError as error:
                problems += error.problems
            except (
                OSError,
                ValueError,
            ) as error:  # a name with a null byte is the latter
                reason = getattr(error, "strerror", None) or str(error)
                problems.append(
                    f"{_shown(given)}: cannot be read ({reason}); give one that exists "
                    "and that you may read"
                )
        raise_all(problems, InputError)
        yield Opened(tuple(found), scratch)


def _files(given: str, scratch: Scratch, spool: str, expected: str) -> list[Input]:
    if given == STDIN:
        if sys.stdin is None:
            raise InputError(f"stdin: closed; {expected}")
        return [_kept(_chunks(sys.stdin.buffer), scratch, spool, "stdin", expected)]
    if not given:
        raise InputError(f"'': an empty name; {expected}")
    if glob.has_magic(given) and not os.path.lexists(given):
        return [
            each
            for name in _matching(given)
            for each in _named(name, scratch, spool, expected)
        ]
    return _named(given, scratch, spool, expected)


def _at_address(
    given: str, scratch: Scratch, fetched: deque[Stored], spool: str, expected: str
) -> list[Input]:
    """Return what stands under an address; of objects their first bytes are asked for."""
    from bucketwise.read import stores  # noqa: PLC0415 - no file on this machine needs it

    address = stores.Address.of(given)
    name = address.name
    if address.scheme in stores.PAGES:
        return [_kept(stores.read_page(address), scratch, spool, name, expected)]
    found = stores.find(address)
    if found.is_prefix:
        headers, folder = stores.Headers(found.objects), scratch.folder or Path(os.sep)
        return [Input(folder, name, items=headers, said=headers.notes)]
    image = scratch.new(f"{spool}-image")
    image.write_bytes(PNG_MAGIC)
    inputs = []
    shelf = stores.Shelf(scratch, fetched)
    looked = stores.side_by_side(stores.look, found.objects)
    for at, (each, seen) in enumerate(zip(found.objects, looked, strict=True)):
        if isinstance(seen, Item):
            inputs.append(Input(image, each.name, items=(seen,)))
            continue
        # Numbered: what an object is called never becomes a name on this disk.
        path = scratch.new(f"{spool}-{at}")
        path.write_bytes(seen)
        stored = replace(each, path=path, shelf=shelf)
        inputs.append(Input(path, each.name, stored=stored))
    stores.refuse_unless_images([item for each in inputs for item in each.items or ()])
    return inputs


def _named(given: str, scratch: Scratch, spool: str, expected: str) -> list[Input]:
    """Return what stands under a name; the bytes of a pipe come only once."""
    try:
        kind = stat.S_IFMT(os.stat(given).st_mode)  # noqa: PTH116 - pathlib takes "" for "."
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"{_shown(given)}: there is no such file or folder; {expected}"
        ) from error
    path = Path(given)
    # The name of "." and the like is that of the folder it stands for.
    name = one_line(path.name if path.name not in {"", ".."} else path.resolve().name)
    if kind == stat.S_IFIFO:
        with _open_pipe(given, name) as pipe:
            return [_kept(_chunks(pipe), scratch, spool, name, expected)]
    if kind in _NO_FILES:
        raise InputError(f"{name}: this is {_NO_FILES[kind]}; {expected}")
    return [Input(path, name)]


def _open_pipe(given: str, name: str) -> BinaryIO:
    """Open a pipe, but do not wait for ever for someone to write to it."""
    if not os.path.lexists(os.path.realpath(given)):
        return open(given, "rb")  # noqa: PTH123 - the caller's; as in <(command): it has its writer
    descriptor = os.open(given, os.O_RDONLY | os.O_NONBLOCK)
    pipe = io.FileIO(descriptor)
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    ready = waiting.poll(WRITER_WITHIN_S * 1e3)
    # Nothing at all, neither bytes nor "later": there is no writer.
    start = pipe.read(_CHUNK_BYTES)
    if start == b"" and not ready:
        pipe.close()
        raise InputError(
            f"{name}: a pipe that nobody writes to; start what writes to it first, or "
            "put a file in its place"
        )
    os.set_blocking(descriptor, True)
    return io.BufferedReader(_Begun(pipe, start or b""))


class _Begun(io.RawIOBase):
    """A stream of which the first bytes were read already."""

    def __init__(self, rest: io.FileIO, start: bytes) -> None:
        self._rest = rest
        self._start = start

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int | None:  # type: ignore[override]
        """Fill the buffer, with what was read before first."""
        size = min(len(self._start), len(buffer))
        if not size:
            return self._rest.readinto(buffer)
        buffer[:size], self._start = self._start[:size], self._start[size:]
        return size

    def close(self) -> None:
        """Close the stream."""
        self._rest.close()
        super().close()


def _chunks(source: BinaryIO) -> Iterator[bytes]:
    return chain(
        [source.read(HEAD_BYTES)], iter(lambda: source.read(_CHUNK_BYTES), b"")
    )


def _kept(
    chunks: Iterator[bytes], scratch: Scratch, spool: str, name: str, expected: str
) -> Input:
    """Write a stream down, unless it is nothing that is read, or has no end."""
    start = next(chunks, b"")
    is_text = bool(start) and refuse_early(start, name, expected)
    path = scratch.new(spool)
    written = since_line_end = 0
    chunk = start
    with path.open("wb") as file:
        while chunk:
            written += len(chunk)
            last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            since_line_end = len(chunk) - last - 1 + (since_line_end if last < 0 else 0)
            if is_text and since_line_end > MAX_LINE_BYTES:
                raise InputError(
                    f"{name}: a line of more than {MAX_LINE_BYTES >> 20} MiB; is this "
                    f"the right stream? {expected}"
                )
            if written > MAX_PIPE_BYTES or scratch.room_bytes() < len(chunk):
                raise InputError(_no_room(name, written, scratch))
            file.write(chunk)
            chunk = next(chunks, b"")
    return Input(path, name)


def _no_room(name: str, written: int, scratch: Scratch) -> str:
    found = f"{name}: {written >> 20:,} MiB came and no end"
    if scratch.folder is None:
        return (
            f"{found}; without a temporary folder that can be written to no more is "
            "kept: set TMPDIR to one, or give a file"
        )
    if written > MAX_PIPE_BYTES:
        return f"{found}; is this the right stream? Give a file for more"
    return (
        f"{found}, and the disk of {scratch.folder.parent} is all but full; set TMPDIR to "
        "a folder with more room, or give a file"
    )


def _shown(given: str) -> str:
    if "://" in given:  # behind a ? may stand a signature
        given = given.partition("?")[0].rpartition("/")[2]
    shown = one_line(given)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."


def _matching(pattern: str) -> list[str]:
    # `**` names what is in a folder beside the folder itself.
    is_deep = "**" in Path(pattern).parts
    names = sorted(set(_expanded(pattern)))
    if is_deep:
        names = [name for name in names if not os.path.isdir(name)]  # noqa: PTH112 - as size_bytes
    if not names:
        fixed = pattern[: pattern.index(next(filter(glob.has_magic, pattern)))]
        # Listed once more for its error: a folder nobody may list matches nothing.
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(os.path.dirname(fixed) or os.curdir),  # noqa: PTH120
        ):
            pass
        raise InputError(f"{_shown(pattern)}: nothing matches this pattern")
    return names


def _expanded(pattern: str) -> Iterator[str]:
    """Yield what matches; unlike `glob` never through a link that `**` comes upon."""
    at = next((each.start() for each in _DEEP.finditer(pattern)), None)
    if at is None:
        yield from glob.iglob(pattern)  # noqa: PTH207 - the pattern may be absolute
        return
    before, after = pattern[:at], _DEEP.sub("", pattern[at:], count=1)
    for top in glob.iglob(before) if before else [""]:  # noqa: PTH207
        for folder in _folders_within(top):
            inner = os.path.join(glob.escape(folder), after or "*")  # noqa: PTH118
            for name in _expanded(inner):
                if not _is_through_link(name, folder):
                    yield name


def _folders_within(top: str) -> Iterator[str]:
    """Yield a folder and those within, without the hidden and the linked ones."""
    waiting = [top]
    while waiting:
        here = waiting.pop()
        yield here
        try:
            with os.scandir(here or os.curdir) as entries:
                waiting += [
                    os.path.join(here, entry.name)  # noqa: PTH118
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                    and not entry.name.startswith(".")
                ]
        except OSError:
            continue  # what may not be listed matches nothing, as with any glob


def _is_through_link(name: str, folder: str) -> bool:
    """Say whether a link to a folder leads from a folder to what stands within."""
    here = os.path.dirname(name)  # noqa: PTH120
    while len(here) > len(folder):
        if os.path.islink(here):  # noqa: PTH114
            return True
        here = os.path.dirname(here)  # noqa: PTH120
    return False
