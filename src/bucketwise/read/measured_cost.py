"""A `cost.json` as `calibrate` wrote it."""

from __future__ import annotations

from pathlib import Path

from bucketwise.nouns.measured_cost import MeasuredCost
from bucketwise.read.json_text import load_json


def read_cost(path: str | Path) -> MeasuredCost:
    """Return the measured cost that a file holds."""
    file = Path(path)
    return MeasuredCost.from_json(load_json(file), file.name)
