"""Files and folders that are written whole or not at all.

What is still written stands under a hidden name beside its place, locked. A run that is
killed leaves it there unlocked: the next run that writes to the place removes it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bucketwise.system.interruption import uninterrupted

if sys.platform != "win32":
    import fcntl

_UNFINISHED = ".bucketwise-unfinished"
_SCRATCH = "bucketwise-scratch"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside its place to write to; it takes the place when all went well."""
    if _is_stream(path):
        yield path
        return
    _remove_abandoned(path.parent, f".{path.name}")
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with _locked(part, os.O_RDWR | os.O_CREAT | os.O_EXCL):
            yield part
            part.replace(path)
    finally:
        with uninterrupted():
            part.unlink(missing_ok=True)


@contextmanager
def filling(
    folder: Path, last: str, previous: str, is_stale: Callable[[str], bool]
) -> Iterator[Path]:
    """Give a hidden folder within one to build in; what is built then moves up.

    All of it happens within the folder: the one around may not be ours to write. The
    older `last` goes first and the new one comes after all other files, so whoever finds
    it there finds a result whole.
    """
    is_new = not folder.exists()
    built = folder / f"{_UNFINISHED}.{os.urandom(4).hex()}"
    is_moving = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder, _UNFINISHED)
        built.mkdir()
        with _locked(built, os.O_RDONLY):
            yield built
            moves = _moves(built, folder, folder / previous)
            stale = [
                path
                for path in (*folder.iterdir(), *folder.glob("*/*"))
                if is_stale(path.relative_to(folder).as_posix())
                and path.is_file()
                and not path.parent.is_symlink()  # it may lead elsewhere
                and path not in moves.values()
            ]
            with uninterrupted(), _locked(folder, os.O_RDONLY):
                is_moving = True
                final = moves.pop(built / last)
                if final.exists():
                    final.replace(folder / previous)
                for path in stale:
                    path.unlink()
                    if path.parent != folder:
                        with suppress(OSError):  # it holds something else
                            path.parent.rmdir()
                for path, place in moves.items():
                    place.parent.mkdir(parents=True, exist_ok=True)
                    path.replace(place)
                (built / last).replace(final)
                is_moving = False
    finally:
        with uninterrupted():
            if not is_moving:
                shutil.rmtree(built, ignore_errors=True)
            if is_new:
                with suppress(OSError):  # it holds what was asked for
                    folder.rmdir()


def _moves(built: Path, folder: Path, previous: Path) -> dict[Path, Path]:
    """Return where each file that was built is to stand; nothing may be in the way."""
    files = sorted(path for path in built.rglob("*") if path.is_file())
    moves = {path: folder / path.relative_to(built) for path in files}
    for place in (*moves.values(), previous):
        if place.is_dir():
            told = f"{place.name!r} in it is a folder"
            raise IsADirectoryError(errno.EISDIR, told)
        within = place.relative_to(folder).parents
        for parent in (folder / name for name in within if name.name):
            if parent.is_symlink() or parent.is_file():  # a link may lead elsewhere
                told = f"{parent.name!r} in it is no folder of its own"
                raise NotADirectoryError(errno.ENOTDIR, told)
    return moves


def is_unfinished(folder: Path) -> bool:
    """Return whether a run that was killed left its files in a folder."""
    return any(_parts(folder, _UNFINISHED))


@contextmanager
def one_scratch_folder() -> Iterator[None]:
    """Keep every temporary file of this process in one folder; remove that at the end.

    What a request to end interrupts in removing its own files goes with it, and what
    killed runs left. Without a place for temporary files nothing changes.
    """
    try:
        made = Path(tempfile.mkdtemp(prefix="bucketwise-"))
    except OSError:
        yield
        return
    folder = made.with_name(f"{_SCRATCH}.{os.urandom(4).hex()}")
    try:
        with _locked(made, os.O_RDONLY):
            made.rename(folder)  # another run looks at it now, and finds it locked
            _remove_abandoned(folder.parent, _SCRATCH)
            tempfile.tempdir = str(folder)
            yield
    finally:
        tempfile.tempdir = None
        with uninterrupted():
            for each in (made, folder):
                shutil.rmtree(each, ignore_errors=True)


def _parts(folder: Path, name: str) -> list[Path]:
    named = re.compile(re.escape(name) + r"\.[0-9a-f]{8}")
    try:
        return [path for path in folder.iterdir() if named.fullmatch(path.name)]
    except OSError:  # a folder to write to, and not to list
        return []


def _remove_abandoned(folder: Path, name: str) -> None:
    """Remove what runs left that were killed; leave what one is writing now."""
    for path in _parts(folder, name):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            continue  # not ours: a link may lead anywhere, a pipe waits for a writer
        with suppress(OSError), _locked(path, os.O_RDONLY):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[None]:
    """Lock a file or folder for this process."""
    if sys.platform == "win32":
        if flags & os.O_CREAT:
            path.touch(exist_ok=False)
        yield
        return
    descriptor = os.open(path, flags, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OSError(errno.EBUSY, "another run is writing it") from error
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)


def _is_stream(path: Path) -> bool:
    """Tell whether nothing can take the place of a path: /dev/null, a pipe."""
    around = path.parent.resolve()
    return (
        around == Path("/dev")
        or around.is_relative_to("/proc")
        or (path.exists() and not path.is_file() and not path.is_dir())
    )
