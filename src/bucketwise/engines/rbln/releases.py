"""Releases of the SDK, as numbers that compare."""

from __future__ import annotations

Version = tuple[int, ...]

RELEASES: tuple[Version, ...] = (
    (0, 10, 2),
    (0, 10, 3),
    (0, 10, 4),
    (0, 11, 0),
    (0, 11, 1),
    (0, 11, 2),
    (0, 12, 0),
)
"""Releases of optimum-rbln whose text is known (PyPI; 0.11.0 stands for 0.11.0.post1)."""

OLDEST, NEWEST = RELEASES[0], RELEASES[-1]


def parse_version(text: str) -> Version:
    """Return the numeric parts of a release such as "0.11.0.post1"."""
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def written(version: Version) -> str:
    """Return a release as its wheel is named."""
    return ".".join(map(str, version))
