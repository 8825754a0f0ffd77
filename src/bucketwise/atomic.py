"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file beside its place to write to; it takes the place when all went well.

    Parameters
    ----------
    path : Path
        Where the file is to stand.

    Yields
    ------
    Path
        An empty file to write.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(descriptor)
    try:
        yield Path(name)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    """Return the process's umask: mkstemp makes files only the owner may read."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
