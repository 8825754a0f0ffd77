"""Databases on loopback count alike rows: the same as reading their tables here."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bucketwise.read.dialects import DIALECTS, TimeKind, counting_query
from bucketwise.read.dialects import Counting
from bucketwise.read.elsewhere import Elsewhere, count_there
from bucketwise.read.scratch import open_scratch
from tests.counted_tables import (
    COLUMNS, LABEL, cells_of, in_duckdb, moments, read, same, tables, texts_of_times,
    types_of,
)  # fmt: skip
from tests.servers.absent import absent
from tests.servers.loopback import free_port

LAW = settings(
    suppress_health_check=[HealthCheck.too_slow],
    max_examples=25,
    phases=[Phase.explicit, Phase.generate],
)
CONDITION = "'100%' LIKE '1%' AND ':a' <> ''"
"""Holds of every row, and drivers look for parameters in it."""


def law(frame: pd.DataFrame, kind: str, asked: Elsewhere) -> None:
    """Check that what was counted there is what is read here."""
    with tempfile.TemporaryDirectory() as folder, in_duckdb(frame, kind) as connection:
        whole = Path(folder, "whole.parquet")
        connection.execute(f"COPY t.x TO '{whole}'")
        with open_scratch() as scratch:
            found = read(count_there(asked, scratch, COLUMNS).path)
        assert same(found) == same(read(whole, COLUMNS))


