"""Lines across a figure that carry a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Edge:
    """A line at a value of the horizontal axis."""

    at: float
    label: str
    style: Literal["proposed", "today", "limit"] = "proposed"
