"""From outside to values: what people have becomes traffic and evidence.

Nothing is imported before it is used: the processes that read image headers need little
of this and start often.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = [
    "Query",
    "Rows",
    "read_evidence",
    "read_image_size",
    "read_inputs",
    "read_rows",
    "read_traffic",
    "write_histogram",
    "write_parquet",
]

if TYPE_CHECKING:
    from bucketwise.read.evidence.load import read_evidence
    from bucketwise.read.histograms import write_histogram
    from bucketwise.read.images.read import read_image_size
    from bucketwise.read.query import Query
    from bucketwise.read.rows import Rows, read_rows, write_parquet
    from bucketwise.read.traffic import read_inputs, read_traffic

_HOMES = {
    "Query": "query",
    "Rows": "rows",
    "read_evidence": "evidence.load",
    "read_image_size": "images.read",
    "read_inputs": "traffic",
    "read_rows": "rows",
    "read_traffic": "traffic",
    "write_histogram": "histograms",
    "write_parquet": "rows",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    from importlib import import_module  # noqa: PLC0415 - keeps workers light

    if name not in _HOMES:
        raise AttributeError(f"module 'bucketwise.read' has no attribute {name!r}")
    found = getattr(import_module(f"bucketwise.read.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
