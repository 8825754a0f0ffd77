"""Releases of the SDK, as numbers that compare."""

from __future__ import annotations

from bucketwise.nouns.engine import Version, parse_version, written

__all__ = ["NEWEST", "OLDEST", "RELEASES", "Version", "parse_version", "written"]

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
