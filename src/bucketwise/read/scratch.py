"""Files that live no longer than a run: in a temporary folder, or in memory without one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

LEFT_FREE_BYTES = 1 << 30
"""Other programs write to the disk, too: so much of it, or a tenth, is left to them."""

MAX_MEMORY_BYTES = 256 << 20
"""Kept in memory where no temporary folder can be written to, as in a container that is
read-only."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where files may be made meanwhile."""

    folder: Path | None
    """None where no temporary folder can be written to: files are in memory then, and
    have a name only while this process runs (memfd_create(2), proc(5))."""
    _open: dict[str, int] = field(default_factory=dict)
    _own: set[Path] = field(default_factory=set)

    def new(self, name: str) -> Path:
        """Return the path of an empty file."""
        if self.folder is not None:
            path = self.folder / name
            path.write_bytes(b"")
            return path
        return self._held(name, os.memfd_create(name))

    def own(self, name: str) -> Path:
        """Return the path of an empty file that no other takes the place of."""
        path = self.new(f"{name}-{next(_NUMBERS)}")
        self._own.add(path)
        return path

    def holds(self, path: Path | None) -> bool:
        """Say whether a file is such."""
        return path in self._own

    def drop(self, path: Path | None) -> None:
        """Remove a file that is such, and leave any other alone."""
        if path not in self._own:
            return
        self._own.remove(path)
        if self.folder is not None:
            path.unlink(missing_ok=True)
            return
        name = next(each for each in self._open if path == _path_of(self._open[each]))
        os.close(self._open.pop(name))

    def link(self, path: Path, name: str) -> Path:
        """Return another name for a file; an older file of that name is let go."""
        if self.folder is None:
            return self._held(name, os.open(path, os.O_RDONLY))
        link = self.folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(path.resolve())
        return link

    def room_bytes(self) -> int:
        """Return how much more may be written."""
        if self.folder is None:
            used = sum(
                os.fstat(descriptor).st_size for descriptor in self._open.values()
            )
            return MAX_MEMORY_BYTES - used
        disk = shutil.disk_usage(self.folder)
        return disk.free - min(LEFT_FREE_BYTES, disk.total // 10)

    def close(self) -> None:
        """Let go of what is in memory."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _held(self, name: str, descriptor: int) -> Path:
        if (older := self._open.get(name)) is not None:
            os.close(older)
        self._open[name] = descriptor
        return _path_of(descriptor)


_NUMBERS = count(1)


def _path_of(descriptor: int) -> Path:
    # Not /proc/self: what may crash is read by another process.
    return Path(f"/proc/{os.getpid()}/fd/{descriptor}")


@contextmanager
def open_scratch() -> Iterator[Scratch]:
    """Give a place for files, and remove them afterwards."""
    try:
        gettempdir().encode()  # DuckDB takes names in UTF-8 alone
        folder = TemporaryDirectory(prefix="bucketwise-", ignore_cleanup_errors=True)
    except (OSError, UnicodeEncodeError):
        if not hasattr(os, "memfd_create"):
            raise
        scratch = Scratch(None)
        try:
            yield scratch
        finally:
            scratch.close()
        return
    with folder as name:
        yield Scratch(Path(name))
