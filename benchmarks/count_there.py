"""What a PostgreSQL client costs here: processor seconds until its answer is kept, by driver.

    python benchmarks/count_there.py user@host:port/database [GROUPS]

Asks a server for a table of 304,000 distinct rows that it makes up; whole processes, so that
their imports count. Wants SQLAlchemy, psycopg and adbc-driver-postgresql.
"""

from __future__ import annotations

import resource
import subprocess
import sys

from bucketwise.read.elsewhere import Elsewhere, count_there
from bucketwise.read.scratch import open_scratch

WAYS = ("postgresql+psycopg", "postgresql+adbc")
ROWS = (
    "SELECT i % 2500 + 100 AS width, i / 2500 + 100 AS height, 'a' || i % 3 AS label, "
    "timestamp '2026-10-01' + (i % 100000) * interval '1 second' AS time "
    "FROM generate_series(1, {}) t(i)"
)


def main(at: str, groups: int) -> None:
    for way in WAYS:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        line = [sys.executable, __file__, f"{way}://{at}", str(groups)]
        subprocess.run(line, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{way}: {took:.1f} s, up to {after.ru_maxrss // 1024} MiB so far")


def count(url: str, groups: int) -> None:
    with open_scratch() as scratch:
        count_there(Elsewhere(url, query=ROWS.format(groups)), scratch, {})


if __name__ == "__main__":
    place, number = sys.argv[1], int((sys.argv[2:] or ["304000"])[0])
    (count if "://" in place else main)(place, number)
