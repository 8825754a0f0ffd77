"""From outside to values: what people have becomes traffic."""

from bucketwise.sources.frames import write_parquet
from bucketwise.sources.histograms import write_histogram
from bucketwise.sources.reading import read_traffic
from bucketwise.sources.rows import Rows, read_rows

__all__ = ["Rows", "read_rows", "read_traffic", "write_histogram", "write_parquet"]
