"""Count the sizes of images on a Spark cluster, a worker reading headers alone.

    spark-submit images_on_spark.py PATHS SIZES [PARTITIONS]

PATHS is a text with the path of an image on each line, as every worker can open it. SIZES
becomes a folder of Parquet with a row for each size: `height`, `width` and `bw_rows`, how
many images have it. What is no image is the row without a size.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pandas as pd
from pyspark.sql import SparkSession, functions

from bucketwise import BucketwiseError, read_image_size


def read_sizes(parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the sizes of the images that each part names."""
    for part in parts:
        sizes = [size_of(path) for path in part["value"]]
        yield pd.DataFrame(sizes, columns=["height", "width"], dtype="Int64")


def size_of(path: str) -> tuple[int | None, int | None]:
    """Return the height and width of an image, or nothing for what is none."""
    try:
        return read_image_size(path)
    except BucketwiseError:
        return None, None


def main(paths: str, sizes: str, partitions: str = "200") -> None:
    spark = SparkSession.builder.appName("image sizes").getOrCreate()
    read = (
        spark.read.text(paths)
        .repartition(int(partitions))  # a million paths are one small file
        .mapInPandas(read_sizes, "height long, width long")
    )
    counted = read.groupBy("height", "width").agg(functions.count("*").alias("bw_rows"))
    counted.coalesce(1).write.parquet(sizes)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
