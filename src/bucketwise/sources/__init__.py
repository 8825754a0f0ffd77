"""From outside to values: tables and histograms become traffic."""

from bucketwise.sources.frames import write_parquet
from bucketwise.sources.histograms import write_histogram
from bucketwise.sources.rows import Rows, read_rows
from bucketwise.sources.tables import read_traffic

__all__ = ["Rows", "read_rows", "read_traffic", "write_histogram", "write_parquet"]
