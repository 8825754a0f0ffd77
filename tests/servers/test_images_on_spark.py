"""Sizes of images that Spark's workers read are those read here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from bucketwise.read import read_traffic
from tests.servers.loopback import absent

ROOT = Path(__file__).parents[2]
GOLD = ROOT / "tests" / "gold" / "images"


@pytest.fixture
def spark() -> None:
    """A local session is enough: Java, and PySpark."""
    if find_spec("pyspark") is None:
        absent("spark", "PySpark is not installed")
    if shutil.which("java") is None:
        absent("spark", "there is no Java")


@pytest.mark.usefixtures("spark")
def test_a_spark_job_counts_the_sizes_that_a_folder_has(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    given = [path for path in GOLD.iterdir() if path.suffix != ".csv"]
    for nth, path in enumerate(given * 3):
        (images / f"{nth}{path.suffix}").symlink_to(path)
    (images / "notes.txt").write_text("no image")
    (tmp_path / "paths").write_text("\n".join(map(str, images.iterdir())))
    job = [str(ROOT / "docs" / "images_on_spark.py"), "paths", "sizes", "4"]
    python = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "src")}
    subprocess.run(
        [sys.executable, *job],
        cwd=tmp_path,
        env={
            **os.environ,
            **python,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "MASTER": "local[2]",
        },
        check=True,
    )
    there = read_traffic([str(tmp_path / "sizes" / "*.parquet")], max_bad_rows=1.0)
    here = read_traffic([images], max_bad_rows=1.0)
    assert there.sha256() == here.sha256()
    assert there.rows_read == here.rows_read == 3 * len(given) + 1
    assert there.rows_rejected == here.rows_rejected > 0
